package compile

import (
	"math/bits"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Classify judges a packet by the tables, step by step as the program does in
// guard_walk.h; env tells what the tables do not, this host's addresses and what is
// kept. It is there to test the tables without a kernel, and to be read.
func (t *Tables) Classify(p *packet.Packet, env *policy.Env) policy.Judgement {
	j := policy.Judgement{By: policy.None, WouldDrop: policy.None, Kept: policy.None, Reason: p.Reason}
	if p.Reason != packet.OK {
		j.Verdict = t.Unparsable.verdict()
		return j
	}
	w := walk{t: t, p: p, env: env, facts: factsOf(p)}
	w.rows()
	w.verdict()
	over := w.states(&j)
	counted := w.terminal
	if t.KeepConnections || t.ProtectApplier {
		if kept := w.spare(); kept != none {
			j.Kept = kept.rule()
		}
	}
	if w.terminal != none {
		j.By, j.Verdict = w.terminal.rule(), w.terminal.credit().verdict()
		j.Answered = t.rules[j.By].Answers(p)
	}
	if w.audited < w.terminal {
		j.WouldDrop = w.audited.rule()
	}
	if t.FirstCounting < t.Words {
		w.terminal = counted
		w.count(func(k key) { j.Counted = append(j.Counted, k.rule()) })
	}
	if len(over) > 0 {
		j.Counted = append(j.Counted, over...)
		slices.Sort(j.Counted)
	}
	return j
}

// spare gives up what rules of the policy stage would do to a packet that is kept, and
// returns the first of them.
func (w *walk) spare() (kept key) {
	if w.audited >= w.terminal {
		w.audited = none
	}
	first := w.t.firstPolicy()
	audited := w.audited != none && w.audited >= first
	ended := w.terminal != none && w.terminal >= first && w.terminal.credit() == CreditDrop
	if !audited && !ended || w.env.Kept == nil || !w.env.Kept(w.p) {
		return none
	}
	kept = w.terminal
	if audited {
		kept, w.audited = w.audited, none
	}
	if ended {
		w.terminal = none
	}
	return kept
}

func (c Credit) verdict() policy.Verdict {
	if c == CreditDrop {
		return policy.Dropped
	}
	return policy.Passed
}

// A walk is one packet on its way.
type walk struct {
	t     *Tables
	p     *packet.Packet
	env   *policy.Env
	facts facts

	source, destination             uint32 // rows of addresses
	sourceIn, destinationIn         *Membership
	sourcePort, destinationPort, of uint32 // rows of ports and the kind
	terminal, audited               key
	known, atoms                    atomSet // atoms that were looked at, and are true
}

// rows finds the row of each dimension.
func (w *walk) rows() {
	t, p := w.t, w.p
	w.source, w.destination = t.NoSource, t.NoDestination
	switch p.Family {
	case 4:
		source, _ := halves(p.Source)
		destination, _ := halves(p.Destination)
		w.source = t.look4(0, uint32(source>>32))
		w.destination = t.look4(1<<rootBits, uint32(destination>>32))
	case 6:
		w.source = t.look6(t.Source6, p.Source)
		w.destination = t.look6(t.Destination6, p.Destination)
	}
	w.sourceIn, w.destinationIn = w.membership(t.SourceIn, policy.Source), w.membership(t.DestinationIn, policy.Destination)
	w.sourcePort, w.destinationPort = t.NoSourcePort, t.NoDestinationPort
	if p.HasPorts {
		w.sourcePort = t.Index[t.Index[indexSourcePort+uint32(p.SourcePort>>8)]+uint32(p.SourcePort&255)]
		w.destinationPort = t.Index[t.Index[indexDestinationPort+uint32(p.DestinationPort>>8)]+uint32(p.DestinationPort&255)]
	}
	six := uint32(p.Family / 6)
	switch {
	case p.Family == 0:
		w.of = t.NotIP
	case p.Protocol == packet.TCP && p.HasPorts:
		w.of = t.Index[indexFlags4+256*six+uint32(p.Flags)]
	case p.ICMP != nil:
		w.of = t.Index[t.Index[indexICMP4+256*six+uint32(p.ICMP.Type)]+uint32(p.ICMP.Code)]
	default:
		w.of = t.Index[indexProtocol4+256*six+uint32(p.Protocol)]
	}
}

// membership returns what being in its sets means for an address. One that the packet
// has not got is in none.
func (w *walk) membership(ask AskIn, of policy.AddressField) *Membership {
	var n uint32
	if a := addressOf(of, w.p); a.IsValid() {
		if ask.Sets {
			n = 2 * w.t.Blocks.Class(a)
		}
		if ask.Own && w.env.Own != nil && w.env.Own(a) {
			n++
		}
	}
	return &w.t.Memberships[n]
}

// look4 returns the row of an IPv4 address.
func (t *Tables) look4(root, address uint32) uint32 {
	e := t.Trie4[root+address>>(32-rootBits)]
	for shift := 32 - rootBits - stride; e&isNode != 0; shift -= stride {
		e = t.Trie4[e&^isNode+address>>shift&(fan-1)]
	}
	if compare := t.row(e, rowCompare); (address^uint32(compare))&uint32(compare>>32) != 0 {
		e = uint32(t.row(e, rowHash) >> 32)
	}
	return e
}

// look6 returns the row of an IPv6 address.
func (t *Tables) look6(e uint32, address netip.Addr) uint32 {
	high, low := halves(address)
	for e&isNode != 0 {
		n := t.Trie6[e&^isMark:]
		choice, way := n[nodeChoice], high
		other := (high ^ n[nodeHigh]) & n[nodeHighMask]
		if e&isLow != 0 {
			other |= (low ^ n[nodeLow]) & n[nodeLowMask]
			way = low
		}
		if other != 0 {
			return uint32(choice >> 32)
		}
		way = way >> (choice & 63) & (choice >> 8) & (1<<maxChoice - 1)
		e = uint32(n[nodeChildren+way])
	}
	return e
}

// row returns a part of the row of an address.
func (t *Tables) row(at uint32, part int) uint64 { return t.Rows[int(at+lead)+part] }

// common returns what the rows of ports, the kind and memberships have in common in a
// word or, if that is negative, in a summary.
func (w *walk) common(word int) uint64 {
	at := func(row uint32) uint64 { return w.t.Dense[int(row+lead)+word] }
	x := at(w.destinationPort) & at(w.of)
	if w.t.AskSourcePort {
		x &= at(w.sourcePort)
	}
	if w.t.SourceIn.Rows {
		x &= at(w.sourceIn.SourceRow)
	}
	if w.t.DestinationIn.Rows {
		x &= at(w.destinationIn.DestinationRow)
	}
	return x
}

// verdict finds the first terminal rule and the first audited one.
func (w *walk) verdict() {
	t := w.t
	w.terminal, w.audited = none, none
	source, destination := t.row(w.source, rowBest), t.row(w.destination, rowBest)
	for _, best := range []uint64{source, destination, w.sourceIn.Source, w.destinationIn.Destination} {
		w.terminal, w.audited = min(w.terminal, key(best)), min(w.audited, key(best>>32))
	}
	w.scan(terminal, &w.terminal)
	w.audited = min(w.audited, w.terminal)
	w.scan(audited, &w.audited)
}

// scan makes best the first rule of a section that matches, if that comes before it.
func (w *walk) scan(of section, best *key) {
	t := w.t
	w.words(of, func(word int, x func() uint64) {
		if key(t.First[word]) >= *best {
			return
		}
		if matches := w.filter(x(), word, false); matches != 0 {
			*best = min(*best, key(t.Lines[word*wordBits+bits.TrailingZeros64(matches)]))
		}
	})
}

// states asks the rules that have a state, in their order, up to the terminal one, which it
// may be that one of them is then. It returns those that count.
func (w *walk) states(j *policy.Judgement) (counted []int) {
	t, last := w.t, none
	if t.States == nil {
		return nil
	}
	w.words(stateful, func(word int, x func() uint64) {
		for matches := w.filter(x(), word, true); matches != 0; matches &= matches - 1 {
			k := key(t.Lines[word*wordBits+bits.TrailingZeros64(matches)])
			if k >= w.terminal {
				return
			}
			if k == last {
				continue
			}
			last = k
			switch over := w.env.States.Over(&t.rules[k.rule()], w.p, w.env); {
			case !over:
				j.Within = append(j.Within, k.rule())
			case k.credit() == CreditCount || k.credit() == CreditSample:
				counted = append(counted, k.rule())
			case k.credit() == CreditWouldDrop:
				w.audited = min(w.audited, k)
			default:
				w.terminal = k
			}
		}
	})
	return counted
}

// count credits the rules that count, up to the terminal one, in their order.
func (w *walk) count(credit func(key)) {
	t, last := w.t, none
	w.words(counting, func(word int, x func() uint64) {
		for matches := w.filter(x(), word, true); matches != 0; matches &= matches - 1 {
			k := key(t.Lines[word*wordBits+bits.TrailingZeros64(matches)])
			if k < w.terminal && k != last {
				credit(k)
			}
			last = k
		}
	})
}

// words calls f for each word of a section that all five rows have a bit in, and of which
// the packet can match lines, with a function that returns the bits that they have in common.
func (w *walk) words(in section, f func(word int, x func() uint64)) {
	t := w.t
	rowWord := func(row uint32, word int) uint64 {
		return t.row(row, rowWords+int(hashed(uint32(word), uint32(t.row(row, rowHash)))))
	}
	for s := range t.Summaries {
		candidates := t.row(w.source, -1-s) & t.row(w.destination, -1-s) & w.common(-1-s)
		for ; candidates != 0; candidates &= candidates - 1 {
			bit := candidates & -candidates
			word := s*wordBits + bits.TrailingZeros64(bit)
			if t.section(word) != in || w.filterOf(word).Possible == 0 {
				continue
			}
			f(word, func() uint64 {
				x := w.common(word)
				if t.SourceWords[s]&bit != 0 {
					x &= rowWord(w.source, word)
				}
				if t.DestinationWords[s]&bit != 0 {
					x &= rowWord(w.destination, word)
				}
				return x
			})
		}
	}
}

// filterOf returns the filter of a word for packets of this kind.
func (w *walk) filterOf(word int) *Filter {
	if w.facts.traits&^(1<<traitAlways) != 0 {
		return &w.t.Filters[2*word+1]
	}
	return &w.t.Filters[2*word]
}

// filter clears the lines whose condition is false: all of them, or those up to
// the first that is true, or has no condition.
func (w *walk) filter(x uint64, word int, all bool) uint64 {
	f := w.filterOf(word)
	x &= f.Possible
	for asked := x & f.Conditional; asked != 0; asked &= asked - 1 {
		bit := asked & -asked
		condition := w.t.Lines[word*wordBits+bits.TrailingZeros64(bit)] >> 32
		switch {
		case !all && x&(bit-1) != 0:
			return x // a line without a condition comes first
		case !w.holds(w.t.Conditions[condition]):
			x &^= bit
		case !all:
			return x
		}
	}
	return x
}

// holds looks at the atoms of a condition that were not looked at before.
func (w *walk) holds(c Condition) bool {
	if w.known == (atomSet{}) {
		for t, atoms := range w.t.Triggers {
			if w.facts.traits>>t&1 == 0 {
				w.known = w.known.or(atoms)
			}
		}
	}
	for bank := range w.known {
		if !w.bankHolds(bank, c.Yes[bank], c.No[bank]) {
			return false
		}
	}
	return true
}

func (w *walk) bankHolds(bank int, yes, no uint64) bool {
	known, atoms := &w.known[bank], &w.atoms[bank]
	for open := (yes | no) &^ *known; open != 0; {
		now := open &^ w.t.SocketAtoms[bank]
		if now == 0 {
			// Only sockets are left to ask for, if the rest does not decide.
			if *known&^*atoms&yes != 0 || *atoms&no != 0 {
				return false
			}
			now = open
		}
		bit := bits.TrailingZeros64(now)
		open &^= 1 << bit
		*known |= 1 << bit
		if w.true(&w.t.Atoms[bank*wordBits+bit]) {
			*atoms |= 1 << bit
		}
	}
	return *atoms&yes == yes && *atoms&no == 0
}
