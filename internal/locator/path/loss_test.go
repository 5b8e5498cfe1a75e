package path

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/sim"
)

// A world is a simulated path and what is measured of it.
type world struct {
	net    *sim.Net
	dest   netip.Addr
	stages []*sim.Router
	path   *Path
	now    time.Time
}

// chain returns a path of n routers and the destination.
func chain(seed uint64, n int) *world {
	w := &world{net: sim.New(seed), path: New(), now: start}
	var stages [][]*sim.Router
	for i := range n + 1 {
		r := &sim.Router{Addr: addr(i + 1), Delay: ms, Jitter: ms / 10}
		w.stages = append(w.stages, r)
		stages = append(stages, []*sim.Router{r})
	}
	w.dest = w.net.Chain(stages...)
	return w
}

func (w *world) probe(ttl uint8, flow int) Sample {
	r := w.net.Send(w.now, sim.Probe{Dest: w.dest, TTL: ttl, Flow: flow})
	return Sample{Sent: w.now, TTL: ttl, Flow: flow, Hop: r.From, RTT: r.RTT, Final: r.Final}
}

// rounds probes TTLs 1 to end, n times, every second, with flows that take turns.
func (w *world) rounds(n, flows int, end uint8) {
	for i := range n {
		for ttl := uint8(1); ttl <= end; ttl++ {
			w.path.Add(w.probe(ttl, i%flows))
			w.now = w.now.Add(ms)
		}
		w.path.AddEnd(w.probe(64, i%flows))
		w.now = w.now.Add(time.Second)
	}
}

func classes(l []Loss) string {
	var b []byte
	for _, l := range l {
		b = fmt.Appendf(b, "%v ", l.Class)
	}
	return string(b)
}

// The truth of each world is what it was built with.
func TestClassOfLoss(t *testing.T) {
	limit := func(every time.Duration) []*sim.Limit { return []*sim.Limit{{Every: every, Burst: 1}} }
	for _, c := range []struct {
		name  string
		build func(r []*sim.Router)
		want  string
	}{
		{"nothing", func([]*sim.Router) {}, "none none none none none "},
		{"loss into the third", func(r []*sim.Router) { r[2].ForwardLoss = 0.2 }, "none none real real real "},
		{"loss on the way back at the third", func(r []*sim.Router) { r[2].ReverseLoss = 0.2 }, "none none none real real "},
		{"answers of the second limited", func(r []*sim.Router) { r[1].Limits = limit(3 * time.Second) }, "none icmp_limited none none none "},
		{"answers of the second lost on their own way", func(r []*sim.Router) { r[1].AnswerLoss = 0.3 }, "none icmp_limited none none none "},
		{"the second limited, loss behind it", func(r []*sim.Router) {
			r[1].Limits, r[2].ForwardLoss = limit(3*time.Second), 0.2
		}, "none real real real real "},
		{"the third silent", func(r []*sim.Router) { r[2].Silent = true }, "none none unresponsive none none "},
		{"loss at the destination", func(r []*sim.Router) { r[4].ForwardLoss = 0.05 }, "none none none none real "},
		{"a silent destination", func(r []*sim.Router) { r[4].Silent = true }, "none none none unknown "},
		{"a silent destination and loss", func(r []*sim.Router) { r[4].Silent, r[2].ForwardLoss = true, 0.2 }, "none none real unknown "},
	} {
		for seed := range uint64(20) {
			w := chain(seed, 4)
			c.build(w.stages)
			w.rounds(200, 1, 5)
			if got := classes(w.path.Loss(time.Time{})); got != c.want {
				t.Errorf("%s, seed %d: %s\nwant %s\n%+v", c.name, seed, got, c.want, w.path.Loss(time.Time{}))
			}
		}
	}
}

// What was asked of a lab: 20 % forward drop in the second router; then the second
// router limited to 5 a second while it is asked 20 times a second.
func TestNumbersOfTheLab(t *testing.T) {
	w := chain(3, 3)
	w.stages[2].ForwardLoss = 0.2
	w.rounds(250, 1, 4)
	for _, l := range w.path.Loss(time.Time{})[2:] {
		if l.Path.Low > 0.2 || l.Path.High < 0.2 {
			t.Errorf("TTL %d: path loss %+v does not hold 0.2", l.TTL, l.Path)
		}
	}
	w = chain(4, 3)
	w.stages[1].Limits = []*sim.Limit{{Every: 200 * ms, Burst: 5}}
	for range 250 {
		for ttl := uint8(1); ttl <= 4; ttl++ {
			w.path.Add(w.probe(ttl, 0))
		}
		w.now = w.now.Add(50 * ms)
	}
	l := w.path.Loss(time.Time{})
	if l[1].Path.Value != 0 || l[1].Excess < 0.65 || l[1].Excess > 0.8 || l[3].Apparent.Value != 0 {
		t.Errorf("limited router: %+v, destination %+v", l[1], l[3])
	}
}

