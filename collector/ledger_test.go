package collector

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/stack"
)

// A history is a kernel whose table holds few flows, so that they come and go.
type history struct {
	flows    map[stack.FlowKey]stack.FlowCounts
	total    stack.FlowCounts
	room     int
	now      time.Time
	overread stack.FlowCounts // counted between the flows and the total
}

// carry adds to a flow. One that finds no room evicts another.
func (h *history) carry(key stack.FlowKey, bytes uint64) {
	n := stack.FlowCounts{ReceivedBytes: bytes, ReceivedPackets: 1, SentBytes: bytes / 10, SentPackets: 1, Retransmits: bytes % 2}
	h.total = h.total.Plus(n)
	if _, ok := h.flows[key]; !ok && len(h.flows) == h.room {
		for victim := range h.flows {
			delete(h.flows, victim)
			break
		}
	}
	h.flows[key] = h.flows[key].Plus(n)
}

func (h *history) table() stack.FlowTable {
	t := stack.FlowTable{Time: h.now, Total: h.total.Plus(h.overread)}
	for key, n := range h.flows {
		t.Flows = append(t.Flows, stack.Flow{FlowKey: key, FlowCounts: n})
	}
	return t
}

// exposed returns what a scrape would show, by key; other is under the zero key.
func exposed(l *flowLedger) map[stack.FlowKey]stack.FlowCounts {
	series := map[stack.FlowKey]stack.FlowCounts{{}: l.other}
	for key, f := range l.listed {
		series[key] = f.counts
	}
	return series
}

// enter does so by way of the collector.
func enter(l *flowLedger, t stack.FlowTable) {
	(&flows{ledger: l, rtts: make(map[stack.FlowKey]time.Duration)}).enter(t)
}

func newHistory(room int) *history {
	return &history{flows: make(map[stack.FlowKey]stack.FlowCounts), room: room, now: since}
}

// TestFlowCountersNeverFall drives a random history in which flows are evicted, go
// quiet, come back, and the kernel counts while it is read.
func TestFlowCountersNeverFall(t *testing.T) {
	const top, names = 5, 60
	random := rand.New(rand.NewPCG(5, 6))
	h, l := newHistory(30), newFlowLedger(top, since)
	highest := make(map[stack.FlowKey]stack.FlowCounts)
	returned, moved := 0, 0
	var previous map[stack.FlowKey]stack.FlowCounts
	for step := range 4000 {
		h.now = h.now.Add(time.Duration(random.IntN(60)+1) * time.Second)
		busy := uint16(step/40*7) % names // who is busy changes
		for range 20 {
			port := uint16(random.IntN(names))
			bytes := random.Uint64N(1000) + 1
			if (port+names-busy)%names < top {
				bytes *= 50
			}
			h.carry(flowKey(port+1, 6), bytes)
		}
		h.overread = stack.FlowCounts{}
		if step%3 == 0 {
			h.overread = stack.FlowCounts{ReceivedBytes: random.Uint64N(5000), ReceivedPackets: 3}
		}
		enter(l, h.table())
		if step%3 == 0 { // it was counted for good, by flows that the table had been read of
			h.total = h.total.Plus(h.overread)
			k := flowKey(1, 6)
			if n, ok := h.flows[k]; ok {
				h.flows[k] = n.Plus(h.overread)
			}
		}
		got := exposed(l)
		if len(got) != top+1 && step > 0 {
			t.Fatalf("step %d: %d series, want %d", step, len(got), top+1)
		}
		for key, n := range got {
			if n != atLeast(n, highest[key]) {
				t.Fatalf("step %d: %v fell from %+v to %+v", step, key, highest[key], n)
			}
			if _, was := previous[key]; !was && step > 0 {
				moved++
				if _, ever := highest[key]; ever {
					returned++
				}
			}
			highest[key] = n
		}
		previous = got
		// All that was ever exposed, and what is under other now, is the total; other may
		// be ahead by what was counted while the table was read.
		sum := l.own.Plus(l.other)
		if ahead := lessOrZero(sum, h.total); ahead.ReceivedBytes > 5000 || ahead.SentBytes != 0 || lessOrZero(h.total, sum) != (stack.FlowCounts{}) {
			t.Fatalf("step %d: series add up to %+v, want %+v", step, sum, h.total)
		}
	}
	if returned < 50 || moved == returned {
		t.Errorf("%d flows came to the list, %d of them again: the history shows little", moved, returned)
	}
	if len(l.known) > 30 || len(l.unlisted) > names {
		t.Errorf("%d flows known, %d unlisted", len(l.known), len(l.unlisted))
	}
}

