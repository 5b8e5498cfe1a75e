package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

const goodPolicy = `version: 1
groups:
- name: g
  rules:
  - {rule: land, match: {same: [src, dst]}, action: drop, mode: enforce}
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: audit}
`

// guardFolder holds policies and their tests.
func guardFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"good.yaml":      goodPolicy,
		"warning.yaml":   strings.ReplaceAll(goodPolicy, "{same: [src, dst]}", "{src: 10.1.2.3/8}"),
		"bad.yaml":       strings.ReplaceAll(goodPolicy, "dst_port: 23", "dst_port: 230000"),
		"interface.yaml": strings.ReplaceAll(goodPolicy, "groups:", "defaults: {interfaces: eth9}\ngroups:"),
		"lockout.yaml": `version: 1
groups:
- name: g
  rules:
  - {rule: ssh, match: {proto: tcp, dst_port: 22}, action: drop, mode: enforce}
`,
		"kept.yaml": `version: 1
failsafe: {established: keep, protect_applier: 30m}
groups:
- name: g
  rules:
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: enforce}
`,
		"temporary.yaml": `version: 1
until: 2999-01-01T00:00:00Z
groups:
- {name: t, priority: 1, rules: [{rule: r, match: {proto: tcp, src: 192.0.2.7}, action: drop, mode: enforce}]}
`,
		"later.yaml": `version: 1
until: 2999-01-01T02:00:00+01:00
groups:
- {name: u, priority: 2, rules: [{rule: r, match: {proto: udp, src: 192.0.2.7}, action: count}]}
`,
		"good_test.yaml": `policy: good.yaml
tests:
- name: land
  packets: [udp 192.0.2.1:53 > 192.0.2.1:53]
  verdict: drop
  rule: g/land
`,
		"bad_test.yaml": `policy: good.yaml
tests:
- name: telnet
  packets: ["tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn"]
  verdict: drop
`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// sshHost is a host with one card whose operator came over SSH.
func sshHost() *host.Facts {
	return &host.Facts{
		Devices:   []host.Device{{Index: 2, Name: "eth0", Up: true}},
		Addresses: []host.Address{{Prefix: netip.MustParsePrefix("192.0.2.10/24"), Device: 2}},
		Operator: []host.Connection{{
			Local: netip.MustParseAddrPort("192.0.2.10:22"), Remote: netip.MustParseAddrPort("198.51.100.7:50112"),
		}},
	}
}

