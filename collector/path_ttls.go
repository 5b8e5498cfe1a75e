package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/path"
)

// sendTTLs sends what is known of distances. Those beyond the limit are left out: a sum
// over distances would mean nothing.
func (c *pathCollector) sendTTLs(e emitter, paths []knownPath) {
	rows := make(map[labelSet]*locator.TTL)
	for _, p := range paths {
		for i := range p.TTLs {
			t := &p.TTLs[i]
			rows[labels(p.key.with(ttlText(t.TTL))...)] = t
		}
	}
	weights := make([]weighted, 0, len(rows))
	for set, t := range rows {
		weights = append(weights, weighted{set, t.Sent})
	}
	for _, folded := range c.limits.foldSets(metric.LocatorTTLProbesSent, weights, metric.MostPathTTLs+1) {
		delete(rows, folded.set)
	}
	for set, t := range rows {
		sendTTL(e, t, set[:4])
	}
}

func sendTTL(e emitter, t *locator.TTL, labels []string) {
	e.ch <- metric.LocatorTTLProbesSent.Counter(float64(t.Sent), e.since, labels...)
	e.ch <- metric.LocatorTTLReplies.Counter(float64(t.Replies), e.since, labels...)
	with := func(kind string) []string { return append(labels[:4:4], kind) }
	if t.Loss.Sent > 0 {
		e.ch <- metric.LocatorTTLLoss.Gauge(t.Loss.Apparent.Value, with("apparent")...)
		e.ch <- metric.LocatorTTLLimited.Gauge(oneIf(t.Loss.Limited), labels...)
		if t.Loss.Class != path.Unknown {
			e.ch <- metric.LocatorTTLLoss.Gauge(t.Loss.Path.Value, with("path")...)
			e.ch <- metric.LocatorTTLLossy.Gauge(oneIf(t.Loss.Class == path.Real), labels...)
		}
	}
	sendTime(e, metric.LocatorTTLRTT, t.PathRTT, labels)
}
