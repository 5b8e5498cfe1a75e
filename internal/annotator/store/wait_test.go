//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPostponedStepsCountNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openQuick(t, Config{})
		add(t, s, firing("g", 0, "a"))
		before := time.Now()
		for range 9 {
			j := must[Job](t)(s.Next(t.Context()))
			if j.Tries != 0 {
				t.Fatalf("%d tries", j.Tries)
			}
			if err := s.Postpone(j, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(before); waited != 9*time.Hour {
			t.Errorf("waited %s, want 9h", waited)
		}
		s.Close()
	})
}

func TestNextWaitsForNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openQuick(t, Config{})
		defer s.Close()
		var got Job
		go func() { got = must[Job](t)(s.Next(t.Context())) }()
		synctest.Wait()
		add(t, s, firing("g", 0, "a"))
		synctest.Wait()
		if got.Do != Gathered {
			t.Errorf("got %s of %q", got.Do, got.Episode.Group)
		}
		var end error
		go func() { _, end = s.Next(t.Context()) }()
		synctest.Wait()
		s.Close()
		synctest.Wait()
		if !errors.Is(end, ErrClosed) {
			t.Errorf("error %v when the store is closed, want %v", end, ErrClosed)
		}
	})
}

func TestNextWaitsForItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openQuick(t, Config{})
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v of a context that is over", err)
		}
	})
}

// TestWorkersShareTheWork has 4 workers do the steps of 60 episodes of 3 messages each, with
// two deliveries, while the messages come.
func TestWorkersShareTheWork(t *testing.T) {
	const episodes, messages = 60, 3
	s := openQuick(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var workers, senders sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				j, err := s.Next(ctx)
				if errors.Is(err, context.Canceled) {
					return
				}
				if err == nil {
					err = s.Done(j, Result{Publish: to("grafana", "x"), Final: true})
				}
				if err != nil && !errors.Is(err, ErrStale) {
					t.Error(err)
				}
			}
		})
	}
	last := make(chan struct{})
	workers.Go(func() {
		for ended := 0; ended < episodes; {
			d, err := s.NextDelivery(ctx, "grafana")
			if err == nil {
				err = s.Delivered(d, nil)
			}
			if err != nil {
				t.Error(err)
				return
			}
			_, pending, err := s.Pending(d.Episode)
			e, err2 := s.Episode(d.Episode)
			if err != nil || err2 != nil {
				t.Error(err, err2)
			}
			if !pending && !e.Open() && e.Revision == d.Revision {
				ended++
			}
		}
		close(last)
	})
	for n := range episodes {
		senders.Go(func() {
			m := firing(fmt.Sprint("g", n), n, "a")
			add(t, s, m)
			add(t, s, firing(fmt.Sprint("g", n), n, "a", "b"))
			add(t, s, ended(firing(fmt.Sprint("g", n), n, "a", "b"), "a", "b"))
		})
	}
	senders.Wait()
	<-last
	cancel()
	workers.Wait()
	d := must[Depth](t)(s.Depth())
	if d.Jobs != 0 || d.Messages != 0 || d.Closed != episodes || d.Open != 0 || d.Outbox["grafana"].Waiting != 0 {
		t.Errorf("depth %+v", d)
	}
	for _, e := range must[[]Episode](t)(s.Episodes(0, 99)) {
		if e.Messages != messages || e.Revision == 0 {
			t.Errorf("episode %+v", e)
		}
	}
}

func TestAClosedStoreTakesNothing(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a"))
	s.Drain()
	if _, err := s.Put(t.Context(), firing("h", 0, "a")); !errors.Is(err, ErrClosed) {
		t.Errorf("put while draining: %v", err)
	}
	done(t, s, take(t, s), Result{})
	s.Close()
	if _, err := s.Put(t.Context(), firing("h", 0, "a")); !errors.Is(err, ErrClosed) {
		t.Errorf("put when closed: %v", err)
	}
	if _, _, err := s.next(); !errors.Is(err, ErrClosed) {
		t.Errorf("next when closed: %v", err)
	}
}
