//go:build kernel

package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A coverage counts what a random test has met, by name. What it never meets it does not
// compare.
type coverage map[string]int

func (c coverage) add(yes bool, format string, args ...any) {
	if yes {
		c[fmt.Sprintf(format, args...)]++
	}
}

// packet notes what the parser and the walk treat apart.
func (c coverage) packet(p *packet.Packet) {
	c.add(true, "reason %v", p.Reason)
	if p.Reason != packet.OK {
		return
	}
	c.add(true, "family %d", p.Family)
	c.add(true, "tags %d", len(p.Tags))
	for bit := range 6 {
		c.add(p.Fragment>>bit&1 != 0, "fragment %d", bit)
		c.add(p.Options>>bit&1 != 0, "option %d", bit)
		c.add(bit < 5 && p.Headers>>bit&1 != 0, "header %d", bit)
	}
	c.add(p.RoutingTypes>>15 != 0, "routing types from 15")
	c.add(p.HasPorts, "ports of %d", p.Protocol)
	c.add(p.HasPorts && p.Protocol == packet.UDP && p.Family == 4 && p.Options == 0 && p.Length > 28+p.PayloadLength, "cut datagram")
	c.add(p.MSS != 0, "MSS")
	c.add(p.TCPOptions != 0, "fast open")
	c.add(len(p.Payload) == packet.MaxPayload, "long payload")
	c.add(p.ARP != nil, "ARP")
	if m := p.ICMP; m != nil {
		c.add(true, "ICMP of %d", p.Family)
		c.add(m.HasLinkAddress, "link address of %d", m.Type)
		c.add(m.Target.IsValid(), "target")
		c.quoted(m.Quoted)
	}
}

func (c coverage) quoted(q *packet.Quoted) {
	if q == nil {
		return
	}
	c.add(true, "quoted of %d", q.Family)
	c.add(q.Later, "quoted later fragment of %d", q.Family)
	c.add(q.HasPorts, "quoted ports")
	c.add(q.HasSequence, "quoted sequence")
	c.add(q.Protocol == packet.TCP && q.HasPorts && !q.HasSequence, "quoted ports without a sequence")
	c.add(q.HasICMP, "quoted ICMP")
	c.add(q.Protocol == packet.UDP && !q.HasPorts, "quoted without ports")
}

// judgement notes how a packet was judged.
func (c coverage) judgement(p *policy.Policy, r bpf.GuardResult) {
	const xdpDrop = 1
	none := uint32(none)
	switch {
	case r.Reason != uint32(packet.OK):
		c.add(true, "unreadable: verdict %d", r.Verdict)
	case r.Rule == none:
		c.add(true, "no rule")
	default:
		c.add(true, "rule of stage %v: verdict %d", p.Rules[r.Rule].Stage, r.Verdict)
		c.add(p.Rules[r.Rule].Limit != nil, "limit: verdict %d", r.Verdict)
	}
	c.add(r.WouldDrop != none && r.Verdict == xdpDrop, "would drop, and another drops")
	c.add(r.WouldDrop != none && r.Verdict != xdpDrop, "would drop, and passes")
	c.add(r.Kept != none, "kept")
	c.add(r.Counted == 1, "counted once")
	c.add(r.Counted > 1, "counted more often")
}

// turn tells whether to look at leaves: for one of some packets, as that takes long.
func (c coverage) turn() bool {
	c["turns"]++
	return c["turns"]%4 == 0
}

// leaves notes for each thing that rules can ask for whether it is so.
func (c coverage) leaves(p *policy.Policy, e *policy.Env, pkt *packet.Packet) {
	for i := range p.Rules {
		eachLeaf(p.Rules[i].Match, func(leaf policy.Expr) { c[fmt.Sprintf("%s: %v", leafName(leaf), e.Eval(leaf, pkt))]++ })
	}
}

func eachLeaf(e policy.Expr, f func(policy.Expr)) {
	switch e := e.(type) {
	case policy.All:
		for _, part := range e {
			eachLeaf(part, f)
		}
	case policy.Any:
		for _, part := range e {
			eachLeaf(part, f)
		}
	case policy.Not:
		eachLeaf(e.Of, f)
	default:
		f(e)
	}
}

