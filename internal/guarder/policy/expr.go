package policy

import "net/netip"

// An Expr is what a rule matches, after names are resolved: a tree whose leaves
// look at one field each. It is the contract between the language, the reference
// interpreter ([Match]) and the compiler.
//
// A leaf that looks at a header which the packet has not is false: "dst_port: 22"
// does not match ARP, nor a later fragment. Not turns that round, as one would
// expect: {not: {dst_port: 22}} matches both.
type Expr interface{ expr() }

// All is true if each part is; without parts it is true.
type All []Expr

// Any is true if one part is.
type Any []Expr

// Not is true if its part is not.
type Not struct{ Of Expr }

func (All) expr() {}
func (Any) expr() {}
func (Not) expr() {}

// Leaves. An empty list in a leaf never matches; the validator refuses it.
type (
	// Family is 4 or 6.
	Family uint8
	// EtherTypes are those behind VLAN tags.
	EtherTypes []uint16
	// Protocols are those of the transport header.
	Protocols []uint8
	// Addresses match if the field is in one of the prefixes. Prefixes of sets are
	// in here too, unless the set is large: then Set names it. Learns names a set of
	// pairs whose other addresses are learnt: see [Policy.With].
	Addresses struct {
		Of       AddressField
		Prefixes []netip.Prefix
		Set      string
		Learns   string
	}
	// Own matches an address of this host.
	Own struct{ Of AddressField }
	// Ports are ranges of ports.
	Ports struct {
		Of     PortField
		Ranges []Range
	}
	// Number is a field compared with ranges.
	Number struct {
		Of     NumberField
		Ranges []Range
	}
	// Bits is a field with bits that must all be set, must all be clear, and of
	// which one at least must be set (unless Any is 0). "Equal to x" is All x, None
	// the rest.
	Bits struct {
		Of             BitField
		All, None, Any uint32
	}
	// ICMPTypes are types, with codes if Codes is not nil, of one family.
	ICMPTypes struct {
		Family uint8
		Types  []uint8
		Codes  []Range
	}
	// Same matches if two fields of the packet are equal.
	Same struct{ Left, Right CompareField }
	// QuotedTooLarge matches a "packet too big" whose MTU is at least the length of
	// the packet that it quotes: it would have fitted.
	QuotedTooLarge struct{}
	// Payload matches bytes at an offset of the transport payload; a byte matches if
	// it is one of Values (one list per byte). What is beyond the payload does not.
	Payload struct {
		At     int
		Values [][]byte
	}
	// Binding matches a packet that claims an IP address of the set for a MAC address that
	// is none of those that the set gives it: see packet.Packet.Claim.
	Binding struct{ Set string }
	// Interfaces are the names of devices, or patterns of path.Match.
	Interfaces []string
	// Socket matches if the socket of the packet is in one of the states; SocketUnknown
	// is among them if the leaf is to be true where nothing is known.
	Socket struct {
		Of     Whose
		States SocketStates
	}
	// Sequence matches if the sequence number has one of the places in the connection.
	// SequenceUnknown is as in Socket.
	Sequence struct {
		Of Whose
		Is Sequences
	}
)

// A Range is from Low to High, both included.
type Range struct{ Low, High uint32 }

// Which address, port, number or set of bits a leaf is about.
type (
	AddressField uint8
	PortField    uint8
	NumberField  uint8
	BitField     uint8
	CompareField uint8
)

const (
	Source AddressField = iota
	Destination
	QuotedSource
	QuotedDestination
	ARPSender
	ARPTarget
	NDTarget
)

const (
	SourcePort PortField = iota
	DestinationPort
	QuotedSourcePort
	QuotedDestinationPort
)

const (
	TTL NumberField = iota
	Length
	MSS
	Tags  // how many VLAN tags
	TagID // the identifier of any of them
	ARPOperation
	MTU
	QuotedProtocol
	QuotedLength
	QuotedICMPType
	QuotedFamily
	Window        // of TCP, not scaled
	PayloadLength // bytes behind a transport header with ports
)

const (
	TCPFlags  BitField = iota
	Fragments          // bits of packet.Fragment
	IPOptions          // bits of packet.Options
	Headers            // bits of packet.Header
	RoutingTypes
	QuotedFlags // bit 0: don't fragment, bit 1: later fragment
	TCPOptions  // bits of packet.TCPOptions
)

const (
	CompareSource CompareField = iota
	CompareDestination
	CompareSourcePort
	CompareDestinationPort
	CompareSourceMAC
	CompareARPSenderMAC
	CompareQuotedSource
	CompareARPSender
	CompareARPTarget
)

func (Family) expr()         {}
func (EtherTypes) expr()     {}
func (Protocols) expr()      {}
func (Addresses) expr()      {}
func (Own) expr()            {}
func (Ports) expr()          {}
func (Number) expr()         {}
func (Bits) expr()           {}
func (ICMPTypes) expr()      {}
func (Same) expr()           {}
func (QuotedTooLarge) expr() {}
func (Payload) expr()        {}
func (Binding) expr()        {}
func (Interfaces) expr()     {}
func (Socket) expr()         {}
func (Sequence) expr()       {}
