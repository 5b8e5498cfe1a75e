package propose

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

const episode = "ab12cd34ef56"

// observed gives handles to values, S1, S2 and so on for sources and P1 for ports.
func observed(t testing.TB, sources ...string) *handle.Table {
	t.Helper()
	table := &handle.Table{}
	for _, s := range sources {
		if _, ok := table.Name(handle.Source, s); !ok {
			t.Fatal("no handle")
		}
	}
	for _, p := range []string{"443", "other", "0", "70000"} {
		table.Name(handle.Port, p)
	}
	table.Name(handle.Destination, "198.51.100.7")
	return table
}

func limits() Limits {
	l := Defaults
	for _, p := range []string{"198.18.0.0/15", "203.0.113.53/32", "2001:db8:aaaa::/48", "2606:4700::1111/128"} {
		l.Protected = append(l.Protected, netip.MustParsePrefix(p))
	}
	return l
}

func form(changes func(*answer.Rule)) answer.Rule {
	r := answer.Rule{Action: answer.Monitor, Sources: []string{"S1"}, Proto: answer.AnyProto, TTLMinutes: 60, Why: "It sends most."}
	if changes != nil {
		changes(&r)
	}
	return r
}

func pointer[T any](v T) *T { return &v }

func TestAProposalIsARuleOfOurs(t *testing.T) {
	table := observed(t, "198.51.100.0/24", "192.0.2.9", "2001:db8:5::/48", "192.0.2.0/25")
	const head = "# Proposed by the annotator of PacketScope for the episode ab12cd34ef56. It is meant to end\n# after 60 minutes, which whoever adopts it sees to.\nversion: 1\ngroups:\n- name: ai-ab12cd34ef56\n"
	for name, c := range map[string]struct {
		form answer.Rule
		sure answer.Confidence
		want string
	}{
		"monitor": {form(nil), answer.Medium,
			head + "  mode: audit\n  rules:\n  - rule: monitor\n    match: {src: [\"198.51.100.0/24\"]}\n    action: drop\n    labels: {origin: annotator}\n    annotations: {summary: \"Counts what a rule against these sources would drop.\"}\n"},
		"drop to a port": {form(func(r *answer.Rule) {
			r.Action, r.Proto, r.Target, r.Sources = answer.Drop, answer.TCP, pointer("P1"), []string{"S3", "S2", "S4", "S1", "S1"}
		}), answer.High,
			head + "  mode: enforce\n  rules:\n  - rule: drop\n    match: {src: [\"192.0.2.0/25\", \"198.51.100.0/24\", \"2001:db8:5::/48\"], proto: tcp, dst_port: 443}\n    action: drop\n    labels: {origin: annotator}\n    annotations: {summary: \"Drops what these sources send.\"}\n"},
		"any protocol with a port": {form(func(r *answer.Rule) { r.Target = pointer("P1") }), answer.High,
			head + "  mode: audit\n  rules:\n  - rule: monitor\n    match: {src: [\"198.51.100.0/24\"], proto: [tcp, udp], dst_port: 443}\n    action: drop\n    labels: {origin: annotator}\n    annotations: {summary: \"Counts what a rule against these sources would drop.\"}\n"},
		"ICMP of IPv6": {form(func(r *answer.Rule) { r.Sources, r.Proto = []string{"S3"}, answer.ICMP }), answer.High,
			head + "  mode: audit\n  rules:\n  - rule: monitor\n    match: {src: [\"2001:db8:5::/48\"], proto: icmpv6}\n    action: drop\n    labels: {origin: annotator}\n    annotations: {summary: \"Counts what a rule against these sources would drop.\"}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p, code := limits().Make(c.form, c.sure, table, episode)
			if code != OK {
				t.Fatalf("refused: %s", code)
			}
			if diff := cmp.Diff(c.want, string(p.YAML)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if p.Name != "ai-"+episode || p.TTL != time.Hour || p.Warnings != nil {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestHostileFormsAreRefused plays answers that were steered.
func TestHostileFormsAreRefused(t *testing.T) {
	table := observed(t,
		"198.51.100.0/24", "198.51.0.0/16", "0.0.0.0/0", "::/0", "2a00::/32", // S1 to S5
		"198.18.7.0/24", "203.0.113.0/24", "203.0.113.53", "2001:db8:aaaa:1::/64", "2606:4700::/48", // S6 to S10: protected
		"10.1.2.3", "192.168.1.0/24", "127.0.0.1", "169.254.1.1", "224.0.0.5", "255.255.255.255", "100.64.1.1", "0.1.2.3", // S11 to S18
		"fe80::1", "fd00::1", "::1", "ff02::1", "::ffff:198.51.100.7", "64:ff9b::c633:6407", "2002:c633:6407::", "2001:0:1::1", // S19 to S26
		"host.example.net", "198.51.100.7 # drop all", "\"]}, {rule: x", "2001:db8:5::/48", "fe80::1%eth0", // S27 to S31
	)
	source := func(names ...string) answer.Rule { return form(func(r *answer.Rule) { r.Sources = names }) }
	for _, c := range []struct {
		name string
		form answer.Rule
		sure answer.Confidence
		want Code
	}{
		{"everybody", source("S3"), answer.High, TooWide},
		{"everybody of IPv6", source("S4"), answer.High, TooWide},
		{"a wide network", source("S2"), answer.High, TooWide},
		{"a wide network of IPv6", source("S5"), answer.High, TooWide},
		{"an own network", source("S6"), answer.High, IsProtected},
		{"a network around a resolver", source("S7"), answer.High, IsProtected},
		{"a resolver", source("S8"), answer.High, IsProtected},
		{"a part of an own network", source("S9"), answer.High, IsProtected},
		{"a network around a resolver of IPv6", source("S10"), answer.High, IsProtected},
		{"a good one and a protected one", source("S1", "S8"), answer.High, IsProtected},
		{"a private address", source("S11"), answer.High, NotExternal},
		{"a private network", source("S12"), answer.High, NotExternal},
		{"this host", source("S13"), answer.High, NotExternal},
		{"the link", source("S14"), answer.High, NotExternal},
		{"a group", source("S15"), answer.High, NotExternal},
		{"a broadcast", source("S16"), answer.High, NotExternal},
		{"a carrier's address", source("S17"), answer.High, NotExternal},
		{"no address", source("S18"), answer.High, NotExternal},
		{"the link of IPv6", source("S19"), answer.High, NotExternal},
		{"a local address of IPv6", source("S20"), answer.High, NotExternal},
		{"this host in IPv6", source("S21"), answer.High, NotExternal},
		{"a group of IPv6", source("S22"), answer.High, NotExternal},
		{"IPv4 in IPv6", source("S23"), answer.High, NotExternal},
		{"IPv4 behind a translator", source("S24"), answer.High, NotExternal},
		{"IPv4 in 6to4", source("S25"), answer.High, NotExternal},
		{"IPv4 in Teredo", source("S26"), answer.High, NotExternal},
		{"a name", source("S27"), answer.High, UnknownSource},
		{"an address with a comment", source("S28"), answer.High, UnknownSource},
		{"YAML for an address", source("S29"), answer.High, UnknownSource},
		{"an address with a zone", source("S31"), answer.High, NotExternal},
		{"an invented handle", source("S77"), answer.High, UnknownSource},
		{"a destination", source("D1"), answer.High, UnknownSource},
		{"an address in place of a handle", source("198.51.100.7"), answer.High, UnknownSource},
		{"nobody", source(), answer.High, NoSources},
		{"many", source(slices.Repeat([]string{"S1"}, 11)...), answer.High, TooMany},
		{"for ever", form(func(r *answer.Rule) { r.TTLMinutes = 1 << 40 }), answer.High, BadTTL},
		{"for a day", form(func(r *answer.Rule) { r.TTLMinutes = 24 * 60 }), answer.High, BadTTL},
		{"for no time", form(func(r *answer.Rule) { r.TTLMinutes = 0 }), answer.High, BadTTL},
		{"for less than that", form(func(r *answer.Rule) { r.TTLMinutes = -60 }), answer.High, BadTTL},
		{"a drop that is not sure", form(func(r *answer.Rule) { r.Action = answer.Drop }), answer.Medium, NotSure},
		{"a limit that is not sure", form(func(r *answer.Rule) { r.Action, r.RatePPS = answer.RateLimit, pointer(10) }), answer.Medium, NotSure},
		{"watching without a reason", form(nil), answer.Low, NotSure},
		{"a confidence that there is not", form(nil), "certain", NotSure},
		{"letting pass", form(func(r *answer.Rule) { r.Action = "pass" }), answer.High, UnknownAction},
		{"another protocol", form(func(r *answer.Rule) { r.Proto = "tcp}, {any_packet: true" }), answer.High, UnknownProto},
		{"a drop with a rate", form(func(r *answer.Rule) { r.Action, r.RatePPS = answer.Drop, pointer(10) }), answer.High, BadRate},
		{"a limit without a rate", form(func(r *answer.Rule) { r.Action = answer.RateLimit }), answer.High, BadRate},
		{"a limit that lets nothing pass", form(func(r *answer.Rule) { r.Action, r.RatePPS = answer.RateLimit, pointer(0) }), answer.High, BadRate},
		{"a limit beyond all", form(func(r *answer.Rule) { r.Action, r.RatePPS = answer.RateLimit, pointer(1<<40) }), answer.High, BadRate},
		{"a limit", form(func(r *answer.Rule) { r.Action, r.RatePPS = answer.RateLimit, pointer(100) }), answer.High, OK},
		{"a port that is a word", form(func(r *answer.Rule) { r.Target = pointer("P2") }), answer.High, BadPort},
		{"port 0", form(func(r *answer.Rule) { r.Target = pointer("P3") }), answer.High, BadPort},
		{"a port that there is not", form(func(r *answer.Rule) { r.Target = pointer("P4") }), answer.High, BadPort},
		{"a source for a port", form(func(r *answer.Rule) { r.Target = pointer("S1") }), answer.High, BadPort},
		{"a port of ICMP", form(func(r *answer.Rule) { r.Proto, r.Target = answer.ICMP, pointer("P1") }), answer.High, BadPort},
		{"ICMP of both families", form(func(r *answer.Rule) { r.Proto, r.Sources = answer.ICMP, []string{"S1", "S30"} }), answer.High, MixedFamilies},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, code := limits().Make(c.form, c.sure, table, episode)
			if code != c.want {
				t.Errorf("got %q, want %q\n%s", code, c.want, p.YAML)
			}
		})
	}
	for _, id := range []string{"", "AB12CD34EF56", "ab12cd34ef5", "x\n- rule: y", "../../../etc"} {
		if _, code := limits().Make(form(nil), answer.High, table, id); code != BadEpisode {
			t.Errorf("episode %q: %q", id, code)
		}
	}
}

func TestEveryCodeIsListed(t *testing.T) {
	seen := map[Code]bool{}
	for _, c := range Codes {
		if c == OK || seen[c] {
			t.Errorf("%q is OK or there twice", c)
		}
		seen[c] = true
	}
	if len(Codes) != 18 {
		t.Errorf("%d codes", len(Codes))
	}
}

// TestTheSecondGuardHolds claims that a rule which drops what is protected is refused by
// the interpreter too, should the first guard fail.
func TestTheSecondGuardHolds(t *testing.T) {
	for _, source := range []string{"203.0.113.53/32", "2001:db8:aaaa::/48"} {
		for _, action := range []answer.Action{answer.Monitor, answer.RateLimit, answer.Drop} {
			p := Proposal{Name: "ai-" + episode, Action: action, Rate: 10, Proto: answer.AnyProto, TTL: time.Hour, Sources: []netip.Prefix{netip.MustParsePrefix(source)}}
			p.YAML = p.render()
			if _, code := p.check(limits().Protected); code != LocksOut {
				t.Errorf("%v of %s: %q", action, source, code)
			}
		}
	}
}

func TestOnlyTheMeantRuleIsTaken(t *testing.T) {
	p, code := limits().Make(form(nil), answer.High, observed(t, "198.51.100.0/24"), episode)
	if code != OK {
		t.Fatal(code)
	}
	for name, c := range map[string]struct {
		change func(string) string
		want   Code
	}{
		"a second rule":   {func(s string) string { return s + "  - rule: more\n    match: {proto: udp}\n    action: drop\n" }, NotOneRule},
		"another mode":    {func(s string) string { return strings.Replace(s, "audit", "enforce", 1) }, NotOneRule},
		"another action":  {func(s string) string { return strings.Replace(s, "action: drop", "action: pass", 1) }, NotOneRule},
		"another name":    {func(s string) string { return strings.Replace(s, "rule: monitor", "rule: other", 1) }, NotOneRule},
		"a limit":         {func(s string) string { return s + "    limit: {per: src, rate: 1/s}\n" }, NotOneRule},
		"an unknown key":  {func(s string) string { return s + "    exec: id\n" }, Refused},
		"no YAML":         {func(string) string { return "{" }, Refused},
		"a ban":           {func(s string) string { return s + "    ban: {key: src, ttl: 1h, spoofable: accept}\n" }, NotOneRule},
		"an alert":        {func(s string) string { return s + "    alert: {when: {packets: 5, over: 1m}}\n" }, NotOneRule},
		"samples":         {func(s string) string { return s + "    sample: {rate: 1/s}\n" }, NotOneRule},
		"a later version": {func(s string) string { return strings.Replace(s, "action: drop", "action: reject", 1) }, NotYet},
	} {
		changed := p
		changed.YAML = []byte(c.change(string(p.YAML)))
		if _, code := changed.check(nil); code != c.want {
			t.Errorf("%s: %q, want %q", name, code, c.want)
		}
	}
}

// FuzzMake claims that whatever is observed and asked for, a rule that comes out is one
// that the decoder takes, is about no more than its form, and spares the protected.
func FuzzMake(f *testing.F) {
	f.Add(`{"action":"drop","sources":["S1","S2"],"target":"P1","proto":"tcp","rate_pps":null,"ttl_minutes":60,"why":"x"}`, "198.51.100.0/24", "203.0.113.53")
	f.Add(`{"action":"monitor","sources":["S2"],"target":null,"proto":"icmp","rate_pps":5,"ttl_minutes":1,"why":"x"}`, "x", "2606:4700::/47")
	f.Fuzz(func(t *testing.T, text, first, second string) {
		var r answer.Rule
		if json.Unmarshal([]byte(text), &r) != nil {
			return
		}
		l := limits()
		p, code := l.Make(r, answer.High, observed(t, first, second), episode)
		if code != OK {
			if !slices.Contains(Codes, code) {
				t.Errorf("the code %q is not on the list", code)
			}
			return
		}
		decoded, faults := policy.Parse("x.yaml", p.YAML, policy.Options{})
		if policy.Failed(faults) || len(decoded.Rules) != 1 {
			t.Fatalf("%v\n%s", faults, p.YAML)
		}
		if len(p.Sources) == 0 || len(p.Sources) > 2 || p.TTL > l.LongestTTL || p.TTL < l.ShortestTTL {
			t.Errorf("%+v", p)
		}
		for _, s := range p.Sources {
			if s != s.Masked() || s.Bits() < 24 || s.Addr().Is6() && s.Bits() < 48 || slices.ContainsFunc(l.Protected, s.Overlaps) {
				t.Errorf("source %s", s)
			}
		}
		for _, protected := range l.Protected {
			if !passes(decoded, protected.Addr()) {
				t.Errorf("drops what %s sends:\n%s", protected, p.YAML)
			}
		}
	})
}
