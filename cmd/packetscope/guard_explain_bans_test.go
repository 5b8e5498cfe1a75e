package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

const banningPolicy = `version: 1
failsafe: {established: keep, allow: [{name: ssh, proto: tcp, dst_port: 22, src: 192.0.2.66}]}
groups:
- name: g
  stage: policy
  rules:
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: enforce, ban: {after: 2/m, ttl: 10m, spoofable: accept}}
  - {rule: smtp, match: {proto: tcp, dst_port: 25}, action: drop, mode: audit, ban: {ttl: 1d, prefix: {ipv4: 24}, spoofable: accept}}
  - {rule: pings, match: {icmp: {class: echo}}, limit: {per: src, rate: 1/s, burst: 2}, action: drop, mode: enforce, ban: {ttl: 1m, spoofable: accept}}
`

// banningFolder holds a policy that bans.
func banningFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "bans.yaml"), []byte(banningPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// capturing writes packets into a capture, each so many seconds after the first.
func capturing(t *testing.T, file string, packets []string, seconds []int) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, "test")
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range packets {
		s, err := policy.ParseSpecimen(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(capture.Record{Time: epoch.Add(time.Duration(seconds[i]) * time.Second), Interface: "eth0", Frame: s.Frame}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExplainTellsOfBans(t *testing.T) {
	folder := banningFolder(t)
	policyFlag := "--policy=" + filepath.Join(folder, "bans.yaml")
	agent := guard(t, "a.yaml")
	agent.bans = []guarder.BanStatus{
		{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Origin: "rule:g/telnet", Left: 600},
		{Prefix: netip.MustParsePrefix("192.0.2.8/32"), Origin: "rule:g/smtp", Left: 600, Audit: true},
		{Prefix: netip.MustParsePrefix("192.0.2.0/26"), Origin: "crowdsec", Left: 600, Audit: true},
		{Prefix: netip.MustParsePrefix("192.0.2.66/32"), Origin: "operator", Left: 600},
	}
	const (
		failsafe = "bans.yaml:2:39: failsafe/ssh does not match: "
		rest     = "bans.yaml:7:5: g/telnet does not match: dst_port 23 does not hold\n" +
			"bans.yaml:8:5: g/smtp does not match: dst_port 25 does not hold\n" +
			"bans.yaml:9:5: g/pings does not match: none of its alternatives holds\n"
	)
	for _, c := range []struct {
		claim string
		args  []string
		want  string
	}{
		{"what a rule would ban", []string{"tcp 192.0.2.7:4000 > 198.51.100.1:25 flags=ack"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"bans.yaml:7:5: g/telnet does not match: dst_port 23 does not hold\n" +
				"bans.yaml:8:5: g/smtp matches: would drop (audit), and bans the /24 of its source (ipv6: /64) for 1d\n" +
				"bans.yaml:9:5: g/pings does not match: none of its alternatives holds\n" +
				"verdict: pass, as no rule ends the search; enforced, it would be dropped by g/smtp (bans.yaml:8:5); enforced, it would ban 192.0.2.7 for 1d\n" +
				"unless its connection was established when the policy was put in force (--kept shows that)\n"},
		{"what a rule bans later", []string{"tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"bans.yaml:7:5: g/telnet matches: drop, and bans its source for 10m after 2 packets in 1m\n" +
				"verdict: drop, by g/telnet (bans.yaml:7:5)\n"},
		{"who is banned", []string{"--banned=192.0.2.0/26", "--banned=2001:db8::7", "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"ban of 192.0.2.0/26 by operator: drop\n" +
				"verdict: drop, by the ban of 192.0.2.0/26 by operator\n"},
		{"who is not", []string{"--banned=192.0.2.0/26", "tcp 192.0.2.70:4000 > 198.51.100.1:80 flags=syn"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" + rest + "verdict: pass, as no rule ends the search\n"},
		{"whom the failsafe saves from it", []string{"--banned=192.0.2.7", "tcp 192.0.2.66:4000 > 198.51.100.1:22 flags=syn"},
			"bans.yaml:2:39: failsafe/ssh matches: pass\nverdict: pass, by failsafe/ssh (bans.yaml:2:39)\n"},
		{"what is kept from it", []string{"--kept", "--banned=192.0.2.7", "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=ack"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"ban of 192.0.2.7 by operator: drop, but not this packet, which is kept\n" +
				"verdict: pass, kept from the ban of 192.0.2.7 by operator\n"},
		{"who may be kept from it", []string{"--banned=192.0.2.7", "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=ack"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"ban of 192.0.2.7 by operator: drop\n" +
				"verdict: drop, by the ban of 192.0.2.7 by operator\n" +
				"unless its connection was established when the policy was put in force (--kept shows that)\n"},
		{"what the agent has banned", []string{"--agent", "--socket=" + agent.socket, "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"ban of 192.0.2.7 by g/telnet: drop\n" +
				"verdict: drop, by the ban of 192.0.2.7 by g/telnet\n"},
		{"what the agent would ban", []string{"--agent", "--socket=" + agent.socket, "tcp 192.0.2.8:4000 > 198.51.100.1:80 flags=syn"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"ban of 192.0.2.8 by g/smtp: would drop (audit)\n" + rest +
				"verdict: pass, as no rule ends the search; enforced, it would be dropped by the ban of 192.0.2.8 by g/smtp\n"},
		{"a host that only audits", []string{"--mode-ceiling=audit", "--banned=192.0.2.7", "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn"},
			failsafe + "src in 192.0.2.66/32 does not hold\n" +
				"ban of 192.0.2.7 by operator: would drop (audit)\n" + rest +
				"verdict: pass, as no rule ends the search; enforced, it would be dropped by the ban of 192.0.2.7 by operator\n"},
		{"for programs", []string{"--json", "--banned=192.0.2.7", "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn"},
			`{"packet":1,"length":54,"captured":54,"verdict":"drop","ban":{"prefix":"192.0.2.7/32","origin":"operator","seconds":14400},` +
				`"text":"tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn len=40","steps":[` +
				`{"rule":"failsafe/ssh","place":"bans.yaml:2:39","matched":false,"why":"src in 192.0.2.66/32 does not hold"}]}` + "\n"},
	} {
		w := newWorld(append([]string{"guard", "explain", policyFlag}, c.args...)...)
		if err := run(t.Context(), w.env); err != nil {
			t.Errorf("%s: %v", c.claim, err)
		}
		if diff := cmp.Diff(c.want, strings.ReplaceAll(w.stdout.String(), folder+"/", "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
		saved := "192.0.2.66/32 is not banned: 192.0.2.66/32 is what the failsafe allows (ssh); nor is it here\n"
		if got := w.stderr.String(); strings.Contains(strings.Join(c.args, " "), "--agent") && !strings.HasSuffix(got, saved) {
			t.Errorf("%s: told %q, want %q", c.claim, got, saved)
		}
	}
	w := newWorld("guard", "explain", policyFlag, "--banned=nobody", "arp 192.0.2.1 > 192.0.2.2")
	const want = `--banned: "nobody" is no address and no prefix`
	if err := run(t.Context(), w.env); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// someTelnets are what leads to a ban, and comes before and after its end; and pings.
func someTelnets() (packets []string, seconds []int) {
	const (
		telnet = "tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn"
		web    = "tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn"
		smtp   = "tcp 203.0.113.7:4000 > 198.51.100.1:25 flags=syn"
		near   = "tcp 203.0.113.8:4000 > 198.51.100.1:80 flags=syn"
		ping   = "icmp 192.0.2.9 > 198.51.100.1 type=echo-request"
	)
	return []string{telnet, telnet, telnet, web, smtp, near, ping, ping, ping, ping, ping, web, web},
		[]int{0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 67, 601, 603}
}

func TestReplayCarriesOutBans(t *testing.T) {
	folder := banningFolder(t)
	packets, seconds := someTelnets()
	capturing(t, filepath.Join(folder, "traffic.pcapng"), packets, seconds)
	const want = `1: drop, by g/telnet (bans.yaml:7:5): tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn len=40
2: drop, by g/telnet (bans.yaml:7:5): tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn len=40
3: drop, by g/telnet (bans.yaml:7:5); bans 192.0.2.7 for 10m: tcp 192.0.2.7:4000 > 198.51.100.1:23 flags=syn len=40
4: drop, by the ban of 192.0.2.7 by g/telnet: tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn len=40
5: pass, as no rule ends the search; enforced, it would be dropped by g/smtp (bans.yaml:8:5); enforced, it would ban 203.0.113.0/24 for 1d: tcp 203.0.113.7:4000 > 198.51.100.1:25 flags=syn len=40
6: pass, as no rule ends the search; enforced, it would be dropped by the ban of 203.0.113.0/24 by g/smtp: tcp 203.0.113.8:4000 > 198.51.100.1:80 flags=syn len=40
7: pass, as no rule ends the search: icmp 192.0.2.9 > 198.51.100.1 type=echo-request len=28
8: pass, as no rule ends the search: icmp 192.0.2.9 > 198.51.100.1 type=echo-request len=28
9: drop, by g/pings (bans.yaml:9:5); bans 192.0.2.9 for 1m: icmp 192.0.2.9 > 198.51.100.1 type=echo-request len=28
10: drop, by the ban of 192.0.2.9 by g/pings: icmp 192.0.2.9 > 198.51.100.1 type=echo-request len=28
11: pass, as no rule ends the search: icmp 192.0.2.9 > 198.51.100.1 type=echo-request len=28
12: drop, by the ban of 192.0.2.7 by g/telnet: tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn len=40
13: pass, as no rule ends the search: tcp 192.0.2.7:4000 > 198.51.100.1:80 flags=syn len=40

RULE      EFFECT      PACKETS  BYTES  PLACE
g/telnet  drop        3        162    bans.yaml:7:5
g/smtp    would_drop  1        54     bans.yaml:8:5
g/pings   drop        1        42     bans.yaml:9:5

BANS BY   EFFECT      BANS  PACKETS  BYTES
g/pings   drop        1     1        42
g/smtp    would_drop  1     1        54
g/telnet  drop        1     2        108

which connections are kept, and which peer is protected, only the running agent knows: no packet was taken for one of theirs
gateways, name servers and operators, who are never banned, only the running agent knows; nor does a ban wait here until an agent has made it
13 packets, 642 bytes: 6 passed, 7 dropped, 2 would be dropped if enforced, 6 without a rule, 0 not readable; judged by the kernel's program
`
	got, status := replays(t, folder, "--policy="+filepath.Join(folder, "bans.yaml"))
	if diff := cmp.Diff(want, got); diff != "" || status != 0 {
		t.Errorf("status %d, output (-want +got):\n%s", status, diff)
	}
	// Without bans, the same packets are let through that a ban drops.
	text := strings.NewReplacer(", ban: {after: 2/m, ttl: 10m, spoofable: accept}", "", ", ban: {ttl: 1m, spoofable: accept}", "").Replace(banningPolicy)
	if err := os.WriteFile(filepath.Join(folder, "none.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, status = replays(t, folder, "--summary", "--policy="+filepath.Join(folder, "bans.yaml"), "--against="+filepath.Join(folder, "none.yaml"))
	const changes = `
2 packets from 1 source: pass, as no rule ends the search -> drop, by the ban of 192.0.2.7 by g/telnet
1 packet from 1 source: drop, by g/pings (none.yaml:9:5) -> drop, by g/pings (bans.yaml:9:5); bans 192.0.2.9 for 1m
1 packet from 1 source: drop, by g/telnet (none.yaml:7:5) -> drop, by g/telnet (bans.yaml:7:5); bans 192.0.2.7 for 10m
1 packet from 1 source: pass, as no rule ends the search -> drop, by the ban of 192.0.2.9 by g/pings
3 packets from 2 sources would be dropped that pass now
2 packets from 2 sources would be treated the same by another rule
`
	if !strings.Contains(got, changes) || status != 3 {
		t.Errorf("status %d (-want +got):\n%s", status, cmp.Diff(changes, got))
	}
	got, _ = replays(t, folder, "--json", "--policy="+filepath.Join(folder, "bans.yaml"))
	for _, want := range []string{
		`"rule":"g/telnet","place":"bans.yaml:7:5","bans":{"prefix":"192.0.2.7/32","origin":"rule:g/telnet","seconds":600},`,
		`"verdict":"drop","ban":{"prefix":"192.0.2.7/32","origin":"rule:g/telnet","seconds":600},`,
		`"verdict":"pass","would_drop_ban":{"prefix":"203.0.113.0/24","origin":"rule:g/smtp","seconds":86400,"audit":true},`,
		`"bans":[{"origin":"g/pings","effect":"drop","bans":1,"packets":1,"bytes":42},{"origin":"g/smtp","effect":"would_drop","bans":1,"packets":1,"bytes":54},{"origin":"g/telnet","effect":"drop","bans":1,"packets":2,"bytes":108}]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// TestExplainGoesOnThroughACapture has limits and bans hold from packet to packet.
func TestExplainGoesOnThroughACapture(t *testing.T) {
	folder := banningFolder(t)
	file := filepath.Join(folder, "traffic.pcapng")
	packets, seconds := someTelnets()
	capturing(t, file, packets, seconds)
	w := newWorld("guard", "explain", "--policy="+filepath.Join(folder, "bans.yaml"), "--pcap="+file)
	if err := run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	got := w.stdout.String()
	for _, want := range []string{
		"\npacket 4, 54 bytes\nbans.yaml:2:39: failsafe/ssh does not match: src in 192.0.2.66/32 does not hold\nban of 192.0.2.7 by g/telnet: drop\nverdict: drop, by the ban of 192.0.2.7 by g/telnet\npacket 5, ",
		"g/pings matches, but does nothing: ", "; bans 192.0.2.9 for 1m\n",
	} {
		if !strings.Contains(strings.ReplaceAll(got, folder+"/", ""), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
