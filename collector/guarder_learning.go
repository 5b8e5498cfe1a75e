package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// sendLearning sends what was learnt of neighbours. Changes are counted by the agent, which
// may be younger than the counters of packets.
func sendLearning(e emitter, s guarder.Status) {
	bindings := newGroup[level](metric.GuarderBindings, 3*len(s.Learning))
	for i := range s.Learning {
		l := &s.Learning[i]
		changed := 0
		for _, b := range l.Bound {
			if b.Other != nil {
				changed++
			}
		}
		bindings.add(level(len(l.Bound)-changed), l.Set, "locked")
		bindings.add(level(changed), l.Set, "changed")
		bindings.add(level(len(l.Waiting)), l.Set, "waiting")
		e.ch <- metric.GuarderBindingChanges.Counter(float64(l.Changes), s.AgentSince, l.Set)
	}
	emit(e, bindings)
}
