package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/locator/judge"
)

// A State is what became of a rule.
type State string

// The states.
const (
	OK       State = "ok"
	Violated State = "violated"
	Unknown  State = "unknown"
)

// A Route is the way to a destination as it was measured.
type Route struct {
	Dest string // its configured name
	// Source and Destination are the countries of both ends, "" if they are unknown.
	Source, Destination string
	// Reached is set if the last hop is the destination.
	Reached bool
	// Hops are in the order of their TTLs, with their Plausibility.
	Hops []judge.Hop
}

// A Result is what a rule says about a route.
type Result struct {
	Rule   Rule
	State  State
	Text   string  // why, in a sentence
	TTLs   []uint8 // of the hops that violate it
	Points int     // if it is violated
}

// Judge compares a route with the rules for its destination, in their order.
func (p *Policy) Judge(route Route) []Result {
	var results []Result
	for _, r := range p.Rules {
		if !r.matches(route.Dest) {
			continue
		}
		v := r.judge(route)
		result := Result{Rule: r, State: v.state, Text: v.text, TTLs: v.ttls}
		if v.state == Violated {
			result.Points = r.Points
		}
		results = append(results, result)
	}
	return results
}

func (r Rule) matches(dest string) bool {
	return len(r.Dest) == 0 || slices.ContainsFunc(r.Dest, func(pattern string) bool {
		ok, err := path.Match(pattern, dest)
		return ok && err == nil
	})
}

type verdict struct {
	state State
	text  string
	ttls  []uint8
}

func (r Rule) judge(route Route) verdict {
	switch r.Check {
	case Domestic:
		return r.domestic(route)
	case ForbidCountry:
		return countries(route, func(c string) bool { return slices.Contains(r.Countries, c) })
	case ForbidAS:
		return r.forbidAS(route)
	case RequireAS:
		return r.requireAS(route)
	case MaxAS:
		return r.maxAS(route)
	}
	return r.blocklist(route)
}

// finding collects what speaks against a route, and what is not known about it.
type finding struct {
	bad     []uint8
	told    []string // of the bad ones, each once
	missing []uint8
}

func (f *finding) add(ttl uint8, what string) {
	f.bad = append(f.bad, ttl)
	if !slices.Contains(f.told, what) {
		f.told = append(f.told, what)
	}
}

// verdict is for rules that forbid something; what is missing names it.
func (f *finding) verdict(route Route, what string) verdict {
	switch {
	case len(f.bad) > 0:
		return verdict{Violated, fmt.Sprintf("passes %s at TTL %s", strings.Join(f.told, ", "), ttls(f.bad)), f.bad}
	case len(f.missing) > 0:
		return verdict{Unknown, fmt.Sprintf("the %s at TTL %s is unknown", what, ttls(f.missing)), nil}
	case !route.Reached:
		return verdict{Unknown, "the path does not reach its destination", nil}
	}
	text := "passes none"
	if blind := judge.Blind(route.Hops); len(blind) > 0 {
		text += "; nobody answers at TTL " + ttls(blind)
	}
	return verdict{OK, text, nil}
}

func ttls(list []uint8) string {
	var b []string
	for _, ttl := range list {
		b = append(b, fmt.Sprint(ttl))
	}
	return strings.Join(b, ", ")
}

// countries judges the hops between both ends.
func countries(route Route, bad func(country string) bool) verdict {
	var f finding
	for _, h := range route.Hops {
		switch {
		case h.Final || judge.ScopeOf(h.Addr) != judge.Global:
		case h.Country == "" || h.Registered || h.Anycast || h.Plausibility == judge.Implausible:
			f.missing = append(f.missing, h.TTL)
		case bad(h.Country):
			f.add(h.TTL, h.Country)
		}
	}
	return f.verdict(route, "country")
}

func (r Rule) domestic(route Route) verdict {
	switch {
	case route.Source == "":
		return verdict{Unknown, "the own country is unknown", nil}
	case route.Destination == "":
		return verdict{Unknown, "the country of the destination is unknown", nil}
	case route.Source != route.Destination:
		return verdict{OK, fmt.Sprintf("the destination is in %s, not in %s", route.Destination, route.Source), nil}
	}
	return countries(route, func(c string) bool { return c != route.Source })
}

// global are the hops that should have an AS of the path.
func global(route Route) (hops []judge.Hop, missing []uint8) {
	for _, h := range route.Hops {
		if judge.ScopeOf(h.Addr) != judge.Global || h.Exchange {
			continue
		}
		if h.AS == 0 {
			missing = append(missing, h.TTL)
		}
		hops = append(hops, h)
	}
	return hops, missing
}

func (r Rule) forbidAS(route Route) verdict {
	hops, missing := global(route)
	f := finding{missing: missing}
	for _, h := range hops {
		if slices.Contains(r.ASes, h.AS) {
			f.add(h.TTL, fmt.Sprintf("AS%d", h.AS))
		}
	}
	return f.verdict(route, "AS")
}

func (r Rule) requireAS(route Route) verdict {
	for _, as := range judge.ASPath(route.Hops) {
		if slices.Contains(r.ASes, as.AS) {
			return verdict{OK, fmt.Sprintf("passes AS%d at TTL %d", as.AS, as.First), nil}
		}
	}
	if v, open := incomplete(route); open {
		return v
	}
	return verdict{Violated, "passes none of those required", nil}
}

func (r Rule) maxAS(route Route) verdict {
	n := len(judge.ASPath(route.Hops))
	if _, missing := global(route); n > r.Max && len(missing) == 0 {
		return verdict{Violated, fmt.Sprintf("passes %d networks, more than %d", n, r.Max), nil}
	}
	if v, open := incomplete(route); open {
		return v
	}
	return verdict{OK, fmt.Sprintf("passes %d networks", n), nil}
}

// incomplete says why there may be more networks than are seen.
func incomplete(route Route) (verdict, bool) {
	_, missing := global(route)
	blind := judge.Blind(route.Hops)
	switch {
	case len(missing) > 0:
		return verdict{Unknown, "the AS at TTL " + ttls(missing) + " is unknown", nil}, true
	case !route.Reached:
		return verdict{Unknown, "the path does not reach its destination", nil}, true
	case len(blind) > 0:
		return verdict{Unknown, "nobody answers at TTL " + ttls(blind), nil}, true
	}
	return verdict{}, false
}

func (r Rule) blocklist(route Route) verdict {
	var f finding
	look := func(h judge.Hop, l judge.Listing, what string) {
		if !l.Asked {
			if !slices.Contains(f.missing, h.TTL) {
				f.missing = append(f.missing, h.TTL)
			}
			return
		}
		if l.Listed {
			if l.Reference != "" {
				what += " (" + l.Reference + ")"
			}
			f.add(h.TTL, what)
		}
	}
	for _, h := range route.Hops {
		if judge.ScopeOf(h.Addr) != judge.Global {
			continue
		}
		if r.Prefixes {
			look(h, h.PrefixListed, h.Addr.String())
		}
		if r.Networks && !h.Exchange {
			listed := h.ASListed
			listed.Asked = listed.Asked && h.AS != 0
			look(h, listed, fmt.Sprintf("AS%d", h.AS))
		}
	}
	return f.verdict(route, "listing")
}
