package compile

import (
	"fmt"

	"github.com/packetscope/packetscope/bpf"
)

// A Membership is what being in some sets comes to: the first rules that ask for
// nothing else, terminal and audited, by source and by destination; the rows of the
// lines that ask for something else too; and the sets that tests look at.
//
// There is one for each class of the blocks and whether the address is this host's:
// twice the class, and 1 for own addresses.
type Membership = bpf.GuardMembership

// AskIn tells what of the memberships of an address is needed.
type AskIn struct {
	Sets bool // its class
	Own  bool // whether it is this host's
	Rows bool // its row
}

// note adds what is asked for if some sets are.
func (a *AskIn) note(sets uint64) {
	a.Own = a.Own || sets>>ownSet&1 != 0
	a.Sets = a.Sets || sets&^(1<<ownSet) != 0
}

// memberships makes the blocks, and what their classes mean.
func (c *compiler) memberships(pure [purities][]*entry) error {
	t := c.t
	source := c.within(pure[bySourceIn], func(e *entry) setCondition { return e.sourceIn })
	destination := c.within(pure[byDestinationIn], func(e *entry) setCondition { return e.destinationIn })
	t.SourceIn, t.DestinationIn = source.ask, destination.ask
	t.OtherIn.note(c.atoms.asked)

	w := unionOf(&c.atoms.sets)
	numbers, known := make([]uint32, len(w.classes)), make(map[[2]Membership]uint32)
	for class, in := range w.classes {
		var both [2]Membership
		for own := range both {
			in := in | uint64(own)<<ownSet
			both[own] = Membership{
				Source: source.best(in), Destination: destination.best(in), Sets: in & c.atoms.asked,
				SourceRow: source.row(in), DestinationRow: destination.row(in),
			}
		}
		n, there := known[both]
		if !there {
			n = uint32(len(known))
			known[both] = n
			t.Memberships = append(t.Memberships, both[:]...)
		}
		numbers[class] = n
		if len(known) > maxClasses {
			return fmt.Errorf("the sets overlap in more than %d ways that rules tell apart; use fewer of them", maxClasses)
		}
		if len(c.dense.rows)*8 > c.options.maxBytes() {
			return c.tooLarge()
		}
	}
	w.number(numbers)
	t.Blocks = newBlocks(w)
	t.Memberships = padded(t.Memberships)
	if size := t.Blocks.Size(); size > c.options.maxBytes() {
		return fmt.Errorf("the sets of the policy take %d bytes, more than %d; use fewer prefixes", size, c.options.maxBytes())
	}
	return nil
}

// A within is what the lines ask of the sets of one of the addresses.
type within struct {
	*compiler
	of   func(*entry) setCondition
	pure []*entry
	ask  AskIn
	// always are the lines that ask for nothing, by bit; the others stand by what they
	// ask for.
	always []uint64
	asking map[setCondition][]int
}

func (c *compiler) within(pure []*entry, of func(*entry) setCondition) *within {
	w := &within{compiler: c, of: of, pure: pure, always: make([]uint64, c.t.Words), asking: make(map[setCondition][]int)}
	note := func(s setCondition) { w.ask.note(s.yes | s.no) }
	for p, e := range c.layout.at {
		switch {
		case e == nil:
		case of(e).any():
			w.always[p/wordBits] |= 1 << (p % wordBits)
		default:
			note(of(e))
			w.asking[of(e)] = append(w.asking[of(e)], p)
			w.ask.Rows = true
		}
	}
	for _, e := range pure {
		note(of(e))
	}
	return w
}

// best returns the first pure lines for an address in some sets.
func (w *within) best(in uint64) uint64 {
	b := best{none, none}
	for _, e := range w.pure {
		if w.of(e).holds(in) {
			b = b.with(e)
		}
	}
	return pair(uint32(b.terminal), uint32(b.audited))
}

// row returns the number of the row of the lines that an address in some sets may
// match.
func (w *within) row(in uint64) uint32 {
	if !w.ask.Rows {
		return 0
	}
	vector := append([]uint64(nil), w.always...)
	for condition, positions := range w.asking {
		if condition.holds(in) {
			for _, p := range positions {
				vector[p/wordBits] |= 1 << (p % wordBits)
			}
		}
	}
	return w.dense.add(vector)
}
