//go:build unix

package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A Kind of dead letters.
type Kind string

// The kinds.
const (
	DeadMessage  Kind = "message"  // a body that is no message
	DeadAlert    Kind = "alert"    // a bad alert of a good message
	DeadJob      Kind = "job"      // a step that failed too often
	DeadDelivery Kind = "delivery" // a sink did not take it
)

// Kinds lists all kinds, for metrics.
var Kinds = []Kind{DeadMessage, DeadAlert, DeadJob, DeadDelivery}

// A Letter is what could not be worked on, for a person to look at.
type Letter struct {
	ID     uint64 `json:"id"`
	Kind   Kind   `json:"kind"`
	Reason string `json:"reason"`
	// Episode is empty for messages.
	Episode string `json:"episode,omitempty"`
	// Sink and Revision are of deliveries.
	Sink     string `json:"sink,omitempty"`
	Revision int    `json:"revision,omitempty"`
	// Body is what came, or was to go out; empty for jobs. Cut tells that it was longer.
	Body []byte `json:"-"`
	Cut  bool   `json:"cut,omitempty"`
	// First and Last are when it came, and Count how often.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Count int       `json:"count"`
}

const (
	// mostLetters and mostLetterBytes bound each kind, so that strangers who send garbage
	// cannot push out what matters. The oldest go first.
	mostLetters     = 500
	mostLetterBytes = 32 << 20
	// mostBody is how much of a body is kept.
	mostBody = 1 << 20
)

// letterKey starts with the kind.
func letterKey(kind Kind, id uint64) []byte { return join(letterPrefix(kind), number(id)) }

func letterPrefix(kind Kind) []byte { return append([]byte(kind), 0) }

// letter is a Letter on disk. Its body is beside it, so that many can be looked through.
type letter struct {
	Letter
	Size   int    `json:"size"` // of the body
	Digest string `json:"digest"`
}

// bury keeps a letter. What comes again is counted and not kept twice: Alertmanager sends
// what was refused again and again.
func (s *Store) bury(tx *bolt.Tx, l Letter) error {
	now := s.time.wall()
	l.First, l.Last, l.Count = now, now, 1
	if l.Cut = len(l.Body) > mostBody; l.Cut {
		l.Body = l.Body[:mostBody]
	}
	n := letter{l, len(l.Body), l.digest()}
	known, err := lettersOf(tx, l.Kind)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(known, func(k letter) bool { return k.Digest == n.Digest }); at >= 0 {
		n.ID, n.First, n.Count = known[at].ID, known[at].First, known[at].Count+1
		return putJSON(tx, inDead, letterKey(n.Kind, n.ID), n)
	}
	bytes := n.Size
	for _, k := range known {
		bytes += k.Size
	}
	for len(known) > 0 && (len(known) >= mostLetters || bytes > mostLetterBytes) {
		if err := removeLetter(tx, known[0].Kind, known[0].ID); err != nil {
			return err
		}
		bytes -= known[0].Size
		known = known[1:]
	}
	if n.ID, err = tx.Bucket(inDead).NextSequence(); err != nil {
		return err
	}
	if err := put(tx, inDeadBodies, letterKey(n.Kind, n.ID), n.Body); err != nil {
		return err
	}
	return putJSON(tx, inDead, letterKey(n.Kind, n.ID), n)
}

// lettersOf returns the letters of a kind without their bodies, the oldest first.
func lettersOf(tx *bolt.Tx, kind Kind) (list []letter, err error) {
	err = each(tx, inDead, letterPrefix(kind), func(key, payload []byte) (bool, error) {
		l, err := parse[letter](inDead, key, payload)
		if err == nil {
			list = append(list, *l)
		}
		return true, err
	})
	return list, err
}

func removeLetter(tx *bolt.Tx, kind Kind, id uint64) error {
	if err := remove(tx, inDeadBodies, letterKey(kind, id)); err != nil {
		return err
	}
	return remove(tx, inDead, letterKey(kind, id))
}

