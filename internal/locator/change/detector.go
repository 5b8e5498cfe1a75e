package change

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
)

// Config are the limits of a detector. The zero value of a field means its default.
type Config struct {
	// Learn is how long a baseline is learned, unless Complete ends that: 30 min.
	Learn time.Duration
	// Error is how probable it may be that a path which only became wider, or whose
	// flows were balanced anew, is said to have moved: 0.001, which is 11 probes. With
	// mda's 0.05 they would be 6, and a false alarm costs more than 5 probes.
	Error float64
	// Settle is for how long a change may go on until it is told: 40 s.
	Settle time.Duration
	// Flap is within which time the former path is none new: 10 min.
	Flap time.Duration
	// FirstFlow is the first of the fresh flows, Flows how many of them are used by turns:
	// 1000 and 1000.
	FirstFlow, Flows int
}

type set map[netip.Addr]bool

type flowTTL struct {
	flow int
	ttl  uint8
}

// A Detector watches the path to one destination.
type Detector struct {
	config Config
	places func(netip.Addr) Place

	began    time.Time
	learned  bool
	id       uint64
	cells    map[flowTTL]*cell
	known    map[uint8]set // all members of baselines by TTL
	balanced map[uint8]bool
	dests    set

	// probed is when each flow last was.
	probed map[int]time.Time
	swept  time.Time

	fresh    int
	confirms map[uint8]*confirm
	noise    map[uint8]time.Time // until when nothing is asked
	moving   *move
	former   *former
	events   []Event
	rehashed int

	reach reach
	rtts  map[int]*shift
	// newest is the last event of the RTT.
	newest Event
}

// New returns a detector that has to learn the path. Places tells where a hop is; it may be
// nil.
func New(c Config, places func(netip.Addr) Place) *Detector {
	c.Learn = cmp.Or(c.Learn, 30*time.Minute)
	c.Error = cmp.Or(c.Error, 0.001)
	c.Settle = cmp.Or(c.Settle, 40*time.Second)
	c.Flap = cmp.Or(c.Flap, 10*time.Minute)
	c.FirstFlow = cmp.Or(c.FirstFlow, 1000)
	c.Flows = cmp.Or(c.Flows, 1000)
	if places == nil {
		places = func(netip.Addr) Place { return Place{} }
	}
	return &Detector{
		config: c, places: places,
		cells: make(map[flowTTL]*cell), known: make(map[uint8]set), balanced: make(map[uint8]bool), dests: make(set),
		confirms: make(map[uint8]*confirm), probed: make(map[int]time.Time),
		noise: make(map[uint8]time.Time), rtts: make(map[int]*shift),
	}
}

// Known tells of hops that an enumeration found at a TTL. With perPacket the answers
// there say nothing about changes.
func (d *Detector) Known(ttl uint8, hops []netip.Addr, perPacket bool) {
	for _, hop := range hops {
		d.know(ttl, hop)
	}
	d.balanced[ttl] = perPacket
}

func (d *Detector) know(ttl uint8, hop netip.Addr) {
	if d.known[ttl] == nil {
		d.known[ttl] = make(set)
	}
	if len(d.known[ttl]) < most {
		d.known[ttl][hop] = true
	}
}

// Complete ends the learning, after an enumeration that found all branches.
func (d *Detector) Complete() { d.learn(1) }

// learn makes baselines of what was seen least times or more.
func (d *Detector) learn(least int) {
	if d.learned {
		return
	}
	d.learned = true
	for at, c := range d.cells {
		if c.settle(least) {
			for _, hop := range c.base {
				d.know(at.ttl, hop)
			}
		}
	}
	d.id = d.identify(d.firstFlow())
}

// Observe takes a sample of a round. Those of one flow come in the order in which they
// were sent.
func (d *Detector) Observe(s path.Sample) {
	if d.began.IsZero() {
		d.began = s.Sent
	}
	if s.Final {
		d.dests[s.Hop] = true
		d.reach.answered(s)
	}
	at := flowTTL{s.Flow, s.TTL}
	c := d.cells[at]
	if !s.Extra {
		d.probed[s.Flow] = s.Sent
	}
	if !s.Answered() || s.Extra {
		if !s.Extra && d.dests[c.first()] {
			d.reach.lost(s)
		}
		return
	}
	if c == nil {
		c = &cell{}
		d.cells[at] = c
	}
	if c.note(s.Hop, s.Sent) {
		d.contradict(at, c, s)
	} else if known := d.known[s.TTL]; d.learned && len(c.base) == 0 && len(known) > 0 && !known[s.Hop] {
		// Without a baseline of its own, as a new flow, it goes by that of the others:
		// who is learned here without a question is no stranger to them any more.
		c.strange(s.Hop)
		d.contradict(at, c, s)
	} else if d.learned && len(c.base) == 0 && c.settle(enough) {
		// Who never answered before, does now: silence was no baseline.
		for _, hop := range c.base {
			d.know(s.TTL, hop)
		}
	}
}

