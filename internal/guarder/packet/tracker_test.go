package packet

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// piece is a fragment of UDP of a packet between two hosts.
func piece(id uint32, offset, size int, more bool) Frame {
	f := Frame{Source: v4A, Destination: v4B, Protocol: UDP, ID: id, Offset: offset, MoreFragments: more}
	f.Payload = make([]byte, size)
	if offset == 0 {
		f.Payload = f.Payload[udpHeader:]
	}
	return f
}

func over6(f Frame) Frame {
	f.Source, f.Destination = v6A, v6B
	return f
}

// see returns a letter per fragment: "o" if it overlaps, "-" if not. Fragments come
// pause apart.
func see(tracker *Tracker, pause time.Duration, frames ...Frame) string {
	now := time.Unix(1, 0)
	var seen strings.Builder
	for _, f := range frames {
		p := Parse(f.Bytes())
		tracker.See(&p, now)
		if p.Fragment&Overlap != 0 {
			seen.WriteByte('o')
		} else {
			seen.WriteByte('-')
		}
		now = now.Add(pause)
	}
	return seen.String()
}

func TestTrackerFindsOverlaps(t *testing.T) {
	first, middle, last := piece(1, 0, 16, true), piece(1, 16, 16, true), piece(1, 32, 5, false)
	other := func(f Frame, change func(f *Frame)) Frame { return with(f, change) }
	for _, c := range []struct {
		name   string
		frames []Frame
		want   string
	}{
		{"in order", []Frame{first, middle, last}, "---"},
		{"in any order", []Frame{last, first, middle}, "---"},
		{"copies", []Frame{first, first, middle, last}, "----"},
		{"teardrop: within the first", []Frame{piece(1, 0, 32, true), piece(1, 8, 8, false)}, "-o"},
		{"one byte of the last", []Frame{piece(1, 16, 9, false), piece(1, 24, 8, true)}, "-o"},
		{"around another", []Frame{middle, piece(1, 8, 32, true)}, "-o"},
		{"first twice, of other sizes", []Frame{first, piece(1, 0, 24, true)}, "-o"},
		{"all that follow", []Frame{first, piece(1, 8, 16, true), last, middle}, "-ooo"},
		{"again when it is whole", []Frame{first, middle, last, piece(1, 8, 16, true)}, "----"},
		{"other packets", []Frame{
			first, other(piece(2, 8, 16, true), func(*Frame) {}),
			other(piece(1, 8, 16, true), func(f *Frame) { f.Source = netip.MustParseAddr("192.0.2.9") }),
			other(piece(1, 8, 16, true), func(f *Frame) { f.Protocol = TCP }),
			over6(piece(1, 8, 16, true)),
		}, "-----"},
		{"IPv6", []Frame{over6(first), over6(piece(1, 8, 8, true)), over6(last)}, "-oo"},
		// ip6_frag_queue looks at no protocol: it may be told in the first fragment alone.
		{"IPv6 of another protocol", []Frame{over6(first), other(over6(piece(1, 8, 8, true)), func(f *Frame) { f.Protocol = 47 })}, "-o"},
		{"no fragments", []Frame{base(v4A, v4B, UDP), base(v4A, v4B, UDP)}, "--"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := see(new(Tracker), time.Millisecond, c.frames...); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestTrackerForgets(t *testing.T) {
	first, over := piece(1, 0, 16, true), piece(1, 8, 16, true)
	if got := see(new(Tracker), fragmentTime4, first, over); got != "-o" {
		t.Errorf("in time: %s", got)
	}
	if got := see(new(Tracker), fragmentTime4+1, first, over); got != "--" {
		t.Errorf("late: %s", got)
	}
	if got := see(new(Tracker), fragmentTime4+1, over6(first), over6(over)); got != "-o" {
		t.Errorf("in time over IPv6: %s", got)
	}
	whole := []Frame{first, piece(1, 16, 8, false)}
	tracker := new(Tracker)
	see(tracker, 0, whole...)
	if n := len(tracker.packets); n != 0 {
		t.Errorf("%d packets are remembered when all have arrived", n)
	}
}

func TestTrackerIsBounded(t *testing.T) {
	tracker := new(Tracker)
	var many []Frame
	for i := range MaxFragments + 2 { // with gaps, so that it is never whole
		many = append(many, piece(1, 16*i, 8, true))
	}
	want := strings.Repeat("-", MaxFragments) + "oo"
	if got := see(tracker, 0, many...); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for i := range uint32(MaxFragmented + 10) {
		see(tracker, 0, piece(i, 0, 16, true))
	}
	if n := len(tracker.packets); n != MaxFragmented {
		t.Errorf("%d packets are remembered, want %d", n, MaxFragmented)
	}
}

func ExampleTracker() {
	var tracker Tracker
	teardrop := []Frame{piece(1, 0, 32, true), piece(1, 8, 8, false)}
	for _, f := range teardrop {
		p := Parse(f.Bytes())
		tracker.See(&p, time.Now())
		fmt.Println(p.Fragment&Overlap != 0)
	}
	// Output:
	// false
	// true
}