// digest is the same for letters of the same place and body. The reason of a job or a
// delivery may hold a time or a number, and is left out.
func (l Letter) digest() string {
	place := []string{l.Episode, l.Sink, fmt.Sprint(l.Revision)}
	if l.Kind == DeadMessage || l.Kind == DeadAlert {
		place = append(place, l.Reason)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q", place)
	h.Write(l.Body)
	return hex.EncodeToString(h.Sum(nil))
}

// Bury keeps a body that is no message. It returns when that is on disk, or when ctx ends.
func (s *Store) Bury(ctx context.Context, reason string, body []byte) error {
	return s.accept(ctx, "bury message", len(body), func(tx *bolt.Tx) error {
		return s.bury(tx, Letter{Kind: DeadMessage, Reason: reason, Body: body})
	})
}

// Letters returns all dead letters of a kind, the oldest first.
func (s *Store) Letters(kind Kind) ([]Letter, error) {
	var list []Letter
	err := s.view("read dead letters", func(tx *bolt.Tx) error {
		found, err := lettersOf(tx, kind)
		if err != nil {
			return err
		}
		for _, l := range found {
			body, err := get(tx, inDeadBodies, letterKey(kind, l.ID))
			if err != nil {
				return err
			}
			l.Body = append([]byte(nil), body...)
			list = append(list, l.Letter)
		}
		return nil
	})
	return list, err
}

// Forget removes a dead letter, as one does with a message that was put again.
func (s *Store) Forget(kind Kind, id uint64) error {
	return s.update("forget dead letter", func(tx *bolt.Tx) error {
		if tx.Bucket(inDead).Get(letterKey(kind, id)) == nil {
			return ErrUnknown
		}
		return removeLetter(tx, kind, id)
	})
}

// Revive makes a job or a delivery of a dead letter again and removes the letter. Messages
// and alerts cannot be revived: they are to be decoded anew, put, and forgotten.
func (s *Store) Revive(kind Kind, id uint64) error {
	err := s.update("revive dead letter", func(tx *bolt.Tx) error {
		l, err := getJSON[letter](tx, inDead, letterKey(kind, id))
		if err != nil {
			return err
		}
		if l == nil {
			return ErrUnknown
		}
		body, err := get(tx, inDeadBodies, letterKey(kind, id))
		if err != nil {
			return err
		}
		l.Body = body
		e, err := readEpisode(tx, l.Episode)
		if err != nil {
			return err
		}
		switch {
		case kind != DeadJob && kind != DeadDelivery:
			return fmt.Errorf("a dead %s is put again instead", kind)
		case e == nil:
			return fmt.Errorf("episode %q: %w", l.Episode, ErrUnknown)
		case kind == DeadJob:
			err = s.reviveJob(tx, e)
		default:
			err = s.reviveDelivery(tx, &l.Letter)
		}
		if err != nil {
			return err
		}
		return removeLetter(tx, kind, id)
	})
	if err == nil {
		s.wake()
	}
	return err
}

// reviveJob plans an episode anew, unless news have done so.
func (s *Store) reviveJob(tx *bolt.Tx, e *Episode) error {
	if j, err := readJob(tx, e.ID); j != nil || err != nil {
		return err
	}
	return s.plan(tx, e, e, 0)
}

// reviveDelivery puts a revision into the outbox again, unless a newer one went out or waits.
func (s *Store) reviveDelivery(tx *bolt.Tx, l *Letter) error {
	e, err := readEpisode(tx, l.Episode)
	if err != nil {
		return err
	}
	known, err := getJSON[atSink](tx, inSinks, sinkKey(l.Sink, l.Episode))
	if err != nil {
		return err
	}
	first := known == nil || known.First == l.Revision
	if !first && e.Revision > l.Revision || tx.Bucket(inOutbox).Get(outKey(l.Sink, l.Episode, l.Revision)) != nil {
		return nil
	}
	if known == nil {
		if err := putJSON(tx, inSinks, sinkKey(l.Sink, l.Episode), atSink{First: l.Revision}); err != nil {
			return err
		}
	}
	d := delivery{first, 0, s.time.due(0), s.time.now(), s.time.wall(), l.Body}
	return writeDelivery(tx, l.Sink, l.Episode, l.Revision, nil, &d)
}
