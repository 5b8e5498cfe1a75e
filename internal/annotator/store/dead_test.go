//go:build unix

package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGarbageIsKeptOnceAndCounted(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	for range 3 {
		if err := s.Bury(t.Context(), "no version", []byte("garbage")); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Minute)
	}
	if err := s.Bury(t.Context(), "large", bytes.Repeat([]byte("x"), mostBody+1)); err != nil {
		t.Fatal(err)
	}
	want := []Letter{
		{ID: 1, Kind: DeadMessage, Reason: "no version", Body: []byte("garbage"), First: start, Last: start.Add(2 * time.Minute), Count: 3},
		{ID: 2, Kind: DeadMessage, Reason: "large", Cut: true, First: start.Add(3 * time.Minute), Last: start.Add(3 * time.Minute), Count: 1},
	}
	got := must[[]Letter](t)(s.Letters(DeadMessage))
	if !bytes.Equal(got[1].Body, bytes.Repeat([]byte("x"), mostBody)) {
		t.Errorf("of the large one %d bytes are kept, want %d", len(got[1].Body), mostBody)
	}
	got[1].Body = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

func TestGarbageDoesNotPushOutWhatMatters(t *testing.T) {
	s := openQuick(t, Config{})
	m := firing("g", 0, "a")
	m.Bad = []BadAlert{{"no labels", []byte("{}")}}
	add(t, s, m)
	// 40 MiB, of which 32 are kept.
	for n := range 40 {
		if err := s.Bury(t.Context(), "garbage", bytes.Repeat([]byte{byte(n)}, mostBody)); err != nil {
			t.Fatal(err)
		}
	}
	letters := must[[]Letter](t)(s.Letters(DeadMessage))
	if len(letters) != 32 || letters[0].Body[0] != 8 || letters[31].Body[0] != 39 {
		t.Errorf("%d letters", len(letters))
	}
	bad := must[[]Letter](t)(s.Letters(DeadAlert))
	if len(bad) != 1 || string(bad[0].Body) != "{}" || bad[0].Episode != m.Episode || bad[0].Reason != "no labels" {
		t.Errorf("bad alerts %+v", bad)
	}
	if d := must[Depth](t)(s.Depth()); d.Dead[DeadMessage] != 32 || d.Dead[DeadAlert] != 1 {
		t.Errorf("dead %v", d.Dead)
	}
}

func TestLettersAreForgottenOnce(t *testing.T) {
	s := openQuick(t, Config{})
	if err := s.Bury(t.Context(), "garbage", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Revive(DeadMessage, 1); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("a message was revived: %v", err)
	}
	if err := s.Forget(DeadMessage, 1); err != nil {
		t.Error(err)
	}
	if err := s.Forget(DeadMessage, 1); !errors.Is(err, ErrUnknown) {
		t.Errorf("forgotten twice: %v", err)
	}
}

func TestAuditLogShowsWhatWasChanged(t *testing.T) {
	h := newHands()
	damage := map[string]func(*Store) error{
		"changed": func(s *Store) error { return s.forge(2, func(a *AuditEntry) { a.Actor = "nobody" }) },
		"hashed anew": func(s *Store) error {
			return s.forge(2, func(a *AuditEntry) { a.Actor = "nobody"; a.Hash, _ = a.hash() })
		},
		"removed within": func(s *Store) error { return s.forge(2, nil) },
		"removed last":   func(s *Store) error { return s.forge(3, nil) },
		"removed first":  func(s *Store) error { return s.forge(1, nil) },
	}
	for name, change := range damage {
		s := openQuick(t, Config{Clock: h.clock()})
		for n := range 3 {
			must[AuditEntry](t)(s.Audit(AuditEntry{Actor: "oncall", Action: "approve", Object: fmt.Sprint("rule ", n)}))
		}
		count := func(AuditEntry) bool { return true }
		if err := s.AuditLog(0, count); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		if err := change(s); err != nil {
			t.Fatal(err)
		}
		if err := s.AuditLog(0, count); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// forge changes an audit entry behind the back of the log, or removes it.
func (s *Store) forge(n uint64, change func(*AuditEntry)) error {
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if change == nil {
		err = remove(tx, inAudit, number(n))
	} else {
		var a *AuditEntry
		if a, err = getJSON[AuditEntry](tx, inAudit, number(n)); err == nil {
			change(a)
			err = putJSON(tx, inAudit, number(n), a)
		}
	}
	return errors.Join(err, tx.Commit())
}

func TestAuditLogGoesOnBehindWhatWasPruned(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock(), Keep: 10 * time.Hour})
	for n := range 20 {
		must[AuditEntry](t)(s.Audit(AuditEntry{Actor: "oncall", Action: "approve", Object: fmt.Sprint("rule ", n), Detail: "for 1h"}))
		h.pass(time.Hour)
	}
	if err := s.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	must[AuditEntry](t)(s.Audit(AuditEntry{Actor: "oncall", Action: "reject", Object: "rule 20"}))
	var got []uint64
	err := s.AuditLog(15, func(a AuditEntry) bool {
		got = append(got, a.Number)
		return a.Number < 18
	})
	if err != nil || !cmp.Equal(got, []uint64{15, 16, 17, 18}) {
		t.Errorf("entries %v, error %v", got, err)
	}
	got = nil
	err = s.AuditLog(0, func(a AuditEntry) bool {
		got = append(got, a.Number)
		return true
	})
	if err != nil || len(got) != 11 || got[0] != 11 || got[10] != 21 {
		t.Errorf("entries %v, error %v", got, err)
	}
}
