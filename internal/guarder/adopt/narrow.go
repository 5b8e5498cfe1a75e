package adopt

import (
	"errors"
	"fmt"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// What a proposal may be about at most; wider rules are for people to write.
const (
	// Widest4 and Widest6 are the shortest prefixes of a source.
	Widest4, Widest6 = 24, 48
	// MostSources is how many sources a rule may name.
	MostSources = 10
	// MostRules is how many rules a proposal may have.
	MostRules = 4
)

// ErrWide is wrapped by what Narrow returns.
var ErrWide = errors.New("wider than a proposal may be; have a file of your own if that is meant")

// Narrow refuses a policy that does more than to drop or count what comes from a few named
// sources, on all devices that Guarder is on already.
func Narrow(p *policy.Policy) error {
	wide := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrWide)
	}
	switch {
	case len(p.Rules) == 0:
		return errors.New("the proposal has no rule that does anything")
	case len(p.Rules) > MostRules:
		return wide("%d rules are more than %d", len(p.Rules), MostRules)
	case p.Life != policy.Life{}:
		return wide("failsafe: says how the whole policy is put in force")
	case p.UnparsableSample != nil:
		return wide("packets that cannot be read would be copied")
	case len(p.Attach) > 0 || len(p.Named) > 0:
		return wide("it names network devices")
	case len(p.Entries) > 0:
		return wide("it has sets")
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		name := r.Group + "/" + r.Name
		switch {
		case r.Stage != policy.PolicyRule:
			return wide("%s is of the stage %v", name, r.Stage)
		case r.Action != policy.Drop && r.Action != policy.Count:
			return wide("%s would %v", name, r.Action)
		case r.Sample != nil:
			return wide("%s copies packets", name)
		case r.Alert != nil:
			return wide("%s wakes people up", name)
		case r.Ban != nil: // of up to a /16, for up to a year, whenever the rule ends
			return wide("%s bans whom it drops, for longer than it lasts", name)
		case r.SYNCookie != nil:
			return wide("%s answers in the place of the kernel", name)
		}
		if err := sources(r.Match); err != nil {
			return wide("%s %v", name, err)
		}
	}
	return nil
}

// sources returns an error unless a match is for a few sources alone.
func sources(match policy.Expr) error {
	parts, ok := match.(policy.All)
	if !ok {
		parts = policy.All{match}
	}
	for _, part := range parts {
		of, ok := part.(policy.Addresses)
		if !ok || of.Of != policy.Source || of.Set != "" || of.Learns != "" || len(of.Prefixes) == 0 {
			continue
		}
		if len(of.Prefixes) > MostSources {
			return fmt.Errorf("names %d sources, more than %d", len(of.Prefixes), MostSources)
		}
		for _, p := range of.Prefixes {
			widest := Widest4
			if p.Addr().Is6() {
				widest = Widest6
			}
			if p.Bits() < widest {
				return fmt.Errorf("is for %v, which is wider than a /%d", p, widest)
			}
		}
		return nil
	}
	return errors.New("is not for named sources alone")
}
