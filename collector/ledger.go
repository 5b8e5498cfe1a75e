package collector

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/stack"
)

const (
	// scoreHalfLife is how long it takes for what a flow carried to count half, so
	// that one that falls silent stays listed for minutes.
	scoreHalfLife = 5 * time.Minute
	// incumbency is what the score of a listed flow is worth against others: of
	// many that are much alike, a few stay listed instead of ever other ones.
	incumbency = 2
	// maxUnlisted is how many flows that are not listed any more are remembered.
	maxUnlisted = 1000
)

// A ledger decides which flows are listed, and keeps what is exposed of them.
//
// Only what a flow carries while it is listed is added to its series; everything else
// is added to other's. So nothing is counted twice, all series add up to the total
// of the kernel, and none goes backwards: a flow that leaves the list and comes back
// goes on where it was, and other never loses what was added to it.
type ledger struct {
	top int
	// last is when the last table was read.
	last time.Time
	// known are the flows in the last table.
	known map[stack.FlowKey]*knownFlow
	// listed are at most top.
	listed map[stack.FlowKey]*listedFlow
	// unlisted are those that were listed, in the order in which they left.
	unlisted []unlistedFlow
	// own is the sum over all series but other's, ever.
	own, other stack.FlowCounts
	turn       uint64
}

// A knownFlow is what the last table said, and how busy the flow is.
type knownFlow struct {
	counts stack.FlowCounts
	score  float64
	turn   uint64 // of the last table that had it
}

// A listedFlow is what is exposed.
type listedFlow struct {
	counts stack.FlowCounts
	// created is when counts was zero.
	created time.Time
	rtt     time.Duration
	score   float64
}

type unlistedFlow struct {
	key stack.FlowKey
	was *listedFlow
}

func newLedger(top int, since time.Time) *ledger {
	return &ledger{
		top: top, last: since,
		known:  make(map[stack.FlowKey]*knownFlow),
		listed: make(map[stack.FlowKey]*listedFlow),
	}
}

// A candidate may be listed.
type candidate struct {
	key   stack.FlowKey
	score float64
	// weight is what choose goes by.
	weight float64
	// fresh is what the flow carried since the last table.
	fresh stack.FlowCounts
	rtt   time.Duration
}

// enter brings the ledger up to a table, which must not be older than the last one.
func (l *ledger) enter(t stack.FlowTable) {
	candidates := l.weigh(t)
	top := choose(candidates, l.top, func(k stack.FlowKey) bool { return l.listed[k] != nil })
	l.list(top)
	l.last = t.Time
	// The total is read after the flows, and may hold what was counted in between;
	// then other would lose it again.
	rest := lessOrZero(t.Total, l.own)
	l.other = atLeast(rest, l.other)
}

// weigh returns all flows that may be listed, with their scores.
func (l *ledger) weigh(t stack.FlowTable) []candidate {
	decay := 1.0
	if !l.last.IsZero() {
		decay = math.Exp2(-max(0, t.Time.Sub(l.last).Seconds()) / scoreHalfLife.Seconds())
	}
	l.turn++
	candidates := make([]candidate, 0, len(t.Flows)+len(l.listed))
	for i := range t.Flows {
		f := &t.Flows[i]
		known := l.known[f.FlowKey]
		if known == nil {
			known = new(knownFlow)
			l.known[f.FlowKey] = known
		}
		fresh := f.FlowCounts.Since(known.counts)
		score := known.score*decay + float64(fresh.Bytes())
		*known = knownFlow{f.FlowCounts, score, l.turn}
		candidates = append(candidates, candidate{key: f.FlowKey, score: score, fresh: fresh, rtt: f.RTT})
	}
	for key, k := range l.known {
		if k.turn != l.turn {
			delete(l.known, key)
		}
	}
	for key, was := range l.listed {
		if _, ok := l.known[key]; !ok { // evicted; not before something else is busier
			candidates = append(candidates, candidate{key: key, score: was.score * decay, rtt: was.rtt})
		}
	}
	return candidates
}

// choose returns at most top of the candidates: the busiest one, and then by score,
// where those for which listed is true have an advantage. It changes candidates.
func choose(candidates []candidate, top int, listed func(stack.FlowKey) bool) []candidate {
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
	chosen := make([]candidate, 0, top+1)
	for _, c := range candidates {
		if len(chosen) == top && compareWeights(chosen[top-1], c) < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(chosen, c, compareWeights)
		chosen = slices.Insert(chosen, at, c)
		chosen = chosen[:min(top, len(chosen))]
	}
	return chosen
}

func compareScores(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), a.key.Compare(b.key))
}

func compareWeights(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.weight, a.weight), a.key.Compare(b.key))
}

// list makes these the listed flows, and adds what they carried to their series.
func (l *ledger) list(top []candidate) {
	before := l.listed
	l.listed = make(map[stack.FlowKey]*listedFlow, len(top))
	for _, c := range top {
		f := before[c.key]
		delete(before, c.key)
		if f == nil {
			f = l.recall(c.key)
		}
		f.counts = f.counts.Plus(c.fresh)
		f.rtt, f.score = c.rtt, c.score
		l.own = l.own.Plus(c.fresh)
		l.listed[c.key] = f
	}
	for key, f := range before {
		l.unlisted = append(l.unlisted, unlistedFlow{key, f})
	}
	if n := len(l.unlisted) - maxUnlisted; n > 0 {
		l.unlisted = slices.Delete(l.unlisted, 0, n)
	}
}

// recall returns the series of a flow that is listed again, or a new one.
func (l *ledger) recall(key stack.FlowKey) *listedFlow {
	for i, u := range l.unlisted {
		if u.key == key {
			l.unlisted = slices.Delete(l.unlisted, i, i+1)
			return u.was
		}
	}
	return &listedFlow{created: l.last}
}

// lessOrZero returns a - b, with zero for what would be negative.
func lessOrZero(a, b stack.FlowCounts) stack.FlowCounts {
	return eachCount(a, b, func(x, y uint64) uint64 { return x - min(x, y) })
}

// atLeast returns the greater of the counts.
func atLeast(a, b stack.FlowCounts) stack.FlowCounts {
	return eachCount(a, b, func(x, y uint64) uint64 { return max(x, y) })
}

func eachCount(a, b stack.FlowCounts, f func(x, y uint64) uint64) stack.FlowCounts {
	return stack.FlowCounts{
		ReceivedBytes: f(a.ReceivedBytes, b.ReceivedBytes), ReceivedPackets: f(a.ReceivedPackets, b.ReceivedPackets),
		SentBytes: f(a.SentBytes, b.SentBytes), SentPackets: f(a.SentPackets, b.SentPackets),
		Retransmits: f(a.Retransmits, b.Retransmits),
	}
}
