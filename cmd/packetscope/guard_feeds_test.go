package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// feedPolicy has feeds of which one is a file, one is kept by an agent, and one is not at
// hand.
const feedPolicy = `version: 1
defaults: {mode: enforce, interfaces: [eth0]}
failsafe: {established: keep}
feeds:
- {feed: watched, file: watched.txt, action: count}
- {feed: kept, url: https://lists.example/kept, mode: audit}
- {feed: far, url: https://lists.example/far}
- {feed: bad, file: bad.txt}
groups:
- name: g
  stage: guard
  rules:
  - {rule: telnet, match: {fragment: offset-one}, action: drop}
- name: p
  rules:
  - {rule: web, match: {proto: tcp, dst_port: 80}, action: pass}
`

func feedFolder(t *testing.T) string {
	t.Helper()
	folder := replayFolder(t)
	for name, text := range map[string]string{
		"feeds.yaml": feedPolicy, "watched.txt": "192.0.2.7\n192.0.2.8\n", "bad.txt": "192.0.2.8\n192.0.2.1\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, faults := policy.Load([]string{filepath.Join(folder, "feeds.yaml")}, policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	list, err := feed.Read("kept", strings.NewReader("192.0.2.0/29\n192.0.2.8\n"), &p.Feeds[1], epoch)
	if err != nil {
		t.Fatal(err)
	}
	if err := feed.Folder(filepath.Join(folder, "kept")).Save(&p.Feeds[1], &feed.Kept{List: list, Fetched: epoch, Checked: epoch}); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestExplainKnowsFeeds(t *testing.T) {
	folder := feedFolder(t)
	const far = `feed "far": its list is not at hand; it lists nothing here (see --feeds)` + "\n"
	const exempt = "unless its connection was established when the policy was put in force (--kept shows that)\n"
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a stranger": {[]string{"tcp 198.51.100.7:4 > 192.0.2.1:80"}, `feeds.yaml:13:5: g/telnet does not match: fragment any offset-one does not hold
feeds.yaml:16:5: p/web matches: pass
verdict: pass, by p/web (feeds.yaml:16:5)
`},
		"one listed": {[]string{"tcp 192.0.2.8:4 > 192.0.2.1:80"}, `feeds.yaml:13:5: g/telnet does not match: fragment any offset-one does not hold
feeds.yaml:5:3: feed watched lists the source: count
feeds.yaml:6:3: feed kept lists the source: would drop (audit)
feeds.yaml:8:3: feed bad lists the source: drop
verdict: drop, by feed bad (feeds.yaml:8:3); enforced, it would be dropped by feed kept (feeds.yaml:6:3)
` + exempt},
		"one audited": {[]string{"tcp 192.0.2.7:4 > 192.0.2.1:81"}, `feeds.yaml:13:5: g/telnet does not match: fragment any offset-one does not hold
feeds.yaml:5:3: feed watched lists the source: count
feeds.yaml:6:3: feed kept lists the source: would drop (audit)
feeds.yaml:16:5: p/web does not match: dst_port 80 does not hold
verdict: pass, as no rule ends the search; enforced, it would be dropped by feed kept (feeds.yaml:6:3)
` + exempt},
		"one kept": {[]string{"--kept", "tcp 192.0.2.8:4 > 192.0.2.1:80"}, `feeds.yaml:13:5: g/telnet does not match: fragment any offset-one does not hold
feeds.yaml:5:3: feed watched lists the source: count
feeds.yaml:6:3: feed kept lists the source: drop, but not this packet, which is kept
feeds.yaml:8:3: feed bad lists the source: drop, but not this packet, which is kept
verdict: pass, kept from feed kept (feeds.yaml:6:3)
`},
		"dropped before": {[]string{"tcp 192.0.2.8 > 192.0.2.1 fragment=offset-one"}, `feeds.yaml:13:5: g/telnet matches: drop
verdict: drop, by g/telnet (feeds.yaml:13:5)
`},
		"an own address": {[]string{"tcp 192.0.2.1:4 > 192.0.2.8:81"}, `feeds.yaml:13:5: g/telnet does not match: fragment any offset-one does not hold
feeds.yaml:16:5: p/web does not match: dst_port 80 does not hold
verdict: pass, as no rule ends the search
`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(append([]string{"guard", "explain", "--own=192.0.2.1", "--interface=eth0", "--policy", filepath.Join(folder, "feeds.yaml"),
				"--feeds", filepath.Join(folder, "kept")}, test.args...)...)
			if err := run(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(w.stdout.String(), folder+string(filepath.Separator), "")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if w.stderr.String() != far {
				t.Errorf("said %q, want %q", w.stderr.String(), far)
			}
		})
	}
}

func TestExplainTellsFeedsInJSON(t *testing.T) {
	folder := feedFolder(t)
	w := newWorld("guard", "explain", "--json", "--own=192.0.2.1", "--policy", filepath.Join(folder, "feeds.yaml"), "tcp 192.0.2.8:4 > 192.0.2.1:80")
	if err := run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	var got struct {
		replayVerdict
		Feeds []explainedFeed
	}
	if err := json.Unmarshal([]byte(w.stdout.String()), &got); err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(folder, "feeds.yaml")
	want := []explainedFeed{{"watched", place + ":5:3", "count"}, {"bad", place + ":8:3", "drop"}}
	if diff := cmp.Diff(want, got.Feeds); diff != "" || got.Feed != "bad" || got.Rule != "" || got.Verdict != "drop" || !cmp.Equal(got.CountedFeeds, []string{"watched"}) {
		t.Errorf("verdict %+v, feeds (-want +got):\n%s", got.replayVerdict, diff)
	}
}

func TestReplayKnowsFeeds(t *testing.T) {
	folder := feedFolder(t)
	out, status := replays(t, folder, "--policy", filepath.Join(folder, "feeds.yaml"), "--feeds", filepath.Join(folder, "kept"), "--summary", "--json")
	var last struct{ Summary replayTotals }
	if err := json.Unmarshal([]byte(out), &last); err != nil || status != 0 {
		t.Fatal(err, status)
	}
	s := last.Summary
	want := []replayFeed{{Feed: "watched", Effect: "count", Packets: 4}, {Feed: "kept", Effect: "would_drop", Packets: 4}, {Feed: "bad", Effect: "drop", Packets: 2}}
	for i := range s.Feeds {
		s.Feeds[i].Bytes = 0 // as the capture has it
	}
	if diff := cmp.Diff(want, s.Feeds); diff != "" || s.Dropped == 0 {
		t.Errorf("%+v, feeds (-want +got):\n%s", s, diff)
	}
	text, _ := replays(t, folder, "--policy", filepath.Join(folder, "feeds.yaml"), "--feeds", filepath.Join(folder, "kept"), "--against", filepath.Join(folder, "feeds.yaml"))
	if !strings.Contains(text, "FEED     EFFECT      PACKETS") || !strings.Contains(text, "both policies treat all packets the same") {
		t.Errorf("said\n%s", text)
	}
}
