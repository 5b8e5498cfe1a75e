package mda

import "math"

// Probes returns how many probes of different flows rule out a kth next hop with an
// error of at most e, if k-1 were seen and flows are balanced evenly:
// ceil(ln(e/k) / ln((k-1)/k)). For k below 2 it is 1.
func Probes(k int, e float64) int {
	if k < 2 {
		return 1
	}
	n := float64(k)
	return int(math.Ceil(math.Log(e/n) / math.Log((n-1)/n)))
}

// PerNode returns the error to allow at each of the branching points of a path, so that
// with 1-e all of them are enumerated: 1-(1-e)^(1/points).
func PerNode(e float64, points int) float64 {
	return 1 - math.Pow(1-e, 1/float64(max(points, 1)))
}
