//go:build unix

package annotator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/store"
)

// fourRevisions tells an engine of an alert, of two more of its group, and of the end of all.
func fourRevisions(t *testing.T, p *process) {
	t.Helper()
	m := firing("a", flood)
	tell(t, p, m)
	for n := range 2 {
		pass(time.Minute)
		m.alerts = append(m.alerts, with(flood, "port", fmt.Sprint(n)))
		tell(t, p, m)
	}
	pass(time.Minute)
	tell(t, p, m.over())
	pass(time.Minute)
}

// waiting returns how many messages wait for a sink.
func waiting(p *process, sink string) int { return p.Snapshot().Depth.Outbox[sink].Waiting }

var sinkFailures = []failure{
	{"Grafana down: newest revision only", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.grafana.becomes(down)
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		fourRevisions(t, p)
		expectPaged(t, s, "firing -1", "firing -2", "firing -3", "resolved -4")
		// The first one is what others belong to.
		if n := waiting(p, "grafana"); n != 2 {
			t.Errorf("%d messages wait", n)
		}
		pass(5 * time.Hour)
		s.grafana.becomes(nil)
		pass(11 * time.Minute)
		notes := s.board.Annotations("packetscope")
		if len(notes) != 1 || !slices.Contains(notes[0].Tags, "resolved") || notes[0].TimeEnd-notes[0].Time < 180_000 {
			t.Errorf("annotations %+v", notes)
		}
		if n := waiting(p, "grafana"); n != 0 {
			t.Errorf("%d messages wait", n)
		}
		expectNoLetters(t, p)
	})},
	{"Grafana down: for a day", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.grafana.becomes(down)
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		fourRevisions(t, p)
		pass(23 * time.Hour)
		expectNoLetters(t, p)
		pass(2 * time.Hour)
		letters, err := p.Store.Letters(store.DeadDelivery)
		if err != nil || len(letters) != 2 || letters[0].Sink != "grafana" || waiting(p, "grafana") != 0 {
			t.Errorf("%d wait, dead letters %+v, %v", waiting(p, "grafana"), letters, err)
		}
	})},
	{"Grafana answers 200 without an id", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.grafana.becomes(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				s.board.ServeHTTP(w, r)
				return
			}
			s.board.ServeHTTP(httptest.NewRecorder(), r) // it is made
			says(200, "application/json", `{"message":"Annotation added"}`)(w, r)
		})
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		fourRevisions(t, p)
		pass(15 * time.Minute)
		expectOneRegion(t, s, p)
	})},
	{"Grafana slow or lying", func(t *testing.T) {
		for name, ill := range map[string]http.HandlerFunc{
			"hangs": hang, "page": page, "null": says(200, "application/json", "null"), "list": says(200, "application/json", "[]"),
			"id 0": says(200, "application/json", `{"id":0}`), "cut": says(200, "application/json", `[{"id":`), "refuses": says(401, "application/json", `{}`),
			"long": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "[%s]", strings.Repeat(" ", 2<<20)) },
		} {
			t.Run(name, bubble(func(t *testing.T) {
				s := newScene(t, floodFacts)
				s.grafana.becomes(ill)
				p := start(t, dbPath(t), Config{}, s.parts, nil)
				fourRevisions(t, p)
				expectPaged(t, s, "firing -1", "firing -2", "firing -3", "resolved -4")
				if n := len(s.board.Annotations()); n != 0 {
					t.Fatalf("%d annotations", n)
				}
				s.grafana.becomes(nil)
				pass(21 * time.Minute)
				expectOneRegion(t, s, p)
			}))
		}
	}},
	{"notify down: first revision never skipped", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.pager.becomes(down)
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		fourRevisions(t, p)
		expectOneRegion(t, s, p)
		pass(5 * time.Hour)
		s.pager.becomes(nil)
		pass(21 * time.Minute)
		expectPaged(t, s, "firing -1", "resolved -4")
		expectNoLetters(t, p)
	})},
	{"notify slow", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.pager.becomes(hang)
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		m := firing("a", flood)
		tell(t, p, m)
		pass(time.Second)
		if n := len(s.board.Annotations("packetscope", "firing")); n != 1 {
			t.Errorf("%d annotations: a slow receiver holds others up", n)
		}
		pass(time.Hour)
		s.pager.becomes(nil)
		pass(11 * time.Minute)
		expectPaged(t, s, "firing -1")
	})},
}

// expectOneRegion expects one annotation, from the beginning to the end, and that nothing waits
// or was given up.
func expectOneRegion(t testing.TB, s *scene, p *process) {
	t.Helper()
	notes := s.board.Annotations("packetscope")
	if len(notes) != 1 || !slices.Contains(notes[0].Tags, "resolved") || notes[0].TimeEnd-notes[0].Time < 180_000 {
		t.Errorf("annotations %+v", notes)
	}
	if n := waiting(p, "grafana"); n != 0 {
		t.Errorf("%d messages wait for Grafana", n)
	}
	expectNoLetters(t, p)
}
