package alert

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A poster notes what it is sent; each post takes a time.
type poster struct {
	takes  time.Duration
	err    error
	posts  [][]Alert
	ending chan struct{} // if not nil, posts last until it is closed, or their context ends
}

func (p *poster) Post(ctx context.Context, alerts []Alert) error {
	if p.ending != nil {
		select {
		case <-p.ending:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	time.Sleep(p.takes)
	p.posts = append(p.posts, alerts)
	return p.err
}

func numbered(from, n int) (all []Alert) {
	for i := range n {
		all = append(all, Alert{Labels: map[string]string{"n": strconv.Itoa(from + i)}})
	}
	return all
}

var discard = slog.New(slog.DiscardHandler)

// TestADeadAlertmanagerKeepsNobodyWaiting: nothing comes back from one, and whoever puts
// alerts into its queue goes on, and the other one is told all.
func TestADeadAlertmanagerKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, alive := &poster{ending: make(chan struct{})}, &poster{}
		queues := []*Queue{NewQueue(dead, discard), NewQueue(alive, discard)}
		ctx, cancel := context.WithCancel(t.Context())
		for _, q := range queues {
			go q.Run(ctx)
		}
		begin := time.Now()
		const all = 5000
		for i := 0; i < all; i += 50 {
			for _, q := range queues {
				q.Put(numbered(i, 50))
			}
			synctest.Wait()
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited for %v", took)
		}
		if waiting, o := queues[1].State(); waiting != 0 || o != (Outcomes{Sent: all}) {
			t.Errorf("the other one: %d wait, %+v", waiting, o)
		}
		// 50 are on their way, and the newest 1024 wait.
		waiting, o := queues[0].State()
		if waiting != queueLength || o != (Outcomes{Dropped: all - 50 - queueLength}) {
			t.Errorf("the dead one: %d wait, %+v", waiting, o)
		}
		close(dead.ending)
		synctest.Wait()
		waiting, o = queues[0].State()
		if want := (Outcomes{Sent: 50 + queueLength, Dropped: all - 50 - queueLength}); waiting != 0 || o != want {
			t.Errorf("when it is back: %d wait, %+v, want %+v", waiting, o, want)
		}
		last := dead.posts[len(dead.posts)-1]
		if n := last[len(last)-1].Labels["n"]; n != strconv.Itoa(all-1) || len(dead.posts[1]) != batch {
			t.Errorf("the newest one is not told last (%s), or not %d at once", n, batch)
		}
		cancel()
		synctest.Wait()
	})
}

func TestFailuresAreCountedAndNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &poster{err: errors.New("down")}
		q := NewQueue(p, discard)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go q.Run(ctx)
		q.Put(numbered(0, 3))
		synctest.Wait()
		time.Sleep(time.Hour)
		p.err = nil
		q.Put(numbered(3, 2))
		synctest.Wait()
		var got [][]string
		for _, post := range p.posts {
			var names []string
			for _, a := range post {
				names = append(names, a.Labels["n"])
			}
			got = append(got, names)
		}
		if diff := cmp.Diff([][]string{{"0", "1", "2"}, {"3", "4"}}, got); diff != "" {
			t.Errorf("posts (-want +got):\n%s", diff)
		}
		if _, o := q.State(); o != (Outcomes{Sent: 2, Failed: 3}) {
			t.Errorf("outcomes %+v", o)
		}
		cancel()
		synctest.Wait()
	})
}
