package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// collectStack shows what the layers handle, and how packets move between them.
func collectStack(s stack.Snapshot, e emitter) {
	emitTraffic(s.Traffic, e)
	emitCrossings(s.Crossings, e)
	emitUnmatched(s.Unmatched, e)
	emitStages(s.Stages, e)
	emitLost(s.LostUpdates, e)
}

func emitTraffic(rows []stack.Traffic, e emitter) {
	packets := newGroup[count](metric.Packets, len(rows))
	bytes := newGroup[count](metric.Bytes, len(rows))
	wire := newGroup[count](metric.WirePackets, len(rows)/4)
	for _, t := range rows {
		set := labels(t.Layer.String(), t.Direction.String(),
			t.Kind.Family(), t.Kind.Protocol(), t.Class.String(), t.Watch)
		packets.addSet(count(t.Packets), set)
		bytes.addSet(count(t.Bytes), set)
		// The other layers have no such number, which is not the same as none.
		if t.WirePackets > 0 {
			wire.add(count(t.WirePackets), t.Direction.String(),
				t.Kind.Family(), t.Kind.Protocol(), t.Class.String(), t.Watch)
		}
	}
	emit(e, packets)
	emit(e, bytes)
	emit(e, wire)
}

func emitCrossings(rows []stack.Crossing, e emitter) {
	crossings := newGroup[count](metric.LayerCrossings, len(rows))
	for _, c := range rows {
		crossings.add(count(c.Packets), c.Direction.String(), c.From.String(), c.To.String(),
			c.Kind.Family(), c.Kind.Protocol(), c.Class.String(), c.Watch)
	}
	emit(e, crossings)
}

func emitUnmatched(rows []stack.Unmatched, e emitter) {
	unmatched := newGroup[count](metric.UnmatchedStages, len(rows))
	for _, u := range rows {
		unmatched.add(count(u.Packets),
			u.Direction.String(), u.From.String(), u.To.String(), u.Cause.String())
	}
	emit(e, unmatched)
}

// emitStages adds up IPv4 and IPv6: a histogram has fifteen times the series of
// a counter, and the family seldom changes how long a stage takes.
func emitStages(rows []stack.Stage, e emitter) {
	stages := newGroup[durations](metric.StageDuration, len(rows))
	for i := range rows {
		s := &rows[i]
		stages.add(durations{Histogram: &s.Histogram}, s.Direction.String(), s.From.String(), s.To.String(),
			s.Kind.Protocol(), s.Class.String(), s.Watch)
	}
	emit(e, stages)
}

func emitLost(lost map[string]uint64, e emitter) {
	events := newGroup[count](metric.LostEvents, len(lost))
	for source, n := range lost {
		events.add(count(n), source)
	}
	emit(e, events)
}