// leafName is what a leaf asks for.
func leafName(leaf policy.Expr) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", leaf), "policy.")
	switch e := leaf.(type) {
	case policy.Addresses:
		if e.Set != "" {
			name = "Set"
		}
		return fmt.Sprintf("%s %d", name, e.Of)
	case policy.Own:
		return fmt.Sprintf("%s %d", name, e.Of)
	case policy.Ports:
		return fmt.Sprintf("%s %d", name, e.Of)
	case policy.Number:
		return fmt.Sprintf("%s %d", name, e.Of)
	case policy.Bits:
		return fmt.Sprintf("%s %d", name, e.Of)
	case policy.ICMPTypes:
		return fmt.Sprintf("%s %d", name, e.Family)
	}
	return name
}

// wanted are the names of all that a long test must meet. What sockets say is met by
// TestProgramKnowsSockets, and connections by TestProgramAsksForConnections.
func (c coverage) wanted() []string {
	all := []string{
		"family 0", "family 4", "family 6", "tags 0", "tags 1", "tags 2", "routing types from 15", "cut datagram", "MSS", "fast open", "long payload", "ARP",
		"ICMP of 4", "ICMP of 6", "target", "quoted of 4", "quoted of 6", "quoted later fragment of 4", "quoted later fragment of 6",
		"quoted ports", "quoted sequence", "quoted ports without a sequence", "quoted ICMP", "quoted without ports",
		"unreadable: verdict 1", "unreadable: verdict 2", "no rule", "limit: verdict 1", "would drop, and another drops", "would drop, and passes",
		"kept", "counted once", "counted more often",
	}
	add := func(n int, format string) {
		for i := range n {
			all = append(all, fmt.Sprintf(format, i))
		}
	}
	for reason := range packet.Reasons {
		all = append(all, fmt.Sprintf("reason %v", reason))
	}
	add(6, "fragment %d")
	add(6, "option %d")
	add(5, "header %d")
	for _, protocol := range []int{packet.TCP, packet.UDP, packet.SCTP, packet.UDPLite, packet.DCCP} {
		all = append(all, fmt.Sprintf("ports of %d", protocol))
	}
	for kind := range 5 {
		all = append(all, fmt.Sprintf("link address of %d", 133+kind))
	}
	for _, verdict := range []int{1, 2} {
		for _, stage := range []policy.Stage{policy.Guard, policy.PolicyRule} {
			all = append(all, fmt.Sprintf("rule of stage %v: verdict %d", stage, verdict))
		}
	}
	for _, is := range []string{"true", "false"} {
		addresses, ports := int(policy.NDTarget)+1, int(policy.QuotedDestinationPort)+1
		add(addresses, "Addresses %d: "+is)
		add(addresses, "Set %d: "+is)
		add(addresses, "Own %d: "+is)
		add(ports, "Ports %d: "+is)
		add(int(policy.PayloadLength)+1, "Number %d: "+is)
		add(int(policy.TCPOptions)+1, "Bits %d: "+is)
		for _, name := range []string{"Family", "EtherTypes", "Protocols", "ICMPTypes 4", "ICMPTypes 6", "Same", "QuotedTooLarge", "Payload", "Binding"} {
			all = append(all, name+": "+is)
		}
	}
	return all
}

// missing returns what was never met.
func (c coverage) missing() (never []string) {
	for _, name := range c.wanted() {
		if c[name] == 0 {
			never = append(never, name)
		}
	}
	return never
}

// log tells what was met least, and what never.
func (c coverage) log(t *testing.T) {
	t.Helper()
	wanted := c.wanted()
	names := slices.SortedFunc(maps.Keys(c), func(a, b string) int { return c[a] - c[b] })
	names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(wanted, name) })
	var rare []string
	for _, name := range names[:min(len(names), 20)] {
		rare = append(rare, fmt.Sprintf("%s %d", name, c[name]))
	}
	t.Logf("of %d things, met least: %s; never: %q", len(wanted), strings.Join(rare, ", "), c.missing())
}
