//go:build unix

package store

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A Result is what a step brought.
type Result struct {
	// Output is kept for later steps, until the step is done again.
	Output []byte
	// Publish is what goes out, as revision [Job.Revision].
	Publish []Publication
	// Final ends the work behind this step, from Explained on: there is no model to be
	// asked, or its time is over. What has ended is still published.
	Final bool
}

// Done keeps the result of a step and plans the next one, in one transaction. The error is
// [ErrStale] if news came meanwhile that take the episode back; nothing is kept then, and
// the job comes again with the news. With [ErrFull] the step is not given back, so that its
// result can be kept when there is room.
func (s *Store) Done(done Job, r Result) error {
	return s.giveBack(done, "finish step", func(tx *bolt.Tx, e *Episode, j *job) (*job, error) {
		if err := putOutput(tx, e.ID, done.Do, r.Output); err != nil {
			return nil, err
		}
		if len(r.Publish) > 0 {
			e.Revision = done.Revision
			if err := s.publish(tx, e, r.Publish); err != nil {
				return nil, err
			}
		}
		j.Step, j.Tries, j.Due = done.Do, 0, s.time.due(0)
		if done.Do == Gathered || done.Do == Resolved {
			j.Covered = done.newest
			if err := consume(tx, e.ID, done.newest); err != nil {
				return nil, err
			}
		}
		switch ends := done.Do >= Explained && r.Final || done.Do == Validated; {
		case done.Do == Resolved:
			return nil, nil
		case e.Open() && done.Do >= Explained && j.Newest > j.Covered:
			j.Step, j.Round, j.Since = Stored, j.Round+1, j.Due.At
		case e.Open() && ends:
			return nil, nil
		}
		return j, nil
	})
}

// Fail gives a step back that did not work, to be tried again after a while. The fifth time
// in a row its job becomes a dead letter; dead is true then.
func (s *Store) Fail(failed Job, reason string, wait time.Duration) (dead bool, err error) {
	err = s.giveBack(failed, "fail step", func(tx *bolt.Tx, e *Episode, j *job) (*job, error) {
		j.Tries++
		j.Due = s.time.due(wait)
		if dead = j.Tries >= tries; !dead {
			return j, nil
		}
		if err := consume(tx, e.ID, j.Newest); err != nil {
			return nil, err
		}
		return nil, s.bury(tx, Letter{Kind: DeadJob, Reason: failed.Do.String() + ": " + reason, Episode: e.ID})
	})
	if errors.Is(err, ErrStale) {
		return false, nil // with the news it is tried anew
	}
	return dead && err == nil, err
}

// Postpone gives a step back that cannot be done now, without counting it as a try.
func (s *Store) Postpone(late Job, wait time.Duration) error {
	err := s.giveBack(late, "postpone step", func(_ *bolt.Tx, _ *Episode, j *job) (*job, error) {
		j.Due = s.time.due(wait)
		return j, nil
	})
	if errors.Is(err, ErrStale) {
		return nil
	}
	return err
}

// Release gives a step back as if it had not been taken.
func (s *Store) Release(j Job) {
	s.running.Lock()
	delete(s.running.jobs, j.Episode.ID)
	s.running.Unlock()
	s.wake()
}

// giveBack changes the job of a step that is still wanted, or removes it if change returns
// nil. The step is given back, but if the disk is full.
func (s *Store) giveBack(back Job, what string, change func(*bolt.Tx, *Episode, *job) (*job, error)) error {
	stale := false
	err := s.share(what, func(tx *bolt.Tx) error {
		e, j, err := readBoth(tx, back.Episode.ID)
		// That is no reason to do anew what shares the transaction.
		if stale = err == ErrStale || err == nil && (j.Round != back.round || j.do(e) != back.Do); stale {
			return nil
		}
		if err != nil {
			return err
		}
		before, old := *e, *j
		next, err := change(tx, e, j)
		if err != nil {
			return err
		}
		if err := writeEpisode(tx, e); err != nil {
			return err
		}
		return writeJob(tx, &before, &old, e, next)
	})
	if !errors.Is(err, ErrFull) {
		s.Release(back)
	}
	if err == nil && stale {
		return fmt.Errorf("%s: %w", what, ErrStale)
	}
	return err
}

func putOutput(tx *bolt.Tx, id string, step Step, output []byte) error {
	key := join([]byte(id), []byte{byte(step)})
	if output == nil {
		return remove(tx, inOutputs, key)
	}
	return put(tx, inOutputs, key, output)
}

// plan gives an episode that has changed a job, or changes the one it has.
func (s *Store) plan(tx *bolt.Tx, before, e *Episode, newest uint64) error {
	old, err := readJob(tx, e.ID)
	if err != nil {
		return err
	}
	now := s.time.due(0)
	next := job{Due: now, Since: now.At}
	if old != nil {
		next = *old
	}
	next.news(e, newest, now)
	return writeJob(tx, before, old, e, &next)
}
