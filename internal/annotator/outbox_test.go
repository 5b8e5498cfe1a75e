//go:build unix

package annotator

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

func TestWhatASinkSaysDecidesWhenItIsToldAgain(t *testing.T) {
	refused := func(class sink.Class, after time.Duration) error {
		return &sink.Error{Sink: "memory", Class: class, After: after, Err: errBroken}
	}
	for name, test := range map[string]struct {
		fault   error
		soonest time.Duration // when it is told again
		latest  time.Duration
		dead    bool
	}{
		"retry":                  {refused(sink.Retry, 0), time.Second, 2 * time.Second, false},
		"retry, when asked to":   {refused(sink.Retry, 20*time.Minute), 20 * time.Minute, 21 * time.Minute, false},
		"gone":                   {refused(sink.Gone, 0), time.Second, 2 * time.Second, false},
		"pause":                  {refused(sink.Pause, 0), time.Minute, 2 * time.Minute, false},
		"dead":                   {refused(sink.Dead, 0), 0, 0, true},
		"an error without class": {errBroken, time.Second, 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &memorySink{name: "memory", fail: func(n int, _ sink.Message) error {
					if n == 1 {
						return test.fault
					}
					return nil
				}}
				other := &memorySink{name: "other"}
				p := start(t, dbPath(t), Config{}, Parts{Sinks: []sink.Sink{s, other}}, nil)
				tell(t, p, firing("g", flood))
				pass(10 * time.Millisecond)
				if len(other.told()) != 1 {
					t.Error("another sink is held up")
				}
				letters, err := p.Store.Letters(store.DeadDelivery)
				if err != nil || (len(letters) == 1) != test.dead {
					t.Fatalf("%d dead letters, %v", len(letters), err)
				}
				if test.dead {
					return
				}
				pass(test.soonest - 100*time.Millisecond)
				if len(s.told()) != 0 {
					t.Errorf("told again before %s", test.soonest)
				}
				pass(test.latest - test.soonest)
				if len(s.told()) != 1 {
					t.Errorf("not told again after %s", test.latest)
				}
			})
		})
	}
}

func TestAPanicOfASinkIsAFaultOfTheDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var states []string
		s := &memorySink{name: "memory", fail: func(n int, _ sink.Message) error {
			if n == 2 {
				panic(errBroken)
			}
			return nil
		}}
		watch := stateSink{s, func(last sink.State) { states = append(states, string(last)) }}
		p := start(t, dbPath(t), Config{}, Parts{Sinks: sinks(watch)}, nil)
		m := firing("g", flood)
		tell(t, p, m)
		pass(time.Second)
		tell(t, p, m.over())
		pass(10 * time.Second)
		first := s.messages()[0].Key()
		if diff := cmp.Diff([]string{"", first, first}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[Sent]uint64{{"memory", "retry"}: 1, {"memory", "ok"}: 2}, p.Snapshot().Sent); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
	})
}

func TestASinkRestsUntilItIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mended atomic.Bool
		var fault error = &sink.Error{Sink: "memory", Class: sink.Pause, Err: errBroken}
		s := &memorySink{name: "memory"}
		s.fail = func(int, sink.Message) error {
			if !mended.Load() {
				return fault
			}
			return nil
		}
		s.unfit = func() error {
			if !mended.Load() {
				return errBroken
			}
			return nil
		}
		p := start(t, dbPath(t), Config{}, Parts{Sinks: []sink.Sink{s}}, nil)
		for _, group := range []string{"a", "b", "c"} {
			tell(t, p, firing(group, with(flood, "instance", group)))
		}
		pass(3 * time.Hour)
		if n := s.called(); n != 1 {
			t.Errorf("a sink that rests was told %d times", n)
		}
		snapshot := p.Snapshot()
		if !snapshot.Paused["memory"] || !snapshot.Unfit["memory"] || snapshot.Depth.Outbox["memory"].Waiting != 3 {
			t.Errorf("paused %v, unfit %v, outbox %v", snapshot.Paused, snapshot.Unfit, snapshot.Depth.Outbox)
		}
		mended.Store(true)
		pass(time.Hour + time.Minute)
		snapshot = p.Snapshot()
		if n := len(s.told()); n != 3 || snapshot.Paused["memory"] || snapshot.Unfit["memory"] {
			t.Errorf("told of %d episodes, paused %v, unfit %v", n, snapshot.Paused, snapshot.Unfit)
		}
		if diff := cmp.Diff(map[Sent]uint64{{"memory", "pause"}: 1, {"memory", "ok"}: 3}, snapshot.Sent); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
	})
}

