package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// FuzzBodies checks that whatever is sent has an answer of the form that is promised, and that
// nothing reaches the engine that it would have to check.
func FuzzBodies(f *testing.F) {
	targets := []string{
		"/api/v1/explain?wait=1s", "/api/v1/feedback", "/api/v1/suggestions/" + quieten + "/approve",
		"/api/v1/suggestions/" + quieten + "/reject", "/api/v1/dead/job-1/retry",
	}
	for i, body := range []string{
		`{"mode":"custom","focus":"port 53","labels":{"alertname":"X","instance":"a:10142"},"dry_run":true}`,
		`{"episode":"0123456789ab","useful":false,"right_verdict":"overload","note":"a\nb"}`,
		`{"ttl":"30m","reason":"seen"}`,
		`{"reason":"\u200b"}`,
		`[{"a":`,
		"\xff",
	} {
		f.Add(byte(i), body)
	}
	f.Fuzz(func(t *testing.T, target byte, body string) {
		engine := &fakeEngine{}
		h := New(Options{Engine: engine, Store: noStore{}, Auth: fakeAuth{}})
		defer h.Close()
		r := httptest.NewRequest("POST", targets[int(target)%len(targets)], strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer read+approve:ann")
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		checkForm(t, answer)
		for _, q := range engine.questions {
			checkText(t, q.Focus, mostFocus)
			if _, err := (&Question{Mode: q.Mode, Focus: q.Focus, Episode: q.Episode, Labels: q.Labels, DryRun: q.DryRun}).request(); err != nil {
				t.Errorf("question %+v: %v", q, err)
			}
			if w := q.Host.Window; w < 0 || w > evidence.LongestWindow || w != 0 && w < evidence.ShortestWindow {
				t.Errorf("question over %v", w)
			}
		}
		for _, d := range engine.decisions {
			checkText(t, d.Reason, mostReason)
			if d.TTL < 0 || d.Actor != "ann" {
				t.Errorf("decision %+v", d)
			}
		}
		for _, o := range engine.feedbacks {
			checkText(t, o.Note, mostReason)
			if o.Actor != "ann" || !isID(o.Episode) {
				t.Errorf("feedback %+v", o)
			}
		}
	})
}

// FuzzPaths checks that no path and no query is redirected or has an answer of another form.
func FuzzPaths(f *testing.F) {
	for _, target := range []string{
		"/api/v1/episodes?limit=7", "/api/v1/audit?since=18446744073709551614", "//api/v1/alerts", "/api/v1/dead/job-1/retry",
		"/metrics/../x", "/%2e/", "/api/v1/episodes/%2f?limit=%zz", "/api/v1/prompt?episode=..", "*",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" {
			return // no server is asked so
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { reply(w, r, nil, "else", nil) })
		mux.HandleFunc("/debug/pprof/", func(w http.ResponseWriter, r *http.Request) { reply(w, r, nil, "else", nil) })
		h := New(Options{Engine: &fakeEngine{}, Store: noStore{}, Auth: access.Tokens(nil), Else: mux, Config: func() (json.RawMessage, error) { return json.RawMessage("{}"), nil }})
		defer h.Close()
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, &http.Request{Method: "GET", URL: u, Header: http.Header{}, Body: http.NoBody, RequestURI: target})
		checkForm(t, answer)
	})
}

// checkForm checks that an answer is one of those that are promised.
func checkForm(t *testing.T, answer *httptest.ResponseRecorder) {
	t.Helper()
	_, known := codes[answer.Code]
	if !known && answer.Code/100 != 2 || answer.Code == 500 {
		t.Errorf("code %d: %s", answer.Code, answer.Body)
	}
	if location := answer.Header().Get("Location"); location != "" {
		t.Errorf("leads to %q", location)
	}
	for line := range strings.Lines(answer.Body.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("answer %q", line)
		}
	}
}

func checkText(t *testing.T, text string, most int) {
	t.Helper()
	hidden := func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }
	if len(text) > most || strings.ContainsFunc(text, hidden) {
		t.Errorf("text %q", text)
	}
}

// noStore is a store with nothing in it.
type noStore struct{}

func (noStore) Depth() (store.Depth, error)                        { return store.Depth{}, nil }
func (noStore) Letters(store.Kind) ([]store.Letter, error)         { return nil, nil }
func (noStore) Revive(store.Kind, uint64) error                    { return store.ErrUnknown }
func (noStore) Forget(store.Kind, uint64) error                    { return store.ErrUnknown }
func (noStore) Audit(a store.AuditEntry) (store.AuditEntry, error) { return a, nil }
func (noStore) AuditLog(uint64, func(store.AuditEntry) bool) error { return nil }
