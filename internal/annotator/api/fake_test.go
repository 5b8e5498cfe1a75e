package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// fakeEngine knows one episode and one proposal, and remembers what it is told.
type fakeEngine struct {
	mu        sync.Mutex
	questions []annotator.Request
	decisions []decision
	feedbacks []feedback
	err       error
	storm     bool
	// block, if not nil, holds Explain up until it is closed or its time is over.
	block chan struct{}
}

type decision struct {
	ID, Actor string
	annotator.Decision
}

type feedback struct {
	Episode, Actor string
	Useful         bool
	Verdict, Note  string
}

const (
	flood   = "0123456789ab"
	quieten = "ba9876543210"
)

var (
	byModel = sink.Explanation{
		By: "model", Model: "qwen3:14b", Verdict: "volumetric_attack", Confidence: "high", Withheld: 3,
		Summary:  "<b>24,000 SYN packets</b> a second come from one network.",
		Findings: []sink.Finding{{Text: "the rate is 80 times that of an hour ago", Facts: []string{"F1", "F2"}}, {Text: "Not known: the sources."}},
		Checks:   []sink.Step{{Text: "which sources send most", PromQL: "topk(5, packetscope_guarder_sources)", Link: "http://prom.example/graph"}},
	}
	builtin = sink.Explanation{By: "builtin", Verdict: "overload", Confidence: "low", Summary: "Much arrives."}
	asked   = annotator.Prompt{
		System: "You explain.", User: "-- 9f --\n{\"alert\":\"GuarderSynFlood\"}\n-- 9f --", Schema: answer.Schema(), Version: 3, Mode: "balanced", Privacy: "handles", LeftOut: 1, Withheld: 4, Hidden: []string{"job", "team"},
		Appendix: []string{"\n\nAnswer with JSON.", "\n\nRefused: CODE."}, Suspect: []string{"team"},
	}
)

func (f *fakeEngine) Explain(ctx context.Context, q annotator.Request) (annotator.Explained, error) {
	f.mu.Lock()
	f.questions = append(f.questions, q)
	f.mu.Unlock()
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return annotator.Explained{}, ctx.Err()
		}
	}
	x := annotator.Explained{Explanation: builtin, Builtin: builtin, Prompt: asked, NoModel: "dry_run", Known: "SYN packets: 24,000/s"}
	if !q.DryRun {
		x.Explanation, x.NoModel, x.Usage = byModel, "", model.Usage{PromptTokens: 900, CompletionTokens: 120, Cost: 0.25}
		x.Rule = "rules: []\n"
	}
	return x, f.err
}

func (f *fakeEngine) Storm() (bool, error) { return f.storm, f.err }

func (f *fakeEngine) known() annotator.EpisodeView {
	return annotator.EpisodeView{
		Episode: store.Episode{
			ID: flood, Group: "g", Severity: "critical", Opened: noon, Started: noon.Add(-time.Minute), Truncated: 3, Messages: 2, Revision: 2,
			Alerts: []store.Alert{{Fingerprint: "1", StartsAt: noon}, {Fingerprint: "2", StartsAt: noon, EndsAt: noon.Add(time.Second)}},
		},
		Alert: sink.Alert{Name: "GuarderSynFlood", Labels: map[string]string{"alertname": "GuarderSynFlood", "team": "<i>"}},
		Waits: "asked", Explanation: &builtin, Builtin: &builtin, NoModel: "time", Proposal: quieten, Gathered: noon, Sinks: []string{"grafana"},
	}
}

func (f *fakeEngine) Episodes(most int) ([]annotator.EpisodeView, error) {
	return []annotator.EpisodeView{f.known()}[:min(most, 1)], f.err
}

func (f *fakeEngine) Episode(id string) (annotator.EpisodeView, error) {
	if id != flood {
		return annotator.EpisodeView{}, fmt.Errorf("show episode %q: %w", id, annotator.ErrUnknown)
	}
	v := f.known()
	v.Explanation, v.Model, v.NoModel, v.Known = &byModel, &byModel, "", "SYN packets: 24,000/s"
	v.Episode.Alerts[0].EndsAt, v.Episode.Ended, v.Episode.Closed, v.Waits = noon, noon, noon, ""
	return v, f.err
}

func (f *fakeEngine) Prompt(episode string) (annotator.Prompt, error) {
	if episode != flood {
		return annotator.Prompt{}, annotator.ErrUnknown
	}
	return asked, f.err
}

func (f *fakeEngine) Proposals() ([]annotator.Proposal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := annotator.Proposal{
		ID: quieten, Episode: flood, State: annotator.Pending, By: "model", Action: "ratelimit", TTL: time.Hour,
		YAML: "rules:\n- name: ai-0123456789ab\n", Created: noon, Ends: noon.Add(24 * time.Hour),
	}
	for _, d := range f.decisions {
		p.State, p.Decided, p.Actor, p.Reason = annotator.Rejected, noon, d.Actor, d.Reason
		if d.Approve {
			p.State, p.TTL = annotator.Approved, cmp.Or(d.TTL, p.TTL)
			p.Ends, p.MatchedShare = noon.Add(p.TTL), d.MatchedShare
		}
	}
	return []annotator.Proposal{p}, f.err
}

