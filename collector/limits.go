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

// fold returns the part of present, the label sets of f in this scrape, that is to
// be folded. It reorders present. The set that they are folded into is not among
// them, but there is room for it.
func (l *limits) fold(f *metric.Family, present []weighted) []weighted {
	return l.foldWithin(f, present, seriesLimit(f, l.series), f.SeriesPerSet())
}

// foldWithin is fold for a family that may have no more than the given number of
// series, and of which each of present has perSet.
func (l *limits) foldWithin(f *metric.Family, present []weighted, series, perSet int) []weighted {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.families[f]
	if !ok {
		one = newLimiter(min(series, l.series), perSet)
		l.families[f] = one
	}
	return one.fold(present)
}

// foldSets is fold for label sets that are folded into no counter, whatever number of series each of
// them has: those that were folded get series again as soon as there is room.
func (l *limits) foldSets(f *metric.Family, present []weighted, sets int) []weighted {
	folded := l.foldWithin(f, present, sets, 1)
	if len(folded) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.families[f].promote(present, folded)
}

// seriesLimit returns the limit of a family under a general one.
func seriesLimit(f *metric.Family, general int) int {
	if f.MostSeries > 0 {
		return min(f.MostSeries, general)
	}
	return general
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
	// folded tells of every known label set whether it is folded; kept is the
	// number of those that are not.
	folded map[labelSet]bool
	kept   int
	// series is the number of series that were folded so far.
	series uint64
}

func newLimiter(series, perSet int) *limiter {
	return &limiter{
		room:   max(0, series/perSet-1),
		perSet: perSet,
		folded: make(map[labelSet]bool),
	}
}

// fold decides about the label sets that are new, and returns the folded ones. It
// reorders present.
func (l *limiter) fold(present []weighted) []weighted {
	var fresh []weighted
	for _, p := range present {
		if _, known := l.folded[p.set]; !known {
			fresh = append(fresh, p)
		}
	}
	if l.kept+len(fresh) > l.room && len(fresh) > 0 {
		// Only now, and not at every scrape: when two scrapes overlap, the one with
		// the older snapshot must not forget what the other has just exposed.
		l.forgetAbsent(present)
	}
	l.decide(fresh)
	if len(l.folded) == l.kept {
		return nil
	}
	n := 0
	for i, p := range present {
		if l.folded[p.set] {
			present[i], present[n] = present[n], p
			n++
		}
	}
	return present[:n]
}

// promote gives the room that there is to those of the folded label sets with the most
// observations, and returns the others.
func (l *limiter) promote(present, folded []weighted) []weighted {
	l.forgetAbsent(present)
	slices.SortFunc(folded, func(a, b weighted) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), compareLabels(a.set, b.set))
	})
	n := min(len(folded), max(0, l.room-l.kept))
	for _, p := range folded[:n] {
		l.folded[p.set] = false
	}
	l.kept += n
	return folded[n:]
}

// decide gives the room there is to the label sets with the most observations.
func (l *limiter) decide(fresh []weighted) {
	slices.SortFunc(fresh, func(a, b weighted) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), compareLabels(a.set, b.set))
	})
	for _, p := range fresh {
		fold := l.kept >= l.room
		l.folded[p.set] = fold
		if fold {
			l.series += uint64(l.perSet)
		} else {
			l.kept++
		}
	}
}

// forgetAbsent makes room: the engine reports what it has counted for good, so
// what is absent belonged to a watch that was removed.
func (l *limiter) forgetAbsent(present []weighted) {
	now := make(map[labelSet]struct{}, len(present))
	for _, p := range present {
		now[p.set] = struct{}{}
	}
	for set, folded := range l.folded {
		if _, ok := now[set]; ok {
			continue
		}
		delete(l.folded, set)
		if !folded {
			l.kept--
		}
	}
}
