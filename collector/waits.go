package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// collectSocket shows how long readable data waits.
func collectSocket(s stack.Snapshot, e emitter) {
	waits := newGroup[durations](metric.SocketReadWait, len(s.ReadWaits))
	for i := range s.ReadWaits {
		w := &s.ReadWaits[i]
		waits.add(durations{Histogram: &w.Histogram}, w.Kind.Protocol(), w.Kind.Family(), w.Watch)
	}
	emit(e, waits)
}

// collectDevice shows what happens at each network device.
func collectDevice(s stack.Snapshot, e emitter) {
	emitDurations(e, metric.QdiscWait, s.QdiscWaits)
	emitDurations(e, metric.DriverXmit, s.DriverXmits)

	sizes := newGroup[polls](metric.NAPIPollPackets, len(s.Polls))
	exhausted := newGroup[count](metric.NAPIBudgetExhausted, len(s.Polls))
	for device, p := range s.Polls {
		sizes.add(polls{&p}, device)
		exhausted.add(count(p.Exhausted), device)
	}
	emit(e, sizes)
	emit(e, exhausted)
}

// collectSoftirq shows the delay and the duration of the network softirqs.
func collectSoftirq(s stack.Snapshot, e emitter) {
	emitDurations(e, metric.SoftirqWait, s.SoftirqWaits)
	emitDurations(e, metric.SoftirqRun, s.SoftirqRuns)
}

// collectNetfilter shows the time in the netfilter hooks. There is nothing to
// show unless the engine was opened with Config.NetfilterTiming.
func collectNetfilter(s stack.Snapshot, e emitter) {
	hooks := newGroup[durations](metric.NetfilterHookDuration, len(s.NetfilterHooks))
	for i := range s.NetfilterHooks {
		h := &s.NetfilterHooks[i]
		hooks.add(durations{Histogram: &h.Histogram}, h.Family, h.Hook)
	}
	emit(e, hooks)
}

// emitDurations shows histograms with one label.
func emitDurations(e emitter, f *metric.Family, byLabel map[string]stack.Histogram) {
	g := newGroup[durations](f, len(byLabel))
	for label, h := range byLabel {
		g.add(durations{Histogram: &h}, label)
	}
	emit(e, g)
}
