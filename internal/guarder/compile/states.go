package compile

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// states notes what rules remember. A new kind of state is a case of stateOf, and one of
// guard_is_over() in the kernel's program.
func (c *compiler) states() {
	t := c.t
	t.rules = c.policy.Rules
	for i := range t.rules {
		if !t.rules[i].Stateful() {
			continue
		}
		if t.States == nil {
			t.States = make([]bpf.GuardState, len(t.rules))
		}
		switch r := &t.rules[i]; {
		case r.SYNCookie != nil:
			t.States[i] = floodState(r)
			continue
		case r.Limit.Distinct != policy.DistinctNothing:
			t.States[i] = spreadState(r)
			continue
		}
		c.limit(i)
	}
}

// limit notes the levels of a rule's limit: the first stands in the entry of the rule, and
// the others behind those of rules.
func (c *compiler) limit(rule int) {
	t, r := c.t, &c.t.rules[rule]
	add := func(level policy.Level) uint32 {
		t.States = append(t.States, limitState(r, level))
		return uint32(len(t.States) - 1)
	}
	for i, at := 0, uint32(rule); i < len(r.Limit.All()); i++ {
		if level := r.Limit.All()[i]; i == 0 {
			t.States[at] = limitState(r, level)
		} else {
			next := add(level)
			t.States[at].Level = next
			at = next
		}
	}
	// A heavy hitter without room at one level is counted at the next.
	if r.Limit.Levels == nil && r.Limit.WhenFull == policy.Aggregate {
		wider := add(r.Limit.Wider())
		t.States[rule].Wider = wider
	}
}

// floodState returns the state of a rule that answers SYNs. Its identity is that of the
// rule, so that a flood goes on when the rates are changed.
func floodState(r *policy.Rule) bpf.GuardState {
	s := bpf.GuardState{
		Kind: uint8(bpf.GuardStateSYNCookie), Identity: r.ID(),
		Interval: r.SYNCookie.Rates.On, Tolerance: r.SYNCookie.Rates.Off,
	}
	if r.Mode != policy.Enforce {
		s.Of = bpf.GuardOfAudit
	}
	return s
}

// spreadState returns the state of a rule that counts different ports.
func spreadState(r *policy.Rule) bpf.GuardState {
	l := *r.Limit
	l.Rate, l.Burst = 1, 1 // it has none
	spread := *r
	spread.Limit = &l
	s := limitState(&spread, l.Level)
	s.Kind = uint8(bpf.GuardStateSpread)
	s.Interval, s.Tolerance = uint64(r.Limit.Within), uint64(r.Limit.Most)
	s.Distinct = map[policy.Distinct]uint8{
		policy.DistinctDestinationPort: bpf.GuardDistinctDestinationPort, policy.DistinctSourcePort: bpf.GuardDistinctSourcePort,
	}[r.Limit.Distinct]
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%x spread %+v", r.ID(), *r.Limit)
	s.Identity = hash.Sum64()
	return s
}

// spreads tells whether a rule tells ports apart.
func (t *Tables) spreads() bool {
	return slices.ContainsFunc(t.States, func(s bpf.GuardState) bool { return s.Kind == uint8(bpf.GuardStateSpread) })
}

// guardStates tells whether a rule before those of the policy stage has a state: it is
// asked before the feeds.
func (t *Tables) guardStates() bool {
	return t.States != nil && slices.ContainsFunc(t.rules[:t.FirstPolicy], func(r policy.Rule) bool { return r.Stateful() })
}

// limitState returns the state of a level of a rule's limit.
func limitState(r *policy.Rule, l policy.Level) bpf.GuardState {
	rate := r.Limit.GCRA()
	s := bpf.GuardState{
		Kind:     uint8(bpf.GuardStateLimit),
		Interval: uint64(rate.Interval), Tolerance: uint64(rate.Tolerance()),
		Scale: uint8(bits.Len64(uint64(rate.Interval)) - 1),
		Mask4: mask4(l.Prefix4), Mask6: mask6(l.Prefix6),
	}
	for part, bit := range map[policy.Per]uint8{
		policy.PerSource: bpf.GuardOfSource, policy.PerDestination: bpf.GuardOfDestination,
		policy.PerPorts: bpf.GuardOfFlow, policy.PerInterface: bpf.GuardOfInterface,
	} {
		if l.Per&part != 0 {
			s.Of |= bit
		}
	}
	// A limit that is changed begins anew: what was remembered was of another rate.
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%x limit %v %+v", r.ID(), rate, l)
	s.Identity = hash.Sum64()
	return s
}

// mask4 and mask6 return the first bits of addresses as they stand in the network.
func mask4(ones int) uint32 {
	p := netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), ones).Masked()
	return wordsOf(p.Addr())[0]
}

func mask6(ones int) (mask [2]uint64) {
	var all [16]byte
	for i := range ones {
		all[i/8] |= 0x80 >> (i % 8)
	}
	for i := range mask {
		mask[i] = binary.NativeEndian.Uint64(all[8*i:])
	}
	return mask
}
