package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// fakeRehearsal judges as the kernel's program would.
type fakeRehearsal struct {
	judge func(capture.Record) (policy.Judgement, error)
}

func (r fakeRehearsal) Judge(device string, frame []byte, at time.Time) (policy.Judgement, error) {
	return r.judge(capture.Record{Interface: device, Frame: frame, Time: at})
}

func (fakeRehearsal) Close() {}

// replayFolder holds a capture, and two policies.
func replayFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"now.yaml": `version: 1
unparsable: {action: drop, mode: audit}
groups:
- name: g
  rules:
  - {rule: dns, match: {proto: udp, dst_port: 53}, action: pass}
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: audit}
  - {rule: own, match: {dst: local, proto: tcp, dst_port: 80}, action: drop, mode: enforce}
`,
		"new.yaml": `version: 1
unparsable: {action: drop, mode: enforce}
failsafe: {established: keep}
groups:
- name: g
  rules:
  - {rule: watch, match: {proto: tcp}, action: count, interfaces: [eth0, eth1]}
  - {rule: telnet, match: {proto: tcp, dst_port: [23, 24]}, action: drop, mode: enforce, interfaces: eth0}
  - {rule: names, match: {proto: udp, dst_port: 53}, action: pass}
  - {rule: web, match: {proto: tcp, dst_port: 80}, action: drop, mode: audit}
`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(folder, "traffic.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, "test")
	if err != nil {
		t.Fatal(err)
	}
	write := func(device, text string, cut, length int) {
		s, err := policy.ParseSpecimen(text)
		if err != nil {
			t.Fatal(err)
		}
		frame := s.Frame
		if cut > 0 {
			frame = frame[:cut]
		}
		if err := w.Write(capture.Record{Time: epoch.Add(time.Second), Interface: device, Frame: frame, Length: length}); err != nil {
			t.Fatal(err)
		}
	}
	write("eth0", "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn", 0, 0)    // 1
	write("eth1", "tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn", 0, 0)    // 2
	write("lan9", "udp 192.0.2.8:4000 > 192.0.2.1:53", 0, 0)              // 3
	write("eth0", "tcp 192.0.2.8:4000 > 192.0.2.1:80 flags=ack", 54, 900) // 4, in part
	write("eth0", "tcp 192.0.2.9:4000 > 192.0.2.2:23 flags=syn", 0, 0)    // 5
	write("eth0", "tcp 192.0.2.9:4000 > 192.0.2.2:443 flags=syn", 0, 0)   // 6
	write("eth0", "tcp 192.0.2.9:4000 > 192.0.2.2:23 flags=syn", 40, 0)   // 7, not readable
	write("eth0", "udp 192.0.2.8:4000 > 192.0.2.1:53 len=9000", 0, 0)     // 8, too long
	write("eth0", "udp 192.0.2.8:4000 > 192.0.2.1:53", 10, 0)             // 9, too short
	return folder
}

// replays runs the verb in a folder and returns what it printed and its status.
func replays(t *testing.T, folder string, args ...string) (string, int) {
	t.Helper()
	w := newWorld(append([]string{"guard", "replay", "--own=192.0.2.1", "--pcap=" + filepath.Join(folder, "traffic.pcapng")}, args...)...)
	w.env.rehearseGuarder = func(p *policy.Policy, own []netip.Addr, lists []feed.Row, bans *policy.Bans) (rehearsal, error) {
		return fakeRehearsal{interpreter(p, own, lists, bans)}, nil
	}
	err := run(t.Context(), w.env)
	status := 0
	if err != nil {
		if status = exitStatus(err); status == 1 {
			t.Error(err)
		}
	}
	return strings.ReplaceAll(w.stdout.String(), folder+string(filepath.Separator), ""), status
}