func TestGuardReadsPolicies(t *testing.T) {
	folder := guardFolder(t)
	in := func(name string) string { return filepath.Join(folder, name) }
	for _, c := range []struct {
		claim  string
		args   []string
		status int
		want   string
	}{
		{"good", []string{"check", "--strict", in("good.yaml")}, 0, "good.yaml: ok, 2 rules: 1 enforced drop, 1 audited drop, 0 other\n"},
		{"rules that end", []string{"check", in("good.yaml"), in("temporary.yaml")}, 0,
			"good.yaml, temporary.yaml: ok, 3 rules: 2 enforced drops, 1 audited drop, 0 other; 1 of them until 2999-01-01T00:00:00Z\n"},
		{"rules that end at different times", []string{"check", in("good.yaml"), in("later.yaml"), in("temporary.yaml")}, 0,
			"good.yaml, later.yaml, temporary.yaml: ok, 4 rules: 2 enforced drops, 1 audited drop, 1 other; " +
				"2 of them until 2999-01-01T00:00:00Z or later, the last until 2999-01-01T01:00:00Z\n"},
		{"a rule that ends, explained", []string{"explain", "--policy", in("temporary.yaml"), "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn"}, 0,
			"temporary.yaml:4:34: t/r matches: drop\nverdict: drop, by t/r (temporary.yaml:4:34, until 2999-01-01T00:00:00Z)\n"},
		{"a rule that ends, for programs", []string{"explain", "--json", "--policy", in("temporary.yaml"), "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn"}, 0,
			`{"packet":1,"length":54,"captured":54,"verdict":"drop","rule":"t/r","place":"temporary.yaml:4:34",` +
				`"text":"tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn len=40","steps":[` +
				`{"rule":"t/r","place":"temporary.yaml:4:34","until":"2999-01-01T00:00:00Z","matched":true,"effect":"drop"}]}` + "\n"},
		{"clamped", []string{"check", "--mode-ceiling=audit", in("good.yaml")}, 0,
			"good.yaml:5:65: warning[G205]: g/land: asks enforce, ceiling is audit: will run as audit\n" +
				"good.yaml: ok, 2 rules: 0 enforced drops, 2 audited drops, 0 other\n"},
		{"warning", []string{"check", in("warning.yaml")}, 0,
			"warning.yaml:5:31: warning[G120]: g/land: 10.1.2.3/8 has host bits set, read as 10.0.0.0/8\n" +
				"warning.yaml: ok, 2 rules: 1 enforced drop, 1 audited drop, 0 other\n"},
		{"strict", []string{"check", "--strict", "--format=github", in("warning.yaml")}, 3,
			"::warning file=warning.yaml,line=5,col=31,title=G120::g/land: 10.1.2.3/8 has host bits set, read as 10.0.0.0/8\n"},
		{"bad", []string{"check", "--format=json", in("bad.yaml")}, 1, `[
  {
    "file": "bad.yaml",
    "line": 6,
    "column": 50,
    "severity": "error",
    "code": "G112",
    "in": "g/telnet",
    "text": "dst_port 230000: want a number from 0 to 65535"
  }
]
`},
		{"on a host without that interface", []string{"check", "--host", in("interface.yaml")}, 1,
			"interface.yaml:2:24: error[G310]: eth9 not found (eth0); write {name: eth9, optional: true} if it may be missing\n"},
		{"on a host that would be cut off", []string{"check", "--host", in("lockout.yaml")}, 1,
			"lockout.yaml:5:5: error[G301]: g/ssh: would drop tcp 198.51.100.7:50112 to 192.0.2.10:22 (your own connection, data) on eth0 " +
				"and 2 more that this host needs; add it to failsafe.allow, or use --accept-lockout\n"},
		{"cut off on purpose", []string{"check", "--host", "--accept-lockout", in("lockout.yaml")}, 0,
			"lockout.yaml: ok, 1 rule: 1 enforced drop, 0 audited drops, 0 other\n"},
		{"nothing there", []string{"check", in("none.yaml")}, 1, "none.yaml: error[G100]: no such file or directory\n"},
		{"good test", []string{"test", in("good_test.yaml")}, 0, "good_test.yaml: ok, 1 packet, 1 of 2 rules matched (not g/telnet)\n"},
		{"a test of each kind", []string{"test", folder}, 1,
			"bad_test.yaml:4:13: telnet: verdict is pass, want drop (tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn)\n" +
				"bad_test.yaml: failed, 1 of 1 packet\n" +
				"good_test.yaml: ok, 1 packet, 1 of 2 rules matched (not g/telnet)\n"},
		{"explain for programs", []string{"explain", "--json", "--policy", in("good.yaml"), "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn iface=eth0"}, 0,
			`{"packet":1,"device":"eth0","length":54,"captured":54,"verdict":"pass","would_drop":"g/telnet","would_drop_place":"good.yaml:6:5",` +
				`"text":"tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn len=40","steps":[` +
				`{"rule":"g/land","place":"good.yaml:5:5","matched":false,"why":"src = dst does not hold"},` +
				`{"rule":"g/telnet","place":"good.yaml:6:5","matched":true,"effect":"would_drop"}]}` + "\n"},
		{"untested rules", []string{"test", "--strict", in("good_test.yaml")}, 3, "good_test.yaml: ok, 1 packet, 1 of 2 rules matched (not g/telnet)\n"},
		{"one test", []string{"test", "--strict", "--run=^land$", in("good_test.yaml")}, 0, "good_test.yaml: ok, 1 packet, 1 of 2 rules matched (not g/telnet)\n"},
		{"a test that is explained", []string{"test", "--debug", in("bad_test.yaml")}, 1,
			"bad_test.yaml:4:13: telnet: verdict is pass, want drop (tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn)\n" +
				"    good.yaml:5:5: g/land does not match: src = dst does not hold\n" +
				"    good.yaml:6:5: g/telnet matches: would drop (audit)\n" +
				"bad_test.yaml: failed, 1 of 1 packet\n"},
		{"explain", []string{"explain", "--policy", in("good.yaml"), "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn"}, 0,
			"good.yaml:5:5: g/land does not match: src = dst does not hold\n" +
				"good.yaml:6:5: g/telnet matches: would drop (audit)\n" +
				"verdict: pass, as no rule ends the search; enforced, it would be dropped by g/telnet (good.yaml:6:5)\n"},
		{"explain who else may pass", []string{"explain", "--policy", in("kept.yaml"), "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=ack"}, 0,
			"kept.yaml:6:5: g/telnet matches: drop\n" +
				"verdict: drop, by g/telnet (kept.yaml:6:5)\n" +
				"unless its connection was established when the policy was put in force, or 192.0.2.7 put the policy in force within 30m0s (--kept shows that)\n"},
		{"explain a new connection", []string{"explain", "--policy", in("kept.yaml"), "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn"}, 0,
			"kept.yaml:6:5: g/telnet matches: drop\n" +
				"verdict: drop, by g/telnet (kept.yaml:6:5)\n" +
				"unless 192.0.2.7 put the policy in force within 30m0s (--kept shows that)\n"},
		{"explain what is kept", []string{"explain", "--kept", "--policy", in("kept.yaml"), "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=ack"}, 0,
			"kept.yaml:6:5: g/telnet matches: drop, but not this packet, which is kept\n" +
				"verdict: pass, kept from g/telnet (kept.yaml:6:5)\n"},
	} {
		w := newWorld(append([]string{"guard"}, c.args...)...)
		w.guardHost = func() (*host.Facts, error) { return sshHost(), nil }
		err := run(context.Background(), w.env)
		status := 0
		if err != nil {
			status = exitStatus(err)
		}
		if exit := (*exitError)(nil); status != c.status || err != nil && !errors.As(err, &exit) {
			t.Errorf("%s: status %d, want %d: %v", c.claim, status, c.status, err)
		}
		got := strings.ReplaceAll(w.stdout.String(), folder+string(filepath.Separator), "")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: output (-want +got):\n%s", c.claim, diff)
		}
	}
}

