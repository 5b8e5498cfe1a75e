package collector

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/judge"
)

const (
	// hopRounds and hopStay are how long a hop stays that does not answer any more:
	// the longer one.
	hopRounds = 3
	hopStay   = 10 * time.Minute
)

// A hopRow is a hop with series of its own, or the sum of several that have none.
type hopRow struct {
	set labelSet
	hopSum
	// hop is nil of a sum.
	hop *locator.Hop
	// path, key and info are of a hop.
	path knownPath
	key  hopKey
	info hopInfo
}

// A hopSum is what can be told of several hops together.
type hopSum struct {
	min                 time.Duration
	implausible, listed answer
}

func sumOf(h *locator.Hop) hopSum {
	s := hopSum{min: h.Times.Min}
	switch h.Plausibility {
	case judge.Plausible, judge.Doubtful:
		s.implausible = no
	case judge.Implausible:
		s.implausible = yes
	}
	switch h.Blocklisted {
	case geo.Clear:
		s.listed = no
	case geo.Listed:
		s.listed = yes
	}
	return s
}

func (s hopSum) plus(t hopSum) hopSum {
	return hopSum{min(s.min, t.min), s.implausible.or(t.implausible), s.listed.or(t.listed)}
}

// sendHops sends what is known of hops, and the map of the paths.
func (c *pathCollector) sendHops(e emitter, s *locator.Snapshot, paths []knownPath) {
	gone := s.At.Add(-max(hopRounds*s.Self.Interval, hopStay))
	var rows []*hopRow
	for _, p := range paths {
		rows = append(rows, c.hopsOf(p, gone)...)
	}
	rows = c.foldHops(rows)
	for _, row := range rows {
		sendSum(e, row)
		if row.hop != nil {
			var late bool
			row.info, late = row.path.memory.info(row.key, row.hop)
			c.count("hour", late)
			sendHop(e, row)
		}
	}
	for _, p := range paths {
		maps.DeleteFunc(p.memory.shown, func(k hopKey, _ hopInfo) bool { return !p.memory.hops.has(k) })
	}
	places := mapsOf(rows)
	sendPoints(e, places)
	c.sendLinks(e, paths, places)
}

// hopsOf returns the hops of a path that have series of their own, and for each TTL the
// sum of the others under "other".
func (c *pathCollector) hopsOf(p knownPath, gone time.Time) []*hopRow {
	var rows []*hopRow
	others := make(map[string]*hopRow)
	seen := make(map[hopKey]bool)
	at := make(map[uint8]int)
	for _, h := range p.present(gone) {
		key := h.key
		if seen[key] {
			continue
		}
		seen[key] = true
		at[h.TTL]++
		own := at[h.TTL] <= maxTTLHops && h.Addr.IsValid()
		switch {
		case !own:
			c.count("ttl", p.memory.crowded.add(key))
		case !p.memory.hops.admit(key):
			c.count("hour", p.memory.late.add(key))
			own = false
		}
		if own {
			rows = append(rows, &hopRow{set: labels(p.key.with(key.ttl, key.hop)...), hopSum: sumOf(h.Hop), hop: h.Hop, path: p, key: key})
			continue
		}
		if sum := others[key.ttl]; sum != nil {
			sum.hopSum = sum.plus(sumOf(h.Hop))
			continue
		}
		others[key.ttl] = &hopRow{set: labels(p.key.with(key.ttl, "other")...), hopSum: sumOf(h.Hop)}
		rows = append(rows, others[key.ttl])
	}
	return rows
}

// A presentHop is a hop that answered of late.
type presentHop struct {
	*locator.Hop
	key hopKey
	// rank is less for those that should rather have series of their own.
	rank int
}

// present returns the hops that are there, by TTL; of one TTL first those that should have
// series of their own: who answers most, the destination, who has some, and then by the
// number of answers.
func (p knownPath) present(gone time.Time) []presentHop {
	var hops []presentHop
	for i := range p.Hops {
		h := &p.Hops[i]
		if h.LastSeen.Before(gone) {
			continue
		}
		key := hopKey{ttlText(h.TTL), addressText(h.Addr)}
		rank := 3
		switch {
		case h.Primary:
			rank = 0
		case h.Final:
			rank = 1
		case p.memory.hops.has(key):
			rank = 2
		}
		hops = append(hops, presentHop{h, key, rank})
	}
	slices.SortFunc(hops, func(a, b presentHop) int {
		return cmp.Or(cmp.Compare(a.TTL, b.TTL), cmp.Compare(a.rank, b.rank), cmp.Compare(b.Times.Count, a.Times.Count), a.Addr.Compare(b.Addr))
	})
	return hops
}

// foldHops adds up what is beyond the limit of all paths together.
func (c *pathCollector) foldHops(rows []*hopRow) []*hopRow {
	weights := make([]weighted, 0, len(rows))
	for _, row := range rows {
		w := weighted{set: row.set}
		if row.hop != nil {
			w.weight = 1 + row.hop.Times.Count
		}
		weights = append(weights, w)
	}
	folded := make(map[labelSet]bool)
	for _, w := range c.limits.foldSets(metric.LocatorHopRTTMin, weights, metric.MostPathHops) {
		folded[w.set] = true
	}
	var kept []*hopRow
	var other *hopRow
	for _, row := range rows {
		switch {
		case !folded[row.set]:
			kept = append(kept, row)
		case other == nil:
			other = &hopRow{set: overflow(metric.LocatorHopRTTMin), hopSum: row.hopSum}
			kept = append(kept, other)
		default:
			other.hopSum = other.plus(row.hopSum)
		}
	}
	return kept
}

// sendSum sends what a hop and a sum of hops have.
func sendSum(e emitter, row *hopRow) {
	labels := row.set[:5]
	sendTime(e, metric.LocatorHopRTTMin, row.min, labels)
	row.implausible.send(e, metric.LocatorHopImplausible, labels)
	row.listed.send(e, metric.LocatorHopBlocklisted, labels)
}

// sendHop sends what a hop alone has.
func sendHop(e emitter, row *hopRow) {
	labels, h := row.set[:5], row.hop
	e.ch <- metric.LocatorHopInfo.Gauge(1, append(labels[:5:5], row.info.values()...)...)
	if h.Times.Count == 0 {
		return
	}
	e.ch <- metric.LocatorHopRTT.Summary(metric.Distribution{
		Count: h.Times.Count, Sum: h.Times.Sum.Seconds(),
		Quantiles: []float64{h.P50.Seconds(), h.P95.Seconds(), h.P99.Seconds()}, // metric.RoundTripQuantiles
	}, time.Time{}, labels...)
	if jitter, ok := h.Times.Jitter(); ok {
		e.ch <- metric.LocatorHopJitter.Gauge(jitter.Seconds(), labels...)
	}
	if stddev, ok := h.Times.Stddev(); ok {
		e.ch <- metric.LocatorHopStddev.Gauge(stddev.Seconds(), labels...)
	}
}
