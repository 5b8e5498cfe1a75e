//go:build unix

package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// mostPending is the size of all messages that may wait for the disk, in bytes. It bounds
// what a disk that hangs can take up in memory.
const mostPending = 64 << 20

// Put stores a message. When it returns without an error the message is on disk for good,
// or had nothing new. Messages that come while others are written share a transaction.
//
// Errors are [ErrFull], [ErrBusy], [ErrClosed], [ErrBroken], and that of ctx when it ends
// before, in which case the message may still be stored.
func (s *Store) Put(ctx context.Context, m Message) (Receipt, error) {
	if err := m.check(); err != nil {
		return Receipt{}, fmt.Errorf("store message: %w", err)
	}
	var receipt Receipt
	err := s.accept(ctx, "store message", len(m.Body), func(tx *bolt.Tx) (err error) {
		receipt, err = s.put(tx, m)
		return err
	})
	if err != nil {
		s.found(err)
		return Receipt{}, err // what is late may still write the receipt
	}
	if receipt.Fresh {
		s.found(nil)
	}
	return receipt, nil
}

// accept runs fn in a transaction that others may share, for as long as ctx lasts; what it
// began goes on behind that. The size is that of what waits for the disk with it.
func (s *Store) accept(ctx context.Context, what string, size int, fn func(*bolt.Tx) error) error {
	if s.pending.Add(int64(size)) > mostPending {
		s.pending.Add(-int64(size))
		return fmt.Errorf("%s: %w", what, ErrBusy)
	}
	if !s.enter() {
		s.pending.Add(-int64(size))
		return fmt.Errorf("%s: %w", what, ErrClosed)
	}
	done := make(chan error, 1)
	go func() {
		defer s.puts.Done()
		defer s.pending.Add(-int64(size))
		done <- s.store(what, fn)
		s.wake()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
}

// put may be called several times with the same message, when a transaction failed.
func (s *Store) put(tx *bolt.Tx, m Message) (Receipt, error) {
	now, wall := s.time.now(), s.time.wall()
	if id, known, err := s.known(tx, m, now, wall); err != nil || known {
		return Receipt{Episode: id}, err
	}
	count, err := inboxCount(tx)
	if err != nil {
		return Receipt{}, err
	}
	if int(count.Messages) >= s.config.MaxInbox || count.Bytes+int64(len(m.Body)) > s.config.MaxBytes {
		return Receipt{}, fmt.Errorf("the inbox is %w: %d messages of %d bytes", ErrFull, count.Messages, count.Bytes)
	}
	e, err := episodeFor(tx, m, wall)
	if err != nil {
		return Receipt{}, err
	}
	before := *e
	e.merge(m, now, wall)
	e.Messages++
	e.Hops = max(e.Hops, m.Hops)
	if m.Severity != "" && (!m.Partial || rank(m.Severity) < rank(e.Severity)) {
		e.Severity = m.Severity
	}
	n, err := s.keepBody(tx, e.ID, m.Body, wall)
	if err != nil {
		return Receipt{}, err
	}
	if err := writeEpisode(tx, e); err != nil {
		return Receipt{}, err
	}
	if err := s.plan(tx, &before, e, n); err != nil {
		return Receipt{}, err
	}
	for _, bad := range m.Bad {
		if err := s.bury(tx, Letter{Kind: DeadAlert, Reason: bad.Fault, Episode: e.ID, Body: bad.Raw}); err != nil {
			return Receipt{}, err
		}
	}
	return Receipt{Fresh: true, Episode: e.ID}, writeSeen(tx, m.Key, seen{now, e.ID})
}

// seen is what is remembered of the key of a message.
type seen struct {
	At      time.Time `json:"at"`
	Episode string    `json:"episode"`
}

// known tells whether a message was stored before and would change nothing of its episode
// now. What fires again with the same start has the key of before, but changes something.
func (s *Store) known(tx *bolt.Tx, m Message, now, wall time.Time) (id string, known bool, err error) {
	before, err := getJSON[seen](tx, inSeen, m.Key[:])
	if before == nil || err != nil {
		return "", false, err
	}
	e, err := readEpisode(tx, before.Episode)
	if err != nil {
		return "", false, err
	}
	if e == nil {
		return before.Episode, m.Resolved, nil // it was so long ago that it is forgotten
	}
	return e.ID, !e.merge(m, now, wall), nil // e is not written
}

func writeSeen(tx *bolt.Tx, key [32]byte, value seen) error {
	if tx.Bucket(inSeen).Get(key[:]) == nil {
		n, err := tx.Bucket(inSeenAge).NextSequence()
		if err != nil {
			return err
		}
		if err := put(tx, inSeenAge, number(n), key[:]); err != nil {
			return err
		}
	}
	return putJSON(tx, inSeen, key[:], value)
}

// keepBody puts the bytes of a message into the inbox and returns its number.
func (s *Store) keepBody(tx *bolt.Tx, id string, body []byte, wall time.Time) (uint64, error) {
	n, err := tx.Bucket(inInbox).NextSequence()
	if err != nil {
		return 0, err
	}
	if err := put(tx, inInbox, join([]byte(id), number(n)), join(number(uint64(wall.UnixNano())), body)); err != nil {
		return 0, err
	}
	return n, countInbox(tx, 1, int64(len(body)))
}

// consume takes the messages of an episode up to a number out of the inbox. The last of
// them stays with the episode.
func consume(tx *bolt.Tx, id string, newest uint64) error {
	var last []byte
	var keys [][]byte
	var bytes int64
	err := each(tx, inInbox, []byte(id), func(key, payload []byte) (bool, error) {
		if fromNumber(key[episodeBytes:]) > newest {
			return false, nil
		}
		keys = append(keys, append([]byte(nil), key...))
		last = join(key[episodeBytes:], payload)
		bytes += int64(len(payload) - timeBytes)
		return true, nil
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	for _, key := range keys {
		if err := remove(tx, inInbox, key); err != nil {
			return err
		}
	}
	if err := put(tx, inBodies, []byte(id), last); err != nil {
		return err
	}
	return countInbox(tx, -int64(len(keys)), -bytes)
}

// timeBytes is the length of a time in front of a body.
const timeBytes = 8

// A Body is a message as it came.
type Body struct {
	// Number orders messages.
	Number   uint64
	Received time.Time
	Bytes    []byte
}

// Bodies calls fn with the messages of an episode that no facts were gathered for, the
// oldest first, until it returns false. If there are none it is called with the last one
// that was worked on. A body belongs to fn, which must not call the store.
func (s *Store) Bodies(id string, fn func(Body) bool) error {
	return s.view("read messages", func(tx *bolt.Tx) error {
		found := false
		err := each(tx, inInbox, []byte(id), func(key, payload []byte) (bool, error) {
			found = true
			return fn(toBody(key[episodeBytes:], payload)), nil
		})
		if found || err != nil {
			return err
		}
		last, err := get(tx, inBodies, []byte(id))
		if last != nil {
			fn(toBody(last[:timeBytes], last[timeBytes:]))
		}
		return err
	})
}

func toBody(n, payload []byte) Body {
	received := time.Unix(0, int64(fromNumber(payload))).UTC()
	return Body{fromNumber(n), received, append([]byte(nil), payload[timeBytes:]...)}
}

// fromNumber is the reverse of number. Shorter keys do not occur: they have checksums.
func fromNumber(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// inboxSize is how much is in the inbox.
type inboxSize struct{ Messages, Bytes int64 }

var inboxKey = []byte("inbox")

func inboxCount(tx *bolt.Tx) (inboxSize, error) {
	count, err := getJSON[inboxSize](tx, inMeta, inboxKey)
	if count == nil || err != nil {
		return inboxSize{}, err
	}
	return *count, nil
}

func countInbox(tx *bolt.Tx, messages, bytes int64) error {
	count, err := inboxCount(tx)
	if err != nil {
		return err
	}
	return putJSON(tx, inMeta, inboxKey, inboxSize{count.Messages + messages, count.Bytes + bytes})
}
