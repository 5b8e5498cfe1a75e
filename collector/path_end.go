package collector

import (
	"strconv"
	"time"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/judge"
)

// sendEnd sends how well a destination answers.
func sendEnd(e emitter, p knownPath) {
	labels, end := p.key.with(), &p.End
	e.ch <- metric.LocatorRTT.Histogram(metric.Observations{Counts: end.RTT.Buckets[:], Sum: end.RTT.SumSeconds}, e.since, labels...)
	e.ch <- metric.LocatorProbesSent.Counter(float64(end.Sent), e.since, labels...)
	e.ch <- metric.LocatorProbesLost.Counter(float64(end.Lost), e.since, labels...)
	sendTime(e, metric.LocatorRTTMin, end.RTTMin, labels)
	sendTime(e, metric.LocatorRTTMedian, end.RTTMedian, labels)
	if end.HasJitter {
		e.ch <- metric.LocatorJitter.Gauge(end.Jitter.Seconds(), labels...)
	}
	if end.Loss.Sent > 0 {
		e.ch <- metric.LocatorLoss.Gauge(end.Loss.Apparent.Value, labels...)
		e.ch <- metric.LocatorLossLow.Gauge(end.Loss.Apparent.Low, labels...)
	}
}

// sendTime sends a time unless it is 0, which stands for none.
func sendTime(e emitter, f *metric.Family, d time.Duration, labels []string) {
	if d > 0 {
		e.ch <- f.Gauge(d.Seconds(), labels...)
	}
}

// sendNumber does the same with a number.
func sendNumber(e emitter, f *metric.Family, n int, labels []string) {
	if n > 0 {
		e.ch <- f.Gauge(float64(n), labels...)
	}
}

// sendPath sends what a path is.
func sendPath(e emitter, p knownPath) {
	labels := p.key.with()
	at := positionOf(p.Place.Place)
	e.ch <- metric.LocatorDestinationInfo.Gauge(1, p.key.with(
		ownText(p.Host), addressText(p.Address), strconv.FormatBool(p.Found), strangersText(p.Place.Country), strangersText(p.Place.City),
		asnText(p.Place.ASN), strangersText(p.Place.Name), at.latitude, at.longitude, at.geohash)...)
	for _, state := range locator.States {
		e.ch <- metric.LocatorPathState.Gauge(oneIf(p.State == state), p.key.with(string(state))...)
	}
	e.ch <- metric.LocatorPathFailing.Gauge(oneIf(p.Error != ""), labels...)
	if p.Reached || p.Known {
		e.ch <- metric.LocatorPathReached.Gauge(oneIf(p.Reached), labels...)
	}
	if p.BlockedReason != "" {
		e.ch <- metric.LocatorPathBlocked.Gauge(1, p.key.with(strangersText(p.BlockedReason))...)
	}
	sendNumber(e, metric.LocatorPathHops, p.Length, labels)
	sendNumber(e, metric.LocatorReverseHops, p.ReverseHops, labels)
	sendNumber(e, metric.LocatorPathASes, len(p.ASPath), labels)
	sendNumber(e, metric.LocatorPathWidth, p.Width, labels)
	e.ch <- metric.LocatorBranchesKnown.Gauge(oneIf(p.Branches), labels...)
	sendNumber(e, metric.LocatorPathMTU, p.MTU, labels)
	sendNumber(e, metric.LocatorPathMTULink, p.MTULink, labels)
	e.ch <- metric.LocatorMTUBlackHole.Gauge(oneIf(p.MTUBlackHole), labels...)
	sendTranslators(e, p)
}

var natMethods = []judge.Method{judge.Quoted, judge.Inferred, judge.Carrier}

func sendTranslators(e emitter, p knownPath) {
	found := make(map[judge.Method]int)
	for _, t := range p.Translators {
		found[t.Method]++
	}
	for _, method := range natMethods {
		e.ch <- metric.LocatorNAT.Gauge(float64(found[method]), p.key.with(string(method))...)
	}
}

// changeKinds are the values of the label kind: the levels of changes, and what is none.
var changeKinds = (change.Changes | change.Width | change.Flap).Names()

// sendChanges sends how a path changed. Each kind has a series from the beginning: a
// rate does not see the first change of one that begins with it.
func sendChanges(e emitter, p knownPath) {
	if p.ID != 0 {
		e.ch <- metric.LocatorPathID.Gauge(float64(p.ID), p.key.with()...)
	}
	for _, kind := range changeKinds {
		e.ch <- metric.LocatorPathChanges.Counter(float64(p.Changes[kind]), e.since, p.key.with(kind)...)
	}
	for _, event := range p.Events { // the newest first
		if event.Levels&change.Changes != 0 {
			e.ch <- metric.LocatorPathChanged.Gauge(unixSeconds(event.At), p.key.with()...)
			break
		}
	}
}
