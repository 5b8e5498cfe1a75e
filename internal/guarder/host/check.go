package host

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
)

// ownPrograms is how the names of Guarder's XDP programs begin.
const ownPrograms = "guard"

// linearMTU is the largest MTU whose packets fit one page beside what XDP needs; many
// drivers refuse native XDP above it.
const linearMTU = 3498

// Check returns what is wrong with a policy on this host, sorted by place: interfaces
// that are missing, taken or slow, rules that cannot match there or would match what they
// are not meant for, and what the host would be cut off from.
func Check(p *policy.Policy, facts *Facts) []policy.Fault {
	faults := slices.Concat(lacks(p, facts), missing(p, facts), devices(p, facts), elsewhere(p, facts), cookieless(p, facts), answers(p, facts), lockout(p, facts))
	slices.SortStableFunc(faults, func(a, b policy.Fault) int {
		return cmp.Or(strings.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return faults
}

// Accepted tells whether a fault is one that who accepts a lockout does without: the host
// is cut off, or may be.
func Accepted(f policy.Fault) bool {
	return f.Code == policy.Lockout || f.Code == policy.SocketsElsewhere
}

// lacks finds what the kernel cannot do. It is reported where the policy begins.
func lacks(p *policy.Policy, facts *Facts) (faults []policy.Fault) {
	for _, f := range facts.Abilities {
		if f.Outcome == kernel.No {
			faults = append(faults, policy.NewFault(policy.KernelLacks, beginning(p), "", f.Cure, "%s on Linux %s: %s", f.Name, facts.Kernel, f.Detail))
		}
	}
	return faults
}

// beginning is the first place that the policy names.
func beginning(p *policy.Policy) policy.Position {
	switch {
	case len(p.Named) > 0:
		return p.Named[0].At
	case len(p.Rules) > 0:
		return p.Rules[0].At
	}
	return policy.Position{}
}

// missing finds names for which there is no device.
func missing(p *policy.Policy, facts *Facts) (faults []policy.Fault) {
	var known []string
	for _, d := range facts.Devices {
		known = append(known, d.Name)
	}
	for _, n := range p.Named {
		if !n.Optional && !slices.ContainsFunc(known, func(name string) bool { return matches(n.Name, name) }) {
			faults = append(faults, policy.NewFault(policy.NoInterface, n.At, n.In, "write {name: "+n.Name+", optional: true} if it may be missing",
				"%s not found (%s)", n.Name, strings.Join(known, ", ")))
		}
	}
	return faults
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// devices finds devices that XDP cannot run on, or not well. Each is reported where a
// file first names it.
func devices(p *policy.Policy, facts *Facts) (faults []policy.Fault) {
	for _, d := range facts.Devices {
		i := slices.IndexFunc(p.Named, func(n policy.NamedInterface) bool { return matches(n.Name, d.Name) })
		if i < 0 {
			continue
		}
		n := p.Named[i]
		if d.XDP != nil && !strings.HasPrefix(d.XDP.Name, ownPrograms) {
			faults = append(faults, policy.NewFault(policy.InterfaceTaken, n.At, n.In, "detach it, or leave the interface out",
				"%s already runs XDP program %d (%s)", d.Name, d.XDP.ID, cmp.Or(d.XDP.Name, "without a name")))
		}
		if why, hint := facts.slow(d); why != "" {
			faults = append(faults, policy.NewFault(policy.SlowAttach, n.At, n.In, hint, "%s %s; will attach generic (slower)", d.Name, why))
		}
		if r := firstVLANRule(p, d.Name); r != nil && d.RxVLAN {
			faults = append(faults, r.About(policy.TagsStripped, "ethtool -K "+d.Name+" rxvlan off",
				"%s strips VLAN tags before XDP sees them (rxvlan is on), so the rule does not match", d.Name))
		}
	}
	return faults
}

// slow returns why a device refuses XDP in its driver, and what helps.
func (f *Facts) slow(d Device) (why, hint string) {
	parent, onParent := f.Device(d.Parent)
	switch {
	case d.VLAN != 0 && onParent:
		return fmt.Sprintf("is VLAN %d of %s and has no driver that runs XDP", d.VLAN, parent.Name),
			fmt.Sprintf("name %s, and match vlan: {id: %d}", parent.Name, d.VLAN)
	case d.LRO:
		return "joins packets (LRO), which native XDP refuses", "ethtool -K " + d.Name + " lro off"
	case d.MTU > linearMTU && d.Driver != "" && !d.Loopback:
		return fmt.Sprintf("(%s, MTU %d) may refuse native XDP", d.Driver, d.MTU), fmt.Sprintf("an MTU up to %d fits all drivers", linearMTU)
	}
	return "", ""
}

// firstVLANRule returns the first rule for a device that looks at VLAN tags, or nil.
func firstVLANRule(p *policy.Policy, device string) *policy.Rule {
	for i := range p.Rules {
		r := &p.Rules[i]
		here := r.Interfaces == nil || slices.ContainsFunc(r.Interfaces, func(name string) bool { return matches(name, device) })
		if here && looksAtTags(r.Match) {
			return r
		}
	}
	return nil
}

func looksAtTags(e policy.Expr) bool {
	switch e := e.(type) {
	case policy.All:
		return slices.ContainsFunc(e, looksAtTags)
	case policy.Any:
		return slices.ContainsFunc(e, looksAtTags)
	case policy.Not:
		return looksAtTags(e.Of)
	case policy.Number:
		return e.Of == policy.Tags || e.Of == policy.TagID
	}
	return false
}

// lockout reports what the host would be cut off from at once, one fault for each rule
// that does it.
func lockout(p *policy.Policy, facts *Facts) (faults []policy.Fault) {
	byRule := map[int][]Cut{}
	for _, cut := range Lockout(p, facts) {
		if !cut.Warning {
			byRule[cut.Rule] = append(byRule[cut.Rule], cut)
		}
	}
	for rule, cuts := range byRule {
		more := ""
		if n := len(cuts) - 1; n == 1 {
			more = " and 1 more that this host needs"
		} else if n > 1 {
			more = fmt.Sprintf(" and %d more that this host needs", n)
		}
		faults = append(faults, p.Rules[rule].About(policy.Lockout, "add it to failsafe.allow, or use --accept-lockout", "%v%s", cuts[0], more))
	}
	return faults
}
