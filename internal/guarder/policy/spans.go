package policy

import (
	"cmp"
	"slices"
)

// A span is from low to high, both included.
type span[T cmp.Ordered] struct{ low, high T }

// Spans are a set of values: sorted, and none overlaps or touches another.
type spans[T cmp.Ordered] []span[T]

// An axis is the values from least to most. Step returns the value one above (1) or
// below (-1).
type axis[T cmp.Ordered] struct {
	least, most T
	step        func(value T, by int) T
}

func (a axis[T]) all() spans[T] { return spans[T]{{a.least, a.most}} }

// numberAxis are the numbers up to a most one.
func numberAxis(most uint32) axis[uint32] {
	return axis[uint32]{0, most, func(n uint32, by int) uint32 { return uint32(int64(n) + int64(by)) }}
}

func spansOf(ranges []Range) spans[uint32] {
	var all spans[uint32]
	for _, r := range ranges {
		all = append(all, span[uint32]{r.Low, r.High})
	}
	return normal(all, numberAxis(1<<32-1))
}

// normal returns spans sorted and joined.
func normal[T cmp.Ordered](s spans[T], a axis[T]) spans[T] {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b span[T]) int { return cmp.Compare(a.low, b.low) })
	var all spans[T]
	for _, one := range s {
		if n := len(all); n > 0 {
			last := &all[n-1]
			if one.low <= last.high || one.low == a.step(last.high, 1) {
				last.high = max(last.high, one.high)
				continue
			}
		}
		all = append(all, one)
	}
	return all
}

// intersect returns what is in both.
func (s spans[T]) intersect(other spans[T]) spans[T] {
	// Mostly one of them is everything.
	switch {
	case len(s) == 1 && other.within(s):
		return other
	case len(other) == 1 && s.within(other):
		return s
	}
	var all spans[T]
	for i, j := 0, 0; i < len(s) && j < len(other); {
		low, high := max(s[i].low, other[j].low), min(s[i].high, other[j].high)
		if low <= high {
			all = append(all, span[T]{low, high})
		}
		if s[i].high < other[j].high {
			i++
		} else {
			j++
		}
	}
	return all
}

// complement returns what is on the axis, but not in s.
func complement[T cmp.Ordered](s spans[T], a axis[T]) spans[T] {
	var all spans[T]
	from := a.least
	for _, one := range s {
		if from < one.low {
			all = append(all, span[T]{from, a.step(one.low, -1)})
		}
		if one.high >= a.most {
			return all
		}
		from = a.step(one.high, 1)
	}
	return append(all, span[T]{from, a.most})
}

// within reports whether all of s is in other.
func (s spans[T]) within(other spans[T]) bool {
	j := 0
	for _, one := range s {
		for j < len(other) && other[j].high < one.low {
			j++
		}
		if j == len(other) || one.low < other[j].low || other[j].high < one.high {
			return false
		}
	}
	return true
}

// meets reports whether some value is in both.
func (s spans[T]) meets(other spans[T]) bool {
	for i, j := 0, 0; i < len(s) && j < len(other); {
		if max(s[i].low, other[j].low) <= min(s[i].high, other[j].high) {
			return true
		}
		if s[i].high < other[j].high {
			i++
		} else {
			j++
		}
	}
	return false
}

// has reports whether a value is in s.
func (s spans[T]) has(value T) bool {
	return slices.ContainsFunc(s, func(one span[T]) bool { return one.low <= value && value <= one.high })
}
