package collector

import (
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/locator"
)

// pathBound returns the greatest number of label sets of a family of the collector
// "path".
func (h Host) pathBound(f *metric.Family, limit int) int {
	n := h.Destinations
	switch {
	case n == 0:
		return 0
	case f.HasLabel("db"):
		return h.LocatorFiles * pathValues(f)
	case f.HasLabel("remote"):
		return n * pathValues(f) // those that are found are destinations
	case f.HasLabel("hop"):
		if summed := f == metric.LocatorHopRTTMin || f == metric.LocatorHopBlocklisted || f == metric.LocatorHopImplausible; summed {
			return min(n*h.PathHops, metric.MostPathHops, limit)
		}
		sets := n * h.PathHops
		if f == metric.LocatorPathPoint {
			sets = n * h.PathTTLs
		}
		return min(sets, min(metric.MostPathHops, limit)-1) // all but "other"
	case f.HasLabel("ttl"):
		return min(n*h.PathTTLs, min(metric.MostPathTTLs, limit-1)) * pathValues(f)
	case f.HasLabel("source"):
		return min(n*h.PathLinks, min(metric.MostPathLinks, limit-1))
	case f.HasLabel("rule"):
		return min(n*h.PathRules, metric.MostPathRules, limit)
	case f.HasLabel("factor"):
		return min(n*(h.PathRules+riskWeights), metric.MostPathRules, limit)
	case f.HasLabel("dest"):
		return n * pathValues(f)
	}
	return pathValues(f)
}

// riskWeights is how many factors of the risk are no rule.
const riskWeights = 4

// pathValues returns how many label sets one destination, distance or file has of a
// family, or the engine itself.
func pathValues(f *metric.Family) int {
	n := 1
	for _, label := range f.Labels {
		switch label {
		case "state":
			n *= len(locator.States)
		case "method":
			n *= len(natMethods)
		case "kind":
			if f == metric.LocatorTTLLoss {
				n *= 2
			} else if f == metric.LocatorPathChanges {
				n *= len(changeKinds)
			}
		case "direction", "clock", "result":
			n *= 2
		case "purpose":
			n *= 6
		case "reason":
			switch f {
			case metric.LocatorSkipped:
				n *= 3
			case metric.LocatorOverflow:
				n *= len(overflowReasons)
			}
		}
	}
	return n
}
