package locator

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/mda"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/plan"
	"github.com/packetscope/packetscope/internal/wire"
)

// The numbers of flows say what they are for.
const (
	roundFlow  = 0      // the flow of the rounds until branches are known
	branchFlow = 100    // the first of an enumeration
	changeFlow = 1000   // the first of those that make sure of a change
	sizedFlow  = 10_000 // the main flow with probes of another size
)

// mostFlows is how many flows take turns in the rounds.
const mostFlows = 3

// mostEvents is how many changes are shown.
const mostEvents = 20

// destination is a [Destination] with all that is known of it.
type destination struct {
	Destination
	// key is its name in the plan, another one whenever its address changes.
	key  string
	addr netip.Addr
	err  string
	// sendErr is why the newest probe could not be sent.
	sendErr string

	resolving bool
	resolveAt time.Time
	tickAt    time.Time

	path     *path.Path
	detector *change.Detector
	flows    []int
	// recent is, by flow and TTL, who answered last in a round.
	recent map[flowTTL]sighting
	end    End
	// reverse is how far answers of the destination seem to come.
	reverse int
	blocked blocked

	branches branches
	sizes    sizes
	waiting  []plan.Probe // extra probes that found no room yet
	// stuck is when the first of waiting began to wait.
	stuck time.Time

	changes map[string]uint64
	events  []change.Event
	saved   time.Time // the last checkpoint
}

type flowTTL struct {
	flow int
	ttl  uint8
}

// sighting is who answered.
type sighting struct {
	addr  netip.Addr
	at    time.Time
	rtt   time.Duration
	final bool
}

// blocked is who refused to forward a probe, and why.
type blocked struct {
	by     netip.Addr
	reason string
	at     time.Time
}

// branches is the enumeration of a path.
type branches struct {
	running *mda.Enumerator
	last    *mda.Enumerator // the last one that was done
	next    time.Time
	// changed asks for one as the path did; asked is set if that is why one is running.
	changed, asked bool
}

func newDestination(d Destination) *destination {
	return &destination{Destination: d, changes: make(map[string]uint64)}
}

// watched reports whether there is an address.
func (d *destination) watched() bool { return d.addr.IsValid() }

// family is 4 or 6.
func (d *destination) family() int {
	switch {
	case d.addr.Is4():
		return 4
	case d.addr.IsValid():
		return 6
	case d.Family == 6:
		return 6
	}
	return 4
}

// target is what the plan is told.
func (d *destination) target() plan.Target {
	return plan.Target{
		Name: d.key, Class: fmt.Sprintf("%v%d", d.Protocol, d.family()), Flows: d.flows, Single: d.Protocol == wire.TCP,
	}
}

// begin forgets the path: the destination has another address.
func (d *destination) begin(key string, addr netip.Addr, changes change.Config, places func(netip.Addr) change.Place) {
	d.key, d.addr, d.err, d.sendErr = key, addr, "", ""
	d.path = path.New()
	changes.FirstFlow = changeFlow
	d.detector = change.New(changes, places)
	d.flows = []int{roundFlow}
	d.recent = make(map[flowTTL]sighting)
	d.reverse, d.blocked = 0, blocked{}
	d.branches, d.sizes = branches{}, sizes{}
	d.waiting = nil
	d.tickAt = time.Time{}
}

// sample takes what became of a probe.
func (d *destination) sample(r plan.Result) {
	s := path.Sample{
		Sent: r.Sent, TTL: r.TTL, Flow: r.Flow, Hop: r.Hop, RTT: r.RTT, Final: r.Final, Extra: r.Purpose == plan.Extra,
	}
	if r.TTL == plan.End && !r.Final {
		s.Hop, s.RTT = netip.Addr{}, 0 // a router that refuses to forward is no destination
	}
	switch {
	case s.Extra && r.Flow >= changeFlow:
		d.path.Add(s)
		d.detector.Seen(change.Ask{TTL: r.TTL, Flow: r.Flow}, s.Hop)
	case s.Extra:
		d.path.Add(s)
		if d.branches.running != nil {
			d.branches.running.Seen(mda.Ask{TTL: r.TTL, Flow: r.Flow}, s.Hop)
		}
	case r.TTL == plan.End:
		d.path.AddEnd(s)
		d.detector.ObserveEnd(s)
		d.endSample(s)
	default:
		d.path.Add(s)
		d.detector.Observe(s)
		if s.Answered() {
			d.recent[flowTTL{r.Flow, r.TTL}] = sighting{r.Hop, r.Sent, r.RTT, r.Final}
		}
	}
}

func (d *destination) endSample(s path.Sample) {
	d.end.Sent++
	d.end.Last = s.RTT
	if !s.Final {
		d.end.Lost++
		return
	}
	d.end.RTT.Add(s.RTT)
	d.blocked = blocked{}
}

// ask plans an extra probe, as soon as there is room for it.
func (d *destination) ask(ttl uint8, flow int) {
	d.waiting = append(d.waiting, plan.Probe{Target: d.key, TTL: ttl, Flow: flow, Purpose: plan.Extra})
}

// quotes are what the hops of the main flow quote of its probes.
func (d *destination) quotes(f *facts, hops []judge.Hop) []judge.Quote {
	var quotes []judge.Quote
	for _, h := range hops {
		known := f.of(h.Addr, h.TTL)
		quotes = append(quotes, judge.Quote{
			TTL: h.TTL, Addr: h.Addr,
			Source: known.rewritten&wire.SourceRewritten != 0, Checksum: known.rewritten&wire.ChecksumRewritten != 0,
		})
	}
	return quotes
}
