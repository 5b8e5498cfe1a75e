package path

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const ms = time.Millisecond

// Compared with the two-pass formulas, also where the values are far from 0 and near each
// other, as those that add squares get wrong.
func TestStatsEqualTwoPasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, base := range []float64{0, 0.2, 1000} {
		var s Stats
		var values []float64
		for range 1001 {
			v := time.Duration((base + rng.ExpFloat64()*1e-4) * 1e9)
			s.Add(v)
			values = append(values, v.Seconds())
		}
		sum, squares, least := 0.0, 0.0, math.Inf(1)
		for _, v := range values {
			sum, least = sum+v, min(least, v)
		}
		mean := sum / 1001
		for _, v := range values {
			squares += (v - mean) * (v - mean)
		}
		want := math.Sqrt(squares / 1000)
		got, _ := s.Stddev()
		if math.Abs(got.Seconds()-want) > 2e-9 || math.Abs(s.Mean().Seconds()-mean) > 2e-9 ||
			math.Abs(s.Min.Seconds()-least) > 1e-12 || s.Count != 1001 {
			t.Errorf("base %v: got %v ± %v, min %v of %d; want %v ± %v, min %v", base, s.Mean(), got, s.Min, s.Count, mean, want, least)
		}
	}
}

func TestFewValues(t *testing.T) {
	var s Stats
	if _, ok := s.Stddev(); ok || s.Mean() != 0 {
		t.Error("statistics of nothing")
	}
	s.Add(3 * ms)
	if _, ok := s.Stddev(); ok || s.Mean() != 3*ms || s.Min != 3*ms || s.Max != 3*ms {
		t.Errorf("one value: %+v", s)
	}
	if _, ok := s.Jitter(); ok {
		t.Error("jitter without a pair")
	}
	s.Add(5 * ms)
	if d, ok := s.Stddev(); !ok || d != 1414214 {
		t.Errorf("3 and 5 ms deviate by %v, want √2 ms", d)
	}
}

// The mean distance of two values that are uniform in ±5 ms is 10/3 ms. A form that
// forgets to divide by 16 gives 53 ms.
func TestJitterIsTheMeanDistance(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	var s Stats
	before, sum, rounds := 20*ms, 0.0, 0
	for i := range 20000 {
		rtt := 15*ms + time.Duration(rng.Int64N(int64(10*ms)))
		s.Pair(before, rtt)
		before = rtt
		if j, _ := s.Jitter(); i >= 100 {
			sum, rounds = sum+j.Seconds(), rounds+1
		}
	}
	if mean := sum / float64(rounds); math.Abs(mean-0.010/3) > 0.0001 {
		t.Errorf("jitter is %.2f ms in the mean, want 3.33", mean*1000)
	}
}

// Values of RFC 3550's formula, by hand.
func TestJitterSteps(t *testing.T) {
	var s Stats
	for _, step := range []struct{ before, after, want time.Duration }{
		{10 * ms, 26 * ms, 1 * ms},                  // 0 + (16-0)/16
		{26 * ms, 9 * ms, 2 * ms},                   // 1 + (17-1)/16
		{9 * ms, 9 * ms, 1875 * time.Microsecond},   // 2 + (0-2)/16
		{9 * ms, 9 * ms, 1757812 * time.Nanosecond}, // and so on, rounded
	} {
		s.Pair(step.before, step.after)
		if j, _ := s.Jitter(); (j - step.want).Abs() > 1 {
			t.Errorf("after %v and %v: %v, want %v", step.before, step.after, j, step.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var times []time.Duration
	if Percentile(times, 0.5) != 0 {
		t.Error("median of nothing")
	}
	for i := range 20 {
		times = append(times, time.Duration(i+1)*ms)
	}
	for q, want := range map[float64]time.Duration{0: 1 * ms, 0.05: 1 * ms, 0.051: 2 * ms, 0.5: 10 * ms, 0.95: 19 * ms, 0.99: 20 * ms, 1: 20 * ms} {
		if got := Percentile(times, q); got != want {
			t.Errorf("%v-quantile of 1 to 20 ms is %v, want %v", q, got, want)
		}
	}
}
