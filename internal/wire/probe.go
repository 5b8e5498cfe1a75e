package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lengths of headers, and of what a probe has behind them.
const (
	ipv4Header = 20
	ipv6Header = 40
	udpHeader  = 8
	icmpHeader = 8
	tcpHeader  = 20
	tcpOptions = 20
	// udpMark is a word for the checksum, the ID, and its complement.
	udpMark = 6
	// icmpMark is the complement of the sequence.
	icmpMark = 2
	// maxSize is the longest packet of IPv4; longer ones of IPv6 are jumbograms.
	maxSize = 65535
)

// Protocol numbers of IP.
const (
	icmpv4Number = 1
	tcpNumber    = 6
	udpNumber    = 17
	icmpv6Number = 58
)

// Types of ICMP that probes have.
const (
	echoRequestV4 = 8
	echoRequestV6 = 128
)

const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// MinSize is the size in bytes of the flow's smallest probe, with the header of IP.
func (f Flow) MinSize() int {
	header := ipv6Header
	if f.Destination.Is4() {
		header = ipv4Header
	}
	switch f.Protocol {
	case ICMP:
		return header + icmpHeader + icmpMark
	case UDP:
		return header + udpHeader + udpMark
	default:
		return header + tcpHeader + tcpOptions
	}
}

// Vary returns the flow n steps from this one: another source port or identifier, which
// wrap around, and in IPv6 another label too, for some routers hash the one and some
// the other.
func (f Flow) Vary(n uint16) Flow {
	f.SourcePort += n
	if f.Destination.Is6() {
		// An odd factor gives each of 2^20 steps its own label, far from the last one:
		// 2^20 divided by the golden ratio (Knuth, TAOCP 3, section 6.4).
		f.Label = (f.Label + uint32(n)*0x9e377) & maxLabel
	}
	return f
}

const maxLabel = 1<<20 - 1

// Key returns what the answer will be found by.
func (p Probe) Key() Key {
	k := Key{p.Protocol, p.Destination.WithZone(""), p.SourcePort, p.DestinationPort, p.ID}
	if p.Protocol == ICMP {
		k.DestinationPort = 0
	}
	return k
}

// Append appends the whole IP packet, for a raw socket with IP_HDRINCL or
// IPV6_HDRINCL. It needs the source address, which goes into checksums.
func (p Probe) Append(b []byte) ([]byte, error) {
	if err := p.check(); err != nil {
		return b, err
	}
	if p.Source.Is4() != p.Destination.Is4() || !p.Source.IsValid() || p.Source.Is4In6() {
		return b, fmt.Errorf("probe from %q to %q: want addresses of one family", p.Source, p.Destination)
	}
	size := p.size()
	b = append(b, make([]byte, size)...)
	packet := b[len(b)-size:]
	if p.Destination.Is4() {
		p.ipv4(packet)
		p.transport(packet[ipv4Header:])
	} else {
		p.ipv6(packet)
		p.transport(packet[ipv6Header:])
	}
	return b, nil
}

// AppendPayload appends what an unprivileged socket is given to send, whose kernel
// makes the headers: the payload of UDP, or the echo request for a ping socket, of
// which the kernel sets identifier and checksum. Both are constant as in [Probe.Append],
// for as long as the kernel takes the same source and label. A connection of TCP has
// no payload. Source is not needed.
func (p Probe) AppendPayload(b []byte) ([]byte, error) {
	if err := p.check(); err != nil {
		return b, err
	}
	size := p.size() - ipv6Header
	if p.Destination.Is4() {
		size = p.size() - ipv4Header
	}
	start := len(b)
	switch p.Protocol {
	case UDP:
		b = append(b, make([]byte, size-udpHeader)...)
		markUDP(b[start:], p.ID)
	case ICMP:
		b = append(b, make([]byte, size)...)
		p.echo(b[start:])
	default:
		return b, errors.New("probe of TCP has no payload: its answer is that of the socket")
	}
	return b, nil
}

func (p Probe) size() int {
	if p.Size == 0 {
		return p.MinSize()
	}
	return p.Size
}

// check reports what makes no packet at all, whoever builds the headers.
func (p Probe) check() error {
	switch {
	case p.Protocol < ICMP || p.Protocol > TCP:
		return fmt.Errorf("probe of unknown protocol %d", p.Protocol)
	case !p.Destination.IsValid() || p.Destination.Is4In6():
		return fmt.Errorf("probe to %q: want an address of IPv4 or IPv6", p.Destination)
	case p.ID == 0:
		return errors.New("probe with ID 0, which cannot be told from none")
	case p.TTL == 0:
		return errors.New("probe with TTL 0, which must not leave a host (RFC 1122 section 3.2.1.7)")
	case p.Label > maxLabel:
		return fmt.Errorf("probe with flow label %#x, which has more than 20 bits", p.Label)
	case p.Size != 0 && (p.Size < p.MinSize() || p.Size > maxSize):
		return fmt.Errorf("probe of %d bytes: want 0, or %d to %d", p.Size, p.MinSize(), maxSize)
	case p.Protocol == TCP && p.size() != p.MinSize():
		return fmt.Errorf("probe of TCP of %d bytes: a SYN has no data, use UDP or ICMP", p.Size)
	}
	return nil
}

