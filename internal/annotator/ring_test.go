//go:build unix

package annotator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// A link takes what one annotator is sent by another one to its webhook.
type link struct {
	to *process
	// change, if not nil, makes news of a body that was there before.
	change func(body []byte) []byte

	mu    sync.Mutex
	heard []string // the hops and the answer of each message
}

func (l *link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it comes again
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.change != nil {
		body = l.change(body)
	}
	passed := httptest.NewRequestWithContext(r.Context(), r.Method, webhook.Path, bytes.NewReader(body))
	passed.Header = r.Header
	answer := httptest.NewRecorder()
	webhook.New(l.to.Inbox(), webhook.Limits{Store: time.Minute}, nil).ServeHTTP(answer, passed)
	l.heard = append(l.heard, r.Header.Get(sink.HopsHeader)+" "+http.StatusText(answer.Code))
	w.WriteHeader(answer.Code)
}

func (l *link) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

// ring starts two annotators, each of which notifies the other one, tells the first of an
// alert, and waits until both have nothing to do.
func ring(t *testing.T, change func([]byte) []byte) (a, b *link) {
	t.Helper()
	a, b = &link{change: change}, &link{change: change}
	notify := func(l *link) []sink.Sink {
		server := httptest.NewServer(l)
		t.Cleanup(server.Close)
		n, err := sink.NewNotify(sink.NotifyOptions{Options: sink.Options{Name: "next"}, Format: "alertmanager", URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		return sinks(n)
	}
	toA, toB := notify(a), notify(b)
	a.to = start(t, dbPath(t), Config{}, Parts{Sinks: toB}, nil)
	b.to = start(t, dbPath(t), Config{}, Parts{Sinks: toA}, nil)
	if code := post(t, a.to.Engine, firing("g", flood).body(t)); code != http.StatusAccepted {
		t.Fatalf("code %d", code)
	}
	// Something may be on the way from one to the other while both look settled, but
	// nothing comes back more often than there are hops.
	for range sink.MostHops + 1 {
		a.to.settle(t)
		b.to.settle(t)
	}
	return a, b
}

// TestWhatComesRoundIsKnown claims that two annotators that notify each other do so once.
func TestWhatComesRoundIsKnown(t *testing.T) {
	a, b := ring(t, nil)
	if diff := cmp.Diff([][]string{{"2 OK"}, {"1 Accepted"}}, [][]string{a.all(), b.all()}); diff != "" {
		t.Errorf("heard by the first and the second (-want +got):\n%s", diff)
	}
}

// TestACircleEnds claims that a circle in which each message has news ends after two hops,
// with a letter that says so.
func TestACircleEnds(t *testing.T) {
	a, b := ring(t, func(body []byte) []byte {
		was := struct {
			Alerts []struct{ StartsAt time.Time }
		}{}
		if err := json.Unmarshal(body, &was); err != nil {
			t.Error(err)
		}
		at := was.Alerts[0].StartsAt
		return bytes.ReplaceAll(body, []byte(at.Format(time.RFC3339Nano)), []byte(at.Add(time.Second).Format(time.RFC3339Nano)))
	})
	if diff := cmp.Diff([][]string{{"2 Accepted"}, {"1 Accepted"}}, [][]string{a.all(), b.all()}); diff != "" {
		t.Errorf("heard by the first and the second (-want +got):\n%s", diff)
	}
	letters, err := a.to.Store.Letters(store.DeadDelivery)
	if err != nil || len(letters) != 1 || !strings.Contains(letters[0].Reason, "in a circle") {
		t.Errorf("letters of the first: %+v, %v", letters, err)
	}
}
