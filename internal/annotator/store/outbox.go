//go:build unix

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A Publication is what goes to a sink.
type Publication struct {
	// Sink is a name without a zero byte.
	Sink    string
	Payload []byte
}

// A Delivery is a revision of an episode that is to be brought to a sink. Whoever has it is
// the only one for its sink and episode until it is given back by Delivered, Retry, Refuse or
// ReleaseDelivery. While the disk is full only the last does so, so that how it
// ended can be kept when there is room.
type Delivery struct {
	Sink     string
	Episode  string
	Revision int
	Payload  []byte
	// State is what was remembered of the episode at this sink, nil before the first.
	State []byte
	// Tries is how often it failed before.
	Tries int
	// Created is when it was published.
	Created time.Time
}

// delivery is a Delivery on disk.
type delivery struct {
	First   bool      `json:"first"`
	Tries   int       `json:"tries,omitempty"`
	Due     due       `json:"due"`
	Age     time.Time `json:"age"`     // steady, when it was published
	Created time.Time `json:"created"` // the same, for people
	Payload []byte    `json:"payload"`
}

// atSink is what is remembered of an episode at a sink.
type atSink struct {
	First int    `json:"first"` // the revision that went out, or goes out, first
	State []byte `json:"state,omitempty"`
}

// patience is how long a delivery is tried.
const patience = 24 * time.Hour

func sinkPrefix(sink string) []byte { return append([]byte(sink), 0) }

func sinkKey(sink, episode string) []byte { return join(sinkPrefix(sink), []byte(episode)) }

func outKey(sink, episode string, revision int) []byte {
	return join(sinkKey(sink, episode), number(uint64(revision)))
}

func outDueKey(sink, episode string, revision int, at due) []byte {
	return join(sinkPrefix(sink), number(uint64(at.At.UnixNano())), []byte(episode), number(uint64(revision)))
}

// publish puts a revision into the outbox. Older ones that still wait are taken back: the
// newest says it all. The first that goes to a sink is not, as it is what begins a thread.
func (s *Store) publish(tx *bolt.Tx, e *Episode, publications []Publication) error {
	for _, p := range publications {
		if p.Sink == "" || strings.ContainsRune(p.Sink, 0) {
			return fmt.Errorf("publish episode %s: %q is no name of a sink", e.ID, p.Sink)
		}
		key := sinkKey(p.Sink, e.ID)
		known, err := getJSON[atSink](tx, inSinks, key)
		if err != nil {
			return err
		}
		if known == nil {
			if err := putJSON(tx, inSinks, key, atSink{First: e.Revision}); err != nil {
				return err
			}
		} else if err := s.takeBack(tx, p.Sink, e.ID); err != nil {
			return err
		}
		d := delivery{known == nil, 0, s.time.due(0), s.time.now(), s.time.wall(), p.Payload}
		if err := writeDelivery(tx, p.Sink, e.ID, e.Revision, nil, &d); err != nil {
			return err
		}
	}
	return nil
}

// takeBack removes what waits for a sink and is not the first.
func (s *Store) takeBack(tx *bolt.Tx, sink, episode string) error {
	old := map[int]*delivery{}
	err := each(tx, inOutbox, sinkKey(sink, episode), func(key, payload []byte) (bool, error) {
		d, err := parse[delivery](inOutbox, key, payload)
		if err == nil && !d.First {
			old[int(fromNumber(key[len(key)-8:]))] = d
		}
		return true, err
	})
	if err != nil {
		return err
	}
	for revision, d := range old {
		if err := writeDelivery(tx, sink, episode, revision, d, nil); err != nil {
			return err
		}
	}
	return nil
}

// writeDelivery writes a delivery, or removes it if it is nil.
func writeDelivery(tx *bolt.Tx, sink, episode string, revision int, old, d *delivery) error {
	if old != nil {
		if err := remove(tx, inOutDue, outDueKey(sink, episode, revision, old.Due)); err != nil {
			return err
		}
	}
	key := outKey(sink, episode, revision)
	if d == nil {
		return remove(tx, inOutbox, key)
	}
	if err := putJSON(tx, inOutbox, key, d); err != nil {
		return err
	}
	return put(tx, inOutDue, outDueKey(sink, episode, revision, d.Due), nil)
}

// NextDelivery waits for what is to be brought to a sink, and for ctx. Revisions of an
// episode come in their order.
func (s *Store) NextDelivery(ctx context.Context, sink string) (Delivery, error) {
	for {
		changed := s.changed()
		d, wait, err := s.nextDelivery(sink)
		if err != nil || wait == 0 {
			return d, err
		}
		if err := s.pause(ctx, changed, wait); err != nil {
			return Delivery{}, err
		}
	}
}

