package propose

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// laterVersion is the code of the decoder for what Guarder will be able to do.
const laterVersion = "G106"

// check has the real decoder read the rule, and the real interpreter judge packets of
// protected addresses.
func (p Proposal) check(protected []netip.Prefix) ([]string, Code) {
	decoded, faults := policy.Parse(p.Name+".yaml", p.YAML, policy.Options{})
	var warnings []string
	for _, f := range faults {
		switch {
		case f.Severity != policy.Error:
			warnings = append(warnings, f.String())
		case f.Code == laterVersion:
			return nil, NotYet
		default:
			return nil, Refused
		}
	}
	if !p.isMeant(decoded) {
		return nil, NotOneRule
	}
	for _, s := range protected {
		if !passes(decoded, s.Masked().Addr()) {
			return nil, LocksOut
		}
	}
	return warnings, OK
}

// isMeant tells whether the decoder has read the one rule that was meant.
func (p Proposal) isMeant(decoded *policy.Policy) bool {
	if len(decoded.Rules) != 1 {
		return false
	}
	r := decoded.Rules[0]
	mode := policy.Enforce
	if p.Action == answer.Monitor {
		mode = policy.Audit
	}
	if r.Ban != nil || r.Alert != nil || r.Sample != nil {
		return false // it would do more than drop
	}
	if (r.Limit != nil) != (p.Action == answer.RateLimit) || r.Limit != nil && !p.isLimit(r.Limit) {
		return false
	}
	return r.Group == p.Name && r.Name == string(p.Action) && r.Stage == policy.PolicyRule && r.Action == policy.Drop && r.Mode == mode && r.Interfaces == nil
}

// isLimit tells whether a limit is the one that was meant: of each source alone.
func (p Proposal) isLimit(l *policy.Limit) bool {
	return l.Per == policy.PerSource && l.Levels == nil && l.Rate == float64(p.Rate)
}

// passes tells whether usual packets from an address to this host pass, and would, however
// many there were before.
func passes(decoded *policy.Policy, from netip.Addr) bool {
	exceeded := *decoded
	exceeded.Rules = slices.Clone(decoded.Rules)
	for i := range exceeded.Rules {
		exceeded.Rules[i].Limit = nil
	}
	decoded = &exceeded
	own, icmp := netip.MustParseAddr("192.0.2.1"), "icmp"
	if from.Is6() {
		own, icmp = netip.MustParseAddr("2001:db8::1"), "icmpv6"
	}
	env := &policy.Env{Own: func(a netip.Addr) bool { return a == own }, Sets: decoded.Sets, Bindings: decoded.Bindings}
	for _, text := range []string{
		fmt.Sprintf("tcp %s > %s flags=syn", netip.AddrPortFrom(from, 40000), netip.AddrPortFrom(own, 22)),
		fmt.Sprintf("udp %s > %s", netip.AddrPortFrom(from, 53), netip.AddrPortFrom(own, 40000)),
		fmt.Sprintf("%s %s > %s type=echo-request", icmp, from, own),
	} {
		s, err := policy.ParseSpecimen(text)
		if err != nil {
			return false
		}
		if j := decoded.Judge(&s.Packet, env); j.Verdict != policy.Passed || j.WouldDrop != policy.None {
			return false
		}
	}
	return true
}
