//go:build unix

package store

import (
	"context"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	// pruneSome is how much is removed in a transaction, so that messages need not wait long.
	pruneSome = 200
	// mostSeen is how many keys of messages are kept: 200 alerts a second would otherwise
	// make 121 million in 7 days. What is sent twice comes within minutes.
	mostSeen = 200_000
)

// Prune removes what is older than it need be: closed episodes with all that belongs to
// them, keys of messages, and the audit log. It is called every hour or so.
func (s *Store) Prune(ctx context.Context) error {
	past := s.time.past()
	for _, some := range []func(*bolt.Tx) (int, error){
		func(tx *bolt.Tx) (int, error) { return s.pruneEpisodes(tx, past.Add(-s.config.Keep)) },
		func(tx *bolt.Tx) (int, error) { return pruneSeen(tx, past.Add(-s.config.Seen), mostSeen) },
		func(tx *bolt.Tx) (int, error) { return pruneAudit(tx, past.Add(-s.config.Keep), pruneSome) },
	} {
		for removed := pruneSome; removed == pruneSome; {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := s.update("prune", func(tx *bolt.Tx) (err error) {
				removed, err = some(tx)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// pruneEpisodes removes closed episodes that nobody works on any more.
func (s *Store) pruneEpisodes(tx *bolt.Tx, before time.Time) (int, error) {
	waits := map[string]bool{}
	err := each(tx, inOutbox, nil, func(key, _ []byte) (bool, error) {
		waits[string(key[len(key)-8-episodeBytes:len(key)-8])] = true
		return true, nil
	})
	if err != nil {
		return 0, err
	}
	var old []*Episode
	err = each(tx, inRecent, nil, func(_, id []byte) (bool, error) {
		e, err := readEpisode(tx, string(id))
		if e != nil && !e.Open() && e.Closed.Before(before) && !waits[e.ID] && tx.Bucket(inJobs).Get(id) == nil {
			old = append(old, e)
		}
		return len(old) < pruneSome, err
	})
	if err != nil {
		return 0, err
	}
	sinks := sinksOf(tx)
	for _, e := range old {
		if err := removeEpisode(tx, e, sinks); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// sinksOf returns the names of all sinks that anything was published to.
func sinksOf(tx *bolt.Tx) (names []string) {
	c := tx.Bucket(inSinks).Cursor()
	for key, _ := c.First(); key != nil; {
		name := string(key[:len(key)-1-episodeBytes])
		names = append(names, name)
		key, _ = c.Seek(append([]byte(name), 1)) // behind the last one of this sink
	}
	return names
}

func removeEpisode(tx *bolt.Tx, e *Episode, sinks []string) error {
	id := []byte(e.ID)
	if err := removePrefix(tx, inOutputs, id); err != nil {
		return err
	}
	for _, at := range []struct{ bucket, key []byte }{{inBodies, id}, {inEpisodes, id}, {inRecent, number(e.Number)}} {
		if err := remove(tx, at.bucket, at.key); err != nil {
			return err
		}
	}
	for _, sink := range sinks {
		if err := remove(tx, inSinks, sinkKey(sink, e.ID)); err != nil {
			return err
		}
	}
	return nil
}

// pruneSeen removes the oldest keys of messages: those before a time, and the ones that are
// more than most.
func pruneSeen(tx *bolt.Tx, before time.Time, most int) (int, error) {
	type entry struct{ age, key []byte }
	var old []entry
	many := tx.Bucket(inSeenAge).Stats().KeyN - most
	err := each(tx, inSeenAge, nil, func(age, key []byte) (bool, error) {
		value, err := getJSON[seen](tx, inSeen, key)
		if err != nil || len(old) == pruneSome || value != nil && !value.At.Before(before) && len(old) >= many {
			return false, err
		}
		old = append(old, entry{join(age), join(key)})
		return true, nil
	})
	if err != nil {
		return 0, err
	}
	for _, e := range old {
		if err := remove(tx, inSeenAge, e.age); err != nil {
			return 0, err
		}
		if err := remove(tx, inSeen, e.key); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}
