package plan

import (
	"container/heap"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/sim"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	ms      = time.Millisecond
	timeout = time.Second
)

// run lets a scheduler measure a simulated network.
type run struct {
	*Scheduler
	net   *sim.Net
	dests map[string]netip.Addr
	now   time.Time
	open  results
	// sent are the times of all packets; got and lost count results by target, with
	// those that were shared.
	sent      []time.Time
	got, lost map[string]int
	// each sees all results, own and shared ones.
	each func(target string, r Result)
}

type results []timed

type timed struct {
	at time.Time
	Result
}

func (r results) Len() int           { return len(r) }
func (r results) Less(i, j int) bool { return r[i].at.Before(r[j].at) }
func (r results) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *results) Push(x any)        { *r = append(*r, x.(timed)) }
func (r *results) Pop() any {
	old := *r
	last := old[len(old)-1]
	*r = old[:len(old)-1]
	return last
}

func newRun(c Config, seed uint64) *run {
	return &run{Scheduler: New(c), net: sim.New(seed), dests: map[string]netip.Addr{}, now: start,
		got: map[string]int{}, lost: map[string]int{}, each: func(string, Result) {}}
}

// until runs to a time.
func (r *run) until(end time.Time) {
	for {
		b := r.Next(r.now)
		for _, p := range b.Probes {
			r.sent = append(r.sent, r.now)
			reply := r.net.Send(r.now, sim.Probe{Dest: r.dests[p.Target], TTL: p.TTL, Flow: p.Flow})
			result := Result{Probe: p, Sent: r.now, Hop: reply.From, RTT: reply.RTT, Final: reply.Final}
			at := r.now.Add(timeout)
			if reply.From.IsValid() {
				at = r.now.Add(reply.RTT)
			}
			heap.Push(&r.open, timed{at, result})
		}
		r.share(b.Shared)
		next := end
		if !b.Wake.IsZero() && b.Wake.Before(next) {
			next = b.Wake
		}
		if len(r.open) > 0 && r.open[0].at.Before(next) {
			next = r.open[0].at
		}
		if !next.Before(end) {
			r.now = end
			return
		}
		r.now = next
		for len(r.open) > 0 && !r.open[0].at.After(r.now) {
			t := heap.Pop(&r.open).(timed)
			r.note(t.Target, t.Result)
			r.share(r.Result(t.Result, r.now))
		}
	}
}

// Result is a method of Scheduler and a type; this keeps the calls readable.
func (r *run) share(shared []Shared) {
	for _, s := range shared {
		r.note(s.Target, s.Result)
	}
}

func (r *run) note(target string, result Result) {
	if result.Hop.IsValid() {
		r.got[target]++
	} else {
		r.lost[target]++
	}
	r.each(target, result)
}

// busiest returns the most packets in any second.
func (r *run) busiest() int {
	most, first := 0, 0
	for i, at := range r.sent {
		for at.Sub(r.sent[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// linux returns a router, or destination, with the limits of a default Linux.
func linux(a, b, c int) *sim.Router {
	return &sim.Router{Addr: netip.AddrFrom4([4]byte{10, byte(a), byte(b), byte(c)}), Delay: ms, Jitter: ms / 5,
		Limits: []*sim.Limit{sim.LinuxGlobal(), sim.LinuxPeer()}}
}

func refused(routers []*sim.Router) int {
	n := 0
	for _, r := range routers {
		for _, l := range r.Limits {
			n += l.Refused
		}
	}
	return n
}

// fleet adds targets with paths of n hops, the first near of which are the same.
func (r *run) fleet(targets, n, near int) (all []*sim.Router) {
	var common [][]*sim.Router
	for i := range near {
		common = append(common, []*sim.Router{linux(0, 0, i+1)})
		all = append(all, common[i]...)
	}
	for i := range targets {
		stages := append([][]*sim.Router{}, common...)
		for hop := near; hop < n; hop++ {
			stages = append(stages, []*sim.Router{linux(1, i, hop+1)})
			all = append(all, stages[hop]...)
		}
		name := fmt.Sprintf("target%02d", i)
		r.dests[name] = r.net.Chain(stages...)
		r.Add(Target{Name: name, Class: "udp4", Flows: []int{0}}, r.now)
	}
	return all
}

func (r *run) totals() (got, lost int) {
	for name := range r.dests {
		got, lost = got+r.got[name], lost+r.lost[name]
	}
	return got, lost
}

func logPlan(t *testing.T, r *run, seconds float64) {
	got, lost := r.totals()
	c := r.Counts()
	t.Logf("%.1f packets/s, %d in the busiest second; %d results, %d of them shared, %d lost; interval %v, skipped %v",
		float64(len(r.sent))/seconds, r.busiest(), got+lost, c.Shared, lost, r.Interval(), c.Skipped)
}
