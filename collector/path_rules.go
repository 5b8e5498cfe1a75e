package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/locator/policy"
)

// An answer to a question may be missing. The zero value is that it is.
type answer uint8

const (
	unknown answer = iota
	no
	yes
)

// or answers whether one of two things is so.
func (a answer) or(b answer) answer {
	if a == yes || b == yes {
		return yes
	}
	return min(a, b)
}

// send sends 1 or 0, and nothing if that is unknown.
func (a answer) send(e emitter, f *metric.Family, labels []string) {
	if a != unknown {
		e.ch <- f.Gauge(oneIf(a == yes), labels...)
	}
}

func violated(s policy.State) answer {
	switch s {
	case policy.OK:
		return no
	case policy.Violated:
		return yes
	}
	return unknown
}

// sendRules sends what the policy says of paths. Rules beyond the limit are told
// together under "other": whether one of them is violated.
func (c *pathCollector) sendRules(e emitter, paths []knownPath) {
	rows := make(map[labelSet]answer)
	points := newGroup[level](metric.LocatorRiskPoints, 0)
	for _, p := range paths {
		for _, r := range p.Rules {
			rows[labels(p.key.with(strangersText(r.Rule.Name))...)] = violated(r.State)
		}
		e.ch <- metric.LocatorRiskScore.Gauge(float64(p.Risk.Score), p.key.with()...)
		for _, f := range p.Risk.Factors {
			if f.Points > 0 {
				points.add(level(f.Points), p.key.with(strangersText(f.Name))...)
			}
		}
	}
	emit(e, points)
	weights := make([]weighted, 0, len(rows))
	for set, a := range rows {
		weights = append(weights, weighted{set, uint64(a)})
	}
	other, any := overflow(metric.LocatorRisk), false
	sum := no
	for _, folded := range c.limits.foldSets(metric.LocatorRisk, weights, metric.MostPathRules) {
		sum, any = sum.or(rows[folded.set]), true
		delete(rows, folded.set)
	}
	if any {
		rows[other] = sum
	}
	for set, a := range rows {
		a.send(e, metric.LocatorRisk, set[:4])
		e.ch <- metric.LocatorRiskUnknown.Gauge(oneIf(a == unknown), set[:4]...)
	}
}
