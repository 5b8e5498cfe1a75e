package path

import (
	"math"
	"testing"
)

// Values of the formula as the literature tabulates it: R. G. Newcombe, Two-sided
// confidence intervals for the single proportion, Statistics in Medicine 17 (1998),
// table I, method 3.
func TestWilsonOfNewcombe(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0.0000, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		r := Wilson(c.k, c.n, Z95)
		if math.Abs(r.Low-c.low) > 5e-5 || math.Abs(r.High-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, r.Low, r.High, c.low, c.high)
		}
	}
}

func TestWilsonHoldsWhatWasSeen(t *testing.T) {
	for n := range 300 {
		for k := range n + 1 {
			r := Wilson(k, n, Z95)
			if !(0 <= r.Low && r.Low <= r.Value && r.Value <= r.High && r.High <= 1) {
				t.Fatalf("%d of %d: %+v", k, n, r)
			}
		}
	}
}
