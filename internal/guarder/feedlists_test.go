//go:build linux

package guarder

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// decided is a list of one decision that ends so many seconds after the start.
func decided(start time.Time, after int64, prefixes ...string) *feed.List {
	l := &feed.List{}
	for _, p := range prefixes {
		l.Entries = append(l.Entries, feed.Entry{Prefix: netip.MustParsePrefix(p), Until: start.Unix() + after})
	}
	return l
}

// TestWhichListsTakeATable gives a feed whose list is in force another one.
func TestWhichListsTakeATable(t *testing.T) {
	const one, other = "198.51.100.1/32", "198.51.100.2/32"
	start := time.Unix(1_800_000_000, 0)
	for name, test := range map[string]struct {
		was, is *feed.List
		after   time.Duration
		table   bool
		ends    int64 // seconds after the start, if there is no table
	}{
		"the first":                    {nil, decided(start, 60, one), 0, true, 0},
		"the first, of nothing":        {nil, decided(start, 60), 0, true, 0},
		"the same, for longer":         {decided(start, 60, one), decided(start, 90, one), time.Second, false, 60},
		"the same, for a shorter time": {decided(start, 60, one), decided(start, 30, one), time.Second, false, 30},
		"the same, which was over":     {decided(start, 60, one), decided(start, 120, one), time.Minute, true, 0},
		"one more":                     {decided(start, 60, one), decided(start, 60, one, other), time.Second, true, 0},
		"one less":                     {decided(start, 60, one, other), decided(start, 60, one), time.Second, true, 0},
		"another":                      {decided(start, 60, one), decided(start, 60, other), time.Second, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := &Engine{logger: slog.New(slog.DiscardHandler), feeds: newFeeder(Config{}), stop: make(chan struct{})}
			s := &feedState{feed: policy.Feed{Name: "f", Format: policy.CrowdSec}, loaded: true}
			if test.was != nil {
				s.kept, s.listed = &feed.Kept{List: test.was}, test.was
				e.feeds.table.ends = test.was.Ends()
			}
			e.feeds.states["f"], e.feeds.has = s, e.feeds.wants
			e.renew(s, fetched{key: "f", feed: s.feed, list: test.is}, start.Add(test.after))
			if got := e.feeds.wants != e.feeds.has; got != test.table || s.kept.List != test.is {
				t.Fatalf("takes a table: %v, want %v", got, test.table)
			}
			if test.table {
				return
			}
			if ends := e.feeds.table.ends.Unix() - start.Unix(); s.listed != test.is || ends != test.ends {
				t.Errorf("in force: %v, until %d s, want %d", s.listed == test.is, ends, test.ends)
			}
		})
	}
}

// TestTablesRest asks when the next table is made for lists that have changed.
func TestTablesRest(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	e := &Engine{feeds: newFeeder(Config{}), stop: make(chan struct{})}
	list := decided(now, 3600, "198.51.100.1/32")
	s := &feedState{kept: &feed.Kept{List: list}, listed: list}
	e.feeds.states["f"], e.feeds.has = s, 7
	e.feeds.table = feedTable{made: now, rest: now.Add(6 * time.Second)}
	if e.tableDue(now.Add(5 * time.Second)) {
		t.Error("a table is made while it is to rest")
	}
	if !e.tableDue(now.Add(6 * time.Second)) {
		t.Error("no table is made after the rest")
	}
	e.feeds.states["new"] = &feedState{kept: &feed.Kept{List: list}}
	if !e.tableDue(now) {
		t.Error("a new feed waits for the others")
	}
}
