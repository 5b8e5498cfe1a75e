package tracer

import (
	"slices"
	"time"
)

// How long nothing is heard of a packet until it counts as ended: less after it was freed, when
// only what another CPU told late can come.
const (
	quiet      = 500 * time.Millisecond
	quietFreed = 50 * time.Millisecond
)

// mostOpen is how many packets are followed at a time. With more, those seen first count as ended.
const mostOpen = 10_000

// mostRemembered is how many packets that ended are known again by their number.
const mostRemembered = 100_000

// Live joins events into packets while they come, and gives each away when it has ended, so
// that a trace may go on without end. The zero value is ready.
type Live struct {
	// Most is how many packets are followed at all, those that are seen first; 0 for any number.
	Most  int
	open  []*Packet
	byID  map[Identity]*Packet
	given map[Identity]int // the number of a packet that was given away
	count int
}

// Add adds an event. What comes of a packet that was given away begins it again.
func (l *Live) Add(e Event) {
	if l.byID == nil {
		l.byID, l.given = make(map[Identity]*Packet), make(map[Identity]int)
	}
	p := l.byID[e.Packet]
	if p == nil {
		number, again := l.given[e.Packet]
		if !again {
			if l.Most > 0 && l.count == l.Most {
				return
			}
			l.count++
			number = l.count
		}
		p = &Packet{Number: number, Identity: e.Packet, Again: again}
		l.byID[e.Packet] = p
		l.open = append(l.open, p)
	}
	p.insert(e)
}

// Count returns how many packets there were.
func (l *Live) Count() int { return l.count }

// Done tells whether there were as many packets as are followed, and all have ended.
func (l *Live) Done() bool { return l.Most > 0 && l.count == l.Most && len(l.open) == 0 }

// Ended gives away the packets that have ended by a time of the events' clock, in the order in
// which they were seen first.
func (l *Live) Ended(now time.Duration) []*Packet {
	early := len(l.open) - mostOpen
	return l.give(func(i int, p *Packet) bool {
		last := p.Events[len(p.Events)-1]
		patience := quiet
		if last.Hook == "kfree_skb" || last.Hook == "consume_skb" {
			patience = quietFreed
		}
		return i < early || now-last.Time >= patience
	})
}

// Rest gives away the packets that have not ended.
func (l *Live) Rest() []*Packet { return l.give(func(int, *Packet) bool { return true }) }

func (l *Live) give(wanted func(int, *Packet) bool) (list []*Packet) {
	var kept []*Packet
	for i, p := range l.open {
		if !wanted(i, p) {
			kept = append(kept, p)
			continue
		}
		list = append(list, p)
		delete(l.byID, p.Identity)
		l.remember(p)
	}
	l.open = kept
	return list
}

// remember forgets the older half when there are too many.
func (l *Live) remember(p *Packet) {
	l.given[p.Identity] = p.Number
	if len(l.given) <= mostRemembered {
		return
	}
	numbers := make([]int, 0, len(l.given))
	for _, n := range l.given {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for id, n := range l.given {
		if n < numbers[len(numbers)/2] {
			delete(l.given, id)
		}
	}
}
