package path

import "math"

// A Ratio is an estimated probability between its limits.
type Ratio struct {
	Value, Low, High float64
}

// Z95 and Z99 are how many standard deviations hold 95 and 99 % of a normal
// distribution.
const (
	Z95 = 1.959964
	Z99 = 2.575829
)

// Wilson returns k of n, and the limits of the probability behind it as E. B. Wilson has
// them (Probable inference, the law of succession, and statistical inference, JASA 22,
// 1927). They are useful for few probes, and where none or all got lost. Without probes
// it can be anything from 0 to 1.
func Wilson(k, n int, z float64) Ratio {
	if n == 0 {
		return Ratio{0, 0, 1}
	}
	p, m, zz := float64(k)/float64(n), float64(n), z*z
	centre := (p + zz/(2*m)) / (1 + zz/m)
	half := z * math.Sqrt(p*(1-p)/m+zz/(4*m*m)) / (1 + zz/m)
	r := Ratio{p, max(0, centre-half), min(1, centre+half)}
	// Rounding must not exclude what was seen.
	if k == 0 {
		r.Low = 0
	}
	if k == n {
		r.High = 1
	}
	return r
}
