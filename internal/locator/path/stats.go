package path

import (
	"math"
	"time"
)

// Stats are running statistics of round trip times. The zero value has none.
type Stats struct {
	Count    uint64
	Min, Max time.Duration
	// Sum is of all times.
	Sum time.Duration

	mean, m2 float64 // of Welford, in seconds
	jitter   float64 // in seconds
	pairs    uint64
}

// Add counts a time.
func (s *Stats) Add(rtt time.Duration) {
	if s.Count == 0 || rtt < s.Min {
		s.Min = rtt
	}
	s.Max = max(s.Max, rtt)
	s.Sum += rtt
	s.Count++
	// B. P. Welford, Note on a method for calculating corrected sums of squares
	// and products, Technometrics 4 (1962). The distances are from the old and from
	// the new mean; from the new alone it falls short.
	x := rtt.Seconds()
	old := s.mean
	s.mean += (x - old) / float64(s.Count)
	s.m2 += (x - old) * (x - s.mean)
}

// Pair counts the distance between two times, one measured right after the other
// with the same flow. Probes lost between them make a pair useless: the caller leaves
// it out.
func (s *Stats) Pair(before, after time.Duration) {
	// RFC 3550, 6.4.1: J += (|D| - J) / 16. There D is the distance of the one-way
	// transits; of round trips it has the jitter of both ways. It is in
	// floating point, since the integer form of A.8 keeps 16 times the jitter.
	d := math.Abs((after - before).Seconds())
	s.jitter += (d - s.jitter) / 16
	s.pairs++
}

// Mean returns the mean, 0 without a time.
func (s *Stats) Mean() time.Duration { return seconds(s.mean) }

// Stddev returns the standard deviation of the sample (divided by n-1), and false with
// fewer than two times.
func (s *Stats) Stddev() (time.Duration, bool) {
	if s.Count < 2 {
		return 0, false
	}
	return seconds(math.Sqrt(max(0, s.m2) / float64(s.Count-1))), true
}

// Jitter returns the interarrival jitter of RFC 3550, and false without a pair. As it
// begins at 0 it needs some 50 pairs to be near the mean distance.
func (s *Stats) Jitter() (time.Duration, bool) {
	return seconds(s.jitter), s.pairs > 0
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

// Percentile returns the q-quantile, q from 0 to 1, of times that are sorted: the
// least that at least the part q of them does not exceed (nearest rank). It returns 0 if there are
// none.
func Percentile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	// Products such as 0.95*20 come out a trifle above the integer that they are.
	rank := int(math.Ceil(q*float64(len(sorted)) - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
