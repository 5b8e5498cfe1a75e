//go:build unix

package store

import (
	"errors"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// A group lets writers share transactions. Each transaction waits twice for the disk, and
// there is one at a time; so whatever comes while one is under way goes into the next one
// together. Nobody waits for others to come, as with [bolt.DB.Batch], and nobody for more
// than the transaction under way and the own one, unless very many write.
type group struct {
	update func(func(*bolt.Tx) error) error

	mu sync.Mutex
	// messages go before work: who sends them waits a second, and work waits for nobody.
	messages, work []*writing
	running        bool
}

// A writing is part of a transaction.
type writing struct {
	fn   func(*bolt.Tx) error
	done chan error // with room for one
}

// mostMessages and mostWork bound what is in a transaction, and so how long one takes: what
// comes behind it waits for that.
const (
	mostMessages = 256
	mostWork     = 32
)

// write runs fn in a transaction that others share, and returns when that is on disk. What fn
// returns undoes its own part alone. It may run several times, only the last of which counts.
func (g *group) write(fn func(*bolt.Tx) error, message bool) error {
	w := &writing{fn, make(chan error, 1)}
	g.mu.Lock()
	if message {
		g.messages = append(g.messages, w)
	} else {
		g.work = append(g.work, w)
	}
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mu.Unlock()
	if err := <-w.done; err != errAlone {
		return err
	}
	return g.update(fn)
}

// errAlone tells who wrote something that was refused to write it alone: then it sees nothing
// of others that may not come to the disk, its error is its own, and so is its panic.
var errAlone = errors.New("to be written alone")

// run writes until nothing is left.
func (g *group) run() {
	for {
		all := g.take()
		if len(all) == 0 {
			return
		}
		g.commit(all)
	}
}

// take returns what goes into the next transaction. If that is nothing, run has ended.
func (g *group) take() (all []*writing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	messages, work := min(len(g.messages), mostMessages), min(len(g.work), mostWork)
	all = append(all, g.messages[:messages]...)
	all = append(all, g.work[:work]...)
	g.messages, g.work = g.messages[messages:], g.work[work:]
	g.running = len(all) > 0
	return all
}

// commit writes all, and tells each how that went.
func (g *group) commit(all []*writing) {
	for len(all) > 0 {
		refused := -1
		err := g.update(func(tx *bolt.Tx) error {
			for i, w := range all {
				if err := call(w.fn, tx); err != nil {
					refused = i
					return err
				}
			}
			return nil
		})
		if refused < 0 {
			for _, w := range all {
				w.done <- err
			}
			return
		}
		all[refused].done <- errAlone
		all = append(all[:refused:refused], all[refused+1:]...)
	}
}

// call makes an error of a panic, which would end the process from a goroutine that is not to
// blame.
func call(fn func(*bolt.Tx) error, tx *bolt.Tx) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("panic: %v", thrown)
		}
	}()
	return fn(tx)
}
