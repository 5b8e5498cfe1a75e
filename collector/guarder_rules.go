package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

const (
	// mostAttackRules is how many rules that drop, and say by a label which attack they
	// are about, or that have an alert, have series from the beginning. A rate does not see the first packet of
	// a series that begins with it, and of an attack one packet is worth an alert.
	mostAttackRules = 200
	// longestText is the longest label of a policy that becomes the label of a series.
	longestText = 64
)

// The labels of a policy's rules that become those of series.
const (
	attackLabel   = "attack"
	severityLabel = "severity"
)

// A credit is what the series of a rule with one verdict show.
type credit struct {
	counts guarder.Counts
	rule   *guarder.RuleStatus
}

// sendRules sends what rules were credited with, and what they are. Those beyond the
// limit of series are added up under "other".
func (c *guarderCollector) sendRules(e emitter, s guarder.Status) {
	rows := creditsOf(s.Rules)
	c.fold(rows)
	sent := make(map[*guarder.RuleStatus]bool)
	for set, row := range rows {
		e.ch <- metric.GuarderRulePackets.Counter(float64(row.counts.Packets), e.since, set[0], set[1], set[2])
		e.ch <- metric.GuarderRuleBytes.Counter(float64(row.counts.Bytes), e.since, set[0], set[1], set[2])
		if !sent[row.rule] {
			sent[row.rule] = true
			sendRule(e.ch, row.rule)
		}
	}
	sendModes(e.ch, s.Rules)
	e.ch <- metric.GuarderExpiredRules.Counter(float64(s.RulesExpired), e.since)
}

// creditsOf returns the series of rules: of those that matched, and of some that may
// matter at their first packet.
func creditsOf(rules []guarder.RuleStatus) map[labelSet]credit {
	rows := make(map[labelSet]credit)
	attacks := 0
	for i := range rules {
		r := &rules[i]
		if (r.Labels[attackLabel] != "" && r.Action == "drop" || r.Alert != nil) && attacks < mostAttackRules {
			attacks++
			rows[labels(r.Group, r.Rule, verdictOf(r.Action, r.Mode))] = credit{guarder.Counts{}, r}
		}
		for verdict, n := range r.Counts {
			rows[labels(r.Group, r.Rule, verdict)] = credit{n, r}
		}
	}
	return rows
}

// verdictOf returns what a rule of an action does in a mode.
func verdictOf(action, mode string) string {
	if action == "drop" && mode != "enforce" {
		return "would_drop"
	}
	return action
}

// fold adds up the series beyond the limit.
func (c *guarderCollector) fold(rows map[labelSet]credit) {
	weights := make([]weighted, 0, len(rows))
	for set, row := range rows {
		weights = append(weights, weighted{set, row.counts.Packets})
	}
	all := &guarder.RuleStatus{
		Group: "other", Rule: "other", Stage: "other", Mode: "other", Action: "other", Limit: "other",
		Labels: map[string]string{attackLabel: "other", severityLabel: "other"},
	}
	for _, folded := range c.limits.fold(metric.GuarderRulePackets, weights) {
		row, other := rows[folded.set], overflow(metric.GuarderRulePackets)
		delete(rows, folded.set)
		sum := rows[other].counts
		rows[other] = credit{guarder.Counts{Packets: sum.Packets + row.counts.Packets, Bytes: sum.Bytes + row.counts.Bytes}, all}
		if at := row.rule.LastMatch; at != nil && (all.LastMatch == nil || at.After(*all.LastMatch)) {
			all.LastMatch = at
		}
	}
}

// sendRule sends what a rule is.
func sendRule(ch chan<- prometheus.Metric, r *guarder.RuleStatus) {
	set := labels(r.Group, r.Rule, r.Stage, r.Mode, r.Action, r.Limit, short(r.Labels[attackLabel]), short(r.Labels[severityLabel]))
	ch <- metric.GuarderRuleInfo.Gauge(1, set[:]...)
	if r.LastMatch != nil {
		ch <- metric.GuarderRuleLastMatch.Gauge(unixSeconds(*r.LastMatch), set[0], set[1])
	}
}

// sendConnections sends what limits on connections count.
func sendConnections(ch chan<- prometheus.Metric, s guarder.Status) {
	if s.Connections == nil {
		return
	}
	ch <- metric.GuarderConnections.Gauge(float64(s.Connections.Open))
	ch <- metric.GuarderUncounted.Counter(float64(s.Connections.Uncounted), s.Applied)
	sent := 0
	for _, r := range s.Rules {
		if r.Connections == nil || sent == metric.MostCountingRules {
			continue
		}
		sent++
		set := labels(r.Group, r.Rule)
		ch <- metric.GuarderRuleConnections.Gauge(float64(r.Connections.Most), set[0], set[1])
		ch <- metric.GuarderRuleConnectionsLimit.Gauge(float64(r.Connections.Above), set[0], set[1])
	}
}

// short cuts a text of any length.
func short(text string) string { return text[:min(len(text), longestText)] }

// sendModes counts rules by what they may do, and those that end.
func sendModes(ch chan<- prometheus.Metric, rules []guarder.RuleStatus) {
	modes := map[string]int{"audit": 0, "enforce": 0}
	clamped, temporary := 0, 0
	for _, r := range rules {
		modes[r.Mode]++
		if r.Until != nil {
			temporary++
		}
		if r.Action == "drop" && r.Asks == "enforce" && r.Mode != r.Asks {
			clamped++
		}
	}
	for mode, n := range modes {
		ch <- metric.GuarderRules.Gauge(float64(n), mode)
	}
	ch <- metric.GuarderClampedRules.Gauge(float64(clamped))
	ch <- metric.GuarderTemporaryRules.Gauge(float64(temporary))
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
