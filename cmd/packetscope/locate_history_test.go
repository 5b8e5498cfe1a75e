package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/history"
)

// keptPaths is a folder with an hour of two paths: one that moved, and one that did not.
func keptPaths(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "paths")
	now := epoch.Add(-3 * time.Hour)
	store, err := history.Open(history.Config{Dir: dir, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddr
	lost, score := 0.25, 40
	shop := history.Checkpoint{
		Key: history.Key{Dest: "shop", Proto: "tcp", AF: 4}, Address: addr("203.0.113.80"), Reached: true, ASPath: []uint32{64500, 64501}, MTU: 1500,
		Hops: []history.Hop{
			{TTL: 1, Addr: addr("192.0.2.1"), Name: "gw.example", ASN: 64500, ASName: "EXAMPLE", Country: "DE", City: "Berlin", RTTMin: 300, RTTMedian: 400, Loss: &lost},
			{TTL: 2, Addr: addr("198.51.100.9"), ASN: 64501, Country: "DE"},
			{TTL: 3, Addr: addr("203.0.113.80"), RTTMin: 11_000, RTTMedian: 12_000},
		},
	}
	mail := history.Checkpoint{Key: history.Key{Dest: "mail", Proto: "icmp", AF: 6}, Address: addr("2001:db8::25"), Hops: []history.Hop{{TTL: 1, Addr: addr("fe80::1")}}}
	moved := shop
	moved.ASPath, moved.MTU, moved.RiskScore = []uint32{64500, 64502}, 1400, &score
	moved.Hops = []history.Hop{
		shop.Hops[0], {TTL: 2, Addr: addr("198.51.100.1"), Name: "core.example", ASN: 64502, ASName: "OTHER", Country: "FR"},
		{TTL: 4, Addr: addr("203.0.113.80"), RTTMin: 19_000, RTTMedian: 20_000},
	}
	event := history.EventOf(shop.Key, change.Event{
		Levels: change.IP | change.AS, First: 2, Last: 2, Before: []netip.Addr{addr("192.0.2.1"), addr("198.51.100.9")}, After: []netip.Addr{addr("192.0.2.1"), addr("198.51.100.1")},
	})
	reach := history.EventOf(mail.Key, change.Event{Levels: change.Reach})
	for i, r := range []history.Record{shop, mail, shop, event, moved, mail, reach} {
		now = epoch.Add(-3 * time.Hour).Add(time.Duration(i) * 20 * time.Minute)
		switch r := r.(type) {
		case history.Checkpoint:
			r.At = now
			err = store.Append(r)
		case history.Event:
			r.At, r.Since = now, now.Add(-time.Minute)
			err = store.Append(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// locateOutput runs a verb and returns what it prints.
func locateOutput(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	w := newWorld(append([]string{"locate"}, args...)...)
	err = run(t.Context(), w.env)
	return w.stdout.String(), w.stderr.String(), err
}

func TestHistoryIsLines(t *testing.T) {
	inUTC(t)
	dir := keptPaths(t)
	const first, second, third, fourth, fifth, sixth, seventh = `2023-11-14 19:13:20  shop tcp ipv4  reached in 3 hops, median 12.0 ms, AS64500 > AS64501, MTU 1500
`, `2023-11-14 19:33:20  mail icmp ipv6  not reached
`, `2023-11-14 19:53:20  shop tcp ipv4  reached in 3 hops, median 12.0 ms, AS64500 > AS64501, MTU 1500
`, `2023-11-14 20:13:20  shop tcp ipv4  ip+as at TTL 2: 198.51.100.9 became 198.51.100.1
`, `2023-11-14 20:33:20  shop tcp ipv4  reached in 4 hops, median 20.0 ms, AS64500 > AS64502, MTU 1400, risk 40
`, `2023-11-14 20:53:20  mail icmp ipv6  not reached
`, `2023-11-14 21:13:20  mail icmp ipv6  reach: it answers no longer
`
	for args, want := range map[string]string{
		"":                                first + second + third + fourth + fifth + sixth + seventh,
		"shop":                            first + third + fourth + fifth,
		"--changes":                       fourth + seventh,
		"--since=90m mail":                sixth + seventh,
		"--until=2023-11-14T19:50:00Z":    first + second,
		"--since=2023-11-15 shop":         "",
		"--changes --since=1d --until=2h": "",
	} {
		stdout, stderr, err := locateOutput(t, append([]string{"history", "--path", dir}, strings.Fields(args)...)...)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		if diff := cmp.Diff(want, stdout); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
		wantNote := ""
		if want == "" {
			wantNote = "nothing is kept that fits\n"
		}
		if stderr != wantNote {
			t.Errorf("%s: standard error %q, want %q", args, stderr, wantNote)
		}
	}
}

func TestHistoryInJSONHasAllThatIsKnown(t *testing.T) {
	stdout, _, err := locateOutput(t, "history", "--json", "--path", keptPaths(t))
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "locate_history.json", stdout)
}

func TestDiffTellsWhatBecameOfAPath(t *testing.T) {
	inUTC(t)
	dir := keptPaths(t)
	const moved = `shop tcp ipv4  2023-11-14 19:53:20 > 2023-11-14 20:33:20
TTL 2      198.51.100.9 (AS64501, DE) is gone, 198.51.100.1 (core.example, AS64502 OTHER, FR) is new
TTL 4      203.0.113.80 was at TTL 3
AS path    AS64500 > AS64501 became AS64500 > AS64502
countries  DE became DE > FR
length     3 became 4
RTT        12.0 ms became 20.0 ms
MTU        1500 became 1400
risk       unknown became 40
`
	for args, want := range map[string]string{
		"shop":                                   moved,
		"shop --at=2023-11-14T20:00:00 --and=1h": moved,
		"shop --at=175m --and=130m":              "shop tcp ipv4  2023-11-14 19:13:20 > 2023-11-14 19:53:20\nnothing    differs\n",
		"mail":                                   "mail icmp ipv6  2023-11-14 19:33:20 > 2023-11-14 20:53:20\nnothing    differs\n",
	} {
		stdout, stderr, err := locateOutput(t, append([]string{"diff", "--path", dir}, strings.Fields(args)...)...)
		if err != nil || stderr != "" {
			t.Fatalf("%s: %v, %s", args, err, stderr)
		}
		if diff := cmp.Diff(want, stdout); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
	stdout, _, err := locateOutput(t, "diff", "--json", "--path", dir, "shop")
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "locate_diff.json", stdout)
}

func TestHistorySaysWhatIsWrong(t *testing.T) {
	dir := keptPaths(t)
	nowhere := filepath.Join(dir, "nowhere")
	for args, want := range map[string]string{
		"history": "required flag(s) '--path' not provided",
		"history --path " + dir + " --since=soon":       "--since: bad time \"soon\" (want " + timeForms + ")",
		"history --path " + dir + " --until=-1h":        "--until: bad time \"-1h\" (want " + timeForms + ")",
		"history --path " + nowhere:                     fmt.Sprintf("read history %q: open %s: no such file or directory", nowhere, nowhere),
		"diff --path " + dir + " shop --at=1h":          "--at and --and belong together",
		"diff --path " + dir + " shop --at=9h --and=8h": fmt.Sprintf("there are no two checkpoints of \"shop\" to compare in %q (packetscope locate history tells what there is)", dir),
		"diff --path " + dir + " shoe":                  fmt.Sprintf("there are no two checkpoints of \"shoe\" to compare in %q (packetscope locate history tells what there is)", dir),
	} {
		if _, _, err := locateOutput(t, strings.Fields(args)...); errorText(err) != want {
			t.Errorf("%s: error %q, want %q", args, errorText(err), want)
		}
	}
}

// TestBadLinesAreToldAndPassedOver damages the first line.
func TestBadLinesAreToldAndPassedOver(t *testing.T) {
	dir := keptPaths(t)
	segments, err := filepath.Glob(filepath.Join(dir, "history-*.jsonl"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v: %v", segments, err)
	}
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	data[0] = '\x1b'
	if err := os.WriteFile(segments[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := locateOutput(t, "history", "--path", dir)
	if err != nil || strings.Count(stdout, "\n") != 6 {
		t.Errorf("%v:\n%s", err, stdout)
	}
	if !strings.HasPrefix(stderr, segments[0]+":1: ") || strings.Count(stderr, "\n") != 1 || strings.Contains(stderr, "\x1b") {
		t.Errorf("standard error %q", stderr)
	}
}