// One flow of two loses half of its packets, and its path is a hop shorter. Loss that is not
// compared flow by flow finds the loss at TTL 5 where only the other flow goes further.
func TestOnlyTheSameFlowIsCompared(t *testing.T) {
	net := sim.New(9)
	w := &world{net: net, path: New(), now: start, dest: addr(9)}
	r := make([]*sim.Router, 7)
	for i := range r {
		r[i] = &sim.Router{Addr: addr(i + 1), Delay: ms}
	}
	d := &sim.Router{Addr: w.dest, Delay: ms}
	// 1 - 2 - (3 lossy | 4 - 5) - d
	r[2].ForwardLoss = 0.5
	net.Route(nil, w.dest, r[0])
	net.Route(r[0], w.dest, r[1])
	net.Route(r[1], w.dest, r[2], r[3])
	net.Route(r[2], w.dest, d)
	net.Route(r[3], w.dest, r[4])
	net.Route(r[4], w.dest, d)
	short, long := -1, -1
	for flow := range 50 {
		if len(net.Path(w.dest, flow)) == 4 {
			short = flow
		} else {
			long = flow
		}
	}
	for range 100 {
		for ttl := uint8(1); ttl <= 5; ttl++ {
			if ttl < 5 {
				w.path.Add(w.probe(ttl, short))
			}
			w.path.Add(w.probe(ttl, long))
		}
		w.now = w.now.Add(time.Second)
	}
	l := w.path.Loss(time.Time{})
	if got := classes(l[:4]); got != "none none real real " {
		t.Errorf("classes %s\n%+v", got, l)
	}
	for _, l := range l[2:4] {
		if l.Path.Low > 0.25 || l.Path.High < 0.25 {
			t.Errorf("TTL %d: half of half the packets get lost, found %+v", l.TTL, l.Path)
		}
		if l.Limited {
			t.Errorf("TTL %d limited", l.TTL)
		}
	}
}

// An outage behind the second router: it and those before lose nothing, the others lost
// all, whom it is known to have answered.
func TestOutage(t *testing.T) {
	w := chain(5, 4)
	w.rounds(20, 1, 5)
	w.stages[2].ForwardLoss = 1
	outage := w.now
	w.rounds(60, 1, 5)
	l := w.path.Loss(outage)
	if got := classes(l); got != "none none real real real " {
		t.Errorf("classes %s", got)
	}
	if !l[4].Destination || l[4].Path.Value != 1 || l[4].Sent != 60 {
		t.Errorf("destination %+v", l[4])
	}
}

// Also when nobody remembers how far it was, the end's own series tells of an outage.
func TestEndLoss(t *testing.T) {
	w := chain(5, 4)
	w.rounds(50, 1, 5)
	if l := w.path.EndLoss(time.Time{}); l.Class != None || l.Sent != 100 || l.Answered != 100 {
		t.Errorf("before: %+v", l)
	}
	w.stages[2].ForwardLoss = 1
	outage := w.now
	w.rounds(100, 1, 5)
	w.path.Forget(outage)
	if l := w.path.EndLoss(outage); l.Class != Real || l.Sent != 100 || l.Path.Value != 1 {
		t.Errorf("in an outage: %+v", l)
	}
	w = chain(5, 4)
	w.stages[4].Silent = true
	w.rounds(50, 1, 5)
	if l := w.path.EndLoss(time.Time{}); l.Class != Unknown || l.Path.Value != 1 {
		t.Errorf("of a destination that never answers: %+v", l)
	}
}

