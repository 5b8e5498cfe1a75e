//go:build unix

package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Buckets. The derived ones are built anew when the store is opened.
var (
	inMeta       = []byte("meta")
	inInbox      = []byte("inbox")       // episode, number: time received, body
	inBodies     = []byte("bodies")      // episode: number, time received, body of the last message worked on
	inSeen       = []byte("seen")        // key of a message: when, and of which episode
	inSeenAge    = []byte("seen_age")    // number: key of a message
	inEpisodes   = []byte("episodes")    // episode: Episode
	inJobs       = []byte("jobs")        // episode: job
	inOutputs    = []byte("outputs")     // episode, step: output of a step
	inOutbox     = []byte("outbox")      // sink, episode, revision: delivery
	inSinks      = []byte("sinks")       // sink, episode: what is remembered there
	inDead       = []byte("dead")        // kind, number: Letter
	inDeadBodies = []byte("dead_bodies") // as dead: body
	inAudit      = []byte("audit")       // number: AuditEntry
	inCache      = []byte("cache")       // key: kept value
	inCaps       = []byte("caps")        // key: kept value
	inBudget     = []byte("budget")      // name: counter
	inProposals  = []byte("proposals")   // key: kept value
	inFeedback   = []byte("feedback")    // key: kept value

	inOpen   = []byte("open")    // derived; group: episode that is open
	inWorst  = []byte("worst")   // derived; rank of severity, number: episode that is open
	inRecent = []byte("recent")  // derived; number: episode
	inQueue  = []byte("queue")   // derived; urgency: due
	inOutDue = []byte("out_due") // derived; sink, due, episode, revision: nothing

	kept    = [][]byte{inMeta, inInbox, inBodies, inSeen, inSeenAge, inEpisodes, inJobs, inOutputs, inOutbox, inSinks, inDead, inDeadBodies, inAudit, inCache, inCaps, inBudget, inProposals, inFeedback}
	derived = [][]byte{inOpen, inWorst, inRecent, inQueue, inOutDue}
)

// isName tells whether a name is among those of buckets.
func isName(buckets [][]byte, name []byte) bool {
	return slices.ContainsFunc(buckets, func(b []byte) bool { return bytes.Equal(b, name) })
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumBytes is the length of the checksum in front of each value.
const sumBytes = 4

// sum covers the key too, so that a value at the place of another one is found.
func sum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, payload)
}

func seal(key, payload []byte) []byte {
	value := make([]byte, sumBytes, sumBytes+len(payload))
	binary.BigEndian.PutUint32(value, sum(key, payload))
	return append(value, payload...)
}

// unseal returns what is in a value. It is valid as long as the value.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < sumBytes || binary.BigEndian.Uint32(value) != sum(key, value[sumBytes:]) {
		return nil, fmt.Errorf("%w: value of %.40q has another checksum", ErrCorrupt, key)
	}
	return value[sumBytes:], nil
}

// put writes bytes.
func put(tx *bolt.Tx, bucket, key, payload []byte) error {
	return tx.Bucket(bucket).Put(key, seal(key, payload))
}

// get returns bytes that are valid as long as the transaction, or nil if there are none.
func get(tx *bolt.Tx, bucket, key []byte) ([]byte, error) {
	value := tx.Bucket(bucket).Get(key)
	if value == nil {
		return nil, nil
	}
	payload, err := unseal(key, value)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return payload, nil
}

// remove deletes a key, if it is there.
func remove(tx *bolt.Tx, bucket, key []byte) error { return tx.Bucket(bucket).Delete(key) }

func putJSON(tx *bolt.Tx, bucket, key []byte, value any) error {
	payload, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return put(tx, bucket, key, payload)
}

// getJSON returns what is at a key, or nil if nothing is.
func getJSON[T any](tx *bolt.Tx, bucket, key []byte) (*T, error) {
	payload, err := get(tx, bucket, key)
	if payload == nil || err != nil {
		return nil, err
	}
	return parse[T](bucket, key, payload)
}

func parse[T any](bucket, key, payload []byte) (*T, error) {
	value := new(T)
	if err := json.Unmarshal(payload, value); err != nil {
		return nil, fmt.Errorf("bucket %s: %w: value of %.40q: %w", bucket, ErrCorrupt, key, err)
	}
	return value, nil
}

// each calls fn with the keys of a bucket that have a prefix and what is there, in order,
// until it returns false. Neither is valid behind the call. The bucket must not be changed.
func each(tx *bolt.Tx, bucket, prefix []byte, fn func(key, payload []byte) (bool, error)) error {
	c := tx.Bucket(bucket).Cursor()
	for key, value := c.Seek(prefix); key != nil && hasPrefix(key, prefix); key, value = c.Next() {
		payload, err := unseal(key, value)
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		if more, err := fn(key, payload); !more || err != nil {
			return err
		}
	}
	return nil
}

func hasPrefix(key, prefix []byte) bool {
	return len(key) >= len(prefix) && string(key[:len(prefix)]) == string(prefix)
}

// removePrefix deletes the keys that have a prefix.
func removePrefix(tx *bolt.Tx, bucket, prefix []byte) error {
	var keys [][]byte
	c := tx.Bucket(bucket).Cursor()
	for key, _ := c.Seek(prefix); key != nil && hasPrefix(key, prefix); key, _ = c.Next() {
		keys = append(keys, append([]byte(nil), key...))
	}
	for _, key := range keys {
		if err := remove(tx, bucket, key); err != nil {
			return err
		}
	}
	return nil
}

// number is a key, or a part of one, that sorts as the number does.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func join(parts ...[]byte) (key []byte) {
	for _, part := range parts {
		key = append(key, part...)
	}
	return key
}
