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
	stateful                // any of these, if the state of the rule says so
	sections
)

func sectionOf(r *policy.Rule) section {
	switch {
	case r.Stateful():
		return stateful
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
	unusual bool // it can match no packet without traits
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
	if e.section >= counting || e.conditional() || e.sourcePort != nil || e.destinationPort != nil || e.kinds != nil {
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
// in the order of their rules, so that the lowest bit is the first match. Lines that only
// unusual packets can match have words apart, which the others never look at.
type layout struct {
	at []*entry
	// firstCounting is the word from which lines count, firstStateful that from which they
	// have a state.
	firstAudited, firstCounting, firstStateful int
}

// crowd is how many lines of a section are put in words by group; with fewer,
// words that are half empty cost more than the groups save.
const crowd = 512

func layOut(entries []*entry) layout {
	var l layout
	for s := range sections {
		var of []*entry
		for _, e := range entries {
			if e.section == s {
				of = append(of, e)
			}
		}
		if s < counting {
			usual, unusual := parted(of)
			l.addGroups(usual)
			l.addGroups(unusual)
		} else {
			l.addInOrder(of)
		}
		switch s {
		case terminal:
			l.firstAudited = l.words()
		case audited:
			l.firstCounting = l.words()
		case counting:
			l.firstStateful = l.words()
		}
	}
	if len(l.at) == 0 {
		l.at = make([]*entry, wordBits)
		l.firstAudited, l.firstCounting, l.firstStateful = 1, 1, 1
	}
	return l
}

// parted returns the lines that any packet can match, and the others.
func parted(lines []*entry) (usual, unusual []*entry) {
	for _, e := range lines {
		if e.unusual {
			unusual = append(unusual, e)
		} else {
			usual = append(usual, e)
		}
	}
	return usual, unusual
}

// addGroups gives lines the next words, whatever the order of their rules: the first match
// is the least of those of words.
func (l *layout) addGroups(lines []*entry) {
	var of [4][]*entry
	for _, e := range lines {
		g := group(e)
		of[g] = append(of[g], e)
	}
	var run []*entry
	for _, members := range of {
		cluster(members)
		run = append(run, members...)
		if len(lines) > crowd {
			l.add(run)
			run = nil
		}
	}
	l.add(run)
}

// maxRuns is up to how many runs of rules, for unusual packets alone or not, have words of
// their own.
const maxRuns = 32

// addInOrder gives lines the next words in the order of their rules, in which these are
// credited or asked, each once.
func (l *layout) addInOrder(lines []*entry) {
	usual := make(map[uint32]bool) // by rule
	for _, e := range lines {
		usual[e.rule] = usual[e.rule] || !e.unusual
	}
	begin, runs := 0, 1
	for i := 1; i < len(lines) && runs < maxRuns; i++ {
		if usual[lines[i-1].rule] != usual[lines[i].rule] {
			l.add(lines[begin:i])
			begin = i
			runs++
		}
	}
	l.add(lines[begin:])
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

// first returns the key of the first rule of each word; none for words that count or have
// states, so that the search for verdicts passes them by.
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
