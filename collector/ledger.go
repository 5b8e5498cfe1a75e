package collector

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"time"
)

const (
	// scoreHalfLife is how long it takes for what an item counted to count half, so
	// that one that falls silent stays listed for minutes.
	scoreHalfLife = 5 * time.Minute
	// incumbency is what the score of a listed item is worth against others: of
	// many that are much alike, a few stay listed instead of ever other ones.
	incumbency = 2
	// maxUnlisted is how many items that are not listed any more are remembered.
	maxUnlisted = 1000
)

// A ledgerKey is what tells items of a ledger apart.
type ledgerKey[K any] interface {
	comparable
	Compare(K) int
}

// A tally is what an item counts.
type tally[V any] interface {
	comparable
	Plus(V) V
	// Since returns what was added to an older tally of the same item, which may have
	// begun anew in between.
	Since(V) V
	// Zip returns what f makes of each pair of counts.
	Zip(V, func(x, y uint64) uint64) V
}

// A ledger decides which of many items are listed, such as flows, and keeps what is
// exposed of them.
//
// Only what an item counts while it is listed is added to its series; everything else
// is added to other's. So nothing is counted twice, all series add up to the total
// of the kernel, and none goes backwards: an item that leaves the list and comes back
// goes on where it was, and other never loses what was added to it.
type ledger[K ledgerKey[K], V tally[V]] struct {
	top int
	// weigh is how busy a tally is.
	weigh func(V) uint64
	// last is when the last table was read.
	last time.Time
	// known are the items in the last table.
	known map[K]*knownItem[V]
	// listed are at most top.
	listed map[K]*listedItem[V]
	// unlisted are those that were listed, in the order in which they left.
	unlisted []unlistedItem[K, V]
	// own is the sum over all series but other's, ever; base is what the total was
	// when the ledger began.
	own, other, base V
	turn             uint64
}

// A knownItem is what the last table said, and how busy the item is.
type knownItem[V any] struct {
	counts V
	score  float64
	turn   uint64 // of the last table that had it
}

// A listedItem is what is exposed.
type listedItem[V any] struct {
	counts V
	// created is when counts was zero.
	created time.Time
	score   float64
}

type unlistedItem[K, V any] struct {
	key K
	was *listedItem[V]
}

func newLedger[K ledgerKey[K], V tally[V]](top int, since time.Time, weigh func(V) uint64) *ledger[K, V] {
	return &ledger[K, V]{
		top: top, last: since, weigh: weigh,
		known:  make(map[K]*knownItem[V]),
		listed: make(map[K]*listedItem[V]),
	}
}

// A candidate may be listed.
type candidate[K, V any] struct {
	key   K
	score float64
	// weight is what choose goes by.
	weight float64
	// fresh is what the item counted since the last table.
	fresh V
}

// begin lists by a first table without exposing what it has counted: that was before
// the series began.
func (l *ledger[K, V]) begin(now time.Time, table iter.Seq2[K, V], total V) {
	candidates := l.candidates(now, table)
	var none V
	for i := range candidates {
		candidates[i].fresh = none
	}
	l.last, l.base = now, total
	l.list(choose(candidates, l.top, func(K) bool { return false }))
}

// enter brings the ledger up to a table, which must not be older than the last one,
// and to the total over all items.
func (l *ledger[K, V]) enter(now time.Time, table iter.Seq2[K, V], total V) {
	candidates := l.candidates(now, table)
	l.list(choose(candidates, l.top, func(k K) bool { return l.listed[k] != nil }))
	l.last = now
	// The total is read after the items, and may hold what was counted in between;
	// then other would lose it again.
	rest := lessOrZero(lessOrZero(total, l.base), l.own)
	l.other = atLeast(rest, l.other)
}

