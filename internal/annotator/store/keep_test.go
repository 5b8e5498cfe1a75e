//go:build unix

package store

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

func TestValuesAreKeptForATime(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	for _, put := range []struct {
		key string
		ttl time.Duration
	}{{"short", time.Minute}, {"long", time.Hour}} {
		if err := s.Cache().Put(put.key, []byte(put.key), put.ttl); err != nil {
			t.Fatal(err)
		}
	}
	h.pass(time.Minute)
	s = reopen(t, s)
	if value, ok, err := s.Cache().Get("short"); ok || err != nil {
		t.Errorf("short is %q, error %v", value, err)
	}
	all, err := s.Cache().All()
	if diff := cmp.Diff(map[string][]byte{"long": []byte("long")}, all); diff != "" || err != nil {
		t.Errorf("error %v, all (-want +got):\n%s", err, diff)
	}
	if value, ok, err := s.Caps().Get("long"); ok || err != nil {
		t.Errorf("another drawer has %q, error %v", value, err)
	}
	h.wall = h.wall.Add(-48 * time.Hour) // and nobody knows how old it is
	s = reopen(t, s)
	if value, ok, err := s.Cache().Get("long"); ok || err != nil {
		t.Errorf("of the future is %q, error %v", value, err)
	}
}

func TestDrawersAreBounded(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	err := s.db.Update(func(tx *bolt.Tx) error {
		for n := range mostValues {
			k := keptValue{start, start.Add(time.Hour + time.Duration(n)), nil}
			if err := putJSON(tx, inCache, fmt.Append(nil, n), k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Cache().Put("new", []byte("x"), 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	all, err := s.Cache().All()
	if _, first := all["0"]; len(all) != mostValues || first || all["new"] == nil || err != nil {
		t.Errorf("%d values, the first to end is there: %v, error %v", len(all), first, err)
	}
}

func TestBudgetsSurviveARestartButNotTheirWindow(t *testing.T) {
	const day = 24 * time.Hour
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	var got []int64
	spend := func() { got = append(got, must[int64](t)(s.Spend("tokens", day, 100))) }
	spend()
	spend()
	s = reopen(t, s)
	spend()
	h.pass(13 * time.Hour) // tomorrow
	spend()
	h.wall = h.wall.Add(-2 * time.Hour) // today again, by a clock that was put right
	spend()
	h.wall = h.wall.Add(400 * day)
	spend()
	h.wall = h.wall.Add(-390 * day) // a clock that was quite wrong
	spend()
	if diff := cmp.Diff([]int64{100, 200, 300, 100, 200, 100, 100}, got); diff != "" {
		t.Errorf("spent (-want +got):\n%s", diff)
	}
	spent, until, err := s.Spent("tokens", day)
	if want := h.wall.Truncate(day).Add(day); spent != 100 || !until.Equal(want) || err != nil {
		t.Errorf("spent %d until %s, error %v", spent, until, err)
	}
	if spent, _, err := s.Spent("calls", time.Minute); spent != 0 || err != nil {
		t.Errorf("another budget has spent %d, error %v", spent, err)
	}
}

// finish does all steps that are due, and delivers all that waits for grafana.
func finish(t testing.TB, s *Store) {
	t.Helper()
	for {
		j, wait, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if wait != 0 {
			break
		}
		done(t, s, j, Result{Output: []byte("output"), Publish: to("grafana", "x"), Final: true})
	}
	for {
		d, wait, err := s.nextDelivery("grafana")
		if err != nil {
			t.Fatal(err)
		}
		if wait != 0 {
			return
		}
		if err := s.Delivered(d, []byte("state")); err != nil {
			t.Fatal(err)
		}
	}
}

// keys counts the keys of all buckets but those of numbers and the empty ones.
func keys(t testing.TB, s *Store) map[string]int {
	counts := map[string]int{}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			if n := b.Stats().KeyN; n > 0 && string(name) != "meta" {
				counts[string(name)] = n
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func TestOldEpisodesAreForgottenWithAllThatIsTheirs(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock(), Keep: 10 * time.Hour, Seen: 5 * time.Hour})
	for n := range pruneSome + 50 {
		add(t, s, ended(firing(fmt.Sprint("old ", n), 0, "a"), "a"))
	}
	add(t, s, firing("open", 0, "a"))
	finish(t, s)
	add(t, s, ended(firing("not published", 0, "a"), "a"))
	for _, step := range []Step{Gathered, Explained, Resolved} {
		r := Result{}
		if step == Explained {
			r.Publish = to("broken", "x")
		}
		done(t, s, take(t, s), r)
	}
	h.pass(11 * time.Hour)
	add(t, s, ended(firing("new", 0, "a"), "a"))
	finish(t, s)
	if err := s.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Left are what is open, what was not delivered, and what is new.
	want := map[string]int{
		"episodes": 3, "recent": 3, "open": 1, "worst": 1, "bodies": 3, "outputs": 2 + 3, "sinks": 3,
		"seen": 1, "seen_age": 1, "outbox": 1, "out_due": 1,
	}
	if diff := cmp.Diff(want, keys(t, s)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestTooManyKeysOfMessagesAreForgotten(t *testing.T) {
	s := openQuick(t, Config{})
	var all []Message
	for n := range 5 {
		all = append(all, firing(fmt.Sprint("g", n), n, "a"))
		add(t, s, all[n])
	}
	err := s.update("test", func(tx *bolt.Tx) error {
		removed, err := pruneSeen(tx, start.Add(-time.Hour), 3)
		if removed != 2 {
			t.Errorf("%d were removed, want 2", removed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []bool
	for _, m := range all {
		got = append(got, add(t, s, m).Fresh)
	}
	if diff := cmp.Diff([]bool{true, true, false, false, false}, got); diff != "" {
		t.Errorf("fresh (-want +got):\n%s", diff)
	}
}

func TestAJumpOfTheClockMakesNothingOld(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	add(t, s, ended(firing("g", 0, "a"), "a"))
	finish(t, s)
	want := keys(t, s)
	for _, jump := range []time.Duration{1000 * time.Hour, -3000 * time.Hour} {
		h.wall = h.wall.Add(jump)
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, keys(t, s)); diff != "" {
			t.Errorf("keys after a jump of %s (-want +got):\n%s", jump, diff)
		}
	}
}

func TestStepsWaitAsLongAsTheyWereToldTo(t *testing.T) {
	for name, test := range map[string]struct {
		jump   time.Duration // of the wall clock
		reopen bool
		passes time.Duration
		due    bool
	}{
		"no jump, early":              {0, false, 59 * time.Minute, false},
		"no jump":                     {0, false, time.Hour, true},
		"forward":                     {5 * time.Hour, false, 59 * time.Minute, false},
		"back":                        {-5 * time.Hour, false, time.Hour, true},
		"restart":                     {0, true, time.Hour, true},
		"restart, early":              {0, true, 59 * time.Minute, false},
		"restart a while later":       {30 * time.Minute, true, 30 * time.Minute, true},
		"restart with a clock behind": {-1000 * time.Hour, true, time.Hour, true},
		"and early":                   {-1000 * time.Hour, true, 59 * time.Minute, false},
		"restart with a clock ahead":  {1000 * time.Hour, true, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHands()
			s := openQuick(t, Config{Clock: h.clock()})
			publishAgain(t, s, 0, "grafana")
			must[bool](t)(s.Retry(deliver(t, s, "grafana"), nil, "503", time.Hour))
			add(t, s, firing("h", 0, "a"))
			if err := s.Postpone(take(t, s), time.Hour); err != nil {
				t.Fatal(err)
			}
			h.wall = h.wall.Add(test.jump)
			if test.reopen {
				s = reopen(t, s)
			}
			h.pass(test.passes)
			j, wait, err := s.next()
			if err != nil || (wait == 0) != test.due {
				t.Errorf("step: wait %s, error %v", wait, err)
			}
			if test.due && j.Since.After(s.Time()) {
				t.Errorf("the work begins at %s, in the future", j.Since)
			}
			if _, wait, err := s.nextDelivery("grafana"); err != nil || (wait == 0) != test.due {
				t.Errorf("delivery: wait %s, error %v", wait, err)
			}
		})
	}
}

func TestOpenEpisodesAreCountedAndTheWorstComeFirst(t *testing.T) {
	s := openQuick(t, Config{})
	for n := range 51 {
		if d := must[Depth](t)(s.Depth()); d.Open != n {
			t.Fatalf("with %d: depth %+v", n, d)
		}
		m := firing(fmt.Sprint("g", n), n, "a")
		switch n {
		case 7:
			m.Severity = "critical"
		case 9, 11:
			m.Severity = "warning"
		}
		add(t, s, m)
	}
	d := must[Depth](t)(s.Depth())
	if d.Open != 51 || d.Messages != 51 || d.Jobs != 51 || d.Oldest.IsZero() {
		t.Errorf("depth %+v", d)
	}
	var top []string
	for _, e := range must[[]Episode](t)(s.OpenEpisodes())[:5] {
		top = append(top, e.Group)
	}
	if diff := cmp.Diff([]string{"g7", "g11", "g9", "g50", "g49"}, top); diff != "" {
		t.Errorf("the most urgent (-want +got):\n%s", diff)
	}
	if err := s.CloseEpisode(firing("g7", 7, "a").Episode); err != nil {
		t.Fatal(err)
	}
	if j := take(t, s); j.Episode.Group != "g7" || j.Episode.Open() {
		t.Errorf("next is %+v, want the one that was closed", j.Episode)
	}
	if d := must[Depth](t)(s.Depth()); d.Open != 50 {
		t.Errorf("depth %+v", d)
	}
}

func TestAFileThatIsMostlyFreeIsCompacted(t *testing.T) {
	s := openQuick(t, Config{})
	for n := range 10 {
		m := firing(fmt.Sprint("g", n), n, "a")
		m.Body = make([]byte, 1<<20)
		add(t, s, m)
	}
	s = reopen(t, s) // what is in use is left alone
	if d := must[Depth](t)(s.Depth()); d.FileBytes < 10<<20 || d.Messages != 10 {
		t.Errorf("depth %+v", d)
	}
	finish(t, s)
	err := s.db.Update(func(tx *bolt.Tx) error { return removePrefix(tx, inBodies, nil) })
	if err != nil {
		t.Fatal(err)
	}
	want := keys(t, s)
	s = reopen(t, s)
	if diff := cmp.Diff(want, keys(t, s)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	info, err := os.Stat(s.config.Path)
	if err != nil || info.Size() > 1<<20 {
		t.Errorf("file has %d bytes, error %v", info.Size(), err)
	}
	if _, err := os.Stat(s.config.Path + ".compact"); !os.IsNotExist(err) {
		t.Errorf("the copy is still there: %v", err)
	}
	add(t, s, firing("later", 99, "a"))
	s = reopen(t, s)
	if j := take(t, s); j.Episode.Group != "later" {
		t.Errorf("next is %+v", j.Episode)
	}
}