func TestGuardTestsAreReportedToBuildServers(t *testing.T) {
	folder := guardFolder(t)
	if err := os.WriteFile(filepath.Join(folder, "broken_test.yaml"), []byte("own: 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "junit.xml")
	w := newWorld("guard", "test", "--junit="+file, folder)
	if err := run(context.Background(), w.env); exitStatus(err) != 1 {
		t.Errorf("%v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="bad_test.yaml" tests="1" failures="1" errors="0">
    <testcase name="telnet" classname="bad_test.yaml">
      <failure message="1 of 1 packet">bad_test.yaml:4:13: telnet: verdict is pass, want drop (tcp 192.0.2.7:4000 &gt; 192.0.2.1:23 flags=syn)</failure>
    </testcase>
  </testsuite>
  <testsuite name="broken_test.yaml" tests="1" failures="0" errors="1">
    <testcase name="read" classname="broken_test.yaml">
      <error message="the file or its policy has faults">broken_test.yaml:1:1: error[G104]: the file names no policy; add policy: and a file</error>
    </testcase>
  </testsuite>
  <testsuite name="good_test.yaml" tests="1" failures="0" errors="0">
    <testcase name="land" classname="good_test.yaml"></testcase>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, strings.ReplaceAll(string(text), folder+"/", "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	none := newWorld("guard", "test", "--run=nothing", filepath.Join(folder, "good_test.yaml"))
	if err := run(context.Background(), none.env); err == nil || err.Error() != "guard test: no test has a name that --run matches" {
		t.Errorf("no test at all: %v", err)
	}
}

func TestGuardExplainsCaptures(t *testing.T) {
	folder := guardFolder(t)
	file := filepath.Join(folder, "traffic.pcapng")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	writer, err := capture.NewWriter(f, "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"udp 192.0.2.1:53 > 192.0.2.1:53", "udp 192.0.2.7:53 > 192.0.2.1:4000"} {
		s, err := policy.ParseSpecimen(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Write(capture.Record{Frame: s.Frame, Interface: "eth0"}); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld("guard", "explain", "--policy", filepath.Join(folder, "good.yaml"), "--pcap", file)
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	want := `packet 1, 42 bytes
good.yaml:5:5: g/land matches: drop
verdict: drop, by g/land (good.yaml:5:5)
packet 2, 42 bytes
good.yaml:5:5: g/land does not match: src = dst does not hold
good.yaml:6:5: g/telnet does not match: proto tcp does not hold
verdict: pass, as no rule ends the search
`
	if diff := cmp.Diff(want, strings.ReplaceAll(w.stdout.String(), folder+"/", "")); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	for _, args := range [][]string{{}, {"--pcap", file, "arp 192.0.2.1 > 192.0.2.2"}} {
		w := newWorld(append([]string{"guard", "explain", "--policy", filepath.Join(folder, "good.yaml")}, args...)...)
		const want = "guard explain: want a packet, or a capture with --pcap"
		if err := run(context.Background(), w.env); err == nil || err.Error() != want {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}

func TestGuardExplainRefusesBadWords(t *testing.T) {
	folder := guardFolder(t)
	for args, want := range map[string]string{
		"tpc 192.0.2.7:1 > 192.0.2.1:2":               `packet "tpc 192.0.2.7:1 > 192.0.2.1:2": unknown protocol "tpc" (did you mean "tcp"?)`,
		"tcp 192.0.2.7:1 > 192.0.2.1:2 flag=syn":      `packet "tcp 192.0.2.7:1 > 192.0.2.1:2 flag=syn": unknown word "flag" (did you mean "flags"?)`,
		"tcp 192.0.2.7:1 192.0.2.1:2":                 `packet "tcp 192.0.2.7:1 192.0.2.1:2": want SOURCE > DESTINATION behind the protocol`,
		"udp 192.0.2.7:1 > [2001:db8::1]:2":           `packet "udp 192.0.2.7:1 > [2001:db8::1]:2": 192.0.2.7 and 2001:db8::1 are of different families`,
		"udp 192.0.2.7:1 > 192.0.2.1:2 quoting (ah)":  `packet "udp 192.0.2.7:1 > 192.0.2.1:2 quoting (ah)": quoting wants an ICMP error before it, and a packet in () behind it`,
		"icmp 192.0.2.7 > 192.0.2.1 type=echo-reqest": `packet "icmp 192.0.2.7 > 192.0.2.1 type=echo-reqest": type: unknown type "echo-reqest" (did you mean "echo-request"?)`,
	} {
		w := newWorld("guard", "explain", "--policy", filepath.Join(folder, "good.yaml"), args)
		if err := run(context.Background(), w.env); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", args, err, want)
		}
	}
}
