package compile

import (
	"cmp"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A section is what becomes of a packet that a line matches, in the order of the C enum
// guard_section.
type section uint8

const (
	terminal section = iota // the search ends
	audited                 // would have been dropped
	counting                // counted or sampled
	sections
)

func sectionOf(r *policy.Rule) section {
	switch {
	case r.Action == policy.Count || r.Action == policy.Sample:
		return counting
	case r.Action == policy.Drop && r.Mode == policy.Audit:
		return audited
	}
	return terminal
}

// An entry is a line with its rule.
type entry struct {
	line
	rule    uint32
	credit  Credit
	section section
}

func (e *entry) key() key { return key(e.rule<<creditBits | uint32(e.credit)) }

// A purity tells what alone an entry asks for. Lines that ask for one thing only need
// no bit: the first of them stands where that is looked up.
type purity uint8

const (
	notPure       purity = iota
	bySource             // prefixes, or nothing at all
	byDestination        // prefixes
	bySourceIn           // sets
	byDestinationIn
	purities
)

func (e *entry) purity() purity {
	if e.section == counting || e.yes|e.no != 0 || e.sourcePort != nil || e.destinationPort != nil || e.kinds != nil {
		return notPure
	}
	sets := !e.sourceIn.any() || !e.destinationIn.any()
	switch {
	case sets && (!e.source.all() || !e.destination.all()):
		return notPure
	case sets && e.destinationIn.any():
		return bySourceIn
	case sets && e.sourceIn.any():
		return byDestinationIn
	case sets:
		return notPure
	case e.source.all() && e.destination.positive():
		return byDestination
	case e.destination.all() && (e.source.all() || e.source.positive()):
		return bySource
	}
	return notPure
}

// wordBits is how many lines share a word.
const wordBits = 64

// A layout gives lines a bit each. Bit b of word w is position 64w+b; a position
// without a line is nil.
//
// Lines that one packet can match share words (see cluster): most words then have no
// bit in one of the packet's rows, and are not looked at. Within a word the lines are
// in the order of their rules, so that the lowest bit is the first match.
type layout struct {
	at []*entry
	// firstCounting is the word from which lines count.
	firstAudited, firstCounting int
}

// crowd is how many lines of a section are put in words by group; with fewer,
// words that are half empty cost more than the groups save.
const crowd = 512

func layOut(entries []*entry) layout {
	var l layout
	for s := range sections {
		var of [4][]*entry
		n := 0
		for _, e := range entries {
			if e.section == s {
				g := 0
				if s != counting {
					g = group(e)
				}
				of[g] = append(of[g], e)
				n++
			}
		}
		var run []*entry
		for _, members := range of {
			if s != counting {
				cluster(members)
			}
			run = append(run, members...)
			if n > crowd {
				l.add(run)
				run = nil
			}
		}
		l.add(run)
		switch s {
		case terminal:
			l.firstAudited = l.words()
		case audited:
			l.firstCounting = l.words()
		}
	}
	if len(l.at) == 0 {
		l.at = make([]*entry, wordBits)
		l.firstAudited, l.firstCounting = 1, 1
	}
	return l
}

func (l *layout) words() int { return len(l.at) / wordBits }

// add gives lines the next words.
func (l *layout) add(run []*entry) {
	for chunk := range slices.Chunk(run, wordBits) {
		sorted := slices.Clone(chunk)
		slices.SortStableFunc(sorted, func(a, b *entry) int { return cmp.Compare(a.rule, b.rule) })
		l.at = append(l.at, sorted...)
	}
	for len(l.at)%wordBits != 0 {
		l.at = append(l.at, nil)
	}
}

// group tells which addresses a line asks for: the source alone, both, the
// destination alone, none.
func group(e *entry) int {
	source, destination := len(e.source.marks) > 0, len(e.destination.marks) > 0
	switch {
	case source && destination:
		return 1
	case source:
		return 0
	case destination:
		return 2
	}
	return 3
}

// first returns the key of the first rule of each word; none for words that count, so that
// the search for verdicts passes them by.
func (l *layout) first() []uint64 {
	out := make([]uint64, l.words())
	for w := range out {
		out[w] = uint64(none)
		if e := l.at[w*wordBits]; e != nil && w < l.firstCounting {
			out[w] = uint64(e.key())
		}
	}
	return out
}

// relevant tells in which words any line asks for an address.
func (l *layout) relevant(of func(*entry) addressSet) []uint64 {
	out := make([]uint64, (l.words()+wordBits-1)/wordBits)
	for p, e := range l.at {
		if e != nil && !of(e).all() {
			w := p / wordBits
			out[w/wordBits] |= 1 << (w % wordBits)
		}
	}
	return out
}
