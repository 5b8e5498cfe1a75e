// Package flood decides whether there is a flood, with hysteresis: what it says holds
// for a while, so that it does not change with each burst. The kernel's program does the
// same (guard_flood.h).
package flood

// Second is how long packets are counted together, in ns.
const Second = 1_000_000_000

// Hysteresis are the rates between which nothing changes, in packets per second.
type Hysteresis struct {
	// On is how many packets a second may have without a flood.
	On uint64
	// Off is how many packets a second must have for the flood to go on; at most On.
	Off uint64
}

// A Flood is what is known of the packets before. The zero value is that there were
// none. It is for one goroutine.
//
// Packets are counted in seconds; the first one begins with the first packet, and each
// other with the first packet after the one before it. A flood begins with the packet that
// is beyond [Hysteresis.On] in its second. It is over when a second had fewer packets than
// [Hysteresis.Off], or was followed by one without any.
type Flood struct {
	began  int64 // ns
	seen   uint64
	active bool
}

// Packet counts a packet at a time, in ns of a clock that does not go back, and reports
// whether it belongs to a flood.
func (f *Flood) Packet(now int64, h Hysteresis) bool {
	if age := now - f.began; age >= Second {
		if age >= 2*Second || f.seen < h.Off {
			f.active = false
		}
		f.began, f.seen = now, 0
	}
	if f.seen++; f.seen > h.On {
		f.active = true
	}
	return f.active
}

// Active reports whether there is a flood at a time; it counts nothing. One whose packets
// have stopped is over after two seconds at most.
func (f *Flood) Active(now int64) bool { return f.active && now-f.began < 2*Second }
