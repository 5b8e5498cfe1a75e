//go:build unix

package annotator

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

var storeFailures = []failure{
	{"no room: 503, and not ready", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.prometheus.becomes(hang) // so that messages wait
		p := startOn(t, store.Config{Path: dbPath(t), MaxInbox: 2}, Config{}, s.parts, nil)
		tell(t, p, firing("a", flood))
		tell(t, p, firing("b", flood))
		if err := p.Store.Takes(); err != nil {
			t.Errorf("ready: %v", err)
		}
		if code := post(t, p.Engine, firing("c", flood).body(t)); code != http.StatusServiceUnavailable || !errors.Is(p.Store.Takes(), store.ErrFull) {
			t.Errorf("code %d, ready: %v", code, p.Store.Takes())
		}
		pass(5 * time.Second)
		tell(t, p, firing("c", flood)) // as Alertmanager does
		if err := p.Store.Takes(); err != nil {
			t.Errorf("ready: %v", err)
		}
		pass(5 * time.Second)
		expectPaged(t, s, "firing -1", "firing -1", "firing -1")
	})},
	{"disk full: 503, not ready, and nobody is told twice", bubble(func(t *testing.T) {
		var full atomic.Bool
		on := store.Config{Path: dbPath(t), Disk: func(commit func() error) error {
			if full.Load() {
				return syscall.ENOSPC
			}
			return commit()
		}}
		s := newScene(t, floodFacts)
		servers := s.ask(t, model.Config{}, replies{func(w http.ResponseWriter, r *http.Request, c double.Call) {
			time.Sleep(time.Second)
			full.Store(true) // what was told and asked cannot be kept
			answers(w, r, c)
		}})
		s.pager.becomes(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			s.receiver.ServeHTTP(w, r)
		})
		p := startOn(t, on, Config{}, s.parts, nil)
		tell(t, p, firing("a", flood))
		pass(time.Minute)
		if code := post(t, p.Engine, firing("b", flood).body(t)); code != http.StatusServiceUnavailable || !errors.Is(p.Store.Takes(), store.ErrFull) {
			t.Errorf("code %d, ready: %v", code, p.Store.Takes())
		}
		pass(time.Minute)
		expectPaged(t, s, "firing -1")
		full.Store(false)
		pass(10 * time.Second)
		expectPaged(t, s, "firing -1", "firing -2")
		expectHeld(t, p, "a", "model", "")
		if n := len(servers[0].Calls()); n != 1 {
			t.Errorf("the model was asked %d times", n)
		}
		tell(t, p, firing("b", flood))
		if err := p.Store.Takes(); err != nil {
			t.Errorf("ready: %v", err)
		}
	})},
	{"disk loses a write: it ends", bubble(func(t *testing.T) {
		var lost atomic.Bool
		s, err := store.Open(store.Config{Path: dbPath(t), Disk: func(commit func() error) error {
			if lost.Load() {
				return syscall.EIO
			}
			return commit()
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		e, err := New(Config{}, Parts{Store: s, Querier: floodFacts})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- e.Run(t.Context()) }()
		lost.Store(true)
		if code := post(t, e, firing("a", flood).body(t)); code != http.StatusServiceUnavailable || !errors.Is(s.Takes(), store.ErrBroken) {
			t.Errorf("code %d, ready: %v", code, s.Takes())
		}
		lost.Store(false) // nobody knows what is on the disk
		if code := post(t, e, firing("a", flood).body(t)); code != http.StatusServiceUnavailable {
			t.Errorf("code %d", code)
		}
		pass(2 * time.Hour)
		select {
		case err := <-ended:
			if !errors.Is(err, store.ErrBroken) {
				t.Error(err)
			}
		default:
			t.Error("it goes on")
		}
	})},
	{"database corrupt: salvage", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.parts.Alerts = s.list
		path := dbPath(t)
		m := firing("a", flood)
		s.lists(m.starts, flood)
		p := start(t, path, Config{}, s.parts, nil)
		tell(t, p, m)
		pass(time.Minute)
		p.stop(t)
		expectPaged(t, s, "firing -1")

		// What the steps have brought is damaged, so what was said is forgotten.
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(data, []byte(`"serial":1`), []byte(`"serial":7`)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(store.Config{Path: path}); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("a damaged file: %v", err)
		}
		saved := dbPath(t)
		if found, err := store.Salvage(path, saved); err != nil || len(found.Faults) == 0 {
			t.Fatalf("%+v, %v", found, err)
		}
		other := with(flood, "instance", "web-2:10142")
		s.lists(m.starts, flood, other) // the other came while nobody listened
		p = start(t, saved, Config{}, s.parts, nil)
		if code := post(t, p.Engine, m.body(t)); code != http.StatusOK {
			t.Errorf("code %d of what was acknowledged", code)
		}
		pass(5 * time.Minute)
		expectPaged(t, s, "firing -1", "firing -1")
		s.lists(m.starts, other)
		tell(t, p, m.over())
		pass(5 * time.Minute)
		expectPaged(t, s, "firing -1", "firing -1", "resolved -2")
		if n := len(s.board.Annotations("packetscope", "resolved")); n != 1 {
			t.Errorf("%d annotations became regions", n)
		}
		expectNoLetters(t, p)
	})},
	{"clock jump", func(t *testing.T) {
		for _, jump := range []time.Duration{72 * time.Hour, -72 * time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
			t.Run(jump.String(), bubble(func(t *testing.T) { jumpOfTheClock(t, jump) }))
		}
	}},
	{"crash anywhere", func(t *testing.T) {
		if _, crashes := lifeWithCrashes(t, func(n int) bool { return n%3 == 2 }); crashes < 3 {
			t.Errorf("%d crashes", crashes)
		}
	}},
	{"alert storm", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		servers := s.ask(t, model.Config{}, replies{fails})
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		var all []message
		for n := range 80 {
			m := firing(fmt.Sprint("g", n), with(flood, "severity", "warning"))
			all = append(all, m)
			tell(t, p, m)
			pass(time.Second)
		}
		for _, m := range all {
			if code := post(t, p.Engine, m.body(t)); code != http.StatusOK {
				t.Errorf("code %d of the same again", code)
			}
		}
		pass(30 * time.Second)
		storms := 0
		for _, r := range s.receiver.Received() {
			if bytes.Contains(r.Body, []byte(StormAlert)) {
				storms++
			}
		}
		if got := s.paged(); len(got) != 81 || storms != 1 {
			t.Errorf("told %d times, %d of them of the storm", len(got), storms)
		}
		// What was asked about before is asked about again only if it is among the worst.
		before := len(servers[0].Calls())
		pass(15 * time.Minute)
		if n := len(servers[0].Calls()); p.Snapshot().Skipped["storm"] < 80-5 || n-before > 5*10 {
			t.Errorf("%d calls before, %d behind, skipped %v", before, n-before, p.Snapshot().Skipped)
		}
	})},
	{"poison job: 5 tries, dead letter", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.ask(t, model.Config{}, replies{double.Say(modelSays)})
		s.parts.Random = noChance{}
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		m := firing("a", flood)
		tell(t, p, m)
		pass(10 * time.Minute)
		letters, err := p.Store.Letters(store.DeadJob)
		if err != nil || len(letters) != 1 || !strings.Contains(letters[0].Reason, errBroken.Error()) {
			t.Errorf("%+v, %v", letters, err)
		}
		if n := p.Snapshot().Jobs[Job{"asked", "failed"}]; n != 5 {
			t.Errorf("tried %d times", n)
		}
		tell(t, p, m.over())
		pass(time.Second)
		expectPaged(t, s, "firing -1", "resolved -2")
	})},
}

