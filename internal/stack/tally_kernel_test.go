//go:build kernel && linux

package stack

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A tally is a snapshot by label, so that two can be subtracted and compared as
// a whole.
type tally struct {
	traffic   map[station]volume
	crossings map[way]uint64
	unmatched map[loss]uint64
	stages    map[way]Histogram
	reads     map[reader]Histogram
	queues    map[string]Histogram
	drivers   map[string]Histogram
	lost      map[string]uint64
	// spare is how many runs of programs may be missing; see lab.spare.
	spare uint64
}

type station struct {
	Layer     Layer
	Direction Direction
	Kind      Kind
	Class     DeviceClass
	Watch     string
}

type volume struct{ Packets, Bytes, Wire uint64 }

type way struct {
	Span
	Kind  Kind
	Class DeviceClass
	Watch string
}

type loss struct {
	Span
	Cause Cause
}

type reader struct {
	Kind  Kind
	Watch string
}

func newTally(s Snapshot) tally {
	t := tally{
		traffic:   make(map[station]volume),
		crossings: make(map[way]uint64),
		unmatched: make(map[loss]uint64),
		stages:    make(map[way]Histogram),
		reads:     make(map[reader]Histogram),
		queues:    s.QdiscWaits,
		drivers:   s.DriverXmits,
		lost:      s.LostUpdates,
	}
	for _, x := range s.Traffic {
		t.traffic[station{x.Layer, x.Direction, x.Kind, x.Class, x.Watch}] = volume{x.Packets, x.Bytes, x.WirePackets}
	}
	for _, x := range s.Crossings {
		t.crossings[way{x.Span, x.Kind, x.Class, x.Watch}] = x.Packets
	}
	for _, x := range s.Unmatched {
		t.unmatched[loss{x.Span, x.Cause}] = x.Packets
	}
	for _, x := range s.Stages {
		t.stages[way{x.Span, x.Kind, x.Class, x.Watch}] = x.Histogram
	}
	for _, x := range s.ReadWaits {
		t.reads[reader{x.Kind, x.Watch}] = x.Histogram
	}
	return t
}

// until returns what was counted between t and later. What did not change is absent.
func (t tally) until(later tally) tally {
	return tally{
		traffic: subtract(later.traffic, t.traffic, func(x, y volume) volume {
			return volume{x.Packets - y.Packets, x.Bytes - y.Bytes, x.Wire - y.Wire}
		}),
		crossings: subtract(later.crossings, t.crossings, minus),
		unmatched: subtract(later.unmatched, t.unmatched, minus),
		stages:    subtract(later.stages, t.stages, Histogram.without),
		reads:     subtract(later.reads, t.reads, Histogram.without),
		queues:    subtract(later.queues, t.queues, Histogram.without),
		drivers:   subtract(later.drivers, t.drivers, Histogram.without),
		lost:      subtract(later.lost, t.lost, minus),
	}
}

func minus(x, y uint64) uint64 { return x - y }

// without takes the durations of y from h, and keeps the slowest.
func (h Histogram) without(y Histogram) Histogram {
	for i, n := range y.Buckets {
		h.Buckets[i] -= n
	}
	h.SumSeconds -= y.SumSeconds
	if h.Count() == 0 {
		return Histogram{}
	}
	return h
}

// subtract leaves out what is zero.
func subtract[K, V comparable](x, y map[K]V, minus func(V, V) V) map[K]V {
	var zero V
	left := make(map[K]V)
	for k, v := range x {
		if d := minus(v, y[k]); d != zero {
			left[k] = d
		}
	}
	return left
}

// at sums the traffic of one station over all kinds, classes and watches.
func (t tally) at(layer Layer, direction Direction) (sum volume) {
	for at, v := range t.traffic {
		if at.Layer == layer && at.Direction == direction {
			sum = volume{sum.Packets + v.Packets, sum.Bytes + v.Bytes, sum.Wire + v.Wire}
		}
	}
	return sum
}

