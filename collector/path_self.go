package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
)

// sendPassive sends what connections tell, of the first networks, which are those with
// most bytes.
func sendPassive(e emitter, networks []locator.Passive) {
	seen := make(map[string]bool)
	for i := range networks {
		n := &networks[i]
		remote := n.Network.String()
		if seen[remote] || len(seen) == metric.MostDestinations {
			continue
		}
		seen[remote] = true
		labels := []string{remote, ownText(n.Dest)}
		sendTime(e, metric.LocatorPassiveRTT, n.RTT, labels)
		sendTime(e, metric.LocatorPassiveRTTMin, n.RTTMin, labels)
		if n.HasRetransmitted {
			e.ch <- metric.LocatorPassiveRetransmits.Gauge(n.Retransmitted, labels...)
		}
		e.ch <- metric.LocatorPassiveConnections.Gauge(float64(n.Connections), labels...)
		e.ch <- metric.LocatorPassiveBytes.Gauge(float64(n.Received), remote, labels[1], "receive")
		e.ch <- metric.LocatorPassiveBytes.Gauge(float64(n.Sent), remote, labels[1], "transmit")
	}
}

// sendLocator sends how the engine itself does.
func sendLocator(e emitter, s *locator.Snapshot) {
	self := &s.Self
	if self.Way != "" {
		e.ch <- metric.LocatorWay.Gauge(1, self.Way)
	}
	emitCounts(e, metric.LocatorPackets, self.Sent)
	emitCounts(e, metric.LocatorSkipped, self.Skipped)
	e.ch <- metric.LocatorShared.Counter(float64(self.Shared), e.since)
	e.ch <- metric.LocatorLag.Gauge(self.Lag.Seconds())
	e.ch <- metric.LocatorInterval.Gauge(self.Interval.Seconds())
	e.ch <- metric.LocatorLate.Counter(float64(self.Late), e.since)
	e.ch <- metric.LocatorDuplicate.Counter(float64(self.Duplicates), e.since)
	e.ch <- metric.LocatorUnmatched.Counter(float64(self.Unmatched), e.since)
	e.ch <- metric.LocatorDropped.Counter(float64(self.Dropped), e.since)
	e.ch <- metric.LocatorTimestamps.Counter(float64(self.KernelSent), e.since, "transmit", "kernel")
	e.ch <- metric.LocatorTimestamps.Counter(float64(self.UserSent), e.since, "transmit", "user")
	e.ch <- metric.LocatorTimestamps.Counter(float64(self.KernelReceived), e.since, "receive", "kernel")
	e.ch <- metric.LocatorTimestamps.Counter(float64(self.UserReceived), e.since, "receive", "user")
	e.ch <- metric.LocatorRefused.Gauge(float64(self.Refused))
	e.ch <- metric.LocatorPositionKnown.Gauge(oneIf(self.PositionKnown))
	sendFiles(e, self.Files)
	if h := self.History; h != nil {
		e.ch <- metric.LocatorHistoryBytes.Gauge(float64(h.Bytes))
		e.ch <- metric.LocatorHistoryRecords.Counter(float64(h.Records), e.since)
		e.ch <- metric.LocatorHistoryDropped.Counter(float64(h.Dropped), e.since)
		e.ch <- metric.LocatorHistorySuccessful.Gauge(oneIf(h.Err == ""))
	}
}

// sendFiles sends what the databases, overrides and blocklists are.
func sendFiles(e emitter, files []geo.Status) {
	seen := make(map[string]bool)
	for i := range files {
		f := &files[i]
		name := ownText(f.Name)
		if seen[name] {
			name = ownText(f.Path)
		}
		if seen[name] || len(seen) == metric.MostLocatorFiles {
			continue
		}
		seen[name] = true
		e.ch <- metric.LocatorDBInfo.Gauge(1, name, f.Role, strangersText(f.Type))
		if !f.Built.IsZero() {
			e.ch <- metric.LocatorDBBuilt.Gauge(unixSeconds(f.Built), name)
		}
		e.ch <- metric.LocatorDBEntries.Gauge(float64(f.Entries), name)
		e.ch <- metric.LocatorDBReloads.Counter(float64(f.Succeeded), e.since, name, "success")
		e.ch <- metric.LocatorDBReloads.Counter(float64(f.Failed), e.since, name, "failure")
		e.ch <- metric.LocatorDBSuccessful.Gauge(oneIf(f.Err == nil), name)
		e.ch <- metric.LocatorDBDamaged.Counter(float64(f.Damaged), e.since, name)
	}
}
