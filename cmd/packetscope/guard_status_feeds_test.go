package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
)

func TestStatusShowsFeeds(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	checked := now.Add(-90 * time.Minute)
	s := guarder.Status{FeedMemory: 5 << 20, Feeds: []guarder.FeedStatus{
		{Feed: "drop", Mode: "enforce", Action: "drop", Entries: 1200, Checked: &checked, InForce: true, Counts: map[string]guarder.Counts{"drop": {Packets: 23}}},
		{Feed: "mine", Mode: "audit", Action: "drop", Entries: 7, Checked: &checked, InForce: true, Stale: true, Excluded: 2, Reason: "not_a_list",
			Refusal: "mine.txt:1:1: bad prefix \"\x1b[2J<html>\"\nmine.txt:2:1: bad prefix"},
		{Feed: "new", Mode: "enforce", Action: "count", Reason: "unreachable", Refusal: "no such host"},
	}}
	var got strings.Builder
	if err := printFeeds(&got, s, now); err != nil {
		t.Fatal(err)
	}
	want := `feeds take 5.0 MiB of the kernel
FEED  MODE     ACTION  ENTRIES  AGE      PACKETS  STATE
drop  enforce  drop    1200     1h30m0s  23       in force
mine  audit    drop    7        1h30m0s  0        in force, STALE, 2 left out, REFUSED: not_a_list: mine.txt:1:1: bad prefix "?[2J<html>" ...
new   enforce  count   0        -        0        NO LIST YET, REFUSED: unreachable: no such host
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("feeds (-want +got):\n%s", diff)
	}
	got.Reset()
	if err := printFeeds(&got, guarder.Status{}, now); err != nil || got.Len() != 0 {
		t.Errorf("without feeds: %q, %v", got.String(), err)
	}
}