func (f *fakeEngine) Decide(id, actor string, d annotator.Decision) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case id != quieten:
		return annotator.ErrUnknown
	case len(f.decisions) > 0:
		return fmt.Errorf("%w: %s", annotator.ErrDecided, annotator.Approved)
	case d.TTL > 4*time.Hour:
		return fmt.Errorf("%w: ttl %s is longer than 4h", annotator.ErrRequest, d.TTL)
	}
	f.decisions = append(f.decisions, decision{id, actor, d})
	return f.err
}

func (f *fakeEngine) Feedback(id, actor string, useful bool, verdict, note string) error {
	if id != flood {
		return annotator.ErrUnknown
	}
	f.feedbacks = append(f.feedbacks, feedback{id, actor, useful, verdict, note})
	return f.err
}

// fakeModels are two providers, one of which has failed.
type fakeModels struct{}

func (fakeModels) Status() []model.Status {
	return []model.Status{
		{Provider: "local", Model: "qwen3:14b", Mode: model.JSONObject, Quirks: model.Quirks{Mode: model.JSONObject, NoTemperature: true}},
		{Provider: "azure", Model: "gpt", Mode: model.JSONSchema, Skip: model.SkipBreaker, Until: noon.Add(2 * time.Minute)},
	}
}

func (fakeModels) TokensLeft() (int64, bool) { return 0, true }

// fakeAuth takes tokens that are a scope and a name, such as "read:ann".
type fakeAuth struct{}

func (fakeAuth) Judge(r *http.Request, scope access.Scope) (string, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	scopes, name, ok := strings.Cut(token, ":")
	switch {
	case !ok:
		return "", webhook.ErrUnknown
	case !slices.Contains(strings.Split(scopes, "+"), string(scope)):
		return "", webhook.ErrForbidden
	}
	return name, nil
}

// fakeInbox counts what is put.
type fakeInbox struct {
	bodies []string
	err    error
}

func (f *fakeInbox) Put(_ context.Context, d webhook.Delivery) (bool, error) {
	f.bodies = append(f.bodies, string(d.Body))
	return true, f.err
}

func (f *fakeInbox) Bury(context.Context, string, []byte) error { return f.err }

// A world is a handler with all that it knows.
type world struct {
	*Handler
	engine *fakeEngine
	store  *store.Store
	inbox  *fakeInbox
	log    *strings.Builder
}

const alert = `{"version":"4","groupKey":"{}:{alertname=\"X\"}","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"X"},"annotations":{},"startsAt":"2026-05-04T11:59:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"0123456789abcdef"}]}`

// newWorld returns a world in which some things happened.
func newWorld(t testing.TB, change func(*Options)) *world {
	t.Helper()
	clock := store.Clock{Now: func() time.Time { return noon }, Elapsed: func() time.Duration { return time.Hour }}
	s, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "a.db"), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &world{engine: &fakeEngine{}, store: s, inbox: &fakeInbox{}, log: &strings.Builder{}}
	o := Options{
		Engine: w.engine, Store: s, Models: fakeModels{}, Inbox: w.inbox, Auth: fakeAuth{}, Now: func() time.Time { return noon },
		Config:  func() (json.RawMessage, error) { return json.RawMessage(`{"listen":{"address":":10143"}}`), nil },
		Logger:  slog.New(slog.NewTextHandler(w.log, nil)),
		Webhook: webhook.New(w.inbox, webhook.Limits{}, ForWebhook(fakeAuth{})),
	}
	if change != nil {
		change(&o)
	}
	w.Handler = New(o)
	w.works.name = func() string { return "W1" }
	t.Cleanup(w.Close)
	return w
}

// happen writes letters and an audit log.
func (w *world) happen(t testing.TB) {
	t.Helper()
	_, a := w.store.Audit(store.AuditEntry{Actor: "ann", Action: "approve", Object: quieten, Detail: "<ttl> 1h"})
	_, b := w.store.Audit(store.AuditEntry{Actor: "bob", Action: "feedback", Object: flood})
	_, c := w.store.Put(t.Context(), store.Message{
		Key: [32]byte{1}, Group: "g", Episode: flood, Severity: "critical", Started: noon, Body: []byte("{}"),
		Alerts: []store.Alert{{Fingerprint: "1", StartsAt: noon}}, Bad: []store.BadAlert{{Fault: "labels are missing", Raw: []byte(`{"x":1}`)}},
	})
	err := errors.Join(a, b, c, w.store.Bury(t.Context(), "version is missing", []byte("<hello>")), w.store.Bury(t.Context(), "was too new", []byte(alert)))
	if err != nil {
		t.Fatal(err)
	}
}

// ask sends a request with a token for all.
func (w *world) ask(method, target, body string) *httptest.ResponseRecorder {
	return w.askAs("ingest+read+approve:ann", method, target, body)
}

func (w *world) askAs(token, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}
