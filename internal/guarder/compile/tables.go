package compile

import (
	"math"
	"time"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Credit is what a rule does with a packet that it is credited with, in the order of the C
// enum guard_credit. This is what the kernel's verdict depends on: it drops where
// the credit is CreditDrop, and nowhere else.
type Credit uint32

// The credits.
const (
	CreditPass Credit = iota
	CreditDrop
	CreditWouldDrop
	CreditCount
	CreditSample
	Credits
)

// A key is what the tables hold of a rule: its number, and in the lower bits its
// credit. Of two, that of the rule that comes first is less.
type key uint32

const creditBits = 3

// none is the key of no rule, greater than that of any.
const none key = math.MaxUint32

func (k key) rule() int {
	if k == none {
		return policy.None
	}
	return int(k >> creditBits)
}

func (k key) credit() Credit { return Credit(k & (1<<creditBits - 1)) }

// creditOf is the only place where an action and a mode become a credit.
func creditOf(action policy.Action, mode policy.Mode) Credit {
	switch {
	case action == policy.Count:
		return CreditCount
	case action == policy.Sample:
		return CreditSample
	case action == policy.Drop && mode == policy.Enforce:
		return CreditDrop
	case action == policy.Drop:
		return CreditWouldDrop
	}
	return CreditPass
}

// Tables are a compiled policy: what is loaded into the maps of one generation, and
// its constants. The slices of powers of two are indexed with masks.
type Tables struct {
	// Rows are the bit vectors of addresses, Dense those of ports and kinds. A row is named
	// by where it begins, less lead: summaries stand before it.
	Rows, Dense []uint64
	// Index leads to the rows of ports, protocols, TCP flags and ICMP: see the
	// constants index....
	Index []uint32
	// Trie4 and Trie6 lead to the rows of addresses; Trie4 begins with the roots of
	// source and destination.
	Trie4 []uint32
	Trie6 []uint64
	// First is the key of the first rule of each word, or 2^32-1 if none of its lines can end
	// the search or is audited.
	First []uint64
	// Lines are the key of the rule, and in the upper half the condition, of each
	// position.
	Lines []uint64
	// Filters are for each word two pairs: lines that can be true at all, and those
	// of them that depend on their condition; first for packets with no trait, then
	// for others.
	Filters []Filter
	// Conditions[0] is always true.
	Conditions []Condition
	Atoms      []Atom
	Tests      []Test
	// Triggers[t] are the atoms that are false without trait t, by bit.
	Triggers [traits][bpf.GuardBanks]uint64
	Bounds   []Bound
	// Epoch is the time from which tests count at which rules end.
	Epoch time.Time
	// Blocks tell the class of an address by the sets that it is in. Memberships are
	// two of each class: of addresses of other hosts, and of this one.
	Blocks      *Blocks
	Memberships []Membership
	// Credits[r] is what rule r does.
	Credits []Credit
	// Feeds[i] is what feed i does.
	Feeds []Credit

	// Rows of what is not there.
	NoSource, NoDestination, NoSourcePort, NoDestinationPort, NotIP uint32
	// Roots of the IPv6 tries.
	Source6, Destination6 uint32
	// SourceWords and DestinationWords are the words, by bit, in which the rows of
	// addresses say something.
	SourceWords, DestinationWords []uint64
	// Words is how many words a vector has, Summaries how many summary words.
	Words, Summaries int
	// FirstAudited, FirstCounting and FirstStateful are the words where these sections begin.
	FirstAudited, FirstCounting, FirstStateful int
	// AskSourcePort is false if no line asks for a source port.
	AskSourcePort bool
	// SourceIn and DestinationIn tell what lines ask of the memberships of addresses.
	// OtherIn is what tests ask of those of other addresses.
	SourceIn, DestinationIn, OtherIn AskIn
	// AskOverlaps tells that fragments have to be tracked (packet.Tracker), because
	// a line asks whether they overlap.
	AskOverlaps bool
	// SocketAtoms are those that ask for sockets, or for connections, by bit; these are
	// looked at last.
	SocketAtoms [bpf.GuardBanks]uint64
	// Lengths are the prefixes whose connections have to be counted.
	Lengths Lengths
	// FirstPolicy is the first rule of the policy stage; KeepConnections and
	// ProtectApplier say which packets such rules do not drop.
	FirstPolicy                     int
	KeepConnections, ProtectApplier bool
	// Unparsable is the credit of packets that cannot be read.
	Unparsable Credit
	// Samples[r] says how many of the packets of rule r are copied, UnparsableSamples
	// how many of those that cannot be read. Nil means that none are, and so does nil
	// in it.
	Samples           []*policy.Sampling
	UnparsableSamples *policy.Sampling
	// States[r] is the state of rule r; behind those of rules stand wider levels of them.
	// Nil means that no rule has one.
	States []bpf.GuardState
	// rules are those of the policy, for Classify to ask.
	rules []policy.Rule
	// Bannings[r] says when rule r has a source banned; nil, or an entry of nil, is never.
	Bannings []*policy.Banning
}

// A Filter is a part of a word's lines. A Condition are the atoms, by bit, that must
// be true and false.
type (
	Filter    = bpf.GuardFilter
	Condition = bpf.GuardCondition
)

// Where Index holds what: first the pages of the upper byte of ports and of the
// type of ICMP, then pages of 256 rows each. The first pages are those of protocols
// and TCP flags.
const (
	indexSourcePort      = 0
	indexDestinationPort = 256
	indexICMP4           = 512
	indexICMP6           = 768
	indexProtocol4       = 1024
	indexProtocol6       = 1280
	indexFlags4          = 1536
	indexFlags6          = 1792
	indexPages           = 2048
)

// firstPolicy is less than or equal to the keys of rules of the policy stage.
func (t *Tables) firstPolicy() key { return key(t.FirstPolicy << creditBits) }

// section returns which lines stand in a word.
func (t *Tables) section(word int) section {
	switch {
	case word >= t.FirstStateful:
		return stateful
	case word >= t.FirstCounting:
		return counting
	case word >= t.FirstAudited:
		return audited
	}
	return terminal
}

// Size returns how many bytes the tables take.
func (t *Tables) Size() int {
	return 8*(len(t.Rows)+len(t.Dense)+len(t.Trie6)+len(t.First)+len(t.Lines)) + 4*(len(t.Index)+len(t.Trie4)) +
		len(bytesOf(t.Filters)) + len(bytesOf(t.Conditions)) + len(bytesOf(t.Tests)) + len(bytesOf(t.Memberships)) + len(bytesOf(t.States)) + t.Blocks.Size()
}
