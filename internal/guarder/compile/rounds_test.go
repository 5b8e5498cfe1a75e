package compile

import "iter"

// rounds yields the rounds of a random test: so many, and then up to twenty times as many,
// until all was seen without which the test would test nothing.
func rounds(n int, enough func() bool) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n || i < 20*n && !enough(); i++ {
			if !yield(i) {
				return
			}
		}
	}
}
