package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// sendBans sends what bans do, of origins that ban anybody. What became of them is counted
// by the agent, which may be younger than the counters of packets.
func sendBans(e emitter, s guarder.Status) {
	packets := newGroup[count](metric.GuarderBanPackets, 2*len(s.Bans))
	for _, b := range s.Bans {
		packets.add(0, b.Origin, "drop")
		for verdict, n := range b.Counts {
			packets.add(count(n.Packets), b.Origin, verdict)
		}
		e.ch <- metric.GuarderBans.Gauge(float64(b.Bans), b.Origin)
	}
	emit(e, packets)
	for _, event := range s.BanEvents {
		e.ch <- metric.GuarderBanEvents.Counter(float64(event.Events), s.AgentSince, event.Origin, event.Action)
	}
}
