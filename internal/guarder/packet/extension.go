package packet

import "encoding/binary"

// Numbers of extension headers, of the registry that RFC 8200 section 4 points to.
// The walk ends at every other number, as Linux does: at ESP, "no next header" and
// the mobility header too.
const (
	hopByHop       = 0
	routingHeader  = 43
	fragmentHeader = 44
	authentication = 51
	destination    = 60
)

// A chain is a walk through the extension headers of IPv6. Its fields tell what
// has been read when it ends, also when it ends with a fault.
type chain struct {
	next         uint8 // number of the header at at
	at           int
	end, claimed int // as in walk
	headers      Header
	routing      uint16
	fragment     Fragment
	id           uint32 // of a fragment, with what it is of the packet
	offset, size uint16
}

func headerBit(number uint8) Header {
	switch number {
	case hopByHop:
		return HopByHop
	case destination:
		return Destination
	case routingHeader:
		return Routing
	case fragmentHeader:
		return FragmentHeader
	case authentication:
		return Authentication
	}
	return 0
}

// walk goes on to the first header that is none, or behind the fragment header of a
// later fragment. It returns OK, Truncated or TooManyExtensions.
//
// Hosts must take any number of headers in any order (RFC 8200 section 4.1). That has
// hidden ports from filters which look less far than the kernel, so the walk is
// bounded and what it does not reach is refused. Refused too: hop-by-hop options that
// are not first, and a second fragment header, which nothing sends but attacks.
func (c *chain) walk(frame []byte) Reason {
	for n := 0; ; n++ {
		bit := headerBit(c.next)
		if bit == 0 {
			return OK
		}
		if n == MaxExtensions || bit == HopByHop && n > 0 || bit == FragmentHeader && c.headers&FragmentHeader != 0 {
			return TooManyExtensions
		}
		if c.at+8 > c.end {
			return Truncated
		}
		h := frame[c.at : c.at+8]
		size := (int(h[1]) + 1) * 8
		switch bit {
		case FragmentHeader:
			size = 8
		case Authentication:
			size = (int(h[1]) + 2) * 4 // RFC 4302 section 2.2
		}
		if c.at+size > c.end {
			return Truncated
		}
		c.at += size
		c.next = h[0]
		c.headers |= bit
		switch bit {
		case Routing:
			c.routing |= 1 << min(h[2], 15)
		case FragmentHeader:
			field := binary.BigEndian.Uint16(h[2:])
			c.fragment = fragmentOf(int(field&0xfff8), field&1 != 0, c.claimed-c.at)
			if c.fragment != 0 {
				c.id, c.offset, c.size = binary.BigEndian.Uint32(h[4:]), field&0xfff8, uint16(c.claimed-c.at)
			}
			if c.fragment&LaterFragment != 0 {
				return OK
			}
		}
	}
}