func TestASinkDoesNotRestForWhatConcernsAFewMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		s.fail = func(n int, _ sink.Message) error {
			if n == 1 {
				return &sink.Error{Sink: "memory", Class: sink.Pause, Err: errBroken}
			}
			return nil
		}
		s.unfit = func() error { return errors.Join(&sink.Error{Sink: "memory", Class: sink.Dead, Err: errBroken}) }
		p := start(t, dbPath(t), Config{}, Parts{Sinks: []sink.Sink{s}}, nil)
		tell(t, p, firing("g", flood))
		pass(2 * time.Minute)
		if snapshot := p.Snapshot(); len(s.told()) != 1 || snapshot.Paused["memory"] || !snapshot.Unfit["memory"] {
			t.Errorf("told %+v, paused %v, unfit %v", s.told(), snapshot.Paused, snapshot.Unfit)
		}
	})
}

func TestASinkThatIsAwayForADayIsToldNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory", fail: func(int, sink.Message) error { return errBroken }}
		p := start(t, dbPath(t), Config{}, Parts{Sinks: []sink.Sink{s}}, nil)
		tell(t, p, firing("g", flood))
		pass(23 * time.Hour)
		if letters, err := p.Store.Letters(store.DeadDelivery); err != nil || len(letters) != 0 {
			t.Fatalf("%d dead letters before a day, %v", len(letters), err)
		}
		pass(2 * time.Hour)
		letters, err := p.Store.Letters(store.DeadDelivery)
		if err != nil || len(letters) != 1 || letters[0].Sink != "memory" {
			t.Errorf("%+v, %v", letters, err)
		}
		if n := s.called(); n < 100 || n > 200 {
			t.Errorf("told %d times in a day", n)
		}
	})
}

func TestTheStateOfASinkComesBackToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var states []string
		s := &memorySink{name: "memory"}
		watch := stateSink{s, func(last sink.State) { states = append(states, string(last)) }}
		path := dbPath(t)
		p := start(t, path, Config{}, Parts{Sinks: []sink.Sink{watch}}, nil)
		m := firing("g", flood)
		tell(t, p, m)
		pass(time.Second)
		p.stop(t)
		p = start(t, path, Config{}, Parts{Sinks: []sink.Sink{watch}}, nil)
		tell(t, p, m.over())
		pass(time.Second)
		if diff := cmp.Diff([]string{"", s.messages()[0].Key()}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestAnEngineNeedsItsParts(t *testing.T) {
	s, err := store.Open(store.Config{Path: dbPath(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	twin := func() sink.Sink { return &memorySink{name: "twin"} }
	for name, test := range map[string]struct {
		config Config
		parts  Parts
		want   string
	}{
		"no store":    {Config{}, Parts{Querier: floodFacts}, "make engine: a store is needed"},
		"two of name": {Config{}, Parts{Store: s, Querier: floodFacts, Sinks: []sink.Sink{twin(), twin()}}, `make engine: two sinks are named "twin": what they remember would be mixed`},
		"quiet":       {Config{Quiet: []string{"none"}}, Parts{Store: s, Querier: floodFacts}, `make engine: quiet sink "none" is none of the sinks`},
	} {
		if _, err := New(test.config, test.parts); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	if _, err := New(Config{}, Parts{Store: s, Querier: floodFacts}); err != nil {
		t.Error(err)
	}
}

func TestABrokenStoreEndsTheEngine(t *testing.T) {
	s, err := store.Open(store.Config{Path: dbPath(t)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{}, Parts{Store: s, Querier: floodFacts})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context()); err == nil {
		t.Error("it runs on")
	}
}
