//go:build unix

package store

import (
	"bytes"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Depth is how much there is, for metrics and for the operator.
type Depth struct {
	// Messages wait to be worked on; Oldest is when the first of them came, zero if none.
	Messages int
	Bytes    int64
	Oldest   time.Time
	// Jobs wait or are worked on.
	Jobs int
	// Open and Closed count episodes.
	Open, Closed int
	// Outbox has one line for each sink that anything was published to.
	Outbox map[string]Line
	// Dead has a count for each kind.
	Dead map[Kind]int
	// FileBytes is the size of the file, FreeBytes what of it can be used again.
	FileBytes, FreeBytes int64
}

// A Line is what waits for a sink.
type Line struct {
	Waiting int
	Oldest  time.Time // zero if nothing waits
}

// Depth counts.
func (s *Store) Depth() (Depth, error) {
	d := Depth{Outbox: map[string]Line{}, Dead: map[Kind]int{}}
	err := s.view("count", func(tx *bolt.Tx) error {
		count, err := inboxCount(tx)
		if err != nil {
			return err
		}
		d.Messages, d.Bytes = int(count.Messages), count.Bytes
		d.Jobs = tx.Bucket(inJobs).Stats().KeyN
		d.Open = tx.Bucket(inOpen).Stats().KeyN
		d.Closed = tx.Bucket(inEpisodes).Stats().KeyN - d.Open
		d.FileBytes = tx.Size()
		d.FreeBytes = int64(s.db.Stats().FreePageN) * int64(s.db.Info().PageSize)
		d.Oldest = oldestMessage(tx)
		for _, kind := range Kinds {
			d.Dead[kind] = countKeys(tx, inDead, letterPrefix(kind))
		}
		for _, sink := range sinksOf(tx) {
			d.Outbox[sink] = lineOf(tx, sink)
		}
		return nil
	})
	return d, err
}

// oldestMessage looks at the times only: the checksums would read all the bodies.
func oldestMessage(tx *bolt.Tx) (oldest time.Time) {
	c := tx.Bucket(inInbox).Cursor()
	for key, value := c.First(); key != nil; key, value = c.Next() {
		received := time.Unix(0, int64(fromNumber(value[sumBytes:]))).UTC()
		oldest = earliest(oldest, received)
	}
	return oldest
}

// lineOf looks at the times only, too: payloads may be hundreds of megabytes while a sink is down.
func lineOf(tx *bolt.Tx, sink string) (line Line) {
	c, prefix := tx.Bucket(inOutbox).Cursor(), sinkPrefix(sink)
	for key, value := c.Seek(prefix); key != nil && bytes.HasPrefix(key, prefix); key, value = c.Next() {
		line.Waiting++
		line.Oldest = earliest(line.Oldest, createdOf(value))
	}
	return line
}

// mostHead is more than a delivery takes up to its payload.
const mostHead = 512

// createdOf returns when a delivery was published, zero if it does not say so. In what is text
// around it no such words can be: the payload is of base64.
func createdOf(value []byte) (at time.Time) {
	_, rest, _ := bytes.Cut(value[:min(len(value), mostHead)], []byte(`"created":"`))
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	if at.UnmarshalText(text) != nil {
		return time.Time{}
	}
	return at
}

func countKeys(tx *bolt.Tx, bucket, prefix []byte) (n int) {
	c := tx.Bucket(bucket).Cursor()
	for key, _ := c.Seek(prefix); key != nil && bytes.HasPrefix(key, prefix); key, _ = c.Next() {
		n++
	}
	return n
}
