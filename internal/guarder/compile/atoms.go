package compile

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"time"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// maxAtoms is how many different atoms a policy may have: they are bits of a few words.
const maxAtoms = wordBits * bpf.GuardBanks

// An atomSet are atoms by bit: atom n is bit n%64 of word n/64.
type atomSet [bpf.GuardBanks]uint64

func atom(n int) (s atomSet) {
	s[n/wordBits] = 1 << (n % wordBits)
	return s
}

func (s atomSet) or(t atomSet) atomSet {
	for b := range s {
		s[b] |= t[b]
	}
	return s
}

func (s atomSet) and(t atomSet) atomSet {
	for b := range s {
		s[b] &= t[b]
	}
	return s
}

func (s atomSet) without(t atomSet) atomSet {
	for b := range s {
		s[b] &^= t[b]
	}
	return s
}

// What a test does, in the order of the C enum guard_op.
type op = uint8

const (
	opRange       op = iota // the field is from A to B
	opBits                  // all of A are set, none of B, any of C unless it is 0
	opSame                  // two fields are equal, by policy.CompareField
	opLarge                 // the quoted packet fits the MTU
	opMember                // the address, by policy.AddressField, is in the set A
	opBinding               // the sender is bound in the set A, and not to this MAC address
	opPayload               // byte A of the payload is one of Bytes
	opUntil                 // it is before Bytes[0], in ns of the kernel's clock since Options.Epoch
	opSocket                // any of A is true of the socket; Field is a policy.Whose
	opConnections           // the source, with others of its prefix of B (IPv4) or C bits, has more than A open
)

// A Test is a part of an atom. An Atom is what can be true or false of a packet
// beside the five dimensions: one of its tests holds, or all of them do.
type (
	Test = bpf.GuardTest
	Atom = bpf.GuardAtom
)

// A Bound is a pair of a set of bindings. Without a MAC address it says that the IP address is
// bound at all.
type Bound struct {
	Set    uint32
	IP     netip.Addr
	MAC    [6]byte
	HasMAC bool
}

// payloads are payloads that must all hold.
type payloads struct {
	policy.Expr // the first, to be one of policy's expressions
	all         []policy.Payload
}

// atoms collects the atoms of a policy.
type atoms struct {
	policy  *policy.Policy
	options Options

	index    map[string]int // by the leaf's text
	list     []Atom
	tests    []Test
	trigger  []trait // of each atom
	bounds   []Bound
	bindings map[string]uint32
	overlaps bool    // one of them asks whether fragments overlap
	socket   atomSet // those that look something up
	lengths  Lengths
	sets     sets
	asked    uint64 // the sets that tests look at, by bit
}

// of returns the number of a leaf's atom.
func (a *atoms) of(leaf policy.Expr) (int, error) {
	all := false
	switch leaf.(type) {
	case policy.Payload, payloads:
		all = true
	}
	i, err := a.add(textOf(leaf), all, func() (trait, error) { return a.test(leaf) })
	if err != nil {
		return 0, err
	}
	switch leaf.(type) {
	case policy.Socket, policy.Sequence, policy.Connections:
		a.socket = a.socket.or(atom(i))
	}
	return i, nil
}

// until returns the number of the atom that is true until a time.
func (a *atoms) until(end time.Time) (int, error) {
	return a.add("until "+end.UTC().Format(time.RFC3339Nano), false, func() (trait, error) {
		// A time before the epoch is over at once.
		ns := uint64(max(end.Sub(a.options.epoch()), 0))
		a.tests = append(a.tests, Test{Op: opUntil, Bytes: [4]uint64{ns}})
		return traitAlways, nil
	})
}

// add returns the number of the atom with a text, and makes it by test if it is new;
// every says that all of its tests must hold.
func (a *atoms) add(text string, every bool, test func() (trait, error)) (int, error) {
	if i, known := a.index[text]; known {
		return i, nil
	}
	if len(a.list) == maxAtoms {
		return 0, fmt.Errorf("the policy has more than %d different matches beside addresses, ports, protocols, TCP flags and ICMP types (each end of temporary files is one)", maxAtoms)
	}
	first, all := len(a.tests), uint16(0)
	if every {
		all = 1
	}
	when, err := test()
	if err != nil {
		return 0, err
	}
	if n := len(a.tests) - first; n > bpf.GuardMaxTests {
		return 0, fmt.Errorf("a match has %d alternatives, more than %d", n, bpf.GuardMaxTests)
	}
	i := len(a.list)
	a.index[text] = i
	a.list = append(a.list, Atom{First: uint16(first), Tests: uint16(len(a.tests) - first), All: all})
	a.trigger = append(a.trigger, when)
	return i, nil
}

