package plan

import (
	"net/netip"
	"slices"
	"time"
)

// target is a destination with what the plan needs to know about its path.
type target struct {
	name, class string
	flows       []int
	hash        uint64 // of the name

	// length is the TTL of the destination, 0 if it is unknown; lengths are those of
	// the flows. top is the farthest TTL that a router answered.
	length  uint8
	lengths map[int]uint8
	top     uint8
	final   netip.Addr
	// missed counts, by flow, rounds in which nobody answered where the destination
	// was.
	missed map[int]int
	seen   [End + 1]seen

	discovery *discovery
	// slots are sorted by the time when they are due.
	slots   []slot
	roundAt time.Time
	round   int
	// cost is how many packets the newest round sent, sent how many this one did.
	cost, sent int
	bucket     *bucket
	// ends is the budget of probes that can reach the destination, nil if they have
	// none of their own.
	ends    *bucket
	extras  *bucket
	extraAt time.Time
}

// seen is who answers at a TTL.
type seen struct {
	addr netip.Addr
	// changes counts how often it was another one than before, less than an hour
	// after the last time, which was changed.
	changes int
	changed time.Time
}

// several reports whether different routers answer by turns.
func (s seen) several(now time.Time) bool { return s.changes > 1 && now.Sub(s.changed) < time.Hour }

// slot is a probe that is planned.
type slot struct {
	due     time.Time
	planned time.Time // due before it was deferred
	ttl     uint8
	flow    int
	why     Purpose
	// own probes are sent even if another target's would do.
	own bool
	// expires is when it is too late, or zero.
	expires time.Time
	search  *discovery
}

// reaches reports whether a probe may reach the destination.
func (t *target) reaches(ttl uint8) bool {
	return ttl == End || t.length > 0 && ttl >= t.length
}

func (t *target) push(sl slot) {
	if sl.planned.IsZero() {
		sl.planned = sl.due
	}
	i, _ := slices.BinarySearchFunc(t.slots, sl, func(a, b slot) int {
		if !a.due.After(b.due) {
			return -1 // behind those that are due at the same time
		}
		return 1
	})
	t.slots = slices.Insert(t.slots, i, sl)
}

// due returns when the target has something to do.
func (t *target) due() time.Time {
	if len(t.slots) > 0 && (t.discovery != nil || t.slots[0].due.Before(t.roundAt)) {
		return t.slots[0].due
	}
	if t.discovery != nil {
		return time.Time{}
	}
	return t.roundAt
}

// see notes who answered at a TTL. A router that comes back after another one is
// not the only one there.
func (t *target) see(r Result) {
	at := &t.seen[r.TTL]
	if at.addr == r.Hop {
		return
	}
	if at.addr.IsValid() {
		if r.Sent.Sub(at.changed) >= time.Hour {
			at.changes = 0
		}
		at.changes++
		at.changed = r.Sent
	}
	at.addr = r.Hop
}

// measure keeps the lengths of the flows. It reports whether a router answered where the
// destination was, so that the path is longer now.
func (t *target) measure(r Result) (longer bool) {
	if r.Final {
		t.final = r.Hop
		if known := t.lengths[r.Flow]; r.TTL <= uint8(maxLength) && (known == 0 || r.TTL < known) {
			t.lengths[r.Flow] = r.TTL
		}
	} else {
		t.top = max(t.top, r.TTL)
		if longer = t.length > 0 && r.TTL >= t.lengthOf(r.Flow); longer {
			delete(t.lengths, r.Flow)
		}
	}
	t.length = 0
	for _, flow := range t.flows {
		t.length = max(t.length, t.lengths[flow])
	}
	if t.length > 0 && r.Final {
		t.top = min(t.top, t.length-1)
	}
	return longer
}

// gone reports, with an answer of the destination to a probe with the TTL End, whether it
// is further now than it was: a silent router may be in its place. Four rounds without an
// answer are hardly loss, and if they are, the search costs two packets.
func (t *target) gone(r Result) bool {
	switch length := t.lengthOf(r.Flow); {
	case t.length == 0:
	case r.Purpose == Round && r.TTL == length && r.Hop.IsValid():
		delete(t.missed, r.Flow)
	case r.Purpose == Round && r.TTL == length:
		t.missed[r.Flow]++
	case r.Purpose == ToEnd && r.Final && t.missed[r.Flow] >= 4:
		delete(t.missed, r.Flow)
		delete(t.lengths, r.Flow)
		return true
	}
	return false
}

// maxLength is the greatest distance that is believed; End itself tells none.
const maxLength = End - 1

// lengthOf returns to which TTL a flow is probed.
func (t *target) lengthOf(flow int) uint8 {
	if l := t.lengths[flow]; l > 0 {
		return l
	}
	if t.length > 0 {
		return t.length
	}
	return t.top
}