func TestFlowGoesOnWhereItLeft(t *testing.T) {
	h, l := newHistory(10), newFlowLedger(1, since)
	first, second := flowKey(1, 6), flowKey(2, 6)
	for i, step := range []struct {
		carries stack.FlowKey
		bytes   uint64
		want    map[stack.FlowKey]uint64 // received bytes
	}{
		{first, 1000, map[stack.FlowKey]uint64{first: 1000, {}: 0}},
		{second, 500, map[stack.FlowKey]uint64{first: 1000, {}: 500}},
		{second, 9000, map[stack.FlowKey]uint64{second: 9000, {}: 500}},        // what it was before stays with other
		{first, 300, map[stack.FlowKey]uint64{second: 9000, {}: 800}},          // as does what the first carries meanwhile
		{first, 90_000, map[stack.FlowKey]uint64{first: 91_000, {}: 800}},      // back, from 1000
		{second, 200_000, map[stack.FlowKey]uint64{second: 209_000, {}: 800}},  // back, from 9000
		{flowKey(3, 6), 7, map[stack.FlowKey]uint64{second: 209_000, {}: 807}}, // too little
	} {
		h.carry(step.carries, step.bytes)
		h.now = h.now.Add(15 * time.Second)
		enter(l, h.table())
		got := make(map[stack.FlowKey]uint64)
		for key, n := range exposed(l) {
			got[key] = n.ReceivedBytes
		}
		if diff := cmp.Diff(step.want, got, cmp.Comparer(func(a, b stack.FlowKey) bool { return a == b })); diff != "" {
			t.Errorf("step %d: received bytes (-want +got):\n%s", i+1, diff)
		}
	}
}

// TestSilentFlowStaysListedForMinutes: as long as nothing is much busier.
func TestSilentFlowStaysListedForMinutes(t *testing.T) {
	h, l := newHistory(10), newFlowLedger(2, since)
	burst, steady, late := flowKey(1, 6), flowKey(2, 6), flowKey(3, 6)
	h.carry(burst, 100_000)
	h.carry(steady, 100_000)
	for h.now.Sub(since) < time.Hour {
		h.now = h.now.Add(15 * time.Second)
		h.carry(steady, 1000)
		h.carry(late, 500)
		enter(l, h.table())
		if l.listed[burst] == nil {
			break
		}
	}
	// Late's score comes near 15,000; listed is worth twice as much.
	if quiet := h.now.Sub(since); quiet < 5*time.Minute || quiet > 30*time.Minute {
		t.Errorf("a silent flow left the list after %v", quiet)
	}
}

func TestBusiestFlowIsAlwaysListed(t *testing.T) {
	h, l := newHistory(100_000), newFlowLedger(20, since)
	for i := range uint16(50_000) {
		h.carry(flowKey(i+1, 17), 1000)
	}
	h.now = h.now.Add(time.Second)
	enter(l, h.table())
	before := maps.Clone(l.listed)
	h.carry(flowKey(40_000, 17), 10) // the busiest by a hair
	h.now = h.now.Add(time.Second)
	enter(l, h.table())
	if l.listed[flowKey(40_000, 17)] == nil {
		t.Error("the busiest flow is not listed")
	}
	stayed := 0
	for key := range l.listed {
		if before[key] != nil {
			stayed++
		}
	}
	if stayed < 19 || len(l.listed) != 20 {
		t.Errorf("%d flows listed, %d of them before", len(l.listed), stayed)
	}
}

func TestFirstTableIsExposedAsItIs(t *testing.T) {
	l := newFlowLedger(20, since)
	enter(l, fullFlows())
	want := map[stack.FlowKey]stack.FlowCounts{{}: {ReceivedBytes: 40, ReceivedPackets: 1, Retransmits: 2}}
	for _, f := range fullFlows().Flows {
		want[f.FlowKey] = f.FlowCounts
	}
	if diff := cmp.Diff(want, exposed(l), cmp.Comparer(func(a, b stack.FlowKey) bool { return a == b })); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}
