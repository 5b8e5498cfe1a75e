//go:build unix

package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hands are those of a clock that tests move.
type hands struct {
	wall    time.Time
	elapsed time.Duration
}

func newHands() *hands { return &hands{wall: start} }

func (h *hands) clock() Clock {
	return Clock{func() time.Time { return h.wall }, func() time.Duration { return h.elapsed }}
}

// pass lets time go by; a jump of the wall clock is a change of h.wall alone.
func (h *hands) pass(d time.Duration) {
	h.wall = h.wall.Add(d)
	h.elapsed += d
}

func open(t testing.TB, c Config) *Store {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "store.db")
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openQuick opens a store whose transactions are not waited for, for tests of what is in it.
func openQuick(t testing.TB, c Config) *Store {
	t.Helper()
	c.quick = true
	s := open(t, c)
	return s
}

func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openQuick(t, s.config)
}

// firing returns a message that alerts of a group fire, which all started at a minute.
func firing(group string, minute int, alerts ...string) Message {
	m := Message{Group: group, Started: start.Add(time.Duration(minute) * time.Minute), Body: []byte("body of " + group)}
	for _, a := range alerts {
		m.Alerts = append(m.Alerts, Alert{Fingerprint: a, StartsAt: m.Started})
	}
	return named(m)
}

// ended makes alerts of a message ended, a minute after they started.
func ended(m Message, alerts ...string) Message {
	m.Resolved = true
	var all []Alert
	for _, a := range m.Alerts {
		for _, name := range alerts {
			if a.Fingerprint == name {
				a.EndsAt = a.StartsAt.Add(time.Minute)
			}
		}
		m.Resolved = m.Resolved && !a.EndsAt.IsZero()
		all = append(all, a)
	}
	m.Alerts = all
	return named(m)
}

func severe(m Message, severity string) Message {
	m.Severity = severity
	return m
}

// named gives a message its key and the name of its episode, as the webhook does.
func named(m Message) Message {
	m.Key = sha256.Sum256(fmt.Append(nil, m.Group, m.Alerts))
	sum := sha256.Sum256(fmt.Append(nil, m.Group, m.Started))
	m.Episode = hex.EncodeToString(sum[:])[:episodeBytes]
	return m
}

