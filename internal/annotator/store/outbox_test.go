//go:build unix

package store

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// deliver takes what is due at a sink, which must be, and returns it.
func deliver(t testing.TB, s *Store, sink string) Delivery {
	t.Helper()
	d, wait, err := s.nextDelivery(sink)
	if err != nil || wait != 0 {
		t.Fatalf("nothing is due at %s for %s, error %v", sink, wait, err)
	}
	return d
}

func quiet(t testing.TB, s *Store, sink string) {
	t.Helper()
	if d, wait, err := s.nextDelivery(sink); err != nil || wait == 0 {
		t.Fatalf("revision %d of %s is due at %s, error %v", d.Revision, d.Episode, sink, err)
	}
}

// publishAgain brings news to an episode of group g and publishes them.
func publishAgain(t testing.TB, s *Store, minute int, sinks ...string) {
	t.Helper()
	add(t, s, firing("g", minute, fmt.Sprint("alert ", minute)))
	done(t, s, take(t, s), Result{})
	j := take(t, s)
	r := Result{Final: true}
	for _, sink := range sinks {
		r.Publish = append(r.Publish, Publication{sink, fmt.Append(nil, "revision ", j.Revision)})
	}
	done(t, s, j, r)
}

func TestOnlyTheFirstAndTheNewestRevisionGoOut(t *testing.T) {
	s := openQuick(t, Config{})
	for minute := range 4 {
		publishAgain(t, s, minute, "pager", "grafana")
	}
	publishAgain(t, s, 4, "late")
	s = reopen(t, s)
	var got []string
	for _, sink := range []string{"pager", "grafana", "late"} {
		for {
			d, wait, err := s.nextDelivery(sink)
			if err != nil {
				t.Fatal(err)
			}
			if wait != 0 {
				break
			}
			quiet(t, s, sink) // of one episode one at a time
			got = append(got, fmt.Sprintf("%s: %s as %d, state %q", sink, d.Payload, d.Revision, d.State))
			if err := s.Delivered(d, fmt.Appendf(nil, "%s has %d", sink, d.Revision)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []string{
		`pager: revision 1 as 1, state ""`,
		`pager: revision 4 as 4, state "pager has 1"`,
		`grafana: revision 1 as 1, state ""`,
		`grafana: revision 4 as 4, state "grafana has 1"`,
		`late: revision 5 as 5, state ""`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if d := must[Depth](t)(s.Depth()); d.Outbox["pager"].Waiting != 0 || len(d.Outbox) != 3 {
		t.Errorf("outbox %+v", d.Outbox)
	}
}

func TestARevisionThatIsReplacedOnItsWayIsRemembered(t *testing.T) {
	s := openQuick(t, Config{})
	publishAgain(t, s, 0, "grafana")
	first := deliver(t, s, "grafana")
	if err := s.Delivered(first, []byte("id 7")); err != nil {
		t.Fatal(err)
	}
	publishAgain(t, s, 1, "grafana")
	second := deliver(t, s, "grafana")
	publishAgain(t, s, 2, "grafana")
	if dead, err := s.Retry(second, []byte("id 8"), "slow", time.Hour); err != nil || dead {
		t.Errorf("dead %v, error %v", dead, err)
	}
	third := deliver(t, s, "grafana")
	if string(third.State) != "id 8" || third.Revision != 3 || third.Tries != 0 {
		t.Errorf("behind it comes %+v", third)
	}
}

func TestDeliveriesAreTriedForADay(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	publishAgain(t, s, 0, "grafana")
	created := deliver(t, s, "grafana")
	for hour := 0; ; hour++ {
		if hour == 13 {
			// A disk that is read a day later, by the clock on the wall, is not a day old.
			h.wall = h.wall.Add(24 * time.Hour)
		}
		if hour > 0 {
			created = deliver(t, s, "grafana")
		}
		if created.Tries != hour {
			t.Fatalf("%d tries in hour %d", created.Tries, hour)
		}
		dead := must[bool](t)(s.Retry(created, nil, "503", time.Hour))
		if dead != (hour == 24) {
			t.Fatalf("dead %v in hour %d", dead, hour)
		}
		if dead {
			break
		}
		quiet(t, s, "grafana")
		h.pass(time.Hour)
	}
	letters := must[[]Letter](t)(s.Letters(DeadDelivery))
	if len(letters) != 1 || letters[0].Sink != "grafana" || letters[0].Revision != 1 || string(letters[0].Body) != "revision 1" || letters[0].Reason != "503" {
		t.Fatalf("letters %+v", letters)
	}
	if err := s.Revive(DeadDelivery, letters[0].ID); err != nil {
		t.Fatal(err)
	}
	if d := deliver(t, s, "grafana"); d.Revision != 1 || d.Tries != 0 {
		t.Errorf("revived as %+v", d)
	}
}

func TestRefusedDeliveriesAreDeadLetters(t *testing.T) {
	s := openQuick(t, Config{})
	publishAgain(t, s, 0, "grafana")
	if err := s.Refuse(deliver(t, s, "grafana"), []byte("state"), "400"); err != nil {
		t.Fatal(err)
	}
	publishAgain(t, s, 1, "grafana")
	if d := deliver(t, s, "grafana"); d.Revision != 2 || string(d.State) != "state" {
		t.Errorf("next is %+v", d)
	}
	// The first is still what begins the thread. A later one that a newer one replaced is not.
	if err := s.Revive(DeadDelivery, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Revive(DeadDelivery, 1); !errors.Is(err, ErrUnknown) {
		t.Errorf("revived twice: %v", err)
	}
	if d := must[Depth](t)(s.Depth()); d.Outbox["grafana"].Waiting != 2 {
		t.Errorf("outbox %+v", d.Outbox)
	}
}

func TestNextDeliveryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openQuick(t, Config{})
		defer s.Close()
		var got Delivery
		go func() { got = must[Delivery](t)(s.NextDelivery(t.Context(), "grafana")) }()
		synctest.Wait()
		publishAgain(t, s, 0, "grafana")
		synctest.Wait()
		if got.Revision != 1 {
			t.Fatalf("got %+v", got)
		}
		before := time.Now()
		must[bool](t)(s.Retry(got, nil, "503", time.Minute))
		must[Delivery](t)(s.NextDelivery(t.Context(), "grafana"))
		if waited := time.Since(before); waited != time.Minute {
			t.Errorf("waited %s, want 1m", waited)
		}
	})
}

func TestSinksHaveSoundNames(t *testing.T) {
	s := openQuick(t, Config{})
	add(t, s, firing("g", 0, "a"))
	for _, sink := range []string{"", "a\x00b"} {
		if err := s.Done(take(t, s), Result{Publish: to(sink, "x")}); err == nil {
			t.Errorf("published to %q", sink)
		}
	}
	if j := take(t, s); j.Do != Gathered {
		t.Errorf("%s is next, want the step that was refused", j.Do)
	}
}
