package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runUnit runs the tests in a text on a policy of an audited, an enforced and a
// counting rule.
func runUnit(t *testing.T, text string) (failures, faults []string) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"p.yaml": `version: 1
groups:
- name: g
  rules:
  - {rule: count, match: {proto: tcp}, action: count}
  - {rule: audited, match: {proto: tcp, dst_port: 23}, action: drop, mode: audit}
  - {rule: enforced, match: {interface: eth1}, action: drop, mode: enforce}
  - {rule: bans, match: {proto: udp, dst_port: 1900}, action: drop, mode: enforce, ban: {after: 2/m, ttl: 1h, prefix: {ipv4: 24}, spoofable: accept}}
  - {rule: tries, match: {proto: gre}, action: drop, mode: audit, ban: {ttl: 1h, spoofable: accept}}
`, "p_test.yaml": text} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	report, all := RunTests(filepath.Join(folder, "p_test.yaml"), nil)
	for _, f := range report.Failures {
		failures = append(failures, strings.ReplaceAll(f.String(), folder+"/", ""))
	}
	for _, f := range all {
		faults = append(faults, strings.ReplaceAll(f.String(), folder+"/", ""))
	}
	return failures, faults
}

func TestUnitTestsFail(t *testing.T) {
	const (
		telnet = "packets: tcp 192.0.2.7:4000 > 192.0.2.1:23"
		udp    = "packets: udp 192.0.2.7:4000 > 198.51.100.1:1900"
		gre    = "packets: gre 192.0.2.7 > 198.51.100.1"
	)
	for test, want := range map[string]string{
		telnet + ", verdict: drop":                                             "verdict is pass, want drop; ",
		telnet + ", verdict: pass":                                             "would_drop is g/audited, want none; ",
		telnet + ", verdict: pass, would_drop: ''":                             "would_drop is g/audited, want none; ",
		telnet + ", verdict: pass, would_drop: g/audited":                      "",
		telnet + ", verdict: pass, would_drop: g/audited, counted: [g/count]":  "",
		telnet + ", verdict: pass, would_drop: g/audited, counted: []":         "counted is g/count, want ; ",
		telnet + " iface=eth1, verdict: drop, rule: g/enforced":                "",
		telnet + " iface=eth1, verdict: drop, rule: g/audited":                 "rule is g/enforced, want g/audited; ",
		telnet + " iface=eth1, verdict: drop, rule: ''":                        "rule is g/enforced, want none; ",
		"packets: tcp 192.0.2.7:23 > 192.0.2.1:22, verdict: pass, rule: ''":    "",
		"packets: tcp 192.0.2.7:23 > 192.0.2.1:22, verdict: drop, counted: []": "verdict is pass, want drop; counted is g/count, want ; ",
		udp + ", times: 2, verdict: drop, rule: g/bans, bans: ''":              "",
		udp + ", times: 3, verdict: drop, rule: g/bans, bans: 192.0.2.0/24":    "",
		udp + ", times: 3, verdict: drop, bans: ''":                            "bans is 192.0.2.0/24, want nobody; ",
		udp + ", times: 2, verdict: drop, bans: 192.0.2.0/24":                  "bans is nobody, want 192.0.2.0/24; ",
		udp + ", times: 4, verdict: drop, rule: '', banned: true, bans: ''":    "",
		udp + ", times: 4, verdict: drop":                                      "banned is true, want false; ",
		udp + ", times: 2, verdict: drop, banned: true":                        "banned is false, want true; ",
		gre + ", verdict: pass, would_drop: g/tries, bans: 192.0.2.7":          "",
		gre + ", times: 2, verdict: pass, banned: true, bans: ''":              "",
		gre + ", times: 2, verdict: pass":                                      "banned is true, want false; ",
	} {
		failures, faults := runUnit(t, "policy: p.yaml\ntests: [{name: x, "+test+"}]\n")
		if faults != nil {
			t.Errorf("%s: %v", test, faults)
		}
		var got string
		if failures != nil {
			_, got, _ = strings.Cut(failures[0], "x: ")
			got, _, _ = strings.Cut(got, " (")
			got += "; "
		}
		if got != want {
			t.Errorf("%s: %q, want %q", test, got, want)
		}
	}
}

func TestFaultsOfUnitTests(t *testing.T) {
	_, faults := runUnit(t, `
tests:
- name: one
  packets: [tpc 192.0.2.7:1 > 192.0.2.1:2]
  verdict: dorp
  rul: g/count
  bans: 192.0.2
- {name: two}
`)
	want := []string{
		"p_test.yaml:2:1: error[G104]: the file names no policy; add policy: and a file",
		`p_test.yaml:4:13: error[G111]: one: packet "tpc 192.0.2.7:1 > 192.0.2.1:2": unknown protocol "tpc" (did you mean "tcp"?)`,
		`p_test.yaml:5:12: error[G107]: one: unknown verdict "dorp"; did you mean "drop"?`,
		`p_test.yaml:6:3: error[G101]: unknown key "rul" in a test; did you mean "rule"?`,
		`p_test.yaml:7:9: error[G118]: one: bans "192.0.2": want an address or a prefix`,
		"p_test.yaml:8:3: error[G104]: two: the test has no verdict; add verdict: pass or drop",
		"p_test.yaml:8:3: error[G104]: two: the test has no packets; add packets:",
	}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