// jumpOfTheClock has the clock of the day jump while a message waits, and back again while
// nothing runs.
func jumpOfTheClock(t *testing.T, jump time.Duration) {
	began, offset := time.Now(), time.Duration(0)
	now := func() time.Time { return time.Now().Add(offset) }
	on := store.Config{Path: dbPath(t), Clock: store.Clock{Now: now, Elapsed: func() time.Duration { return time.Since(began) }}}
	s := newScene(t, floodFacts)
	s.parts.Now = now
	s.pager.becomes(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "600")
		down(w, r)
	})
	p := startOn(t, on, Config{}, s.parts, nil)
	tell(t, p, firing("a", flood))
	pass(time.Minute)
	offset = jump
	tell(t, p, firing("b", flood)) // so that all that waits is looked at
	pass(2 * time.Minute)
	if n := s.pager.called(); n != 2 {
		t.Errorf("told %d times: what was told before it is tried before it is due", n)
	}
	pass(7*time.Minute + time.Second)
	if n := s.pager.called(); n != 3 {
		t.Errorf("told %d times: it is not tried when it is due", n)
	}
	p.stop(t)
	offset = 0
	s.pager.becomes(nil)
	p = startOn(t, on, Config{}, s.parts, nil)
	pass(10 * time.Minute)
	expectPaged(t, s, "firing -1", "firing -1")
	expectNoLetters(t, p)
}
