//go:build unix

package annotator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// flood are the labels of the alert that most tests are about.
var flood = map[string]string{"alertname": "PacketScopeSYNFlood", "area": "tcp", "instance": "web-1:10142", "job": "packetscope", "severity": "critical"}

// prometheus answers by the names of queries about one alert; of a query that it does not
// know it knows nothing.
type prometheus struct {
	labels map[string]string
	values map[string]float64
}

func (p prometheus) Query(_ context.Context, expr string, _ time.Time) ([]evidence.Sample, error) {
	for _, q := range evidence.For(p.labels["alertname"]) {
		value, known := p.values[q.Name]
		if rendered, err := q.Render(p.labels); known && err == nil && rendered == expr {
			return []evidence.Sample{{Value: value}}, nil
		}
	}
	return nil, nil
}

// floodFacts are those of a flood.
var floodFacts = prometheus{flood, map[string]float64{"cookies_sent": 1230, "cookies_back": 0.004, "accepted": 210, "accept_queue_fill": 0.12}}

// modelSays is what the model says of the flood.
const modelSays = `{"findings":[{"text":"This host answers 1230 per second with cookies.","weighs":"for","facts":["F1"]}],
 "verdict":"volumetric_attack","confidence":"medium","summary":"Somebody floods H1 with connection requests, says the model.",
 "checks":[],"steps":["Ask the provider to filter."],"rule":null}`

// message returns a message of Alertmanager about a group; those of the alerts that are over
// ended when the test says so.
type message struct {
	group  string
	alerts []map[string]string
	starts time.Time
	ends   time.Time // zero while all fire
}

func (m message) body(t testing.TB) []byte {
	t.Helper()
	var alerts []webhook.Alert
	for _, labels := range m.alerts {
		alerts = append(alerts, webhook.Alert{
			Fingerprint: webhook.Fingerprint(labels), Labels: labels, StartsAt: m.starts, EndsAt: m.ends, Resolved: !m.ends.IsZero(),
		})
	}
	d, err := synthesize(m.group, map[string]string{"alertname": m.alerts[0]["alertname"]}, alerts)
	if err != nil {
		t.Fatal(err)
	}
	return d.Body
}

// with returns labels with another one.
func with(labels map[string]string, name, value string) map[string]string {
	other := maps.Clone(labels)
	other[name] = value
	return other
}

// post sends a body to the webhook and returns the code.
func post(t testing.TB, e *Engine, body []byte) int {
	t.Helper()
	w := httptest.NewRecorder()
	h := webhook.New(e.Inbox(), webhook.Limits{Store: time.Minute}, nil) // others use the disk as well
	h.Report = e.Report
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, webhook.Path, bytes.NewReader(body)))
	return w.Code
}

// A process is an engine that runs.
type process struct {
	*Engine
	cancel  context.CancelFunc
	stopped chan struct{}
	fault   error
	events  chan struct{}
	died    chan struct{}
}

// start runs an engine on the file at path. The hook, if not nil, is called with each place
// between two steps, and ends the process by returning true.
func start(t testing.TB, path string, c Config, p Parts, hook func(where string) bool) *process {
	t.Helper()
	return startOn(t, store.Config{Path: path}, c, p, hook)
}

// startOn runs an engine on a store.
func startOn(t testing.TB, on store.Config, c Config, p Parts, hook func(where string) bool) *process {
	t.Helper()
	s, err := store.Open(on)
	if err != nil {
		t.Fatal(err)
	}
	p.Store = s
	if p.Querier == nil {
		p.Querier = floodFacts
	}
	e, err := New(c, p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := &process{Engine: e, cancel: cancel, stopped: make(chan struct{}), events: make(chan struct{}, 1), died: make(chan struct{})}
	var once sync.Once
	e.between = func(where string) {
		if hook != nil && hook(where) {
			once.Do(func() { close(run.died) })
		}
		select {
		case <-run.died:
			runtime.Goexit()
		default:
		}
		select {
		case run.events <- struct{}{}:
		default:
		}
	}
	go func() {
		defer close(run.stopped)
		run.fault = e.Run(ctx)
	}()
	t.Cleanup(func() { run.stop(t) })
	return run
}

// stop ends the process; it may be called again.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.cancel()
	<-p.stopped
	if p.fault != nil {
		t.Error(p.fault)
	}
	if err := p.Store.Close(); err != nil {
		t.Error(err)
	}
}

// dead tells whether the process has died.
func (p *process) dead() bool {
	select {
	case <-p.died:
		return true
	default:
		return false
	}
}

// settle waits until nothing is left to be done, and reports false if the process died.
func (p *process) settle(t testing.TB) bool {
	t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		d, err := p.Store.Depth()
		if err != nil {
			t.Fatal(err)
		}
		waiting := d.Jobs
		for _, line := range d.Outbox {
			waiting += line.Waiting
		}
		if p.dead() {
			return false
		}
		if waiting == 0 {
			return true
		}
		select {
		case <-p.events:
		case <-p.died:
			return false
		case <-late.C:
			t.Fatalf("not settled: %+v", d)
		}
	}
}

func newModel(t testing.TB, s *double.Server, keeper model.Keeper) *model.Client {
	t.Helper()
	c, err := model.New(model.Config{
		Providers: []model.Provider{{Name: "double", BaseURL: "http://127.0.0.1:1/v1", Model: "small"}}, Dial: s.Dial, Keeper: keeper,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dbPath(t testing.TB) string { return filepath.Join(t.TempDir(), "annotator.db") }

// A memorySink remembers what it got, and fails as it is told to.
type memorySink struct {
	name string
	// fail and unfit, if not nil, return the error of each call.
	fail  func(n int, m sink.Message) error
	unfit func() error

	mu    sync.Mutex
	calls int
	got   []sink.Message
}

func (s *memorySink) Name() string { return s.name }

func (s *memorySink) Check(context.Context) error {
	if s.unfit != nil {
		return s.unfit()
	}
	return nil
}

func (s *memorySink) Send(_ context.Context, m sink.Message, last sink.State) (sink.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail != nil {
		if err := s.fail(s.calls, m); err != nil {
			return last, err
		}
	}
	s.got = append(s.got, m)
	return sink.State(m.Key()), nil
}

func (s *memorySink) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *memorySink) messages() []sink.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// told is what tests look at of a message.
type told struct {
	Revision int
	Status   sink.Status
	By       string
	Verdict  string
	Summary  string
}

func (s *memorySink) told() []told {
	var all []told
	for _, m := range s.messages() {
		all = append(all, told{m.Revision, m.Status, m.Explanation.By, m.Explanation.Verdict, m.Explanation.Summary})
	}
	return all
}

// episodeOf returns the name of the newest episode.
func episodeOf(t testing.TB, e *Engine) string {
	t.Helper()
	all, err := e.Episodes(1)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d episodes, %v", len(all), err)
	}
	return all[0].Episode.ID
}

func audit(t testing.TB, e *Engine) []string {
	t.Helper()
	var lines []string
	if err := e.Store.AuditLog(0, func(a store.AuditEntry) bool {
		lines = append(lines, a.Actor+" "+a.Action+" "+a.Detail)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return lines
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var errBroken = errors.New("broken on purpose")

// A stateSink shows the states that a sink is given.
type stateSink struct {
	*memorySink
	seen func(last sink.State)
}

func (s stateSink) Send(ctx context.Context, m sink.Message, last sink.State) (sink.State, error) {
	s.seen(last)
	return s.memorySink.Send(ctx, m, last)
}

func sinks(all ...sink.Sink) []sink.Sink { return all }
