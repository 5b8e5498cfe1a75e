package bpf

// The structs of include/guard_abi.h, whose comments document them.
type (
	// GuardPacket is what Guarder's programs know of a frame; the value of the map
	// guard_parsed.
	GuardPacket = abiGuardPacket
	// GuardQuoted is a part of GuardPacket.
	GuardQuoted = abiGuardQuoted
)

// Bits of GuardPacket.Has and GuardQuoted.Has.
const (
	GuardHasPorts       = uint8(abiGuardHasGUARD_HAS_PORTS)
	GuardHasICMP        = uint8(abiGuardHasGUARD_HAS_ICMP)
	GuardHasARP         = uint8(abiGuardHasGUARD_HAS_ARP)
	GuardHasQuoted      = uint8(abiGuardHasGUARD_HAS_QUOTED)
	GuardHasTarget      = uint8(abiGuardHasGUARD_HAS_TARGET)
	GuardHasSequence    = uint8(abiGuardHasGUARD_HAS_SEQUENCE)
	GuardDontFragment   = uint8(abiGuardHasGUARD_DONT_FRAGMENT)
	GuardLaterFragment  = uint8(abiGuardHasGUARD_LATER_FRAGMENT)
	GuardHasLinkAddress = uint8(abiGuardHasGUARD_HAS_LINK_ADDRESS)
)