// Random networks whose loss and limits are known. Each claim is counted, as some must be
// wrong at 95 %.
func TestLossOfRandomPaths(t *testing.T) {
	var covered, destinations, wrongReal, wrongLimited, quiet, limited, found int
	for seed := range uint64(300) {
		w := chain(seed, 8)
		lossy := int(seed % 9)
		loss := []float64{0, 0.02, 0.1, 0.3}[seed/9%4]
		w.stages[lossy].ForwardLoss = loss
		limiter := int(seed * 7 % 8)
		w.stages[limiter].AnswerLoss = []float64{0, 0.6}[seed/36%2]
		w.rounds(200, 1, 9)
		for i, l := range w.path.Loss(time.Time{}) {
			truth := 0.0
			if i >= lossy {
				truth = loss
			}
			if l.Destination {
				destinations++
				if l.Path.Low <= loss && loss <= l.Path.High {
					covered++
				}
			}
			// Before the loss its router hides behind it, see Loss.
			if limits := i == limiter && w.stages[i].AnswerLoss > 0; limits {
				limited++
				if l.Limited {
					found++
				}
			} else {
				quiet++
				if l.Limited {
					wrongLimited++
				}
				if truth == 0 && l.Class == Real {
					wrongReal++
				}
			}
		}
	}
	t.Logf("seeds 0 to 299: %d of %d destinations within limits; of %d TTLs without limit %d called limited, %d real without loss; %d of %d limiters found",
		covered, destinations, quiet, wrongLimited, wrongReal, found, limited)
	if covered < destinations*93/100 {
		t.Errorf("only %d of %d destinations within 95 %% limits", covered, destinations)
	}
	if wrongLimited > quiet/200 || wrongReal > quiet/500 || found < limited*99/100 {
		t.Error("more claims are wrong than chance explains")
	}
}

func TestPathRTTNeverFalls(t *testing.T) {
	w := chain(6, 6)
	w.stages[2].Jitter = 40 * ms // slow to send errors, and what passes it too
	w.stages[1].Silent = true
	w.rounds(100, 1, 7)
	rtt := w.path.PathRTT(time.Time{})
	if len(rtt) != 7 {
		t.Fatalf("%d TTLs", len(rtt))
	}
	for i := range rtt {
		if rtt[i] == 0 || i > 0 && rtt[i] < rtt[i-1] {
			t.Errorf("TTL %d: %v after %v", i+1, rtt[i], rtt[max(i-1, 0)])
		}
		if low := time.Duration(i+1) * 2 * ms; i != 1 && rtt[i] < low {
			t.Errorf("TTL %d: %v, but the links take %v", i+1, rtt[i], low)
		}
	}
	if got := New().PathRTT(time.Time{}); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// A flow is sent to near TTLs less often than to the destination. What gets lost at the end
// says nothing about a router before it that answered all the few.
func TestFewAnswersAreNotJudgedByLossFurtherOn(t *testing.T) {
	p := New()
	now := time.Unix(0, 0)
	hop := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, n}) }
	for i := range 120 {
		now = now.Add(time.Second)
		flow := i % 3
		end := Sample{Sent: now, TTL: MaxTTL, Flow: flow}
		if i%10 >= 2 {
			end.Hop, end.Final, end.RTT = hop(9), true, time.Millisecond
		}
		p.AddEnd(end)
		if i%15 != 0 {
			continue
		}
		for ttl := uint8(1); ttl <= 2; ttl++ {
			p.Add(Sample{Sent: now, TTL: ttl, Flow: flow, Hop: hop(ttl), RTT: time.Millisecond})
		}
		p.Add(Sample{Sent: now, TTL: 3, Flow: flow, Hop: end.Hop, Final: end.Final, RTT: end.RTT})
	}
	for _, l := range p.Loss(time.Time{}) {
		if real := l.TTL == 3; (l.Class == Real) != real || !real && (l.Path.Value > 0 || l.Class != None) {
			t.Errorf("TTL %d: %+v", l.TTL, l)
		}
	}
	if l := p.EndLoss(time.Time{}); l.Class != Real {
		t.Errorf("end: %+v", l)
	}
}

// Of the probes that go all the way, those with the destination's own TTL are a few. That
// they were all answered by chance is no reason to forget what the others lost.
func TestTheDestinationIsJudgedByAllThatWentThere(t *testing.T) {
	p := New()
	now := time.Unix(0, 0)
	router, destination := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.9")
	for i := range 14 {
		now = now.Add(time.Second)
		p.Add(Sample{Sent: now, TTL: 1, Hop: router, RTT: time.Millisecond})
		p.Add(Sample{Sent: now, TTL: 2, Hop: destination, Final: true, RTT: time.Millisecond})
		end := Sample{Sent: now, TTL: MaxTTL}
		if i >= 8 {
			end.Hop, end.Final, end.RTT = destination, true, time.Millisecond
		}
		p.AddEnd(end)
	}
	want := []Loss{
		{TTL: 1, Sent: 14, Answered: 14, Apparent: Wilson(0, 14, Z95), Path: Wilson(0, 14, Z95), Class: None},
		{TTL: 2, Sent: 14, Answered: 14, Apparent: Wilson(0, 14, Z95), Path: Wilson(8, 28, Z95), Class: Real, Destination: true},
	}
	if diff := cmp.Diff(want, p.Loss(time.Time{})); diff != "" {
		t.Errorf("loss (-want +got):\n%s", diff)
	}
}