func add(t testing.TB, s *Store, m Message) Receipt {
	t.Helper()
	r, err := s.Put(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// take returns the next step, which must be due.
func take(t testing.TB, s *Store) Job {
	t.Helper()
	j, wait, err := s.next()
	if err != nil || wait != 0 {
		t.Fatalf("no step is due for %s, error %v", wait, err)
	}
	return j
}

// idle fails the test if a step is due.
func idle(t testing.TB, s *Store) {
	t.Helper()
	if j, wait, err := s.next(); err != nil || wait == 0 {
		t.Fatalf("%s of %s is due, error %v", j.Do, j.Episode.Group, err)
	}
}

func done(t testing.TB, s *Store, j Job, r Result) {
	t.Helper()
	if err := s.Done(j, r); err != nil {
		t.Fatalf("%s of %s: %v", j.Do, j.Episode.Group, err)
	}
}

// must returns a value that comes without an error.
func must[T any](t testing.TB) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func to(sink, payload string) []Publication { return []Publication{{sink, []byte(payload)}} }

// explain does the steps of an episode up to the first explanation.
func explain(t testing.TB, s *Store) {
	t.Helper()
	for _, step := range []Step{Gathered, Explained} {
		j := take(t, s)
		if j.Do != step {
			t.Fatalf("%s is due, want %s", j.Do, step)
		}
		r := Result{Output: []byte(step.String())}
		if step == Explained {
			r.Publish = to("grafana", fmt.Sprint("revision ", j.Revision))
		}
		done(t, s, j, r)
	}
}

// TestAnEpisodeGoesThroughItsSteps opens the store anew behind each.
func TestAnEpisodeGoesThroughItsSteps(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a", "b"))
	var got []string
	steps := func(results map[Step]Result) {
		for {
			s = reopen(t, s)
			j, wait, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			if wait != 0 {
				return
			}
			got = append(got, fmt.Sprintf("%s of revision %d knows %q", j.Do, j.Revision, j.Outputs))
			done(t, s, j, results[j.Do])
		}
	}
	results := map[Step]Result{
		Gathered:  {Output: []byte("facts")},
		Explained: {Output: []byte("text"), Publish: to("grafana", "first")},
		Asked:     {Output: []byte("answer")},
		Validated: {Publish: to("grafana", "second")},
		Resolved:  {Publish: to("grafana", "last")},
	}
	steps(results)
	add(t, s, ended(firing("g", 0, "a", "b"), "a", "b"))
	steps(results)
	want := []string{
		`gathered of revision 1 knows map[]`,
		`explained of revision 1 knows map["gathered":"facts"]`,
		`asked of revision 2 knows map["gathered":"facts" "explained":"text"]`,
		`validated of revision 2 knows map["gathered":"facts" "explained":"text" "asked":"answer"]`,
		`resolved of revision 3 knows map["gathered":"facts" "explained":"text" "asked":"answer"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	e := must[Episode](t)(s.Episode(firing("g", 0, "a").Episode))
	if e.Open() || e.Revision != 3 || e.Messages != 2 || !e.Ended.Equal(start.Add(time.Minute)) {
		t.Errorf("episode %+v", e)
	}
	if d := must[Depth](t)(s.Depth()); d.Messages != 0 || d.Bytes != 0 || d.Jobs != 0 || d.Open != 0 || d.Closed != 1 {
		t.Errorf("depth %+v", d)
	}
}

func TestUrgentStepsComeFirst(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("published", 0, "a"))
	explain(t, s)
	add(t, s, severe(firing("critical before", 1, "a"), "critical"))
	add(t, s, firing("warning before", 2, "a"))
	add(t, s, severe(firing("critical", 3, "a"), "critical"))
	add(t, s, severe(firing("warning", 4, "a"), "warning"))
	add(t, s, ended(firing("published", 0, "a"), "a"))
	add(t, s, ended(firing("ended unseen", 5, "a"), "a"))
	var got []string
	for range 6 {
		got = append(got, take(t, s).Episode.Group)
	}
	idle(t, s)
	want := []string{"ended unseen", "published", "critical", "critical before", "warning", "warning before"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestNewsBeforeTheFirstExplanationDoNotDelayIt(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a"))
	j := take(t, s)
	add(t, s, firing("g", 0, "a", "b"))
	done(t, s, j, Result{})
	if d := must[Depth](t)(s.Depth()); d.Messages != 1 {
		t.Errorf("%d messages are in the inbox, want the one that no facts cover", d.Messages)
	}
	j = take(t, s)
	done(t, s, j, Result{Publish: to("grafana", "first")})
	// The facts were of the first message only.
	if j := take(t, s); j.Do != Gathered || len(j.Episode.Alerts) != 2 || j.Revision != 2 {
		t.Errorf("%s with %d alerts is next", j.Do, len(j.Episode.Alerts))
	}
}

func TestNewsMakeAModelsAnswerStale(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a"))
	explain(t, s)
	asking := take(t, s)
	add(t, s, firing("g", 0, "a", "b"))
	if err := s.Done(asking, Result{Output: []byte("old answer")}); !errors.Is(err, ErrStale) {
		t.Errorf("an answer to old facts: error %v, want %v", err, ErrStale)
	}
	j := take(t, s)
	if _, ok := j.Outputs[Asked]; ok || j.Do != Gathered {
		t.Errorf("%s is next and knows %q", j.Do, j.Outputs)
	}
	done(t, s, j, Result{})
	done(t, s, take(t, s), Result{Publish: to("grafana", "second")})
	asking = take(t, s)
	add(t, s, ended(firing("g", 0, "a", "b"), "a", "b"))
	if _, err := s.Fail(asking, "timeout", time.Hour); err != nil {
		t.Fatal(err)
	}
	if j := take(t, s); j.Do != Resolved || j.Tries != 0 {
		t.Errorf("%s is next after %d tries, want resolved", j.Do, j.Tries)
	}
}

func TestNewsOfAnEndMakeTheOneBeforeStale(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a"))
	explain(t, s)
	add(t, s, ended(firing("g", 0, "a"), "a"))
	ending := take(t, s)
	add(t, s, ended(firing("g", 0, "a", "b"), "a", "b"))
	if err := s.Done(ending, Result{Publish: to("grafana", "a ended")}); !errors.Is(err, ErrStale) {
		t.Errorf("the end of one of two: error %v, want %v", err, ErrStale)
	}
	if j := take(t, s); j.Do != Resolved || len(j.Episode.Alerts) != 2 {
		t.Errorf("%s with %d alerts is next", j.Do, len(j.Episode.Alerts))
	}
}

func TestWithoutAModelTheFirstExplanationIsFinal(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a"))
	done(t, s, take(t, s), Result{})
	done(t, s, take(t, s), Result{Publish: to("grafana", "first"), Final: true})
	idle(t, s)
	add(t, s, ended(firing("g", 0, "a"), "a"))
	done(t, s, take(t, s), Result{Publish: to("grafana", "last"), Final: true})
	idle(t, s)
}

func TestWhatEndedUnseenIsExplainedAndEnded(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, ended(firing("g", 0, "a"), "a"))
	var got []Step
	for range 3 {
		j := take(t, s)
		got = append(got, j.Do)
		done(t, s, j, Result{Final: true, Publish: to("grafana", "x")})
	}
	idle(t, s)
	if diff := cmp.Diff([]Step{Gathered, Explained, Resolved}, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestAStepThatFailsFiveTimesIsADeadLetter(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	m := firing("g", 0, "a")
	add(t, s, m)
	for try := range 5 {
		j := take(t, s)
		if j.Tries != try {
			t.Errorf("%d tries before try %d", j.Tries, try)
		}
		dead, err := s.Fail(j, "no facts", time.Minute)
		if err != nil || dead != (try == 4) {
			t.Errorf("try %d: dead %v, error %v", try, dead, err)
		}
		idle(t, s)
		h.pass(time.Minute)
	}
	idle(t, s)
	letters := must[[]Letter](t)(s.Letters(DeadJob))
	want := []Letter{{ID: 1, Kind: DeadJob, Reason: "gathered: no facts", Episode: m.Episode, First: start.Add(4 * time.Minute), Last: start.Add(4 * time.Minute), Count: 1}}
	if diff := cmp.Diff(want, letters); diff != "" {
		t.Fatalf("letters (-want +got):\n%s", diff)
	}
	if err := s.Revive(DeadJob, 1); err != nil {
		t.Fatal(err)
	}
	explain(t, s)
	if letters := must[[]Letter](t)(s.Letters(DeadJob)); len(letters) != 0 {
		t.Errorf("letters %+v after it was revived", letters)
	}
}

func TestBodiesAreThereUntilWorkedOn(t *testing.T) {
	s := openQuick(t, Config{})
	first, second := firing("g", 0, "a"), firing("g", 0, "a", "b")
	second.Body = []byte("second")
	add(t, s, first)
	add(t, s, second)
	bodies := func() (all []string) {
		err := s.Bodies(first.Episode, func(b Body) bool {
			all = append(all, string(b.Bytes))
			return true
		})
		if err != nil {
			t.Error(err)
		}
		return all
	}
	if diff := cmp.Diff([]string{"body of g", "second"}, bodies()); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	done(t, s, take(t, s), Result{})
	if diff := cmp.Diff([]string{"second"}, bodies()); diff != "" {
		t.Errorf("bodies behind the facts (-want +got):\n%s", diff)
	}
}
