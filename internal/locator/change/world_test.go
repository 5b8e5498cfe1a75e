package change

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/locator/mda"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/sim"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	ms    = time.Millisecond
	round = 10 * time.Second
)

// place reads the truth from an address: 10.AS.x.x, ten networks to a country.
func place(hop netip.Addr) Place {
	as := hop.As4()[1]
	return Place{AS: uint32(as), Country: fmt.Sprint("C", as/10)}
}

// world is a path whose stages change, and the detector that watches it.
type world struct {
	*Detector
	net    *sim.Net
	rng    *rand.Rand
	stages [][]*sim.Router // the destination is the last
	dest   netip.Addr
	now    time.Time
	round  int
	flows  []int
	next   uint16 // address
	events []Event
	asked  int
}

// newWorld builds a path with so many routers in each stage; stage i is in network i/2+10.
func newWorld(seed uint64, widths ...int) *world {
	w := &world{
		Detector: New(Config{Learn: 5 * time.Minute}, place),
		net:      sim.New(seed), rng: rand.New(rand.NewPCG(seed, 9)), now: start, flows: []int{0, 1},
	}
	for i, width := range widths {
		w.stages = append(w.stages, w.routers(width, byte(10+i/2)))
	}
	w.stages = append(w.stages, w.routers(1, 99))
	w.dest = w.stages[len(widths)][0].Addr
	w.route()
	return w
}

func (w *world) routers(n int, as byte) (routers []*sim.Router) {
	for range n {
		w.next++
		routers = append(routers, &sim.Router{
			Addr:  netip.AddrFrom4([4]byte{10, as, byte(w.next >> 8), byte(w.next)}),
			Delay: 2 * ms, Jitter: ms / 5, ForwardLoss: 0.001, AnswerLoss: 0.01, Salt: w.rng.Uint64(),
		})
	}
	return routers
}

func (w *world) route() { w.net.Chain(w.stages...) }

// rounds measures n rounds. Each flow is probed to its end, as a plan would.
func (w *world) rounds(n int) {
	for range n {
		flow := w.flows[w.round%len(w.flows)]
		w.round++
		for ttl := 1; ttl <= len(w.stages); ttl++ {
			w.Observe(w.probe(uint8(ttl), flow))
		}
		w.ObserveEnd(w.probe(64, flow))
		asks, events := w.Tick(w.now)
		w.events = append(w.events, events...)
		for _, a := range asks {
			w.asked++
			w.Seen(a, w.probe(a.TTL, a.Flow).Hop)
		}
		w.now = w.now.Add(round)
	}
}

func (w *world) probe(ttl uint8, flow int) path.Sample {
	r := w.net.Send(w.now, sim.Probe{Dest: w.dest, TTL: ttl, Flow: flow})
	return path.Sample{Sent: w.now, TTL: ttl, Flow: flow, Hop: r.From, RTT: r.RTT, Final: r.Final}
}

// learn begins with some rounds, and an enumeration if enumerated.
func (w *world) learn(enumerated bool) {
	w.rounds(10)
	if !enumerated {
		w.rounds(31)
		return
	}
	e := mda.New(mda.Config{MaxProbes: 1000, FirstFlow: 100}, 1, uint8(len(w.stages)))
	for !e.Done() {
		for _, a := range e.Next() {
			e.Seen(a, w.probe(a.TTL, a.Flow).Hop)
		}
	}
	for ttl := uint8(1); int(ttl) <= len(w.stages); ttl++ {
		w.Known(ttl, e.Hops(ttl), e.PerPacket(ttl))
	}
	w.Complete()
}

// happened returns the changes since the last call.
func (w *world) happened() (levels []Level) {
	for _, e := range w.events {
		if e.Levels&(Changes|Flap) != 0 {
			levels = append(levels, e.Levels)
		}
	}
	w.events = nil
	return levels
}
