package compile

import "math/bits"

// hashed returns where the word of a number stands among those of a row. The lowest bits
// of the hash are the shift, so that it is one number.
func hashed(word, hash uint32) uint32 { return word * hash >> (hash & 31) }

// Bounds of the search for hashes.
const (
	hashTries = 64
	// hopeless is how many pairs of words there may be for a place: with more, chances
	// are less than 1 in hashTries that no two words fall on the same.
	hopeless = 4
)

// hashOf returns a multiplier by which no two of the words stand in the same place, and
// how many places there are. It takes as few as it finds; with many words these are all
// that there can be.
func hashOf(words []uint32) (hash uint32, size int) {
	if len(words) == 0 {
		return 31, 0
	}
	last := uint32(0)
	for _, w := range words {
		last = max(last, w)
	}
	all := bits.Len32(last)
	for n := bits.Len(uint(len(words) - 1)); n < all; n++ {
		if len(words)*(len(words)-1)/2 > hopeless<<n {
			continue
		}
		shift := uint32(32 - max(n, 1))
		for try := range uint32(hashTries) {
			const golden = 0x9e3779b9 // is odd, and its multiples are spread out
			hash := try*golden&^31 | shift
			if size, ok := places(words, hash); ok && size <= 1<<n {
				return hash, size
			}
		}
	}
	// The number itself. What the shift adds to the product stays below it: there are
	// at most 2,048 words.
	shift := uint32(32 - max(all, 1))
	hash = 1<<shift&^31 | shift
	size, _ = places(words, hash)
	return hash, size
}

// places returns how many places words take, and whether no two have the same.
func places(words []uint32, hash uint32) (size int, ok bool) {
	var taken [maxWords / 64]uint64
	for _, w := range words {
		at := hashed(w, hash)
		if taken[at/64]>>(at%64)&1 != 0 {
			return 0, false
		}
		taken[at/64] |= 1 << (at % 64)
		size = max(size, int(at)+1)
	}
	return size, true
}