// renumber gives atoms about sockets the highest numbers if there is more than one bank: the
// kernel looks at one bank after the other, and sockets cost most.
func (a *atoms) renumber(entries []*entry) {
	if len(a.list) <= wordBits {
		return
	}
	asks := func(i int) bool { return a.socket.and(atom(i)) != atomSet{} }
	order := make([]int, len(a.list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case asks(i) == asks(j):
			return 0
		case asks(j):
			return -1
		}
		return 1
	})
	moved := func(s atomSet) (to atomSet) {
		for n, i := range order {
			if s.and(atom(i)) != (atomSet{}) {
				to = to.or(atom(n))
			}
		}
		return to
	}
	list, trigger := make([]Atom, len(order)), make([]trait, len(order))
	for n, i := range order {
		list[n], trigger[n] = a.list[i], a.trigger[i]
	}
	for _, e := range entries {
		e.yes, e.no = moved(e.yes), moved(e.no)
	}
	a.list, a.trigger, a.socket, a.index = list, trigger, moved(a.socket), nil
}

// indices returns the devices that names and patterns stand for now, as ranges.
func (o Options) indices(patterns policy.Interfaces) (ranges []policy.Range) {
	var all []uint32
	for name, n := range o.Interfaces {
		if slices.ContainsFunc(patterns, func(pattern string) bool {
			matches, err := path.Match(pattern, name)
			return err == nil && matches
		}) {
			all = append(all, uint32(n))
		}
	}
	slices.Sort(all)
	for _, n := range all {
		if last := len(ranges) - 1; last >= 0 && ranges[last].High+1 == n {
			ranges[last].High = n
			continue
		}
		ranges = append(ranges, policy.Range{Low: n, High: n})
	}
	return ranges
}

// test adds the tests of a leaf and returns the trait that it needs.
func (a *atoms) test(leaf policy.Expr) (trait, error) {
	add := func(t Test) { a.tests = append(a.tests, t) }
	switch e := leaf.(type) {
	case policy.EtherTypes:
		for _, n := range e {
			add(Test{Op: opRange, Field: uint8(fieldEtherType), A: uint32(n), B: uint32(n)})
		}
		return traitNotIP, nil
	case policy.Interfaces:
		a.ranges(fieldInterface, a.options.indices(e))
	case policy.Number:
		return a.number(e), nil
	case policy.Ports: // of a quoted packet
		f := fieldQuotedSourcePort
		if e.Of == policy.QuotedDestinationPort {
			f = fieldQuotedDestinationPort
		}
		a.ranges(f, e.Ranges)
		return traitICMP, nil
	case policy.Bits:
		f, when := bitsField(e)
		a.overlaps = a.overlaps || e.Of == policy.Fragments && (e.All|e.None|e.Any)&uint32(packet.Overlap) != 0
		add(Test{Op: opBits, Field: uint8(f), A: e.All, B: e.None, C: e.Any})
		return when, nil
	case policy.Same:
		return a.same(e), nil
	case policy.QuotedTooLarge:
		add(Test{Op: opLarge})
		return traitICMP, nil
	case policy.Own:
		a.member(e.Of, ownSet)
		return addressTrait(e.Of), nil
	case policy.Addresses:
		if len(e.Prefixes) > 0 {
			n, err := a.sets.listed(e.Prefixes)
			if err != nil {
				return 0, err
			}
			a.member(e.Of, n)
		}
		if set := a.policy.Sets[e.Set]; set != nil {
			n, err := a.sets.named(set)
			if err != nil {
				return 0, err
			}
			a.member(e.Of, n)
		}
		return addressTrait(e.Of), nil
	case policy.Binding:
		if set := a.policy.Bindings[e.Set]; set != nil {
			add(Test{Op: opBinding, A: a.binding(set)})
		}
	case policy.Socket:
		add(Test{Op: opSocket, Field: uint8(e.Of), A: uint32(e.States)})
		return socketTrait(e.Of), nil
	case policy.Connections:
		add(Test{Op: opConnections, A: e.Above, B: uint32(e.IPv4), C: uint32(e.IPv6)})
		return traitAlways, a.lengths.add(e)
	case policy.Sequence:
		add(Test{Op: opSocket, Field: uint8(e.Of), A: uint32(e.Is) << bpf.GuardSequenceShift})
		return socketTrait(e.Of), nil
	case policy.Payload:
		a.payload(e)
	case payloads:
		for _, p := range e.all {
			a.payload(p)
		}
	}
	return traitAlways, nil
}

func (a *atoms) payload(p policy.Payload) {
	for i, values := range p.Values {
		t := Test{Op: opPayload, A: uint32(p.At + i)}
		for _, b := range values {
			t.Bytes[b/64] |= 1 << (b % 64)
		}
		a.tests = append(a.tests, t)
	}
}

// member adds the test whether an address is in a set.
func (a *atoms) member(of policy.AddressField, set uint32) {
	a.tests = append(a.tests, Test{Op: opMember, Field: uint8(of), A: set})
	a.asked |= 1 << set
}

