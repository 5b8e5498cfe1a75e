package propose

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A Proposal is a rule that somebody may adopt.
type Proposal struct {
	// Name is that of its group, ai-<episode>.
	Name   string
	Action answer.Action
	// Sources are sorted and do not overlap.
	Sources []netip.Prefix
	Proto   answer.Proto
	// Port is 0 for all.
	Port uint16
	// Rate is packets per second, 0 if it is no limit.
	Rate int
	TTL  time.Duration
	// Asked is what was asked for in place of Action, and Only why the rule only counts; both
	// are "" if it does what was asked for. See [Limits.Rehearsed].
	Asked answer.Action
	Only  string
	// YAML is a policy with this one rule.
	YAML []byte
	// Warnings are what the decoder has to say beside, such as that it overlaps.
	Warnings []string
}

var episodeForm = regexp.MustCompile(`^[0-9a-f]{12}$`)

// Make judges a form and writes its rule. The handles are those of the table, and the
// confidence that of the whole answer, as judged by package answer.
func (l Limits) Make(r answer.Rule, confidence answer.Confidence, t *handle.Table, episode string) (Proposal, Code) {
	p := Proposal{Name: "ai-" + episode, Action: r.Action, Proto: r.Proto, TTL: time.Duration(r.TTLMinutes) * time.Minute}
	if code := l.form(r, confidence, episode, p.TTL); code != OK {
		return Proposal{}, code
	}
	var code Code
	if p.Sources, code = l.sources(r.Sources, t); code != OK {
		return Proposal{}, code
	}
	if p.Port, code = port(r, t); code != OK {
		return Proposal{}, code
	}
	if r.RatePPS != nil {
		p.Rate = *r.RatePPS
	}
	if p.Proto == answer.ICMP && slices.ContainsFunc(p.Sources, func(s netip.Prefix) bool { return s.Addr().Is4() != p.Sources[0].Addr().Is4() }) {
		return Proposal{}, MixedFamilies
	}
	p.YAML = p.render()
	if p.Warnings, code = p.check(l.Protected); code != OK {
		return Proposal{}, code
	}
	return p, OK
}

// form judges what does not depend on handles.
func (l Limits) form(r answer.Rule, confidence answer.Confidence, episode string, ttl time.Duration) Code {
	sure := confidence == answer.High || confidence == answer.Medium && r.Action == answer.Monitor
	switch {
	case !episodeForm.MatchString(episode):
		return BadEpisode
	case !slices.Contains([]answer.Action{answer.Monitor, answer.RateLimit, answer.Drop}, r.Action):
		return UnknownAction
	case !slices.Contains([]answer.Proto{answer.AnyProto, answer.TCP, answer.UDP, answer.ICMP}, r.Proto):
		return UnknownProto
	case !sure:
		return NotSure
	case r.TTLMinutes < 1, r.TTLMinutes > 1<<20, ttl < l.ShortestTTL, ttl > l.LongestTTL:
		return BadTTL
	case (r.Action == answer.RateLimit) != (r.RatePPS != nil), r.RatePPS != nil && (*r.RatePPS < 1 || *r.RatePPS > l.MostRate):
		return BadRate
	case len(r.Sources) == 0:
		return NoSources
	case len(r.Sources) > l.MostSources:
		return TooMany
	}
	return OK
}

// sources returns the networks behind handles, sorted, without those within others.
func (l Limits) sources(names []string, t *handle.Table) ([]netip.Prefix, Code) {
	var all []netip.Prefix
	for _, name := range names {
		k, value, ok := t.Value(name)
		if !ok || k != handle.Source {
			return nil, UnknownSource
		}
		s, err := network(value)
		if err != nil {
			return nil, UnknownSource
		}
		if code := l.source(s); code != OK {
			return nil, code
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var out []netip.Prefix
	for _, s := range all {
		if len(out) == 0 || !out[len(out)-1].Overlaps(s) {
			out = append(out, s)
		}
	}
	return out, OK
}

func network(value string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(value); err == nil {
		return a.Prefix(a.BitLen())
	}
	p, err := netip.ParsePrefix(value)
	return p.Masked(), err
}

// source judges one network.
func (l Limits) source(s netip.Prefix) Code {
	widest := l.Widest4
	if s.Addr().Is6() {
		widest = l.Widest6
	}
	switch {
	case s.Bits() < widest:
		return TooWide
	case slices.ContainsFunc(l.Protected, s.Overlaps):
		return IsProtected
	case !external(s):
		return NotExternal
	}
	return OK
}

// port returns the port behind the handle of the target.
func port(r answer.Rule, t *handle.Table) (uint16, Code) {
	if r.Target == nil {
		return 0, OK
	}
	k, value, ok := t.Value(*r.Target)
	if !ok || k != handle.Port || r.Proto == answer.ICMP {
		return 0, BadPort
	}
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n == 0 {
		return 0, BadPort
	}
	return uint16(n), OK
}
