//go:build unix

package store

import (
	"context"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A Step is a part of the work on an episode. They are done in this order; a resolved
// episode that was published goes to Resolved at once, and one that was not is explained
// before.
type Step int

// The steps.
const (
	Stored    Step = iota // a message is on disk
	Gathered              // facts
	Explained             // the first explanation, published
	Asked                 // the model's answer
	Validated             // the answer is checked, and published if it is good
	Resolved              // the end is published
)

var stepNames = [...]string{"stored", "gathered", "explained", "asked", "validated", "resolved"}

// String returns the name of a step.
func (s Step) String() string {
	if s < 0 || int(s) >= len(stepNames) {
		return fmt.Sprintf("step_%d", int(s))
	}
	return stepNames[s]
}

// tries is how often a step is tried before its job becomes a dead letter.
const tries = 5

// A Job is a step that is to be done. Whoever has it is the only one until it is given back
// by Done, Fail, Postpone or Release. While the disk is full only the last does so.
type Job struct {
	Episode Episode
	// Do is the step to be done.
	Do Step
	// Tries is how often it failed before.
	Tries int
	// Since is when the work on the last news began, for deadlines over several steps.
	// Its clock is that of [Store.Time].
	Since time.Time
	// Revision is the one that is published with [Store.Done] if anything is.
	Revision int
	// Outputs are of the steps before.
	Outputs map[Step][]byte

	round  int
	newest uint64
}

// job is a Job on disk.
type job struct {
	// Step is the last one that was done.
	Step Step `json:"step"`
	// Round grows whenever news take the job back: a step of a former round is stale.
	Round int `json:"round"`
	Tries int `json:"tries,omitempty"`
	Due   due `json:"due"`
	// Since is when the round began.
	Since time.Time `json:"since"`
	// Newest is the number of the last message, Covered that of the last one of which
	// facts were gathered.
	Newest  uint64 `json:"newest"`
	Covered uint64 `json:"covered"`
}

// do returns the step that is to be done next.
func (j *job) do(e *Episode) Step {
	if e.Open() || j.Step < Explained {
		return j.Step + 1
	}
	return Resolved
}

// urgency is the key of a job in the queue: the first is the most urgent.
func urgency(e *Episode, j *job) []byte {
	class := byte(2)
	switch {
	case !e.Open():
		class = 0
	case rank(e.Severity) == 0:
		class = 1
	}
	return join([]byte{class}, number(^j.Newest), []byte(e.ID))
}

// writeJob writes a job, or removes it if it is nil. The episode and the job before must be
// as they were when it was written last.
func writeJob(tx *bolt.Tx, before *Episode, old *job, e *Episode, j *job) error {
	if old != nil {
		if err := remove(tx, inQueue, urgency(before, old)); err != nil {
			return err
		}
	}
	if j == nil {
		return remove(tx, inJobs, []byte(e.ID))
	}
	if err := putJSON(tx, inJobs, []byte(e.ID), j); err != nil {
		return err
	}
	return deriveJob(tx, e, j)
}

func deriveJob(tx *bolt.Tx, e *Episode, j *job) error {
	return put(tx, inQueue, urgency(e, j), number(uint64(j.Due.At.UnixNano())))
}

func readJob(tx *bolt.Tx, id string) (*job, error) { return getJSON[job](tx, inJobs, []byte(id)) }

// news gives an episode that has changed its job, or takes the one it has back to where the
// news matter. A newest message of 0 means that there is none.
func (j *job) news(e *Episode, newest uint64, now due) {
	j.Newest = max(j.Newest, newest)
	switch published := e.Revision > 0; {
	case !e.Open() && published:
		j.Step = Explained
	case j.Step >= Explained:
		j.Step = Stored
	default:
		// What is on its way to the first explanation is not held up. What it does not
		// cover is taken up behind it.
		return
	}
	j.Round++
	j.Tries, j.Due, j.Since = 0, now, now.At
}

// Next waits for the most urgent step that is due, and for ctx.
func (s *Store) Next(ctx context.Context) (Job, error) {
	for {
		changed := s.changed()
		j, wait, err := s.next()
		if err != nil || wait == 0 {
			return j, err
		}
		if err := s.pause(ctx, changed, wait); err != nil {
			return Job{}, err
		}
	}
}

// next takes the most urgent step that is due, or returns how long to wait for one.
func (s *Store) next() (found Job, wait time.Duration, err error) {
	s.running.Lock()
	defer s.running.Unlock()
	wait = longest
	err = s.view("find a job", func(tx *bolt.Tx) error {
		return each(tx, inQueue, nil, func(key, at []byte) (bool, error) {
			id := string(key[len(key)-episodeBytes:])
			if s.running.jobs[id] {
				return true, nil
			}
			if left := time.Unix(0, int64(fromNumber(at))).Sub(s.time.now()); left > 0 {
				wait = min(wait, left)
				return true, nil
			}
			wait = 0
			found, err = loadJob(tx, id)
			return false, err
		})
	})
	if err == nil && wait == 0 {
		s.running.jobs[found.Episode.ID] = true
	}
	return found, wait, err
}

func loadJob(tx *bolt.Tx, id string) (Job, error) {
	e, j, err := readBoth(tx, id)
	if err != nil {
		return Job{}, err
	}
	found := Job{
		Episode: *e, Do: j.do(e), Tries: j.Tries, Since: j.Since, Revision: e.Revision + 1,
		Outputs: map[Step][]byte{}, round: j.Round, newest: j.Newest,
	}
	return found, readOutputs(tx, id, found.Outputs)
}

func readOutputs(tx *bolt.Tx, id string, into map[Step][]byte) error {
	return each(tx, inOutputs, []byte(id), func(key, output []byte) (bool, error) {
		into[Step(key[episodeBytes])] = append([]byte(nil), output...)
		return true, nil
	})
}

// Outputs returns what the steps of an episode brought, each the last time it was done. They
// stay until the episode is removed.
func (s *Store) Outputs(id string) (map[Step][]byte, error) {
	outputs := map[Step][]byte{}
	err := s.view("read outputs", func(tx *bolt.Tx) error { return readOutputs(tx, id, outputs) })
	return outputs, err
}

// readBoth returns an episode and its job, [ErrStale] if it has none.
func readBoth(tx *bolt.Tx, id string) (*Episode, *job, error) {
	e, err := readEpisode(tx, id)
	if err != nil {
		return nil, nil, err
	}
	j, err := readJob(tx, id)
	if err != nil {
		return nil, nil, err
	}
	if e == nil || j == nil {
		return nil, nil, ErrStale
	}
	return e, j, nil
}

// Pending returns the step that an episode waits for, and false if for none.
func (s *Store) Pending(id string) (step Step, pending bool, err error) {
	err = s.view("read job", func(tx *bolt.Tx) error {
		e, j, err := readBoth(tx, id)
		if err == ErrStale {
			return nil
		}
		if err == nil {
			step, pending = j.do(e), true
		}
		return err
	})
	return step, pending, err
}
