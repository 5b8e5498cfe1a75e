//go:build unix

package annotator

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	am "github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/prom"
	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	sinkdouble "github.com/packetscope/packetscope/internal/annotator/sink/double"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// A wire is a listener in memory, so that servers can be in a bubble of time.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case conn := <-w.conns:
		return conn, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case w.conns <- server:
		return client, nil
	case <-w.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve serves until the test ends and returns how to connect.
func serve(t testing.TB, h http.Handler) func(ctx context.Context, network, address string) (net.Conn, error) {
	w := &wire{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: h}
	go server.Serve(w) // until Close; it always returns an error
	t.Cleanup(func() { server.Close() })
	return w.dial
}

// A peer is a server whose behaviour a test changes while it runs.
type peer struct {
	mu    sync.Mutex
	ill   http.HandlerFunc // nil: it is well
	well  http.Handler
	calls int
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.calls++
	h := p.well
	if p.ill != nil {
		h = p.ill
	}
	p.mu.Unlock()
	h.ServeHTTP(w, r)
}

// becomes makes a peer ill, or well with nil.
func (p *peer) becomes(ill http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ill = ill
}

func (p *peer) called() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// hang reads the request and answers nothing until the client gives up.
func hang(_ http.ResponseWriter, r *http.Request) {
	http.MaxBytesReader(nil, r.Body, 1<<20).Read(make([]byte, 1<<20))
	<-r.Context().Done()
}

// says answers with a code and a body.
func says(code int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		w.Write([]byte(body))
	}
}

var (
	down = says(http.StatusServiceUnavailable, "text/plain", "down")
	page = says(http.StatusOK, "text/html", "<html><body>Log in, please.</body></html>")
)

// promServer speaks the API of Prometheus for a querier.
func promServer(by evidence.Querier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		samples, err := by.Query(r.Context(), r.FormValue("query"), time.Now())
		if err != nil {
			down(w, r)
			return
		}
		result := []any{}
		for _, s := range samples {
			metric := s.Labels
			if metric == nil {
				metric = map[string]string{}
			}
			result = append(result, map[string]any{"metric": metric, "value": []any{1, strconv.FormatFloat(s.Value, 'g', -1, 64)}})
		}
		text, err := json.Marshal(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}})
		if err != nil {
			panic(err)
		}
		says(http.StatusOK, "application/json", string(text))(w, r)
	})
}

// amReceiver is the receiver that sends to us.
const amReceiver = "annotator"

// amServer lists alerts, as Alertmanager does.
func amServer(alerts string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := alerts
		if r.URL.Path == am.ReceiversPath {
			body = `[{"name":"` + amReceiver + `"}]`
		}
		says(http.StatusOK, "application/json", body)(w, r)
	}
}

// A scene is an engine amid real clients and servers that play the others.
type scene struct {
	prometheus, alertmanager, grafana, pager *peer

	board    *sinkdouble.Grafana
	receiver *sinkdouble.Receiver
	// list is what the engine asks for active alerts if it is told to: an empty list would end
	// those of tests that are about something else.
	list  AlertLister
	parts Parts
}

// newScene sets a scene in which all is well, Prometheus answers as the querier, and
// Alertmanager knows of no alert. Nothing runs yet.
func newScene(t testing.TB, by evidence.Querier) *scene {
	t.Helper()
	s := &scene{board: &sinkdouble.Grafana{}, receiver: &sinkdouble.Receiver{}}
	s.prometheus, s.grafana, s.pager = &peer{well: promServer(by)}, &peer{well: s.board}, &peer{well: s.receiver}
	s.alertmanager = &peer{well: amServer("[]")}
	const nowhere = "http://127.0.0.1:1"
	q, err := prom.New(remote.Options{URL: nowhere, Dial: serve(t, s.prometheus)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := am.New(am.Options{Options: remote.Options{URL: nowhere, Dial: serve(t, s.alertmanager)}, Receiver: amReceiver})
	if err != nil {
		t.Fatal(err)
	}
	g, err := sink.NewGrafana(sink.GrafanaOptions{Options: sink.Options{Name: "grafana", Dial: serve(t, s.grafana)}, URL: nowhere})
	if err != nil {
		t.Fatal(err)
	}
	n, err := sink.NewNotify(sink.NotifyOptions{Options: sink.Options{Name: "pager", Dial: serve(t, s.pager)}, Format: "packetscope", URL: nowhere})
	if err != nil {
		t.Fatal(err)
	}
	s.list, s.parts = listOf{a}, Parts{Querier: q, Sinks: sinks(g, n)}
	return s
}

// listOf is an Alertmanager as the engine sees it.
type listOf struct{ client *am.Client }

func (l listOf) Active(ctx context.Context) (active []ActiveAlert, err error) {
	all, err := l.client.Active(ctx)
	for _, a := range all {
		active = append(active, ActiveAlert{Fingerprint: a.Fingerprint, Labels: a.Labels, StartsAt: a.StartsAt, Muted: a.Muted})
	}
	return active, err
}

// lists makes Alertmanager hold alerts for active.
func (s *scene) lists(starts time.Time, all ...map[string]string) {
	list := []any{}
	for _, labels := range all {
		list = append(list, map[string]any{
			"fingerprint": webhook.Fingerprint(labels), "labels": labels, "annotations": map[string]string{},
			"startsAt": starts.UTC(), "status": map[string]any{"state": "active"},
		})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	s.alertmanager.becomes(amServer(string(text)))
}

// paged is what the receiver was told: the status and the key of each message.
func (s *scene) paged() (all []string) {
	for _, r := range s.receiver.Received() {
		var m struct{ Status, Episode string }
		if err := json.Unmarshal(r.Body, &m); err != nil {
			panic(err)
		}
		all = append(all, fmt.Sprintf("%s %s", m.Status, r.Header.Get(sink.KeyHeader)[len(m.Episode):]))
	}
	return all
}
