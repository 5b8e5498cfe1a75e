package pathmap

import (
	"math"
	"time"
)

// Times are durations, added up.
type Times struct {
	Count uint64
	Sum   time.Duration
	// logs and squares are the sums of the natural logarithms of the nanoseconds and of their
	// squares. Durations in a kernel are spread over decades, so it is by their logarithms that
	// two sets of them are compared.
	logs, squares float64
}

func (t *Times) add(d time.Duration) {
	l := math.Log(float64(max(d, 1)))
	t.Count++
	t.Sum += max(d, 0)
	t.logs += l
	t.squares += l * l
}

func (t *Times) merge(u Times) {
	t.Count += u.Count
	t.Sum += u.Sum
	t.logs += u.logs
	t.squares += u.squares
}

// Mean returns the arithmetic mean, 0 without any.
func (t Times) Mean() time.Duration {
	if t.Count == 0 {
		return 0
	}
	return t.Sum / time.Duration(t.Count)
}

// Typical returns the geometric mean, which a few long ones do not move far; 0 without any.
func (t Times) Typical() time.Duration {
	if t.Count == 0 {
		return 0
	}
	return time.Duration(math.Round(math.Exp(t.logs / float64(t.Count))))
}

// variance is that of the logarithms.
func (t Times) variance() float64 {
	if t.Count < 2 {
		return 0
	}
	n := float64(t.Count)
	return max(0, (t.squares-t.logs*t.logs/n)/(n-1))
}
