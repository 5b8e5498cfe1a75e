//go:build unix

package store

import (
	"time"

	bolt "go.etcd.io/bbolt"
)

// counter is how much was spent since a time.
type counter struct {
	Since time.Time `json:"since"`
	Spent int64     `json:"spent"`
}

// at returns the counter as of a time. Windows begin at multiples of their width, so that
// one of a day begins at midnight UTC. A clock that was put back a little does not give
// back what was spent; one that was wrong by more than a window does.
func (c counter) at(now time.Time, width time.Duration) counter {
	window := now.Truncate(width)
	if c.Since.Before(window) || c.Since.Sub(window) > width {
		return counter{Since: window}
	}
	return c
}

// Spend adds to what was spent under a name in the window of time that is now, and returns
// the sum. It survives a restart. Each name has one width.
func (s *Store) Spend(name string, width time.Duration, amount int64) (spent int64, err error) {
	err = s.update("spend budget", func(tx *bolt.Tx) error {
		c, err := s.counter(tx, name, width)
		if err != nil {
			return err
		}
		c.Spent += amount
		spent = c.Spent
		return putJSON(tx, inBudget, []byte(name), c)
	})
	return spent, err
}

// Spent returns what was spent under a name in the window that is now, and when that ends.
func (s *Store) Spent(name string, width time.Duration) (spent int64, until time.Time, err error) {
	err = s.view("read budget", func(tx *bolt.Tx) error {
		c, err := s.counter(tx, name, width)
		spent, until = c.Spent, c.Since.Add(width)
		return err
	})
	return spent, until, err
}

func (s *Store) counter(tx *bolt.Tx, name string, width time.Duration) (counter, error) {
	c, err := getJSON[counter](tx, inBudget, []byte(name))
	if c == nil || err != nil {
		c = &counter{}
	}
	return c.at(s.time.wall(), width), err
}
