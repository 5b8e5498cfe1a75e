package collector

import (
	"cmp"
	"slices"
	"sync"

	"github.com/packetscope/packetscope/collector/metric"
)

// limits keeps every family of the engines within its number of series. It
// remembers which label sets are exposed and which are folded, because a set
// that changed sides would make a counter go backwards.
type limits struct {
	series int

	mu       sync.Mutex
	families map[*metric.Family]*limiter
}

func newLimits(series int) *limits {
	return &limits{series: series, families: make(map[*metric.Family]*limiter)}
}

// weighted is a label set with its number of observations.
type weighted struct {
	set    labelSet
	weight uint64
}

// fold returns those of the present label sets of f that are to be folded. The
// set that they are folded into is not among them, but there is room for it.
func (l *limits) fold(f *metric.Family, present []weighted) []labelSet {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.families[f]
	if !ok {
		one = newLimiter(l.series, f.SeriesPerSet())
		l.families[f] = one
	}
	return one.fold(present)
}

// folded returns how many series of f were folded so far.
func (l *limits) folded(f *metric.Family) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one, ok := l.families[f]; ok {
		return one.series
	}
	return 0
}

// limiter is the limit of one family. Its memory is bounded by what the engine
// reports at the same time.
type limiter struct {
	// room is the number of label sets that can be exposed besides "other", and
	// perSet the number of series that each has.
	room, perSet int
	// kept and foldedSets are disjoint.
	kept, foldedSets map[labelSet]struct{}
	series           uint64
}

func newLimiter(series, perSet int) *limiter {
	return &limiter{
		room:       max(0, series/perSet-1),
		perSet:     perSet,
		kept:       make(map[labelSet]struct{}),
		foldedSets: make(map[labelSet]struct{}),
	}
}

// fold decides about the label sets that are new, and returns all folded ones
// that are present.
func (l *limiter) fold(present []weighted) []labelSet {
	var fresh []weighted
	for _, p := range present {
		if !has(l.kept, p.set) && !has(l.foldedSets, p.set) {
			fresh = append(fresh, p)
		}
	}
	if len(l.kept)+len(fresh) > l.room {
		// Only now, and not at every scrape: when two scrapes overlap, the one with
		// the older snapshot must not forget what the other has just exposed.
		l.forgetAbsent(present)
	}
	slices.SortFunc(fresh, func(a, b weighted) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), compareLabels(a.set, b.set))
	})
	for _, p := range fresh {
		if len(l.kept) < l.room {
			l.kept[p.set] = struct{}{}
			continue
		}
		l.foldedSets[p.set] = struct{}{}
		l.series += uint64(l.perSet)
	}
	if len(l.foldedSets) == 0 {
		return nil
	}
	var folded []labelSet
	for _, p := range present {
		if has(l.foldedSets, p.set) {
			folded = append(folded, p.set)
		}
	}
	return folded
}

// forgetAbsent makes room: the engine reports what it has counted for good, so
// what is absent belonged to a watch that was removed.
func (l *limiter) forgetAbsent(present []weighted) {
	now := make(map[labelSet]struct{}, len(present))
	for _, p := range present {
		now[p.set] = struct{}{}
	}
	for _, sets := range []map[labelSet]struct{}{l.kept, l.foldedSets} {
		for set := range sets {
			if !has(now, set) {
				delete(sets, set)
			}
		}
	}
}

func has(sets map[labelSet]struct{}, set labelSet) bool {
	_, ok := sets[set]
	return ok
}
