//go:build unix

package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// An Episode is the time from the first alert of a group until all have ended.
type Episode struct {
	ID       string `json:"id"`
	Group    string `json:"group"`
	Severity string `json:"severity,omitempty"`
	// Opened and Closed are when the annotator learned of it; Closed is zero while it is open.
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed,omitzero"`
	// Started and Ended are of the first and the last alert; Ended is zero while it is open.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Alerts are sorted by their fingerprints.
	Alerts []Alert `json:"alerts"`
	// Truncated is how many alerts more there were in the last message.
	Truncated int `json:"truncated,omitempty"`
	// Hops is the most annotators that a message went through.
	Hops int `json:"hops,omitempty"`
	// Messages is how many had news.
	Messages int `json:"messages"`
	// Revision is of the last publication, 0 before the first.
	Revision int `json:"revision"`
	// Number orders episodes: later ones have greater numbers.
	Number uint64 `json:"number"`
}

// Open tells whether something of it may fire.
func (e Episode) Open() bool { return e.Closed.IsZero() }

func groupKey(group string) []byte {
	sum := sha256.Sum256([]byte(group))
	return sum[:]
}

// writeEpisode writes an episode, with what is derived from it.
func writeEpisode(tx *bolt.Tx, e *Episode) error {
	if err := putJSON(tx, inEpisodes, []byte(e.ID), e); err != nil {
		return err
	}
	return deriveEpisode(tx, e)
}

func deriveEpisode(tx *bolt.Tx, e *Episode) error {
	if err := put(tx, inRecent, number(e.Number), []byte(e.ID)); err != nil {
		return err
	}
	if err := deriveWorst(tx, e); err != nil {
		return err
	}
	group := groupKey(e.Group)
	current, err := get(tx, inOpen, group)
	switch {
	case err != nil:
		return err
	case e.Open():
		return put(tx, inOpen, group, []byte(e.ID))
	case string(current) == e.ID:
		return remove(tx, inOpen, group)
	}
	return nil
}

// deriveWorst has an episode listed by its severity while it is open, and no other one that it
// may have had before.
func deriveWorst(tx *bolt.Tx, e *Episode) error {
	for at := range unranked + 1 {
		key := join([]byte{byte(at)}, number(e.Number))
		if e.Open() && at == rank(e.Severity) {
			if err := put(tx, inWorst, key, []byte(e.ID)); err != nil {
				return err
			}
		} else if err := remove(tx, inWorst, key); err != nil {
			return err
		}
	}
	return nil
}

func readEpisode(tx *bolt.Tx, id string) (*Episode, error) {
	return getJSON[Episode](tx, inEpisodes, []byte(id))
}

// episodeFor returns the episode that a message belongs to: the one of its group that is
// open, else the one of its name, else a new one that is not written yet.
func episodeFor(tx *bolt.Tx, m Message, wall time.Time) (*Episode, error) {
	open, err := get(tx, inOpen, groupKey(m.Group))
	if err != nil {
		return nil, err
	}
	id := m.Episode
	if open != nil {
		id = string(open)
	}
	for {
		e, err := readEpisode(tx, id)
		if err != nil || e != nil && e.Group == m.Group {
			return e, err
		}
		if e == nil {
			n, err := tx.Bucket(inEpisodes).NextSequence()
			return &Episode{ID: id, Group: m.Group, Opened: wall, Number: n}, err
		}
		// Another group has the same name by chance, or because somebody looked for one.
		sum := sha256.Sum256([]byte(id + m.Group))
		id = hex.EncodeToString(sum[:])[:episodeBytes]
	}
}

// Episode returns an episode, or [ErrUnknown].
func (s *Store) Episode(id string) (Episode, error) {
	var e *Episode
	err := s.view("read episode", func(tx *bolt.Tx) (err error) {
		e, err = readEpisode(tx, id)
		if err == nil && e == nil {
			err = ErrUnknown
		}
		return err
	})
	if err != nil {
		return Episode{}, err
	}
	return *e, nil
}

