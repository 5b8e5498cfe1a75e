package bpf

// The enums of include/guard_tally.h, whose comments document them.
type (
	// GuardFate numbers the parts of an entry of the map guard_devices.
	GuardFate = abiGuardFate
	// GuardTotal numbers the entries of the map guard_totals.
	GuardTotal = abiGuardTotal
	// GuardError is a class of ICMP errors.
	GuardError = abiGuardError
	// GuardCited is the protocol of a packet that an ICMP error quotes.
	GuardCited = abiGuardCited
	// GuardICMPEntry numbers the entries of the map guard_icmp.
	GuardICMPEntry = abiGuardIcmpEntry
)

// Parts of an entry of the map guard_devices, which is a GuardCounts.
const (
	GuardFatePassed    = abiGuardFateGUARD_FATE_PASSED
	GuardFateDropped   = abiGuardFateGUARD_FATE_DROPPED
	GuardFateWouldDrop = abiGuardFateGUARD_FATE_WOULD_DROP
	GuardFateUnmatched = abiGuardFateGUARD_FATE_UNMATCHED
)

// GuardMaxDevices is how many devices are told apart by their index.
const GuardMaxDevices = int(abiGuardDeviceLimitGUARD_MAX_DEVICES)

// Entries of the map guard_totals.
const (
	GuardTotalUnparsable  = abiGuardTotalGUARD_TOTAL_UNPARSABLE // and the reason
	GuardTotalKept        = abiGuardTotalGUARD_TOTAL_KEPT
	GuardTotalSampled     = abiGuardTotalGUARD_TOTAL_SAMPLED
	GuardTotalSamplesLost = abiGuardTotalGUARD_TOTAL_SAMPLES_LOST
	GuardTotalSocket      = abiGuardTotalGUARD_TOTAL_SOCKET // and a GuardSocket
	GuardTotalLimitFull   = abiGuardTotalGUARD_TOTAL_LIMIT_FULL
	GuardTotals           = abiGuardTotalGUARD_TOTALS
)

// Entries of the map guard_icmp.
const (
	GuardICMPType4  = abiGuardIcmpEntryGUARD_ICMP_TYPE4  // and the type
	GuardICMPType6  = abiGuardIcmpEntryGUARD_ICMP_TYPE6  // and the type
	GuardICMPError4 = abiGuardIcmpEntryGUARD_ICMP_ERROR4 // and GuardCiteds times the class, and the protocol
	GuardICMPError6 = abiGuardIcmpEntryGUARD_ICMP_ERROR6
	// GuardICMPEntries is how many there are.
	GuardICMPEntries = abiGuardIcmpEntryGUARD_ICMP_ENTRIES
)

// Classes of ICMP errors.
const (
	GuardErrorUnreachable      = abiGuardErrorGUARD_ERROR_UNREACHABLE
	GuardErrorPacketTooBig     = abiGuardErrorGUARD_ERROR_PACKET_TOO_BIG
	GuardErrorTimeExceeded     = abiGuardErrorGUARD_ERROR_TIME_EXCEEDED
	GuardErrorRedirect         = abiGuardErrorGUARD_ERROR_REDIRECT
	GuardErrorParameterProblem = abiGuardErrorGUARD_ERROR_PARAMETER_PROBLEM
	GuardErrorSourceQuench     = abiGuardErrorGUARD_ERROR_SOURCE_QUENCH
	GuardErrors                = abiGuardErrorGUARD_ERRORS
)

// Protocols of the packets that ICMP errors quote.
const (
	GuardCitedTCP   = abiGuardCitedGUARD_CITED_TCP
	GuardCitedUDP   = abiGuardCitedGUARD_CITED_UDP
	GuardCitedICMP  = abiGuardCitedGUARD_CITED_ICMP
	GuardCitedOther = abiGuardCitedGUARD_CITED_OTHER
	GuardCitedNone  = abiGuardCitedGUARD_CITED_NONE
	GuardCiteds     = abiGuardCitedGUARD_CITEDS
)
