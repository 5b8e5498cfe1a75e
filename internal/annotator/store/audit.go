//go:build unix

package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// An AuditEntry says who did what. Each holds the hash of the one before, so that none can
// be changed, added or removed in between without all later ones showing it. Whoever can
// write the file can write them all anew: keep a hash elsewhere to notice that.
type AuditEntry struct {
	Number uint64    `json:"number"`
	Time   time.Time `json:"time"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	Detail string    `json:"detail,omitempty"`
	// Before is the hash of the entry before, Hash that of this one, of its JSON without
	// Hash: SHA-256 in hexadecimal digits.
	Before string `json:"before"`
	Hash   string `json:"hash,omitempty"`
}

func (a AuditEntry) hash() (string, error) {
	a.Hash = ""
	text, err := json.Marshal(a)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// auditMark is where the log begins or ends.
type auditMark struct {
	Number uint64 `json:"number"`
	Hash   string `json:"hash"`
}

// auditStart is of the last entry that was pruned, auditEnd of the last one.
var auditStart, auditEnd = []byte("audit_start"), []byte("audit_end")

func readMark(tx *bolt.Tx, key []byte) (auditMark, error) {
	mark, err := getJSON[auditMark](tx, inMeta, key)
	if mark == nil || err != nil {
		return auditMark{}, err
	}
	return *mark, nil
}

// Audit writes an entry and returns it. Its number, time and hashes are set.
func (s *Store) Audit(a AuditEntry) (AuditEntry, error) {
	err := s.update("write audit log", func(tx *bolt.Tx) error {
		end, err := readMark(tx, auditEnd)
		if err != nil {
			return err
		}
		a.Number, a.Time, a.Before = end.Number+1, s.time.wall(), end.Hash
		if a.Hash, err = a.hash(); err != nil {
			return err
		}
		if err := putJSON(tx, inAudit, number(a.Number), a); err != nil {
			return err
		}
		return putJSON(tx, inMeta, auditEnd, auditMark{a.Number, a.Hash})
	})
	return a, err
}

// AuditLog calls fn with the entries from a number on, the oldest first, until it returns
// false; it must not call the store. The error is [ErrCorrupt] at the first entry that does not follow from the one
// before it; entries before were handed to fn.
func (s *Store) AuditLog(from uint64, fn func(AuditEntry) bool) error {
	return s.view("read audit log", func(tx *bolt.Tx) error {
		last, err := readMark(tx, auditStart)
		if err != nil {
			return err
		}
		stopped := false
		err = each(tx, inAudit, nil, func(key, payload []byte) (bool, error) {
			a, err := parse[AuditEntry](inAudit, key, payload)
			if err != nil {
				return false, err
			}
			hash, err := a.hash()
			if err != nil {
				return false, err
			}
			if a.Hash != hash || a.Before != last.Hash || a.Number != last.Number+1 || !bytes.Equal(key, number(a.Number)) {
				return false, fmt.Errorf("%w: audit entry %d does not follow entry %d", ErrCorrupt, fromNumber(key), last.Number)
			}
			last = auditMark{a.Number, a.Hash}
			stopped = a.Number >= from && !fn(*a)
			return !stopped, nil
		})
		if err != nil || stopped {
			return err
		}
		end, err := readMark(tx, auditEnd)
		if err == nil && end != last {
			err = fmt.Errorf("%w: the audit log ends at entry %d, not at %d", ErrCorrupt, last.Number, end.Number)
		}
		return err
	})
}

// pruneAudit removes entries that are too old, at most so many, and returns how many. The
// chain goes on from the last one removed.
func pruneAudit(tx *bolt.Tx, before time.Time, most int) (int, error) {
	var old []auditMark
	err := each(tx, inAudit, nil, func(key, payload []byte) (bool, error) {
		a, err := parse[AuditEntry](inAudit, key, payload)
		if err != nil || !a.Time.Before(before) || len(old) == most {
			return false, err
		}
		old = append(old, auditMark{a.Number, a.Hash})
		return true, nil
	})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	for _, mark := range old {
		if err := remove(tx, inAudit, number(mark.Number)); err != nil {
			return 0, err
		}
	}
	return len(old), putJSON(tx, inMeta, auditStart, old[len(old)-1])
}
