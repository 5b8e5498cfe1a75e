//go:build unix

package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	bolt "go.etcd.io/bbolt"
)

// A paper is what writers leave in a bucket of a store, and how many transactions it took.
type paper struct {
	*group
	store        *Store
	transactions atomic.Int32
	hold         chan struct{} // the first transaction waits for it
}

func newPaper(t *testing.T) *paper {
	p := &paper{store: openQuick(t, Config{}), hold: make(chan struct{})}
	p.group = &group{update: func(fn func(*bolt.Tx) error) error {
		if p.transactions.Add(1) == 1 {
			<-p.hold
		}
		return p.store.db.Update(fn)
	}}
	return p
}

func mark(key string) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error { return tx.Bucket(inFeedback).Put([]byte(key), nil) }
}

func (p *paper) marks(t *testing.T) (keys []string) {
	t.Helper()
	err := p.store.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(inFeedback).ForEach(func(key, _ []byte) error {
			keys = append(keys, string(key))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestWhatComesMeanwhileSharesATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper(t)
		defer p.store.Close()
		var order []string
		var all sync.WaitGroup
		begin := func(key string, message bool) {
			all.Go(func() {
				err := p.write(func(tx *bolt.Tx) error {
					order = append(order, key)
					return mark(key)(tx)
				}, message)
				if err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		begin("first", false)
		want := []string{"first"}
		for n := range mostWork + 3 {
			begin(fmt.Sprintf("work %02d", n), false)
		}
		for n := range 5 {
			begin(fmt.Sprintf("message %d", n), true)
			want = append(want, fmt.Sprintf("message %d", n))
		}
		for n := range mostWork + 3 {
			want = append(want, fmt.Sprintf("work %02d", n))
		}
		close(p.hold)
		all.Wait()
		if !slices.Equal(order, want) {
			t.Errorf("written in the order %q, want %q", order, want)
		}
		if n := p.transactions.Load(); n != 3 {
			t.Errorf("%d transactions, want 3: the first, all that came meanwhile, and what was too much", n)
		}
		if got := len(p.marks(t)); got != len(want) {
			t.Errorf("%d are kept, want %d", got, len(want))
		}
	})
}

func TestWhatIsRefusedUndoesItsOwnPartAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper(t)
		defer p.store.Close()
		broken := errors.New("broken on purpose")
		errs := map[string]error{}
		var mu sync.Mutex
		var all sync.WaitGroup
		begin := func(key string, end func() error) {
			all.Go(func() {
				var err error
				defer func() {
					if thrown := recover(); thrown != nil {
						err = fmt.Errorf("thrown at its own writer: %v", thrown)
					}
					mu.Lock()
					errs[key] = err
					mu.Unlock()
				}()
				err = p.write(func(tx *bolt.Tx) error {
					if err := mark(key)(tx); err != nil {
						return err
					}
					return end()
				}, false)
			})
			synctest.Wait()
		}
		good := func() error { return nil }
		begin("a", good)
		begin("b", good)
		begin("refused", func() error { return broken })
		begin("thrown", func() error { panic("by accident") })
		begin("c", good)
		close(p.hold)
		all.Wait()
		if got, want := p.marks(t), []string{"a", "b", "c"}; !slices.Equal(got, want) {
			t.Errorf("kept %q, want %q", got, want)
		}
		if errs["a"] != nil || errs["b"] != nil || errs["c"] != nil || errs["refused"] != broken || fmt.Sprint(errs["thrown"]) != "thrown at its own writer: by accident" {
			t.Errorf("errors %v", errs)
		}
	})
}

func TestATransactionThatDoesNotReachTheDiskIsEverybodysError(t *testing.T) {
	full := errors.New("no room")
	g := &group{update: func(func(*bolt.Tx) error) error { return full }}
	for _, message := range []bool{true, false} {
		if err := g.write(func(*bolt.Tx) error { return nil }, message); err != full {
			t.Errorf("error %v, want %v", err, full)
		}
	}
}
