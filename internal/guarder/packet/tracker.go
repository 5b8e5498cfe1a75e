package packet

import (
	"net/netip"
	"time"
)

// Limits of a [Tracker], the same as in bpf/include/guard_abi.h and guard_fragments.h.
const (
	// MaxFragments is how many fragments of a packet are told apart. One of 65,535
	// bytes has 46 on a link of 1,500.
	MaxFragments = 64
	// MaxFragmented is how many packets are put together at the same time.
	MaxFragmented = 4096
	// For so long a host waits for the fragments of a packet: ipfrag_time and
	// ip6frag_time of Documentation/networking/ip-sysctl.rst.
	fragmentTime4 = 30 * time.Second
	fragmentTime6 = 60 * time.Second
)

// A Tracker remembers the fragments of packets that have not arrived as a whole yet,
// and finds those that overlap: bytes that two fragments claim are read from the one by
// a filter and from the other by a host (RFC 1858, RFC 5722), and have crashed hosts
// (CVE-1999-0015).
//
// A fragment overlaps if it shares bytes with one before it. It is not an overlap if it
// is the same part again, as networks make copies. From the first overlap on all
// fragments of the packet are said to overlap, as RFC 5722 discards the whole packet; so
// are those beyond MaxFragments, which cannot be compared any more. What is known of
// a packet is forgotten when it is complete, and after the time that Linux waits.
//
// The zero value is ready for use. If more than MaxFragmented packets are under way,
// the oldest is forgotten.
type Tracker struct {
	packets map[fragmented]*fragments
}

// fragmented names a packet that comes in fragments, as ip_frag_queue and
// ip6_frag_queue of Linux do: the protocol belongs to it in IPv4 alone.
type fragmented struct {
	source, destination netip.Addr
	id                  uint32
	protocol            uint8
}

// fragments are what is known of a packet. Offsets count in units of 8 bytes.
type fragments struct {
	begun    time.Time
	seen     []part
	covered  int
	end      int // 0 until the last fragment was seen
	poisoned bool
}

type part struct{ begin, end int }

// See takes a packet, which must be OK, and sets Overlap in its Fragment if it
// overlaps.
func (t *Tracker) See(p *Packet, now time.Time) {
	if p.Fragment == 0 {
		return
	}
	key := fragmented{source: p.Source, destination: p.Destination, id: p.FragmentID}
	wait := fragmentTime6
	if p.Family == 4 {
		key.protocol = p.Protocol
		wait = fragmentTime4
	}
	if t.packets == nil {
		t.packets = make(map[fragmented]*fragments)
	}
	f := t.packets[key]
	if f == nil || now.Sub(f.begun) > wait {
		t.makeRoom()
		f = &fragments{begun: now}
		t.packets[key] = f
	}
	f.add(p)
	if f.poisoned {
		p.Fragment |= Overlap
	} else if f.covered == f.end {
		delete(t.packets, key)
	}
}

// makeRoom forgets the oldest packet if there are too many.
func (t *Tracker) makeRoom() {
	if len(t.packets) < MaxFragmented {
		return
	}
	var oldest fragmented
	var since time.Time
	for key, f := range t.packets {
		if since.IsZero() || f.begun.Before(since) {
			oldest, since = key, f.begun
		}
	}
	delete(t.packets, oldest)
}

func (f *fragments) add(p *Packet) {
	const unit = 8
	begin := int(p.FragmentOffset) / unit
	this := part{begin, begin + (int(p.FragmentSize)+unit-1)/unit}
	for _, other := range f.seen {
		if this == other {
			return // a copy
		}
		if this.begin < other.end && other.begin < this.end {
			f.poisoned = true
		}
	}
	if len(f.seen) == MaxFragments {
		f.poisoned = true
		return
	}
	f.seen = append(f.seen, this)
	f.covered += this.end - this.begin
	if p.Fragment&LastFragment != 0 {
		f.end = this.end
	}
}