// ObserveEnd takes a sample of the destination's own series.
func (d *Detector) ObserveEnd(s path.Sample) {
	if s.Final {
		d.dests[s.Hop] = true
		d.reach.answered(s)
		d.shift(s.Flow).add(s.RTT)
	} else {
		d.reach.lost(s)
	}
}

// contradict judges an answer that is not in the baseline.
func (d *Detector) contradict(at flowTTL, c *cell, s path.Sample) {
	switch {
	case d.balanced[at.ttl]:
		c.join(c.candidate)
		d.know(at.ttl, c.candidate)
	case d.known[at.ttl][c.candidate]:
		// A branch that is known: flows are balanced anew.
		if c.run >= enough {
			c.rebase(c.candidate, s.Sent)
			d.rehashed++
			delete(d.rtts, at.flow)
		}
	case c.alternates():
		c.join(c.candidate)
		d.know(at.ttl, c.candidate)
		d.events = append(d.events, Event{
			At: s.Sent, Since: s.Sent, Levels: Width, Flow: at.flow, First: at.ttl, Last: at.ttl,
		})
	case c.run >= enough && d.confirms[at.ttl] == nil && !s.Sent.Before(d.noise[at.ttl]):
		d.confirms[at.ttl] = &confirm{flow: at.flow, since: s.Sent, answers: make(set)}
	}
}

// Tick ends a round. It returns the probes that are wanted to be certain, each of which
// is to be followed by Seen, and what happened.
func (d *Detector) Tick(now time.Time) ([]Ask, []Event) {
	if !d.learned && !d.began.IsZero() && now.Sub(d.began) >= d.config.Learn {
		d.learn(enough)
	}
	var asks []Ask
	for _, ttl := range slices.Sorted(maps.Keys(d.confirms)) {
		asks = append(asks, d.step(ttl, now)...)
	}
	d.close(now)
	d.sweep(now)
	d.events = append(d.events, d.reach.tick(now)...)
	for _, flow := range slices.Sorted(maps.Keys(d.rtts)) {
		if e, ok := d.rtts[flow].tick(now); ok {
			e.Flow = flow
			d.shifted(e)
		}
	}
	events := d.events
	d.events = nil
	return asks, events
}

// unused is after which time without an answer a flow's state is dropped. Flows change
// with each enumeration.
const unused = 2 * time.Hour

func (d *Detector) sweep(now time.Time) {
	if d.swept.IsZero() {
		d.swept = now // what was restored has not been probed yet
	}
	if now.Sub(d.swept) < unused/4 {
		return
	}
	d.swept = now
	maps.DeleteFunc(d.cells, func(at flowTTL, c *cell) bool {
		return now.Sub(c.noted) > unused && d.probed[at.flow].Before(now.Add(-unused))
	})
	maps.DeleteFunc(d.rtts, func(flow int, _ *shift) bool { return d.probed[flow].Before(now.Add(-unused)) })
	maps.DeleteFunc(d.probed, func(_ int, last time.Time) bool { return last.Before(now.Add(-unused)) })
}

// Learned reports whether there is a baseline.
func (d *Detector) Learned() bool { return d.learned }

// Rehashed returns how often a flow was balanced anew between known branches.
func (d *Detector) Rehashed() int { return d.rehashed }

// Path returns who answers a flow, by TTL less one, up to the destination; invalid where
// nobody is known.
func (d *Detector) Path(flow int) []netip.Addr {
	var hops []netip.Addr
	for ttl := uint8(1); ttl < path.MaxTTL; ttl++ {
		hop := d.cells[flowTTL{flow, ttl}].first()
		hops = append(hops, hop)
		if d.dests[hop] {
			return hops
		}
	}
	for len(hops) > 0 && !hops[len(hops)-1].IsValid() {
		hops = hops[:len(hops)-1]
	}
	return hops
}

func (d *Detector) firstFlow() int {
	first := 0
	for i, at := range slices.SortedFunc(maps.Keys(d.cells), func(a, b flowTTL) int { return cmp.Compare(a.flow, b.flow) }) {
		if i == 0 {
			first = at.flow
		}
	}
	return first
}
