package host

import (
	"fmt"
	"path"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Cut is a need that a policy would drop.
type Cut struct {
	Need Need
	// Rule is the index in policy.Policy.Rules of the rule that drops it.
	Rule int
	// Interface is the device on which it would be dropped.
	Interface string
	// Warning: it is not cut off at once, as the rule is only audited or the policy
	// keeps connections that are established; or it may not be needed.
	Warning bool
}

// String returns a clause such as "would drop the ARP reply of gateway 192.0.2.1 on
// eth0".
func (c Cut) String() string {
	return fmt.Sprintf("would drop %s on %s", c.Need.Text, c.Interface)
}

// Lockout returns which needs of the host the policy would drop, in their order. It
// judges each need in all places where the policy sees it, and tells of the worst: a
// drop before a drop that would be, and of those the first. A drop that comes when a
// temporary rule that passes is over counts as well.
//
// An audited rule is tried as if it were enforced; that is what the judgement's
// WouldDrop says. A connection that the policy promises to keep while it lasts is
// worth a warning: it will not come back.
//
// It takes the interpreter's time: some 40 ns for each rule and packet, half a second
// for 1,000 rules and 5,000 peers.
func Lockout(p *policy.Policy, facts *Facts) []Cut {
	var cuts []Cut
	for _, need := range facts.Needs() {
		if cut, ok := worst(p, facts, need); ok {
			cuts = append(cuts, cut)
		}
	}
	return cuts
}

func worst(p *policy.Policy, facts *Facts, need Need) (cut Cut, found bool) {
	for _, at := range need.Arrivals {
		if !attached(p, at.Interface) {
			continue
		}
		for _, now := range p.Moments() {
			env := policy.Env{Interface: at.Interface, Own: facts.Owns, Sockets: facts.truths(need.Kind), Sets: p.Sets, Bindings: p.Bindings, Now: now}
			here, cuts := cutBy(p, p.Judge(&at.Packet, &env), need, at.Interface)
			if cuts && !here.Warning {
				return here, true
			}
			if cuts && !found {
				cut, found = here, true
			}
		}
	}
	return cut, found
}

// cutBy returns what a judgement on a packet means for the need that it is of.
func cutBy(p *policy.Policy, j policy.Judgement, need Need, device string) (cut Cut, cuts bool) {
	rule := j.WouldDrop
	if j.Verdict == policy.Dropped {
		rule = j.By
	}
	if rule == policy.None {
		return cut, false
	}
	warning := j.Verdict != policy.Dropped || !need.Certain || keeps(p, rule, need)
	return Cut{Need: need, Rule: rule, Interface: device, Warning: warning}, true
}

// attached tells whether the policy is for a device.
func attached(p *policy.Policy, device string) bool {
	return p.Attach == nil || slices.ContainsFunc(p.Attach, func(pattern string) bool {
		matches, err := path.Match(pattern, device)
		return err == nil && matches
	})
}

// keeps tells whether the policy spares a connection that is there already from a rule.
func keeps(p *policy.Policy, rule int, need Need) bool {
	lasting := need.Kind == NeedOperator || need.Kind == NeedEstablished
	return lasting && p.Life.KeepEstablished && p.Rules[rule].Stage == policy.PolicyRule
}
