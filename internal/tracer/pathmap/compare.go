package pathmap

import (
	"cmp"
	"math"
	"slices"
)

// A Change is a function that differs between two maps.
type Change struct {
	Function
	Layer Layer
	// Before and After are how many packets of the protocol came to it, of BeforeOf and AfterOf.
	Before, BeforeOf, After, AfterOf uint64
	// BeforeTimes and AfterTimes are how long it took.
	BeforeTimes, AfterTimes TimesDocument
	// Chance is how likely so much of a difference is if nothing changed, from 0 to 1.
	Chance float64
}

// Ratio is how many times longer the function took after, by the typical time; 0 if that is not
// known.
func (c Change) Ratio() float64 {
	if c.BeforeTimes.Timed == 0 || c.AfterTimes.Timed == 0 {
		return 0
	}
	return math.Exp(c.AfterTimes.LogMean - c.BeforeTimes.LogMean)
}

// A Comparison is how two maps differ. Each list has what is surest first.
type Comparison struct {
	// Appeared are functions that packets came to after and not before, and Vanished the other
	// way round; of protocols that both maps have.
	Appeared, Vanished []Change
	// Slowed and Quickened are functions that took longer, or not as long.
	Slowed, Quickened []Change
	// Alone are the protocols that one map has and the other one does not: nothing can be said
	// about them.
	Alone []string
}

// Doubt is the chance from which on a difference is not told of.
const Doubt = 0.05

// Compare tells what changed from one map to another.
//
// That a function is there in one map alone is judged by Fisher's exact test of how many packets
// of the protocol came to it. Times are compared by Welch's test of their logarithms, with the
// normal distribution in place of Student's: with few samples it is surer than it should be, so
// it takes 10 of each.
func Compare(before, after Document) Comparison {
	c := Comparison{Alone: alone(before.Packets, after.Packets)}
	was, is := byFunction(before), byFunction(after)
	for f := range is {
		if _, ok := was[f]; !ok {
			was[f] = NodeDocument{}
		}
	}
	for f, a := range was {
		b := is[f]
		change := Change{
			Function: f, Layer: LayerOf(f.Name), Before: a.Packets, BeforeOf: before.Packets[f.Protocol], After: b.Packets, AfterOf: after.Packets[f.Protocol],
			BeforeTimes: a.TimesDocument, AfterTimes: b.TimesDocument,
		}
		c.judge(change)
	}
	for _, list := range []*[]Change{&c.Appeared, &c.Vanished, &c.Slowed, &c.Quickened} {
		slices.SortFunc(*list, func(a, b Change) int {
			return cmp.Or(cmp.Compare(a.Chance, b.Chance), cmp.Compare(b.After+b.Before, a.After+a.Before), compareFunctions(a.Function, b.Function))
		})
	}
	return c
}

func (c *Comparison) judge(change Change) {
	if change.BeforeOf == 0 || change.AfterOf == 0 {
		return
	}
	switch {
	case change.Before == 0:
		change.Chance = noneOf(change.After, change.AfterOf, change.BeforeOf)
		c.Appeared = addSure(c.Appeared, change)
	case change.After == 0:
		change.Chance = noneOf(change.Before, change.BeforeOf, change.AfterOf)
		c.Vanished = addSure(c.Vanished, change)
	case change.BeforeTimes.Timed >= leastTimed && change.AfterTimes.Timed >= leastTimed:
		change.Chance = welch(change.BeforeTimes, change.AfterTimes)
		if change.Ratio() > 1 {
			c.Slowed = addSure(c.Slowed, change)
		} else {
			c.Quickened = addSure(c.Quickened, change)
		}
	}
}

const leastTimed = 10

func addSure(list []Change, c Change) []Change {
	if c.Chance < Doubt {
		list = append(list, c)
	}
	return list
}

func byFunction(d Document) map[Function]NodeDocument {
	nodes := make(map[Function]NodeDocument, len(d.Nodes))
	for _, n := range d.Nodes {
		nodes[Function{n.Function, n.Direction, n.Protocol}] = n
	}
	return nodes
}

func alone(a, b map[string]uint64) (list []string) {
	for p := range a {
		if b[p] == 0 {
			list = append(list, p)
		}
	}
	for p := range b {
		if a[p] == 0 {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

// noneOf returns the chance that all of some packets are among the first of two sets, if each
// could as well be in the other.
func noneOf(some, of, others uint64) float64 {
	some = min(some, of)
	chance := 1.0
	for i := uint64(0); i < some && chance > 1e-12; i++ {
		chance *= float64(of-i) / float64(of+others-i)
	}
	return chance
}

// welch returns the chance of so different means, in either direction.
func welch(a, b TimesDocument) float64 {
	spread := math.Sqrt(a.LogVariance/float64(a.Timed) + b.LogVariance/float64(b.Timed))
	distance := math.Abs(b.LogMean - a.LogMean)
	if spread == 0 {
		if distance == 0 {
			return 1
		}
		return 0
	}
	return math.Erfc(distance / spread / math.Sqrt2)
}
