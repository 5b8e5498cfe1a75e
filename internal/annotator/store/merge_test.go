//go:build unix

package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// states returns which alerts of an episode fire, by their names.
func states(e Episode) map[string]bool {
	fires := map[string]bool{}
	for _, a := range e.Alerts {
		fires[a.Fingerprint] = a.EndsAt.IsZero()
	}
	return fires
}

func TestEpisodesFollowTheirAlerts(t *testing.T) {
	type after struct {
		message Message
		wait    time.Duration
	}
	both := firing("g", 0, "a", "b")
	hidden := func(m Message, truncated int) Message {
		m.Truncated = truncated
		return m
	}
	for name, test := range map[string]struct {
		messages []after
		fires    map[string]bool
		open     bool
	}{
		"one of two ended":  {[]after{{both, 0}, {ended(both, "a"), 0}}, map[string]bool{"a": false, "b": true}, true},
		"both ended":        {[]after{{both, 0}, {ended(both, "a", "b"), 0}}, map[string]bool{"a": false, "b": false}, false},
		"ended one by one":  {[]after{{both, 0}, {ended(both, "a"), 0}, {ended(firing("g", 0, "b"), "b"), 0}}, map[string]bool{"a": false, "b": false}, false},
		"an end was missed": {[]after{{both, 0}, {ended(firing("g", 0, "b"), "b"), 0}}, map[string]bool{"a": false, "b": false}, false},
		"what started behind the end goes on": {
			[]after{{firing("g", 0, "a"), 0}, {firing("g", 5, "b"), 0}, {ended(firing("g", 0, "a"), "a"), 0}},
			map[string]bool{"a": false, "b": true}, true,
		},
		"a late twin of the start": {[]after{{both, 0}, {ended(both, "a"), 44 * time.Second}, {firing("g", 0, "a", "b", "c"), 0}}, map[string]bool{"a": false, "b": true, "c": true}, true},
		"again with the same start, after a group_interval that was a little short": {
			[]after{{both, 0}, {ended(both, "a", "b"), 59 * time.Second}, {firing("g", 0, "a"), 0}},
			map[string]bool{"a": true, "b": false}, true,
		},
		"again with a later start":    {[]after{{firing("g", 0, "a"), 0}, {firing("g", 3, "a"), 0}, {ended(firing("g", 0, "a"), "a"), 0}}, map[string]bool{"a": true}, true},
		"others are kept back":        {[]after{{hidden(both, 1), 0}, {hidden(ended(both, "a", "b"), 1), 0}}, map[string]bool{"a": false, "b": false}, true},
		"others are no longer hidden": {[]after{{hidden(both, 1), 0}, {ended(both, "a", "b"), 0}}, map[string]bool{"a": false, "b": false}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHands()
			s := openQuick(t, Config{Clock: h.clock()})
			for _, a := range test.messages {
				add(t, s, a.message)
				h.pass(a.wait)
			}
			e := must[Episode](t)(s.Episode(both.Episode))
			if diff := cmp.Diff(test.fires, states(e)); diff != "" || e.Open() != test.open {
				t.Errorf("open %v, want %v; alerts (-want +got):\n%s", e.Open(), test.open, diff)
			}
			if list := must[[]Episode](t)(s.Episodes(0, 9)); len(list) != 1 {
				t.Errorf("%d episodes", len(list))
			}
		})
	}
}

func TestSameNewsAreStoredOnce(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	m := firing("g", 0, "a")
	var got []bool
	put := func(m Message, wait time.Duration) {
		got = append(got, add(t, s, m).Fresh)
		h.pass(wait)
	}
	put(m, time.Hour)                       // new
	put(m, 0)                               // repeated
	put(ended(m, "a"), 30*time.Second)      // new
	put(m, 30*time.Second)                  // a twin that is late
	put(m, 0)                               // fires again, though it started when it did
	put(m, 0)                               // and that again
	put(ended(m, "a"), time.Hour)           // ended as before: that news is old
	put(ended(firing("g", 0, "a"), "a"), 0) // the same
	if diff := cmp.Diff([]bool{true, false, true, false, true, false, true, false}, got); diff != "" {
		t.Errorf("fresh (-want +got):\n%s", diff)
	}
}

func TestANewEpisodeBeginsBehindTheEnd(t *testing.T) {
	s := openQuick(t, Config{})
	first := add(t, s, firing("g", 0, "a"))
	add(t, s, ended(firing("g", 0, "a"), "a"))
	second := add(t, s, firing("g", 9, "a"))
	other := add(t, s, firing("h", 9, "a"))
	list := must[[]Episode](t)(s.Episodes(0, 9))
	var got []string
	for _, e := range list {
		got = append(got, e.ID)
	}
	if diff := cmp.Diff([]string{other.Episode, second.Episode, first.Episode}, got); diff != "" {
		t.Errorf("episodes, the newest first (-want +got):\n%s", diff)
	}
	page := must[[]Episode](t)(s.Episodes(list[0].Number, 1))
	if len(page) != 1 || page[0].ID != second.Episode {
		t.Errorf("before number %d comes %+v", list[0].Number, page)
	}
}

func TestGroupsThatShareANameDoNotMeet(t *testing.T) {
	s := openQuick(t, Config{})
	mine, theirs := firing("mine", 0, "a"), firing("theirs", 0, "b")
	theirs.Episode = mine.Episode
	a, b := add(t, s, mine), add(t, s, theirs)
	if a.Episode == b.Episode {
		t.Fatal("two groups have one episode")
	}
	if err := checkEpisode(b.Episode); err != nil {
		t.Error(err)
	}
	if again := add(t, s, ended(theirs, "b")); again.Episode != b.Episode {
		t.Errorf("the end goes to %s, not to %s", again.Episode, b.Episode)
	}
}

func TestAFloodOfAlertsIsBounded(t *testing.T) {
	var names []string
	for n := range mostAlerts + 7 {
		names = append(names, string(number(uint64(n))))
	}
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	m := firing("g", 0, names...)
	r := add(t, s, m)
	e := must[Episode](t)(s.Episode(r.Episode))
	if len(e.Alerts) != mostAlerts || e.Truncated != 7 {
		t.Errorf("%d alerts, %d more, want %d and 7", len(e.Alerts), e.Truncated, mostAlerts)
	}
	add(t, s, ended(m, names...))
	if e = must[Episode](t)(s.Episode(r.Episode)); e.Open() {
		t.Error("is open when all have ended")
	}
	h.pass(twin)
	add(t, s, firing("g", 0, "late"))
	if e = must[Episode](t)(s.Episode(r.Episode)); len(e.Alerts) != 1 {
		t.Errorf("%d alerts are remembered, want the one that fires", len(e.Alerts))
	}
}

func TestMessagesThatMakeNoSenseAreRefused(t *testing.T) {
	s := openQuick(t, Config{})
	empty, long, odd := firing("g", 0), firing("g", 0, "a"), firing("g", 0, "a")
	long.Episode += "0"
	odd.Episode = "../../../etc"
	for _, m := range []Message{empty, long, odd} {
		if _, err := s.Put(t.Context(), m); err == nil {
			t.Errorf("stored %+v", m)
		}
	}
}
