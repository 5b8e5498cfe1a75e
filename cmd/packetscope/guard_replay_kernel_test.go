//go:build kernel && linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/workload"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// TestReplayByTheKernelSaysWhatTheInterpreterSays replays random packets, some of them
// damaged, by the ready-made policies.
func TestReplayByTheKernelSaysWhatTheInterpreterSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traffic.pcapng")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, "test")
	if err != nil {
		t.Fatal(err)
	}
	m := workload.New(42)
	for i := range 1000 {
		var frame []byte
		if rules := m.Rules(10); i%2 == 0 {
			match := m.Frame(&rules[i%10])
			frame = match.Bytes()
		} else {
			other := m.Background()
			frame = other.Bytes()
		}
		if i%7 == 0 {
			frame[14+i%20] ^= 1 << (i % 8)
		}
		if i%13 == 0 {
			frame = frame[:i%len(frame)]
		}
		if err := w.Write(capture.Record{Frame: frame, Interface: []string{"", "eth0", "eth1"}[i%3]}); err != nil {
			t.Fatal(err)
		}
	}
	// An emulated machine has no other files than testdata.
	ready := t.TempDir()
	if err := os.CopyFS(ready, policies.Files); err != nil {
		t.Fatal(err)
	}
	output := func(args ...string) (string, int) {
		w := newWorld(append([]string{"guard", "replay", "--pcap=" + file, "--policy=" + ready, "--against=" + filepath.Join(ready, "baseline.yaml")}, args...)...)
		w.env.rehearseGuarder = rehearseGuarder
		err := run(t.Context(), w.env)
		return strings.ReplaceAll(w.stdout.String(), "the interpreter, not by the kernel's program", "the kernel's program"), exitStatus(err)
	}
	byKernel, status := output()
	interpreted, again := output("--interpreter")
	if diff := cmp.Diff(interpreted, byKernel); diff != "" || status != again || len(byKernel) < 1000 {
		t.Fatalf("status %d, and %d by the interpreter, %d characters; (-interpreter +kernel):\n%s", status, again, len(byKernel), diff)
	}
	t.Log(byKernel[strings.LastIndex(byKernel, "\n\n"):])
}

// limitingPolicy has limits of each kind, and bans of its own.
const limitingPolicy = `version: 1
groups:
- name: early
  stage: guard
  rules:
  - {rule: null-scan, match: {tcp: {flags: {eq: []}}}, action: drop, mode: enforce, ban: {ttl: 3s, spoofable: accept}}
- name: g
  stage: policy
  rules:
  - {rule: scan, match: {tcp: {flags: {all: [syn], none: [ack]}}}, limit: {per: src, distinct: dst_port, rate: 10/5s}, action: drop, mode: enforce, ban: {after: 3/m, ttl: 4s, grow: {factor: 2, max: 20s}, spoofable: accept}}
  - {rule: pings, match: {icmp: {class: echo}}, limit: {per: [src, dst], rate: 5/s, burst: 3}, action: drop, mode: enforce, ban: {ttl: 2s, renew_while_active: true, spoofable: accept}}
  - {rule: dns, match: {proto: udp, dst_port: 53}, limit: {per: src, prefix: {ipv4: 24}, rate: 10/s}, action: drop, mode: audit, ban: {after: 2/s, ttl: 5s, prefix: {ipv4: 24}, spoofable: accept}}
  - {rule: heavy, match: {proto: udp}, limit: {per: heavy-hitter, levels: [flow, src, src/24], rate: 4/s}, action: drop, mode: enforce}
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: audit}
`

// TestReplayByTheKernelLimitsAndBansAsTheInterpreter replays hosts that scan, ping and ask
// within minutes, by a policy whose limits and bans go by the times of packets.
func TestReplayByTheKernelLimitsAndBansAsTheInterpreter(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "p.yaml"), []byte(limitingPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	var packets []string
	var seconds []int
	for i := range 3000 {
		source, port := r.IntN(6), r.IntN(3000)
		packets = append(packets, []string{
			fmt.Sprintf("tcp 192.0.2.%d:4000 > 198.51.100.1:%d flags=syn", source, 1+port),
			fmt.Sprintf("tcp 192.0.2.%d:4000 > 198.51.100.1:23 flags=syn", source),
			fmt.Sprintf("tcp [2001:db8::%d]:4000 > [2001:db8:1::1]:%d flags=syn", source, 1+port),
			fmt.Sprintf("icmp 192.0.2.%d > 198.51.100.1 type=echo-request", source),
			fmt.Sprintf("udp 203.0.113.%d:4000 > 198.51.100.1:53", source),
			fmt.Sprintf("udp 198.18.0.%d:%d > 198.51.100.1:123", source, source),
			fmt.Sprintf("tcp 192.0.2.%d:4000 > 198.51.100.1:22 flags=%s", source, []string{"", "ack", "ack"}[r.IntN(3)]),
			fmt.Sprintf("arp 192.0.2.%d > 198.51.100.1", source),
		}[r.IntN(8)])
		seconds = append(seconds, i/100)
	}
	file := filepath.Join(folder, "traffic.pcapng")
	capturing(t, file, packets, seconds)
	output := func(args ...string) string {
		w := newWorld(append([]string{"guard", "replay", "--own=198.51.100.1", "--pcap=" + file, "--policy=" + filepath.Join(folder, "p.yaml")}, args...)...)
		w.env.rehearseGuarder = rehearseGuarder
		if err := run(t.Context(), w.env); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(w.stdout.String(), "the interpreter, not by the kernel's program", "the kernel's program")
	}
	byKernel, interpreted := output(), output("--interpreter")
	if diff := cmp.Diff(strings.Split(interpreted, "\n"), strings.Split(byKernel, "\n")); diff != "" {
		t.Errorf("(-interpreter +kernel):\n%s", diff)
	}
	for _, what := range []string{"by g/scan", "by g/pings", "by g/heavy", "dropped by g/dns", "; bans 192.0.2.", "; bans 2001:db8::/64 for 8s", "drop, by the ban of 192.0.2.", "it would be dropped by the ban of 203.0.113.0/24 by g/dns", "by early/null-scan"} {
		if !strings.Contains(byKernel, what) {
			t.Errorf("nothing is %q; the test tests nothing", what)
		}
	}
	t.Log(byKernel[strings.LastIndex(byKernel, "\nBANS BY"):])
}