func (p Probe) number() uint8 {
	switch {
	case p.Protocol == UDP:
		return udpNumber
	case p.Protocol == TCP:
		return tcpNumber
	case p.Destination.Is4():
		return icmpv4Number
	}
	return icmpv6Number
}

func (p Probe) ipv4(b []byte) {
	b[0] = 4<<4 | ipv4Header/4
	b[1] = p.TOS
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[4:], p.ID)
	if p.DontFragment {
		b[6] = 0x40
	}
	b[8] = p.TTL
	b[9] = p.number()
	source, destination := p.Source.As4(), p.Destination.As4()
	copy(b[12:], source[:])
	copy(b[16:], destination[:])
	binary.BigEndian.PutUint16(b[10:], ^sum(0, b[:ipv4Header]))
}

func (p Probe) ipv6(b []byte) {
	binary.BigEndian.PutUint32(b, 6<<28|uint32(p.TOS)<<20|p.Label)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-ipv6Header))
	b[6] = p.number()
	b[7] = p.TTL
	source, destination := p.Source.As16(), p.Destination.As16()
	copy(b[8:], source[:])
	copy(b[24:], destination[:])
}

// transport fills what follows the IP header. All of b is zero before.
func (p Probe) transport(b []byte) {
	header := pseudo(p.Source, p.Destination, p.number(), len(b))
	switch p.Protocol {
	case ICMP:
		if p.Destination.Is4() {
			header = 0 // ICMP of IPv4 sums itself alone (RFC 792)
		}
		p.echo(b)
		binary.BigEndian.PutUint16(b[2:], ^sum(header, b))
	case UDP:
		p.udp(b, header)
	case TCP:
		p.syn(b)
		binary.BigEndian.PutUint16(b[16:], ^sum(header, b))
	}
}

// echo fills an echo request without its checksum. The sequence and its complement in
// the payload sum to nothing, so that the checksum is the same for every ID.
func (p Probe) echo(b []byte) {
	b[0] = echoRequestV6
	if p.Destination.Is4() {
		b[0] = echoRequestV4
	}
	binary.BigEndian.PutUint16(b[4:], p.SourcePort)
	binary.BigEndian.PutUint16(b[6:], p.ID)
	binary.BigEndian.PutUint16(b[icmpHeader:], ^p.ID)
}

// udp fills a datagram; header is the sum of the pseudo header. In IPv6, which has no
// identification, the checksum is the ID, for routers that quote little, and the
// first word of the payload makes it right.
func (p Probe) udp(b []byte, header uint16) {
	binary.BigEndian.PutUint16(b, p.SourcePort)
	binary.BigEndian.PutUint16(b[2:], p.DestinationPort)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	markUDP(b[udpHeader:], p.ID)
	rest := ^sum(header, b)
	checksum := rest
	if p.Destination.Is6() {
		checksum = p.ID
		binary.BigEndian.PutUint16(b[udpHeader:], fold(uint64(^p.ID)+uint64(rest)))
	}
	if checksum == 0 {
		checksum = 0xffff // 0 means that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(b[6:], checksum)
}

// markUDP writes the ID into a payload, in a way that adds nothing to its checksum.
func markUDP(b []byte, id uint16) {
	binary.BigEndian.PutUint16(b[2:], id)
	binary.BigEndian.PutUint16(b[4:], ^id)
}

// syn fills a SYN as Linux sends it, without its checksum. The two halves of the
// sequence sum to nothing. The time stamp, which a host would count up, is constant,
// for so is then the checksum; nothing but the answer ever compares it.
func (p Probe) syn(b []byte) {
	binary.BigEndian.PutUint16(b, p.SourcePort)
	binary.BigEndian.PutUint16(b[2:], p.DestinationPort)
	binary.BigEndian.PutUint32(b[4:], sequence(p.ID))
	b[12] = (tcpHeader + tcpOptions) / 4 << 4
	b[13] = flagSYN
	mss := uint16(1500 - ipv6Header - tcpHeader)
	if p.Destination.Is4() {
		mss = 1500 - ipv4Header - tcpHeader
	}
	// 44 or 45 times the MSS, as tcp_select_initial_window chooses in 64 KiB.
	binary.BigEndian.PutUint16(b[14:], 65535/mss*mss)
	copy(b[tcpHeader:], []byte{
		2, 4, byte(mss >> 8), byte(mss), // MSS
		4, 2, // SACK permitted
		8, 10, 0, 0, 0, 1, 0, 0, 0, 0, // time stamps
		1,       // no operation
		3, 3, 7, // window scale
	})
}

func sequence(id uint16) uint32 {
	return uint32(id)<<16 | uint32(^id)
}

// idOf reads an ID from a sequence of TCP, and tells whether it is one of a probe.
func idOf(sequence uint32) (uint16, bool) {
	id := uint16(sequence >> 16)
	return id, id != 0 && ^id == uint16(sequence)
}
