//go:build bench

package bench

import (
	"fmt"
	"slices"
)

// A spread is what is left of the rounds: the median, and the quartiles that half
// of the rounds lie between.
type spread struct{ low, median, high float64 }

// spreadOf returns the spread of at least one value; it sorts them.
func spreadOf(values []float64) spread {
	slices.Sort(values)
	last := len(values) - 1
	return spread{low: values[last/4], median: values[last/2], high: values[last-last/4]}
}

// text formats with so many digits behind the point: "58 (54 to 63)".
func (s spread) text(digits int) string {
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, s.median, digits, s.low, digits, s.high)
}

// percent formats shares: "3.1 % (2.2 to 4.0)".
func (s spread) percent() string {
	return fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*s.median, 100*s.low, 100*s.high)
}

// over returns one spread of f over all rounds.
func over[R any](rounds []R, f func(R) float64) spread {
	var values []float64
	for _, r := range rounds {
		values = append(values, f(r))
	}
	return spreadOf(values)
}

// met tells whether an aim is met, in one word.
func met(yes bool) string {
	if yes {
		return "met"
	}
	return "**missed**"
}
