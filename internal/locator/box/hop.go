package box

import (
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// A Hop is a router, or several that share the load, and the link before it. The zero
// value of a field is what an honest router does.
type Hop struct {
	// Routers are names of addresses.
	Routers []string
	// PerPacket tells that the load is shared packet by packet, else by the flow.
	PerPacket bool

	// Delay is that of the link, in each direction, and Jitter what it is at most longer,
	// by uniform chance for each packet.
	Delay, Jitter time.Duration
	// LossForward and LossReturn are what the link loses, in percent.
	LossForward, LossReturn int
	// MTU is that of the link, in bytes; 0 is without end.
	MTU int
	// HideMTU tells that who refuses a packet for the link's MTU says 0 of it, and
	// BlackHole that it says nothing at all.
	HideMTU, BlackHole bool

	// Silent routers answer nothing.
	Silent bool
	// Limit is for what the router sends; nil is none.
	Limit *Limit
	// Slow is what an answer takes longer than the path.
	Slow time.Duration
	// Duplicates is how often each answer is sent again.
	Duplicates int
	// Source is the name of the address that answers come from, if not the router's.
	Source string
	// Initial is the TTL that answers set out with.
	Initial uint8
	// ReturnHops is how many routers count an answer down; 0 means as many as the probe.
	ReturnHops int
	// Garbage is sent before each answer.
	Garbage []Garbage
	// ForwardExpired tells that the router passes on packets without a TTL left.
	ForwardExpired bool
	// Reject is why the router lets nothing pass, as [wire.Reply.Reason] says it.
	Reject string
	// Rewrite is what the router changes in what it forwards.
	Rewrite Rewrite
	// Restore is what of it the router puts back in the quotes of errors.
	Restore Restore

	// Quote is how many bytes behind the header of IP are quoted, 0 as many as may be.
	Quote int
	// Quoted is what the router writes wrongly into a quote.
	Quoted Rewrite
	// Swapped quotes have length, identification and fragment of IPv4 in the order of a
	// little-endian host, as from some systems of BSD's family.
	Swapped bool
	// Extensions are added to errors, in the way that Style says.
	Extensions Extensions
	Style      Style

	// Open tells that a destination answers a SYN with another one, not with a reset.
	Open bool
}

// Extensions are what a router tells of itself.
type Extensions struct {
	MPLS       []wire.Label
	Interfaces []Interface
	Objects    []wire.Object
}

// An Interface is one of RFC 5837. Its address is a name.
type Interface struct {
	Role    wire.Role
	Index   uint32
	Address string
	Name    string
	MTU     uint32
}

func (e *Extensions) empty() bool {
	return len(e.MPLS) == 0 && len(e.Interfaces) == 0 && len(e.Objects) == 0
}

// A Style is how extensions are put behind the quote, or are damaged.
type Style string

// The styles. The zero value is that of RFC 4884.
const (
	// StyleOld is that of routers from before: behind 128 bytes, which nothing tells.
	StyleOld Style = "old"
	// StyleUnsummed leaves out the checksum, as RFC 4884 allows.
	StyleUnsummed Style = "unsummed"
	// The others are damaged: a wrong checksum or version, an object that is longer than
	// the message or shorter than its header, half an object at the end, a length of the
	// quote that is longer than the message.
	StyleBadChecksum Style = "bad_checksum"
	StyleBadVersion  Style = "bad_version"
	StyleLongObject  Style = "long_object"
	StyleShortObject Style = "short_object"
	StyleCutObject   Style = "cut_object"
	StyleLongQuote   Style = "long_quote"
)

// Garbage is a packet that no router should send.
type Garbage string

// The kinds of garbage.
const (
	// Noise is random bytes, even where the header of IP should be.
	Noise Garbage = "noise"
	// NoiseMessage is random bytes behind a right header of IP, as ICMP.
	NoiseMessage Garbage = "noise_message"
	// CutQuote quotes so little that nobody can know what.
	CutQuote Garbage = "cut_quote"
	// CutPacket ends before its header says.
	CutPacket Garbage = "cut_packet"
	// BadChecksum has a wrong checksum of ICMP, BadHeader one of IP; IPv6 has none, and
	// there a length that is too long.
	BadChecksum Garbage = "bad_checksum"
	BadHeader   Garbage = "bad_header"
	// Stranger quotes a packet of the same ports that nobody sent: right in all but its
	// ID.
	Stranger Garbage = "stranger"
)

// Rewrite is fields of a packet that are written anew; those that are nil are not.
type Rewrite struct {
	// Source and Destination are names.
	Source, Destination string
	TTL, TOS            *uint8
	SourcePort          *uint16
	DestinationPort     *uint16
	Checksum            *uint16
	ID                  *uint16
	Label               *uint32
	DontFragment        *bool
}

// Restore is what a NAT puts back into what errors quote.
type Restore string

// What is put back. The zero value is all, as Linux does.
const (
	RestoreAll Restore = ""
	// RestoreAddress puts back source and port but no checksum (Dublin traceroute).
	RestoreAddress Restore = "address"
	RestoreNothing Restore = "nothing"
)

// A Limit is a token bucket for the answers of a router.
type Limit struct {
	// Every is the time in which a token grows, and Burst how many there can be.
	Every time.Duration
	Burst int
}
