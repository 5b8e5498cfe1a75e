package api

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/store"
)

// audited returns what the audit log says.
func audited(t *testing.T, s *store.Store) (entries []string) {
	t.Helper()
	err := s.AuditLog(1, func(e store.AuditEntry) bool {
		entries = append(entries, strings.TrimSpace(e.Actor+" "+e.Action+" "+e.Object+" "+e.Detail))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// letters returns the names of all letters.
func letters(t *testing.T, s *store.Store) (names []string) {
	t.Helper()
	for _, kind := range store.Kinds {
		all, err := s.Letters(kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			names = append(names, letterOf(l, false).ID)
		}
	}
	return names
}

// TestListsHoldNoBodies claims that what a list does not show it does not hold in memory either.
func TestListsHoldNoBodies(t *testing.T) {
	l := store.Letter{ID: 7, Kind: store.DeadDelivery, Body: []byte("long")}
	for body, want := range map[bool]string{false: "", true: "long"} {
		if got := letterOf(l, body); got.ID != "delivery-7" || got.Body != want || got.Letter.Body != nil {
			t.Errorf("body %t: %+v", body, got)
		}
	}
}

func TestMessagesThatAreUnderstoodNowArePutAgain(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.store.Bury(t.Context(), "was too new", []byte(alert)); err != nil {
		t.Fatal(err)
	}
	if answer := w.ask("POST", "/api/v1/dead/message-1/retry", ""); answer.Code != 200 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if diff := cmp.Diff([]string{alert}, w.inbox.bodies); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ann retry message-1"}, audited(t, w.store)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	if left := letters(t, w.store); left != nil {
		t.Errorf("letters %v", left)
	}
}

func TestMessagesStayDeadIfTheInboxIsFull(t *testing.T) {
	w := newWorld(t, nil)
	w.inbox.err = store.ErrFull
	if err := w.store.Bury(t.Context(), "was too new", []byte(alert)); err != nil {
		t.Fatal(err)
	}
	if answer := w.ask("POST", "/api/v1/dead/message-1/retry", ""); answer.Code != 503 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if diff := cmp.Diff([]string{"message-1"}, letters(t, w.store)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

func TestDeadJobsAreRevived(t *testing.T) {
	w := newWorld(t, nil)
	w.happen(t)
	job, err := w.store.Next(t.Context())
	for dead := false; err == nil && !dead; {
		if dead, err = w.store.Fail(job, "no answer", 0); err == nil && !dead {
			job, err = w.store.Next(t.Context())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"message-2", "message-3", "alert-1", "job-4"}, letters(t, w.store)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	if answer := w.ask("POST", "/api/v1/dead/job-4/retry", ""); answer.Code != 200 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if _, pending, err := w.store.Pending(flood); !pending || err != nil {
		t.Errorf("the job is pending: %t, %v", pending, err)
	}
	if got := audited(t, w.store); got[len(got)-1] != "ann retry job-4 "+flood {
		t.Errorf("audit log %q", got)
	}
	if answer := w.ask("POST", "/api/v1/dead/job-4/retry", ""); answer.Code != 404 {
		t.Errorf("a second time: %d %s", answer.Code, answer.Body)
	}
}

func TestLettersAreShownAsTheyCame(t *testing.T) {
	w := newWorld(t, nil)
	w.happen(t)
	list := w.ask("GET", "/api/v1/dead", "").Body.String()
	one := w.ask("GET", "/api/v1/dead/message-2", "").Body.String()
	if strings.Contains(list, "body") || !strings.Contains(one, `"body":"\u003chello\u003e"`) {
		t.Errorf("list %s\none %s", list, one)
	}
}

// brokenLog is a store whose audit log is damaged behind its first entry.
type brokenLog struct{ Store }

func (b brokenLog) AuditLog(from uint64, fn func(store.AuditEntry) bool) error {
	if from == 1 {
		fn(store.AuditEntry{Number: 1, Actor: "ann"})
	}
	return errors.Join(store.ErrCorrupt, errors.New("entry 2"))
}

func TestWhatIsBeforeDamageOfTheAuditLogIsShown(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Store = brokenLog{o.Store} })
	answer := w.ask("GET", "/api/v1/audit", "")
	want := `{"number":1,"time":"0001-01-01T00:00:00Z","actor":"ann","action":"","object":"","before":""}
{"error":{"code":"internal","message":"what is stored is damaged"}}
`
	if diff := cmp.Diff(want, answer.Body.String()); diff != "" || answer.Code != 200 {
		t.Errorf("code %d (-want +got):\n%s", answer.Code, diff)
	}
	if answer := w.ask("GET", "/api/v1/audit?since=1", ""); answer.Code != 500 {
		t.Errorf("behind the damage: %d %s", answer.Code, answer.Body)
	}
	if strings.Count(w.log.String(), "entry 2") != 2 {
		t.Errorf("log says %s", w.log)
	}
}
