package adopt

import (
	"errors"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// proposed is as the annotator writes it.
const proposed = `# Proposed by the annotator of PacketScope for the episode ab12cd34ef56. It is meant to end
# after 60 minutes, which whoever adopts it sees to.
version: 1
groups:
- name: ai-ab12cd34ef56
  mode: enforce
  rules:
  - rule: drop
    match: {src: ["192.0.2.0/25", "2001:db8:5::/48"], proto: tcp, dst_port: 443}
    action: drop
    labels: {origin: annotator}
    annotations: {summary: "Drops what these sources send."}
`

// TestNarrowTakesWhatIsProposed, and damages it in one place at a time.
func TestNarrowTakesWhatIsProposed(t *testing.T) {
	rules := strings.Repeat("  - {rule: NAME, match: {src: 192.0.2.7}, action: count}\n", MostRules)
	for i := range MostRules {
		rules = strings.Replace(rules, "NAME", string(rune('a'+i)), 1)
	}
	for _, c := range []struct {
		claim, old, new string
		want            string // "" is taken
	}{
		{"as it is", "", "", ""},
		{"one source", `["192.0.2.0/25", "2001:db8:5::/48"]`, "192.0.2.7", ""},
		{"the widest ones", `"192.0.2.0/25", "2001:db8:5::/48"`, `192.0.2.0/24, "2001:db8:5::/48"`, ""},
		{"only watched", "mode: enforce", "mode: audit", ""},
		{"counted", "action: drop", "action: count", ""},
		{"no other condition", ", proto: tcp, dst_port: 443", "", ""},
		{"a wide one of IPv4", "192.0.2.0/25", "192.0.2.0/23", "is for 192.0.2.0/23, which is wider than a /24"},
		{"a wide one of IPv6", "2001:db8:5::/48", "2001:db8:4::/47", "which is wider than a /48"},
		{"everybody", `src: ["192.0.2.0/25", "2001:db8:5::/48"], `, "", "is not for named sources alone"},
		{"everybody else", `src: ["192.0.2.0/25", "2001:db8:5::/48"]`, "not: {src: 192.0.2.7}", "is not for named sources alone"},
		{"these or everybody", `match: {src: ["192.0.2.0/25", "2001:db8:5::/48"], proto: tcp, dst_port: 443}`, "match: {any: [{src: 192.0.2.7}, {proto: tcp, dst_port: 443}]}", "is not for named sources alone"},
		{"destinations", "src: [", "dst: [", "is not for named sources alone"},
		{"this host", `src: ["192.0.2.0/25", "2001:db8:5::/48"]`, "src: local", "is not for named sources alone"},
		{"many", `"192.0.2.0/25"`, "192.0.2.1, 192.0.2.3, 192.0.2.5, 192.0.2.7, 192.0.2.9, 192.0.2.11, 192.0.2.13, 192.0.2.15, 192.0.2.17, 192.0.2.19", "names 11 sources, more than 10"},
		{"what passes", "action: drop", "action: pass", "would pass"},
		{"what copies", "action: drop", "action: sample", "would sample"},
		{"what copies beside", "action: drop", "action: drop\n    sample: {rate: 10/s}", "copies packets"},
		{"what tells people", "action: drop", "action: drop\n    alert: {when: {packets: 1}}", "wakes people up"},
		{"what bans", "action: drop", "action: drop\n    ban: {ttl: 366d, prefix: {ipv4: 16, ipv6: 32}, spoofable: accept}", "bans whom it drops, for longer than it lasts"},
		{"what answers SYNs", "match: {src: [\"192.0.2.0/25\", \"2001:db8:5::/48\"], proto: tcp, dst_port: 443}\n    action: drop", "match: {src: 192.0.2.7}\n    action: syncookie\n    syncookie: {on_above: 20k/s}", "answers in the place of the kernel"},
		{"the guard stage", "mode: enforce\n  rules:\n  - rule: drop\n    match: {src: [\"192.0.2.0/25\", \"2001:db8:5::/48\"], proto: tcp, dst_port: 443}", "stage: guard\n  rules:\n  - rule: drop\n    match: {same: [src, dst]}", "is of the stage guard"},
		{"one device", "mode: enforce", "interfaces: eth0\n  mode: enforce", "it names network devices"},
		{"who may always pass", "groups:", "failsafe: {allow: [{name: x, src: 192.0.2.7}]}\ngroups:", "failsafe/x is of the stage failsafe"},
		{"how it is put in force", "groups:", "failsafe: {established: judge, confirm_within: 5s}\ngroups:", "failsafe: says how"},
		{"sets", "groups:", "sets: {s: {type: prefix, entries: [192.0.2.0/24]}}\ngroups:", "it has sets"},
		{"copies of the unreadable", "groups:", "unparsable: {action: pass, sample: {rate: 10/s}}\ngroups:", "packets that cannot be read would be copied"},
		{"many rules", "groups:", "groups:\n- name: more\n  mode: audit\n  rules:\n" + rules, "5 rules are more than 4"},
		{"no rule", "mode: enforce", "mode: off", "no rule that does anything"},
	} {
		text := strings.Replace(proposed, c.old, c.new, 1)
		if c.old != "" && text == proposed {
			t.Fatalf("%s: nothing was replaced", c.claim)
		}
		p, faults := policy.Parse("x.yaml", []byte(text), policy.Options{})
		if p == nil {
			t.Errorf("%s: %v", c.claim, faults)
			continue
		}
		err := Narrow(p)
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.claim, err, c.want)
		case c.want != "" && c.claim != "no rule" && !errors.Is(err, ErrWide):
			t.Errorf("%s: %v does not say that it is too wide", c.claim, err)
		}
	}
}