func TestReplayJudgesEachPacket(t *testing.T) {
	folder := replayFolder(t)
	const want = `1: drop, by g/telnet (new.yaml:8:5); counted by g/watch: tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn len=40
2: pass, as no rule ends the search; counted by g/watch: tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn len=40
3: pass, by g/names (new.yaml:9:5): udp 192.0.2.8:4000 > 192.0.2.1:53 len=28
4: pass, as no rule ends the search; enforced, it would be dropped by g/web (new.yaml:10:5); counted by g/watch: tcp 192.0.2.8:4000 > 192.0.2.1:80 flags=ack len=40
5: drop, by g/telnet (new.yaml:8:5); counted by g/watch: tcp 192.0.2.9:4000 > 192.0.2.2:23 flags=syn len=40
6: pass, as no rule ends the search; counted by g/watch: tcp 192.0.2.9:4000 > 192.0.2.2:443 flags=syn len=40
7: drop, as it cannot be read: truncated: tcp 192.0.2.9 > 192.0.2.2 len=40 reason=truncated
8: not judged: it is longer than a driver gives to XDP (3520 bytes): udp 192.0.2.8:4000 > 192.0.2.1:53 len=9000
9: not judged: it is shorter than an Ethernet header: frame ethertype=0x0000 reason=truncated

RULE      EFFECT      PACKETS  BYTES  PLACE
g/watch   count       5        1116   new.yaml:7:5
g/telnet  drop        2        108    new.yaml:8:5
g/names   pass        1        42     new.yaml:9:5
g/web     would_drop  1        900    new.yaml:10:5

1 packet not judged: it is longer than a driver gives to XDP (3520 bytes)
1 packet not judged: it is shorter than an Ethernet header
of 1 packet the capture holds only a part, by which they were judged
1 packet came from interfaces that the policy does not name; they were judged as if it did
which connections are kept, and which peer is protected, only the running agent knows: no packet was taken for one of theirs
9 packets, 10222 bytes: 4 passed, 3 dropped, 1 would be dropped if enforced, 3 without a rule, 1 not readable; judged by the kernel's program
`
	got, status := replays(t, folder, "--policy="+filepath.Join(folder, "new.yaml"))
	longest := fmt.Sprintf("(%d bytes)", os.Getpagesize()-576)
	if diff := cmp.Diff(strings.ReplaceAll(want, "(3520 bytes)", longest), got); diff != "" || status != 0 {
		t.Errorf("status %d, output (-want +got):\n%s", status, diff)
	}
	interpreted, _ := replays(t, folder, "--interpreter", "--summary", "--policy="+filepath.Join(folder, "new.yaml"))
	_, summary, _ := strings.Cut(got, "\n\n")
	if diff := cmp.Diff(strings.ReplaceAll(summary, "the kernel's program", "the interpreter, not by the kernel's program"), interpreted); diff != "" {
		t.Errorf("the summary by the interpreter (-want +got):\n%s", diff)
	}
}

func TestReplayShowsWhatChanges(t *testing.T) {
	folder := replayFolder(t)
	now, next := "="+filepath.Join(folder, "now.yaml"), "="+filepath.Join(folder, "new.yaml")
	const want = `1: pass, as no rule ends the search; enforced, it would be dropped by g/telnet (now.yaml:7:5) -> drop, by g/telnet (new.yaml:8:5); counted by g/watch: tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn len=40
2: pass, as no rule ends the search; enforced, it would be dropped by g/telnet (now.yaml:7:5) -> pass, as no rule ends the search; counted by g/watch: tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn len=40
3: pass, by g/dns (now.yaml:6:5) -> pass, by g/names (new.yaml:9:5): udp 192.0.2.8:4000 > 192.0.2.1:53 len=28
4: drop, by g/own (now.yaml:8:5) -> pass, as no rule ends the search; enforced, it would be dropped by g/web (new.yaml:10:5); counted by g/watch: tcp 192.0.2.8:4000 > 192.0.2.1:80 flags=ack len=40
5: pass, as no rule ends the search; enforced, it would be dropped by g/telnet (now.yaml:7:5) -> drop, by g/telnet (new.yaml:8:5); counted by g/watch: tcp 192.0.2.9:4000 > 192.0.2.2:23 flags=syn len=40
7: pass, as it cannot be read: truncated; enforced, it would be dropped -> drop, as it cannot be read: truncated: tcp 192.0.2.9 > 192.0.2.2 len=40 reason=truncated
8: not judged: `
	got, status := replays(t, folder, "--policy"+next, "--against"+now)
	if !strings.HasPrefix(got, want) || status != 3 {
		t.Errorf("status %d, output (-want +got):\n%s", status, cmp.Diff(want, got))
	}
	const changes = `
2 packets from 2 sources: pass, as no rule ends the search; enforced, it would be dropped by g/telnet (now.yaml:7:5) -> drop, by g/telnet (new.yaml:8:5)
1 packet from 1 source: drop, by g/own (now.yaml:8:5) -> pass, as no rule ends the search; enforced, it would be dropped by g/web (new.yaml:10:5)
1 packet from 1 source: pass, as it cannot be read: truncated; enforced, it would be dropped -> drop, as it cannot be read: truncated
1 packet from 1 source: pass, as no rule ends the search; enforced, it would be dropped by g/telnet (now.yaml:7:5) -> pass, as no rule ends the search
1 packet from 1 source: pass, by g/dns (now.yaml:6:5) -> pass, by g/names (new.yaml:9:5)
3 packets from 2 sources would be dropped that pass now
1 packet from 1 source would pass that are dropped now
1 packet from 1 source would be no audited drops any more
1 packet from 1 source would be treated the same by another rule
1 packet not judged: `
	if !strings.Contains(got, changes) {
		t.Errorf("changes (-want +got):\n%s", cmp.Diff(changes, got))
	}
	got, status = replays(t, folder, "--summary", "--policy"+now, "--against"+now)
	if !strings.Contains(got, "\nboth policies treat all packets the same\n") || status != 0 {
		t.Errorf("status %d of the same policy:\n%s", status, got)
	}
}

