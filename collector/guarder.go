package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// A GuarderReader tells what the packet filter did. It may be called from several
// goroutines.
type GuarderReader interface {
	Status() (guarder.Status, error)
}

// NewGuarder returns the collector "guarder". It shares the limits of st. Counters may
// be older than the process: they go on where an agent before has left them.
func NewGuarder(reader GuarderReader, st *Stack) Collector {
	return guarderCollector{reader, st.limits}
}

type guarderCollector struct {
	reader GuarderReader
	limits *limits
}

// Name implements Collector.
func (guarderCollector) Name() string { return metric.CollectorGuarder }

// Update implements Collector.
func (c guarderCollector) Update(ch chan<- prometheus.Metric) error {
	s, err := c.reader.Status()
	if err != nil {
		return err
	}
	modes := map[string]int{"audit": 0, "enforce": 0}
	for set, sum := range c.credits(s.Rules) {
		ch <- metric.GuarderRulePackets.Counter(float64(sum.Packets), s.Since, set[0], set[1], set[2])
		ch <- metric.GuarderRuleBytes.Counter(float64(sum.Bytes), s.Since, set[0], set[1], set[2])
	}
	for _, r := range s.Rules {
		modes[r.Mode]++
	}
	for mode, n := range modes {
		ch <- metric.GuarderRules.Gauge(float64(n), mode)
	}
	for verdict, n := range s.Verdicts {
		ch <- metric.GuarderPackets.Counter(float64(n.Packets), s.Since, verdict)
	}
	for reason, n := range s.Unparsable {
		ch <- metric.GuarderUnparsable.Counter(float64(n.Packets), s.Since, reason)
	}
	for _, d := range s.Devices {
		ch <- metric.GuarderAttached.Gauge(oneIf(d.Hook != guarder.None), d.Name, string(d.Hook))
	}
	ch <- metric.GuarderGeneration.Gauge(float64(s.Generation))
	ch <- metric.GuarderApplied.Gauge(float64(s.Applied.UnixMilli()) / 1000)
	ch <- metric.GuarderApplySuccessful.Gauge(oneIf(!s.ApplyFailed))
	ch <- metric.GuarderTripped.Gauge(oneIf(s.Tripped))
	ch <- metric.GuarderUnconfirmed.Gauge(oneIf(s.ConfirmBy != nil))
	return nil
}

// credits returns what rules were credited with by group, rule and verdict; those
// beyond the limit of series are added up under "other".
func (c guarderCollector) credits(rules []guarder.RuleStatus) map[labelSet]guarder.Counts {
	rows := make(map[labelSet]guarder.Counts)
	var weights []weighted
	for _, r := range rules {
		for verdict, n := range r.Counts {
			set := labels(r.Group, r.Rule, verdict)
			rows[set] = n
			weights = append(weights, weighted{set, n.Packets})
		}
	}
	for _, folded := range c.limits.fold(metric.GuarderRulePackets, weights) {
		n := rows[folded.set]
		delete(rows, folded.set)
		other := labels("other", "other", "other")
		sum := rows[other]
		rows[other] = guarder.Counts{Packets: sum.Packets + n.Packets, Bytes: sum.Bytes + n.Bytes}
	}
	return rows
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