// crossed sums the crossings of one span.
func (t tally) crossed(s Span) (sum uint64) {
	for w, n := range t.crossings {
		if w.Span == s {
			sum += n
		}
	}
	return sum
}

// want compares the traffic as a whole: what is counted in addition fails too.
func (t tally) want(tb testing.TB, want ...map[station]volume) {
	tb.Helper()
	all := make(map[station]volume)
	for _, w := range want {
		maps.Copy(all, w)
	}
	if diff := cmp.Diff(all, t.traffic); diff != "" {
		tb.Errorf("traffic (-want +got):\n%s", diff)
	}
}

// wantUnmatched compares the unmatched stages as a whole.
func (t tally) wantUnmatched(tb testing.TB, want map[loss]uint64) {
	tb.Helper()
	if want == nil {
		want = map[loss]uint64{}
	}
	if diff := cmp.Diff(want, t.unmatched); diff != "" {
		tb.Errorf("unmatched stages (-want +got):\n%s", diff)
	}
}

// wantBalance claims that no packet is unaccounted for: those that were at a station
// have crossed to the next or are unmatched with a cause, and those that arrived at
// a station have crossed into it or were missed before.
func (t tally) wantBalance(tb testing.TB) {
	tb.Helper()
	link, network := Span{Receive, Link, Network}, Span{Receive, Network, Transport}
	forwardIn, forwardOut := Span{Forward, Link, Network}, Span{Forward, Network, Qdisc}
	out, queue, drive := Span{Transmit, Transport, Network}, Span{Transmit, Network, Qdisc}, Span{Transmit, Qdisc, Driver}
	leaving := []struct {
		layer     Layer
		direction Direction
		spans     []Span
	}{
		{Link, Receive, []Span{link, forwardIn}},
		{Network, Receive, []Span{network}},
		{Network, Forward, []Span{forwardOut}},
		{Transport, Transmit, []Span{out}},
		{Network, Transmit, []Span{queue}},
		{Qdisc, Transmit, []Span{drive}},
	}
	for _, l := range leaving {
		sum := t.sum(l.spans, Dropped, Departed, Stale, Clock)
		if got := t.at(l.layer, l.direction).Packets; distance(got, sum) > t.spare {
			tb.Errorf("%d packets at %v %v, but %d crossings and unmatched that leave it", got, l.layer, l.direction, sum)
		}
	}
	arriving := []struct {
		layer     Layer
		direction Direction
		spans     []Span
	}{
		{Network, Receive, []Span{link}},
		{Transport, Receive, []Span{network}},
		{Network, Forward, []Span{forwardIn}},
		{Network, Transmit, []Span{out}},
		{Qdisc, Transmit, []Span{queue, forwardOut}},
		{Driver, Transmit, []Span{drive}},
	}
	for _, a := range arriving {
		sum := t.sum(a.spans, Missed)
		if got := t.at(a.layer, a.direction).Packets; distance(got, sum) > t.spare {
			tb.Errorf("%d packets at %v %v, but %d crossings and missed that enter it", got, a.layer, a.direction, sum)
		}
	}
}

func distance(x, y uint64) uint64 { return max(x, y) - min(x, y) }

// sum adds up the crossings of spans and what was unmatched there for a cause.
func (t tally) sum(spans []Span, causes ...Cause) (sum uint64) {
	for _, s := range spans {
		sum += t.crossed(s)
		for _, c := range causes {
			sum += t.unmatched[loss{s, c}]
		}
	}
	return sum
}

// wantTimed claims that every crossing of a packet was timed.
func (t tally) wantTimed(tb testing.TB) {
	tb.Helper()
	for w, n := range t.crossings {
		h := t.stages[w]
		if h.Count() != n {
			tb.Errorf("%v: %d crossings, %d durations", w, n, h.Count())
		}
	}
	for _, c := range []Cause{Stale, Clock} {
		if slices.ContainsFunc(slices.Collect(maps.Keys(t.unmatched)), func(l loss) bool { return l.Cause == c }) {
			tb.Errorf("unmatched stages with cause %v: %v", c, t.unmatched)
		}
	}
}