func (a *atoms) ranges(f field, ranges []policy.Range) {
	for _, r := range ranges {
		a.tests = append(a.tests, Test{Op: opRange, Field: uint8(f), A: r.Low, B: r.High})
	}
}

var numberFields = [...]struct {
	field field
	when  trait
}{
	policy.TTL:            {fieldTTL, traitAlways},
	policy.Length:         {fieldLength, traitAlways},
	policy.MSS:            {fieldMSS, traitMSS},
	policy.Tags:           {fieldTags, traitTagged},
	policy.TagID:          {fieldTag0, traitTagged},
	policy.ARPOperation:   {fieldARPOperation, traitNotIP},
	policy.MTU:            {fieldMTU, traitICMP},
	policy.QuotedProtocol: {fieldQuotedProtocol, traitICMP},
	policy.QuotedLength:   {fieldQuotedLength, traitICMP},
	policy.QuotedICMPType: {fieldQuotedICMPType, traitICMP},
	policy.QuotedFamily:   {fieldQuotedFamily, traitICMP},
	policy.Window:         {fieldWindow, traitAlways},
	policy.PayloadLength:  {fieldPayloadLength, traitAlways},
}

func (a *atoms) number(e policy.Number) trait {
	n := numberFields[e.Of]
	a.ranges(n.field, e.Ranges)
	if e.Of == policy.TagID {
		a.ranges(fieldTag1, e.Ranges)
	}
	untagged := func(r policy.Range) bool { return r.Low == 0 }
	far := func(r policy.Range) bool { return r.High >= uint32(bpf.GuardFewHops) }
	switch {
	case e.Of == policy.Tags && slices.ContainsFunc(e.Ranges, untagged):
		return traitAlways
	case e.Of == policy.TTL && !slices.ContainsFunc(e.Ranges, far):
		return traitExpiring
	}
	return n.when
}

func bitsField(e policy.Bits) (field, trait) {
	f, when := fieldFragment, traitFragment
	switch e.Of {
	case policy.IPOptions:
		f, when = fieldOptions, traitOptions
	case policy.Headers:
		f, when = fieldHeaders, traitOptions
	case policy.RoutingTypes:
		f, when = fieldRoutingTypes, traitOptions
	case policy.QuotedFlags:
		return fieldQuotedFlags, traitICMP
	case policy.TCPOptions:
		return fieldTCPOptions, traitAlways
	}
	if e.All == 0 && e.Any == 0 {
		when = traitAlways // also true without any bit
	}
	return f, when
}

// same adds no test, so that the atom is false, if the fields cannot be compared.
func (a *atoms) same(e policy.Same) trait {
	kinds := [...]int{
		policy.CompareSource: 0, policy.CompareDestination: 0, policy.CompareQuotedSource: 0,
		policy.CompareARPSender: 0, policy.CompareARPTarget: 0,
		policy.CompareSourcePort: 1, policy.CompareDestinationPort: 1,
		policy.CompareSourceMAC: 2, policy.CompareARPSenderMAC: 2,
	}
	if kinds[e.Left] == kinds[e.Right] {
		a.tests = append(a.tests, Test{Op: opSame, Field: uint8(e.Left), Other: uint8(e.Right)})
	}
	either := func(of policy.CompareField) bool { return e.Left == of || e.Right == of }
	switch {
	case either(policy.CompareQuotedSource):
		return traitICMP
	case either(policy.CompareARPSenderMAC), either(policy.CompareARPSender), either(policy.CompareARPTarget):
		return traitNotIP
	case e.Left != e.Right && !either(policy.CompareSourceMAC):
		return traitSame
	}
	return traitAlways
}

func addressTrait(of policy.AddressField) trait {
	switch of {
	case policy.ARPSender, policy.ARPTarget:
		return traitNotIP
	}
	return traitICMP
}

// socketTrait is that of ICMP for the socket of a quoted packet; any packet of TCP or UDP
// has one of its own.
func socketTrait(of policy.Whose) trait {
	if of == policy.Inner {
		return traitICMP
	}
	return traitAlways
}

func (a *atoms) binding(set *policy.BindingSet) uint32 {
	n, known := a.bindings[set.Name]
	if !known {
		n = uint32(len(a.bindings))
		a.bindings[set.Name] = n
		for ip, macs := range set.MACs {
			a.bounds = append(a.bounds, Bound{Set: n, IP: ip}) // that it is bound at all
			for _, mac := range macs {
				a.bounds = append(a.bounds, Bound{Set: n, IP: ip, MAC: mac, HasMAC: true})
			}
		}
	}
	return n
}

// textOf tells leaves apart.
func textOf(leaf policy.Expr) string {
	if p, ok := leaf.(payloads); ok {
		return fmt.Sprintf("%v", p.all)
	}
	return fmt.Sprintf("%T%v", leaf, leaf)
}
