package compile

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNoTwoWordsHaveOnePlace tries sets of words of each size.
func TestNoTwoWordsHaveOnePlace(t *testing.T) {
	m := newMaker(t)
	for _, all := range []int{1, 2, 64, 112, 2048} {
		for n := 1; n <= all; n += 1 + n/4 {
			var words []uint32
			for _, w := range rand.New(m).Perm(all)[:n] {
				words = append(words, uint32(w))
			}
			slices.Sort(words)
			hash, size := hashOf(words)
			if size > max(powerOfTwo(all), 1) {
				t.Errorf("%d of %d words take %d places", n, all, size)
			}
			taken := make(map[uint32]bool)
			for _, w := range words {
				at := hashed(w, hash)
				if taken[at] || int(at) >= size {
					t.Errorf("hash %#x of %v: word %d has place %d of %d, which is taken or too high", hash, words, w, at, size)
				}
				taken[at] = true
			}
		}
	}
	if _, size := hashOf([]uint32{5, 90, 111}); size > 8 {
		t.Errorf("3 words take %d places", size)
	}
}
