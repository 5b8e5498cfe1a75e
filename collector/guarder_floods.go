package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// sendFloods sends what rules that answer SYNs do.
func sendFloods(e emitter, floods []guarder.FloodStatus) {
	for i := range floods {
		f := &floods[i]
		e.ch <- metric.GuarderCookiesActive.Gauge(oneIf(f.Active), f.Group, f.Rule, f.Mode)
		e.ch <- metric.GuarderCookiesSent.Counter(float64(f.Sent), e.since, f.Group, f.Rule)
		e.ch <- metric.GuarderCookiesLeft.Counter(float64(f.Left), e.since, f.Group, f.Rule)
		e.ch <- metric.GuarderCookiesChecked.Counter(float64(f.Valid), e.since, f.Group, f.Rule, "valid")
		e.ch <- metric.GuarderCookiesChecked.Counter(float64(f.Invalid), e.since, f.Group, f.Rule, "invalid")
	}
}