func TestReplayPrintsJSON(t *testing.T) {
	folder := replayFolder(t)
	got, status := replays(t, folder, "--json", "--policy="+filepath.Join(folder, "new.yaml"), "--against="+filepath.Join(folder, "now.yaml"))
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 9 || status != 3 {
		t.Fatalf("status %d, %d lines:\n%s", status, len(lines), got)
	}
	const first = `{"packet":1,"time":"2023-11-14T22:13:21.5Z","device":"eth0","length":54,"captured":54,` +
		`"verdict":"drop","rule":"g/telnet","place":"new.yaml:8:5","counted":["g/watch"],` +
		`"against":{"verdict":"pass","would_drop":"g/telnet","would_drop_place":"now.yaml:7:5"},` +
		`"text":"tcp 192.0.2.7:4000 > 192.0.2.1:23 flags=syn len=40"}`
	if diff := cmp.Diff(first, lines[0]); diff != "" {
		t.Errorf("first line (-want +got):\n%s", diff)
	}
	var last struct{ Summary replayTotals }
	if err := json.Unmarshal([]byte(lines[8]), &last); err != nil {
		t.Fatal(err)
	}
	s := last.Summary
	if s.Packets != 9 || s.Dropped != 3 || *s.Differ != 6 || len(s.Changes) != 5 || s.Changes[0].Sources != 2 || len(s.Rules) != 4 || len(s.Unjudged) != 2 || s.JudgedBy != "the kernel's program" {
		t.Errorf("summary %+v", s)
	}
}

func TestReplayNeedsRootOrTheInterpreter(t *testing.T) {
	folder := replayFolder(t)
	w := newWorld("guard", "replay", "--pcap="+filepath.Join(folder, "traffic.pcapng"), "--policy="+filepath.Join(folder, "new.yaml"))
	w.env.rehearseGuarder = func(*policy.Policy, []netip.Addr, []feed.Row, *policy.Bans) (rehearsal, error) {
		return nil, fmt.Errorf("map create: %w", syscall.EPERM)
	}
	err := run(t.Context(), w.env)
	const want = "guard replay: running the kernel's program needs root (map create: operation not permitted); --interpreter judges without, by the plain interpreter that the program is tested against"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	for _, args := range [][]string{{"--own=eth0"}, {"--policy=" + filepath.Join(folder, "none.yaml")}} {
		w := newWorld(append([]string{"guard", "replay", "--interpreter", "--pcap=" + filepath.Join(folder, "none"), "--policy=" + filepath.Join(folder, "new.yaml")}, args...)...)
		if err := run(t.Context(), w.env); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
