//go:build unix

package store

import (
	"time"

	bolt "go.etcd.io/bbolt"
)

// A Drawer keeps values for a time. It is bounded: when it is full, what would end first
// goes.
type Drawer struct {
	store  *Store
	bucket []byte
}

// mostValues is how many values a drawer keeps. Answers of a model are at most 32 KiB.
const mostValues = 1000

// Cache keeps answers of models.
func (s *Store) Cache() Drawer { return Drawer{s, inCache} }

// Caps keeps what was learned of providers.
func (s *Store) Caps() Drawer { return Drawer{s, inCaps} }

// Proposals keeps rules that were proposed, and what became of them.
func (s *Store) Proposals() Drawer { return Drawer{s, inProposals} }

// Feedback keeps what people said of explanations.
func (s *Store) Feedback() Drawer { return Drawer{s, inFeedback} }

type keptValue struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
	Value []byte    `json:"value"`
}

// fresh tells whether the time of a value is not over. One from the future is of a clock
// that was wrong, and nobody knows how old it is.
func (k keptValue) fresh(now time.Time) bool { return now.Before(k.Until) && !now.Before(k.At) }

// Get returns a value, and false if there is none or its time is over.
func (d Drawer) Get(key string) (value []byte, ok bool, err error) {
	err = d.store.view("read kept value", func(tx *bolt.Tx) error {
		k, err := getJSON[keptValue](tx, d.bucket, []byte(key))
		if k != nil && k.fresh(d.store.time.now()) {
			value, ok = k.Value, true
		}
		return err
	})
	return value, ok, err
}

// All returns all values whose time is not over.
func (d Drawer) All() (values map[string][]byte, err error) {
	values = map[string][]byte{}
	err = d.store.view("read kept values", func(tx *bolt.Tx) error {
		return each(tx, d.bucket, nil, func(key, payload []byte) (bool, error) {
			k, err := parse[keptValue](d.bucket, key, payload)
			if err == nil && k.fresh(d.store.time.now()) {
				values[string(key)] = k.Value
			}
			return true, err
		})
	})
	return values, err
}

// Put keeps a value for a time, in place of the one that the key had.
func (d Drawer) Put(key string, value []byte, ttl time.Duration) error {
	now := d.store.time.now()
	return d.store.update("keep value", func(tx *bolt.Tx) error {
		if err := putJSON(tx, d.bucket, []byte(key), keptValue{now, now.Add(ttl), value}); err != nil {
			return err
		}
		return d.prune(tx, now)
	})
}

// prune removes values whose time is over, and those that are too many.
func (d Drawer) prune(tx *bolt.Tx, now time.Time) error {
	for {
		var old []string
		var next string
		var soonest time.Time
		count := 0
		err := each(tx, d.bucket, nil, func(key, payload []byte) (bool, error) {
			k, err := parse[keptValue](d.bucket, key, payload)
			switch {
			case err != nil:
				return false, err
			case !k.fresh(now):
				old = append(old, string(key))
				return true, nil
			case next == "" || k.Until.Before(soonest):
				next, soonest = string(key), k.Until
			}
			count++
			return true, nil
		})
		if err != nil {
			return err
		}
		if count > mostValues {
			old = append(old, next)
		}
		for _, key := range old {
			if err := remove(tx, d.bucket, []byte(key)); err != nil {
				return err
			}
		}
		if count <= mostValues+1 {
			return nil
		}
	}
}