// Episodes returns the newest episodes, at most so many, the newest first. If before is not
// 0 only those with smaller numbers are returned.
func (s *Store) Episodes(before uint64, most int) ([]Episode, error) {
	var list []Episode
	err := s.view("list episodes", func(tx *bolt.Tx) error {
		c := tx.Bucket(inRecent).Cursor()
		key, value := c.Last()
		for before != 0 && key != nil && bytes.Compare(key, number(before)) >= 0 {
			key, value = c.Prev()
		}
		for ; key != nil && len(list) < most; key, value = c.Prev() {
			id, err := unseal(key, value)
			if err != nil {
				return err
			}
			e, err := readEpisode(tx, string(id))
			if err != nil {
				return err
			}
			if e != nil {
				list = append(list, *e)
			}
		}
		return nil
	})
	return list, err
}

// OpenEpisodes returns all that are open, the most urgent first: by severity, then the
// newest.
func (s *Store) OpenEpisodes() ([]Episode, error) {
	var list []Episode
	err := s.view("list open episodes", func(tx *bolt.Tx) error {
		return each(tx, inOpen, nil, func(_, id []byte) (bool, error) {
			e, err := readEpisode(tx, string(id))
			if e != nil {
				list = append(list, *e)
			}
			return true, err
		})
	})
	slices.SortFunc(list, func(a, b Episode) int {
		if a, b := rank(a.Severity), rank(b.Severity); a != b {
			return a - b
		}
		return int(int64(b.Number) - int64(a.Number))
	})
	return list, err
}

// Worst returns the IDs of episodes that are open, at most so many, by severity and then the
// oldest first, and how many there are. Unlike [Store.OpenEpisodes] it reads none of the others.
func (s *Store) Worst(most int) (ids []string, open int, err error) {
	err = s.view("find the worst episodes", func(tx *bolt.Tx) error {
		open = tx.Bucket(inWorst).Stats().KeyN
		return each(tx, inWorst, nil, func(_, id []byte) (bool, error) {
			if len(ids) < most {
				ids = append(ids, string(id))
			}
			return len(ids) < most, nil
		})
	})
	return ids, open, err
}

// OpenEpisode returns the episode of a group that is open, nil if there is none.
func (s *Store) OpenEpisode(group string) (e *Episode, err error) {
	err = s.view("find the episode of a group", func(tx *bolt.Tx) error {
		id, err := get(tx, inOpen, groupKey(group))
		if id == nil || err != nil {
			return err
		}
		e, err = readEpisode(tx, string(id))
		return err
	})
	return e, err
}

// unranked is the rank of a severity that says nothing.
const unranked = 3

// rank orders severities, the worst first.
func rank(severity string) int {
	if at := slices.Index([]string{"critical", "warning", "info"}, severity); at >= 0 {
		return at
	}
	return unranked
}

// CloseEpisode ends an episode of which nothing fires any more, as the list of Alertmanager's
// alerts may show when its message was lost. One that is closed stays as it is.
func (s *Store) CloseEpisode(id string) error {
	err := s.update("close episode", func(tx *bolt.Tx) error {
		e, err := readEpisode(tx, id)
		if err != nil {
			return err
		}
		if e == nil {
			return ErrUnknown
		}
		if !e.Open() {
			return nil
		}
		before := *e
		now, wall := s.time.now(), s.time.wall()
		e.Truncated = 0
		for i, a := range e.Alerts {
			if a.EndsAt.IsZero() {
				e.Alerts[i].EndsAt, e.Alerts[i].Changed = latest(wall, a.StartsAt), now
			}
		}
		e.settle(wall)
		if err := writeEpisode(tx, e); err != nil {
			return err
		}
		return s.plan(tx, &before, e, 0)
	})
	if err == nil {
		s.wake()
	}
	return err
}