func (s *Store) nextDelivery(sink string) (found Delivery, wait time.Duration, err error) {
	s.running.Lock()
	defer s.running.Unlock()
	wait = longest
	prefix := sinkPrefix(sink)
	err = s.view("find a delivery", func(tx *bolt.Tx) error {
		return each(tx, inOutDue, prefix, func(key, _ []byte) (bool, error) {
			rest := key[len(prefix):]
			left := time.Unix(0, int64(fromNumber(rest))).Sub(s.time.now())
			if left > 0 {
				wait = min(wait, left)
				return false, nil
			}
			id, revision := string(rest[8:8+episodeBytes]), int(fromNumber(rest[8+episodeBytes:]))
			lowest, _ := tx.Bucket(inOutbox).Cursor().Seek(sinkKey(sink, id))
			if s.running.deliveries[string(sinkKey(sink, id))] || !bytes.Equal(lowest, outKey(sink, id, revision)) {
				return true, nil
			}
			wait = 0
			found, err = loadDelivery(tx, sink, id, revision)
			return false, err
		})
	})
	if err == nil && wait == 0 {
		s.running.deliveries[string(sinkKey(sink, found.Episode))] = true
	}
	return found, wait, err
}

func loadDelivery(tx *bolt.Tx, sink, id string, revision int) (Delivery, error) {
	d, err := getJSON[delivery](tx, inOutbox, outKey(sink, id, revision))
	if err != nil {
		return Delivery{}, err
	}
	known, err := getJSON[atSink](tx, inSinks, sinkKey(sink, id))
	if err != nil {
		return Delivery{}, err
	}
	if d == nil || known == nil {
		return Delivery{}, fmt.Errorf("delivery of %s to %q: %w", id, sink, ErrCorrupt)
	}
	return Delivery{sink, id, revision, d.Payload, known.State, d.Tries, d.Created}, nil
}

// ReleaseDelivery gives a delivery back as if it had not been taken.
func (s *Store) ReleaseDelivery(d Delivery) {
	s.running.Lock()
	delete(s.running.deliveries, string(sinkKey(d.Sink, d.Episode)))
	s.running.Unlock()
	s.wake()
}

// Delivered takes a delivery out of the outbox and remembers the state of its sink, which
// the next one gets.
func (s *Store) Delivered(d Delivery, state []byte) error {
	return s.bring(d, state, "finish delivery", func(*bolt.Tx, *delivery) (*delivery, error) { return nil, nil })
}

// Retry gives a delivery back to be tried again after a while. After a day it becomes a dead
// letter; dead is true then.
func (s *Store) Retry(d Delivery, state []byte, reason string, wait time.Duration) (dead bool, err error) {
	err = s.bring(d, state, "retry delivery", func(tx *bolt.Tx, on *delivery) (*delivery, error) {
		on.Tries++
		on.Due = s.time.due(wait)
		if dead = s.time.past().Sub(on.Age) >= patience; dead {
			return nil, s.buryDelivery(tx, d, reason)
		}
		return on, nil
	})
	return dead && err == nil, err
}

// Refuse makes a delivery that its sink does not take a dead letter.
func (s *Store) Refuse(d Delivery, state []byte, reason string) error {
	return s.bring(d, state, "bury delivery", func(tx *bolt.Tx, _ *delivery) (*delivery, error) {
		return nil, s.buryDelivery(tx, d, reason)
	})
}

func (s *Store) buryDelivery(tx *bolt.Tx, d Delivery, reason string) error {
	return s.bury(tx, Letter{Kind: DeadDelivery, Reason: reason, Episode: d.Episode, Sink: d.Sink, Revision: d.Revision, Body: d.Payload})
}

// bring changes a delivery and the state of its sink. One that a newer revision has replaced
// meanwhile is gone already; its state counts all the same. It is given back, but if the disk
// is full.
func (s *Store) bring(d Delivery, state []byte, what string, change func(*bolt.Tx, *delivery) (*delivery, error)) error {
	key := sinkKey(d.Sink, d.Episode)
	err := s.share(what, func(tx *bolt.Tx) error {
		known, err := getJSON[atSink](tx, inSinks, key)
		if err != nil {
			return err
		}
		if known == nil {
			return ErrUnknown
		}
		known.State = state
		if err := putJSON(tx, inSinks, key, known); err != nil {
			return err
		}
		old, err := getJSON[delivery](tx, inOutbox, outKey(d.Sink, d.Episode, d.Revision))
		if old == nil || err != nil {
			return err
		}
		next := *old
		changed, err := change(tx, &next)
		if err != nil {
			return err
		}
		return writeDelivery(tx, d.Sink, d.Episode, d.Revision, old, changed)
	})
	if !errors.Is(err, ErrFull) {
		s.ReleaseDelivery(d)
	}
	return err
}

// prepareOutbox bases due times anew.
func (s *Store) prepareOutbox(tx *bolt.Tx) error {
	type place struct {
		sink, episode string
		revision      int
	}
	all := map[place]*delivery{}
	err := each(tx, inOutbox, nil, func(key, payload []byte) (bool, error) {
		d, err := parse[delivery](inOutbox, key, payload)
		at := len(key) - 8 - episodeBytes
		all[place{string(key[:at-1]), string(key[at : at+episodeBytes]), int(fromNumber(key[at+episodeBytes:]))}] = d
		return true, err
	})
	if err != nil {
		return err
	}
	for p, d := range all {
		if now := s.time.now(); d.Age.After(now) {
			d.Age = now
		}
		d.Due = s.time.rebase(d.Due)
		if err := writeDelivery(tx, p.sink, p.episode, p.revision, nil, d); err != nil {
			return err
		}
	}
	return nil
}
