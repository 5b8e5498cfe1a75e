package webhook

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"time"
)

// A Key is the same for messages that say the same: retries, the twins that a cluster of
// Alertmanagers sends, and what is repeated after repeat_interval, whatever the order of the
// alerts and the receiver.
type Key [sha256.Size]byte

// String returns the key in hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Key returns the key of a message.
//
// What fires again after it has ended may start at the time at which it started before, and
// then has the key of before: a key alone does not tell that nothing is new.
func (m Message) Key() Key {
	type line struct {
		fingerprint string
		resolved    bool
		starts      time.Time
		ends        time.Time
	}
	lines := make([]line, 0, len(m.Alerts))
	for _, a := range m.Alerts {
		lines = append(lines, line{a.Fingerprint, a.Resolved, a.StartsAt, a.EndsAt})
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.fingerprint, b.fingerprint), a.starts.Compare(b.starts), a.ends.Compare(b.ends))
	})
	h := sha256.New()
	hashText(h, m.Group)
	for _, l := range lines {
		hashText(h, l.fingerprint)
		hashTime(h, l.starts)
		hashTime(h, l.ends) // zero exactly while it fires
	}
	return Key(h.Sum(nil))
}

// Episode returns the name of the episode that a message begins if its group has none that
// is open: 12 hexadecimal digits, of the group and of when its first alert started.
func (m Message) Episode() string {
	h := sha256.New()
	hashText(h, m.Group)
	hashTime(h, m.Started())
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// hashText hashes a text with its length, so that no two lists of texts are alike.
func hashText(h hash.Hash, text string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(text)))
	h.Write(length[:])
	io.WriteString(h, text)
}

// hashTime hashes a time of any year, whatever its zone.
func hashTime(h hash.Hash, t time.Time) {
	var at [12]byte
	binary.BigEndian.PutUint64(at[:], uint64(t.Unix()))
	binary.BigEndian.PutUint32(at[8:], uint32(t.Nanosecond()))
	h.Write(at[:])
}

// Fingerprint returns what Alertmanager calls an alert with these labels: FNV-1a of the
// sorted names and values, as labelSetToFingerprint in prometheus/common/model/signature.go.
func Fingerprint(labels map[string]string) string {
	separator := []byte{255}
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		io.WriteString(h, name)
		h.Write(separator)
		io.WriteString(h, labels[name])
		h.Write(separator)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func isFingerprint(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 16
}