// candidates returns all items that may be listed, with their scores.
func (l *ledger[K, V]) candidates(now time.Time, table iter.Seq2[K, V]) []candidate[K, V] {
	decay := 1.0
	if !l.last.IsZero() {
		decay = math.Exp2(-max(0, now.Sub(l.last).Seconds()) / scoreHalfLife.Seconds())
	}
	l.turn++
	candidates := make([]candidate[K, V], 0, len(l.known)+len(l.listed))
	for key, counts := range table {
		known := l.known[key]
		if known == nil {
			known = new(knownItem[V])
			l.known[key] = known
		}
		fresh := counts.Since(known.counts)
		score := known.score*decay + float64(l.weigh(fresh))
		*known = knownItem[V]{counts, score, l.turn}
		candidates = append(candidates, candidate[K, V]{key: key, score: score, fresh: fresh})
	}
	for key, k := range l.known {
		if k.turn != l.turn {
			delete(l.known, key)
		}
	}
	for key, was := range l.listed {
		if _, ok := l.known[key]; !ok { // evicted; not before something else is busier
			candidates = append(candidates, candidate[K, V]{key: key, score: was.score * decay})
		}
	}
	return candidates
}

// choose returns at most top of the candidates: the busiest one, and then by score,
// where those for which listed is true have an advantage. It changes candidates.
func choose[K ledgerKey[K], V any](candidates []candidate[K, V], top int, listed func(K) bool) []candidate[K, V] {
	if len(candidates) == 0 || top <= 0 {
		return nil
	}
	best := 0
	for i := range candidates {
		if compareScores(candidates[i], candidates[best]) < 0 {
			best = i
		}
	}
	for i := range candidates {
		if c := &candidates[i]; i == best {
			c.weight = math.Inf(1)
		} else if c.weight = c.score; listed(c.key) {
			c.weight *= incumbency
		}
	}
	// Not all are sorted: they may be many, and top is small.
	chosen := make([]candidate[K, V], 0, top+1)
	for _, c := range candidates {
		if len(chosen) == top && compareWeights(chosen[top-1], c) < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(chosen, c, compareWeights[K, V])
		chosen = slices.Insert(chosen, at, c)
		chosen = chosen[:min(top, len(chosen))]
	}
	return chosen
}

func compareScores[K ledgerKey[K], V any](a, b candidate[K, V]) int {
	return cmp.Or(cmp.Compare(b.score, a.score), a.key.Compare(b.key))
}

func compareWeights[K ledgerKey[K], V any](a, b candidate[K, V]) int {
	return cmp.Or(cmp.Compare(b.weight, a.weight), a.key.Compare(b.key))
}

// list makes these the listed items, and adds what they counted to their series.
func (l *ledger[K, V]) list(top []candidate[K, V]) {
	before := l.listed
	l.listed = make(map[K]*listedItem[V], len(top))
	for _, c := range top {
		f := before[c.key]
		delete(before, c.key)
		if f == nil {
			f = l.recall(c.key)
		}
		f.counts = f.counts.Plus(c.fresh)
		f.score = c.score
		l.own = l.own.Plus(c.fresh)
		l.listed[c.key] = f
	}
	for key, f := range before {
		l.unlisted = append(l.unlisted, unlistedItem[K, V]{key, f})
	}
	if n := len(l.unlisted) - maxUnlisted; n > 0 {
		l.unlisted = slices.Delete(l.unlisted, 0, n)
	}
}

// recall returns the series of an item that is listed again, or a new one.
func (l *ledger[K, V]) recall(key K) *listedItem[V] {
	for i, u := range l.unlisted {
		if u.key == key {
			l.unlisted = slices.Delete(l.unlisted, i, i+1)
			return u.was
		}
	}
	return &listedItem[V]{created: l.last}
}

// lessOrZero returns a - b, with zero for what would be negative.
func lessOrZero[V tally[V]](a, b V) V {
	return a.Zip(b, func(x, y uint64) uint64 { return x - min(x, y) })
}

// atLeast returns the greater of the counts.
func atLeast[V tally[V]](a, b V) V {
	return a.Zip(b, func(x, y uint64) uint64 { return max(x, y) })
}
