package packet

import (
	"encoding/binary"
	"net/netip"
)

// A walk goes through a frame from header to header.
type walk struct {
	Packet
	frame []byte
	at    int // where the next header begins
	end   int // where the packet ends: that of the frame, or of the IP packet if it is shorter
	// claimed is where the IP packet says that it ends, maybe behind the frame.
	claimed int
}

// Parse reads a frame that begins with its Ethernet header. Interface stays 0.
//
// The result shares memory with the frame in Payload only.
func Parse(frame []byte) Packet {
	w := walk{frame: frame, end: len(frame)}
	w.Reason = w.link()
	return w.Packet
}

// header returns the first n bytes of the next header, or nil if the packet ends
// before.
func (w *walk) header(n int) []byte {
	if w.at+n > w.end {
		return nil
	}
	return w.frame[w.at : w.at+n : w.at+n]
}

// cut is the Reason of a header that ends behind the packet. In a first fragment
// that is there as a whole, a cut is an evasion: the ports come in the second
// fragment, where no filter without a memory looks (RFC 1858 section 3, RFC 7112).
func (w *walk) cut() Reason {
	if w.Fragment&FirstFragment != 0 && w.claimed <= len(w.frame) {
		return TinyFragment
	}
	return Truncated
}

const (
	ethernetHeader = 14
	tagHeader      = 4
	arpHeader      = 28
	ipv4Header     = 20
	ipv6Header     = 40
)

// link reads the Ethernet header and the VLAN tags.
func (w *walk) link() Reason {
	h := w.header(ethernetHeader)
	if h == nil {
		return Truncated
	}
	w.DestinationMAC, w.SourceMAC = [6]byte(h), [6]byte(h[6:])
	w.EtherType = binary.BigEndian.Uint16(h[12:])
	w.at += ethernetHeader
	for isTag(w.EtherType) {
		if len(w.Tags) == MaxTags {
			return TooManyTags
		}
		tag := w.header(tagHeader)
		if tag == nil {
			return Truncated
		}
		w.Tags = append(w.Tags, binary.BigEndian.Uint16(tag)&0xfff)
		w.EtherType = binary.BigEndian.Uint16(tag[2:])
		w.at += tagHeader
	}
	switch w.EtherType {
	case EtherARP:
		return w.arp()
	case EtherIPv4:
		return w.ipv4()
	case EtherIPv6:
		return w.ipv6()
	}
	return OK
}

// isTag knows the EtherTypes that Linux takes for a tag, of 802.1Q and 802.1ad.
func isTag(etherType uint16) bool {
	return etherType == 0x8100 || etherType == 0x88a8
}

func (w *walk) arp() Reason {
	h := w.header(8)
	if h == nil {
		return Truncated
	}
	// RFC 826: Ethernet, IPv4, and the sizes of their addresses. On Ethernet, Linux
	// believes what says IEEE 802 as well (arp_process).
	const ethernet, ieee802 = 1, 6
	if hardware := binary.BigEndian.Uint16(h); hardware != ethernet && hardware != ieee802 || [4]byte(h[2:]) != [4]byte{8, 0, 6, 4} {
		return OK
	}
	if h = w.header(arpHeader); h == nil {
		return Truncated
	}
	w.ARP = &ARP{
		Operation: binary.BigEndian.Uint16(h[6:]),
		SenderMAC: [6]byte(h[8:]),
		SenderIP:  netip.AddrFrom4([4]byte(h[14:])),
		TargetMAC: [6]byte(h[18:]),
		TargetIP:  netip.AddrFrom4([4]byte(h[24:])),
	}
	return OK
}

func (w *walk) ipv4() Reason {
	h := w.header(ipv4Header)
	if h == nil {
		return Truncated
	}
	if h[0]>>4 != 4 {
		return BadVersion
	}
	size, total := int(h[0]&0xf)*4, int(binary.BigEndian.Uint16(h[2:]))
	if size < ipv4Header || total < size {
		return BadHeaderLength
	}
	if h = w.header(size); h == nil {
		return Truncated
	}
	options, ok := ipv4Options(h[ipv4Header:])
	if !ok {
		return BadHeaderLength
	}
	fragment := binary.BigEndian.Uint16(h[6:])
	w.Family, w.Length, w.TTL, w.Protocol, w.Options = 4, uint32(total), h[8], h[9], options
	w.Source, w.Destination = netip.AddrFrom4([4]byte(h[12:])), netip.AddrFrom4([4]byte(h[16:]))
	w.DontFragment = fragment&0x4000 != 0
	offset := int(fragment&0x1fff) * 8
	if w.Fragment = fragmentOf(offset, fragment&0x2000 != 0, total); w.Fragment != 0 {
		w.FragmentID = uint32(binary.BigEndian.Uint16(h[4:]))
		w.FragmentOffset, w.FragmentSize = uint16(offset), uint16(total-size)
	}
	w.bound(total)
	w.at += size
	return w.transport()
}

// bound ends the packet where its length says. What follows is padding of the
// frame, or data hidden from the receiver, and is not read.
func (w *walk) bound(length int) {
	w.claimed = w.at + length
	w.end = min(w.end, w.claimed)
}

// fragmentOf tells what part of a packet a fragment is. Length is what counts
// against the 65,535 bytes that a whole packet may have.
func fragmentOf(offset int, more bool, length int) (f Fragment) {
	switch {
	case offset != 0 && more:
		f = LaterFragment
	case offset != 0:
		f = LaterFragment | LastFragment
	case more:
		f = FirstFragment
	}
	if offset == 8 {
		f |= OffsetOne
	}
	if offset != 0 && offset+length > 65_535 {
		f |= PastEnd
	}
	return f
}

// ipv4Options walks through the options as Linux does. An option that does not fit
// is a fault: behind it a source route could hide.
func ipv4Options(b []byte) (found Options, ok bool) {
	const end, noOperation = 0, 1
	for len(b) > 0 && b[0] != end {
		if b[0] == noOperation {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return 0, false
		}
		switch b[0] {
		case 7:
			found |= RecordRoute
		case 68:
			found |= Timestamp
		case 131:
			found |= LooseRoute
		case 137:
			found |= StrictRoute
		case 148:
			found |= RouterAlert
		default:
			found |= OtherOptions
		}
		b = b[b[1]:]
	}
	return found, true
}

func (w *walk) ipv6() Reason {
	h := w.header(ipv6Header)
	if h == nil {
		return Truncated
	}
	if h[0]>>4 != 6 {
		return BadVersion
	}
	length := ipv6Header + int(binary.BigEndian.Uint16(h[4:]))
	w.Family, w.Length, w.TTL = 6, uint32(length), h[7]
	w.Source, w.Destination = netip.AddrFrom16([16]byte(h[8:])), netip.AddrFrom16([16]byte(h[24:]))
	w.bound(length)
	c := chain{next: h[6], at: w.at + ipv6Header, end: w.end, claimed: w.claimed}
	reason := c.walk(w.frame)
	w.Headers, w.RoutingTypes, w.Fragment, w.at = c.headers, c.routing, c.fragment, c.at
	w.FragmentID, w.FragmentOffset, w.FragmentSize = c.id, c.offset, c.size
	if reason == Truncated {
		return w.cut()
	}
	if reason == OK {
		w.Protocol = c.next
		return w.transport()
	}
	return reason
}
