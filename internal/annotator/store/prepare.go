//go:build unix

package store

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// format is the version of what is in the file. It grows when an older program could no
// longer read it.
const format = "1"

var formatKey = []byte("format")

// prepare makes a new file, or one of a former run, ready: times are based anew, and what is
// derived is derived.
func (s *Store) prepare(tx *bolt.Tx) error {
	for _, bucket := range kept {
		if _, err := tx.CreateBucketIfNotExists(bucket); err != nil {
			return err
		}
	}
	for _, bucket := range derived {
		if tx.Bucket(bucket) != nil {
			if err := tx.DeleteBucket(bucket); err != nil {
				return err
			}
		}
		if _, err := tx.CreateBucket(bucket); err != nil {
			return err
		}
	}
	switch found, err := get(tx, inMeta, formatKey); {
	case err != nil:
		return err
	case found == nil:
		err = put(tx, inMeta, formatKey, []byte(format))
		if err != nil {
			return err
		}
	case string(found) != format:
		return fmt.Errorf("its format is %.20q, this program knows %s: use the program that wrote it, or name another file", found, format)
	}
	for _, derive := range []func(*bolt.Tx) error{s.prepareEpisodes, s.prepareJobs, s.prepareNumbers, s.prepareInbox, s.prepareOutbox} {
		if err := derive(tx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) prepareEpisodes(tx *bolt.Tx) error {
	var last uint64
	err := each(tx, inEpisodes, nil, func(key, payload []byte) (bool, error) {
		e, err := parse[Episode](inEpisodes, key, payload)
		if err != nil {
			return false, err
		}
		last = max(last, e.Number)
		return true, deriveEpisode(tx, e)
	})
	if err != nil {
		return err
	}
	return raiseSequence(tx, inEpisodes, last)
}

// prepareJobs bases due times anew. An open episode without a job has been worked on.
func (s *Store) prepareJobs(tx *bolt.Tx) error {
	jobs := map[string]*job{}
	err := each(tx, inJobs, nil, func(key, payload []byte) (bool, error) {
		j, err := parse[job](inJobs, key, payload)
		jobs[string(key)] = j
		return true, err
	})
	if err != nil {
		return err
	}
	for id, j := range jobs {
		e, err := readEpisode(tx, id)
		if err != nil {
			return err
		}
		if e == nil {
			// Only after a salvage: the inbox is looked at next.
			if err := remove(tx, inJobs, []byte(id)); err != nil {
				return err
			}
			continue
		}
		if now := s.time.now(); j.Since.After(now) {
			j.Since = now
		}
		j.Due = s.time.rebase(j.Due)
		if err := writeJob(tx, nil, nil, e, j); err != nil {
			return err
		}
	}
	return nil
}

// prepareInbox counts the messages. Those whose episode or job was lost, which only a
// salvage does, become dead letters: they may be put again.
func (s *Store) prepareInbox(tx *bolt.Tx) error {
	var count inboxSize
	var last uint64
	orphans := map[string][]byte{}
	err := each(tx, inInbox, nil, func(key, payload []byte) (bool, error) {
		last = max(last, fromNumber(key[episodeBytes:]))
		if tx.Bucket(inJobs).Get(key[:episodeBytes]) == nil {
			orphans[string(key)] = append([]byte(nil), payload[timeBytes:]...)
			return true, nil
		}
		count.Messages++
		count.Bytes += int64(len(payload) - timeBytes)
		return true, nil
	})
	if err != nil {
		return err
	}
	for key, body := range orphans {
		if err := remove(tx, inInbox, []byte(key)); err != nil {
			return err
		}
		if err := s.bury(tx, Letter{Kind: DeadMessage, Reason: "its job was lost with a damaged file", Body: body}); err != nil {
			return err
		}
	}
	if err := raiseSequence(tx, inInbox, last); err != nil {
		return err
	}
	return putJSON(tx, inMeta, inboxKey, count)
}

// prepareNumbers goes on behind the numbers that are used: a file that was salvaged has
// forgotten them.
func (s *Store) prepareNumbers(tx *bolt.Tx) error {
	for _, bucket := range [][]byte{inSeenAge, inDead} {
		var last uint64
		err := each(tx, bucket, nil, func(key, _ []byte) (bool, error) {
			last = max(last, fromNumber(key[len(key)-8:]))
			return true, nil
		})
		if err != nil {
			return err
		}
		if err := raiseSequence(tx, bucket, last); err != nil {
			return err
		}
	}
	return nil
}

// raiseSequence makes the next number of a bucket greater than one that is used.
func raiseSequence(tx *bolt.Tx, bucket []byte, used uint64) error {
	if b := tx.Bucket(bucket); b.Sequence() < used {
		return b.SetSequence(used)
	}
	return nil
}
