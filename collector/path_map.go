package collector

import (
	"time"

	"github.com/packetscope/packetscope/collector/metric"
)

// A pathMap is what of a path is on a map: the hops whose positions are known and can be
// right.
type pathMap struct {
	// byTTL is one hop of each TTL, who answers most; byAddress has all of them.
	byTTL, byAddress map[string]*hopRow
}

// mapsOf returns the maps of paths.
func mapsOf(rows []*hopRow) map[pathKey]pathMap {
	maps := make(map[pathKey]pathMap)
	for _, row := range rows {
		if row.hop == nil || row.info.latitude == "" || row.implausible == yes {
			continue
		}
		m, ok := maps[row.path.key]
		if !ok {
			m = pathMap{make(map[string]*hopRow), make(map[string]*hopRow)}
			maps[row.path.key] = m
		}
		m.byAddress[row.key.hop] = row
		if row.hop.Primary && m.byTTL[row.key.ttl] == nil {
			m.byTTL[row.key.ttl] = row
		}
	}
	return maps
}

// sendPoints sends the lines of paths.
func sendPoints(e emitter, maps map[pathKey]pathMap) {
	for _, m := range maps {
		for _, row := range m.byTTL {
			at := row.info.position
			e.ch <- metric.LocatorPathPoint.Gauge(float64(row.hop.TTL), append(row.set[:5:5], at.latitude, at.longitude, at.geohash)...)
		}
	}
}

// sendLinks sends the links between hops on the map. Of those between the same two hops
// at several distances, which a loop makes, the shortest counts.
func (c *pathCollector) sendLinks(e emitter, paths []knownPath, maps map[pathKey]pathMap) {
	rows := make(map[labelSet]time.Duration)
	for _, p := range paths {
		places := maps[p.key].byAddress
		for _, l := range p.Links {
			key := linkKey{addressText(l.From), addressText(l.To)}
			if places[key.source] == nil || places[key.target] == nil || key.source == key.target {
				continue
			}
			if !p.memory.links.admit(key) {
				c.count("link", p.memory.cut.add(key))
				continue
			}
			set := labels(p.key.with(key.source+">"+key.target, key.source, key.target)...)
			if d, ok := rows[set]; !ok || l.Delay < d {
				rows[set] = l.Delay
			}
		}
	}
	weights := make([]weighted, 0, len(rows))
	for set := range rows {
		weights = append(weights, weighted{set: set})
	}
	for _, folded := range c.limits.foldSets(metric.LocatorLink, weights, metric.MostPathLinks+1) {
		delete(rows, folded.set)
	}
	for set, delay := range rows {
		e.ch <- metric.LocatorLink.Gauge(delay.Seconds(), set[:6]...)
	}
}
