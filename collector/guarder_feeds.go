package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// sendFeeds sends what lists that others keep are like, and what they did. Refusals are
// counted by the agent, which may be younger than the counters of packets.
func sendFeeds(e emitter, s guarder.Status) {
	packets := newGroup[count](metric.GuarderFeedPackets, 2*len(s.Feeds))
	for i := range s.Feeds {
		f := &s.Feeds[i]
		packets.add(0, f.Feed, verdictOf(f.Action, f.Mode))
		for verdict, n := range f.Counts {
			packets.add(count(n.Packets), f.Feed, verdict)
		}
		e.ch <- metric.GuarderFeedInfo.Gauge(1, f.Feed, f.Mode, f.Action)
		e.ch <- metric.GuarderFeedEntries.Gauge(float64(f.Entries), f.Feed)
		e.ch <- metric.GuarderFeedExcluded.Gauge(float64(f.Excluded), f.Feed)
		e.ch <- metric.GuarderFeedInForce.Gauge(oneIf(f.InForce), f.Feed)
		e.ch <- metric.GuarderFeedStaleAfter.Gauge(f.StaleAfter, f.Feed)
		if f.Checked != nil {
			e.ch <- metric.GuarderFeedLastSuccess.Gauge(unixSeconds(*f.Checked), f.Feed)
		}
		if f.Reason != "" {
			e.ch <- metric.GuarderFeedRefused.Gauge(1, f.Feed, f.Reason)
		}
		for reason, n := range f.Refusals {
			e.ch <- metric.GuarderFeedRefusals.Counter(float64(n), s.AgentSince, f.Feed, reason)
		}
	}
	emit(e, packets)
	e.ch <- metric.GuarderFeedMemory.Gauge(float64(s.FeedMemory))
}
