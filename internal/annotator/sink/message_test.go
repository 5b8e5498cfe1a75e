package sink

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// start is when the episode of the tests begins.
var start = time.Date(2026, 9, 21, 14, 13, 20, 0, time.UTC)

const links = "https://grafana.example.net/d"

// flood returns a revision of an episode; the third is that it is over.
func flood(revision int) Message {
	m := Message{
		ID: "m" + string(rune('0'+revision)), Episode: "ab12cd34ef56", Revision: revision, Status: Firing,
		Time: start.Add(time.Duration(2*revision) * time.Minute),
		Alert: Alert{
			Name: "PacketScopeSynFlood", Severity: "critical", Labels: map[string]string{"instance": "web7:9100"},
			StartsAt: start, Count: 3, Truncated: 1,
		},
		Explanation: Explanation{
			By: "builtin", Verdict: "volumetric_attack", Confidence: "medium",
			Summary:  "SYNs without a handshake arrive 40 times as often as an hour ago.",
			Findings: []Finding{{"5,200 SYNs per second arrive at port 443.", []string{"F1"}}},
			Checks:   []Step{{"Are SYN cookies sent?", `rate(packetscope_tcp_syncookies_total[5m]) > 0`, links + "/packetscope-tcp"}},
			Withheld: 2,
		},
		Links:        Links{Dashboard: links + "/packetscope-guarder?var-instance=web7:9100", Episode: links + "/episodes/ab12cd34ef56"},
		Alertmanager: json.RawMessage(`{"version":"4","groupKey":"{}:{alertname=\"PacketScopeSynFlood\"}","new":1.50,"commonAnnotations":{"summary":"flood"},"alerts":[{"status":"firing"}]}`),
	}
	if revision > 1 {
		m.Explanation.By, m.Explanation.Model, m.Explanation.Confidence = "model", "qwen3:14b", "high"
		m.Suggestion = &Suggestion{ID: "s-1", YAML: "version: 1\n", Action: "ratelimit", TTL: time.Hour, State: "pending", MatchedShare: new(0.25)}
	}
	if revision > 2 {
		m.Status, m.Alert.EndsAt = Resolved, start.Add(5*time.Minute)
	}
	return m
}

// serve starts a server for the test and returns its address.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// secretFile returns a file that holds a secret.
func secretFile(t testing.TB, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMessagesThatNoSinkCouldSendAreDead(t *testing.T) {
	for name, damage := range map[string]func(*Message){
		"episode is 12 hex digits": func(m *Message) { m.Episode = "AB12cd34ef56" },
		"episode is not a header":  func(m *Message) { m.Episode = "ab12cd34ef5\n" },
		"revision counts from 1":   func(m *Message) { m.Revision = 0 },
		"status is known":          func(m *Message) { m.Status = "pending" },
		"time is known":            func(m *Message) { m.Time = time.Time{} },
		"alertmanager's is JSON":   func(m *Message) { m.Alertmanager = json.RawMessage(`{"a"`) },
	} {
		m := flood(1)
		damage(&m)
		asked := false
		url := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
		sinks := []Sink{newGrafana(t, GrafanaOptions{URL: url}), newNotify(t, NotifyOptions{Format: "packetscope", URL: url})}
		for _, s := range sinks {
			state, err := s.Send(t.Context(), m, State("kept"))
			if ClassOf(err) != Dead || string(state) != "kept" || asked {
				t.Errorf("%s: state %q, error %v, asked %t", name, state, err, asked)
			}
		}
	}
}

func newGrafana(t testing.TB, o GrafanaOptions) *Grafana {
	t.Helper()
	o.Name = "grafana"
	g, err := NewGrafana(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.client.http.CloseIdleConnections)
	return g
}

func newNotify(t testing.TB, o NotifyOptions) *Notify {
	t.Helper()
	o.Name, o.Links = "pager", []string{links}
	n, err := NewNotify(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.client.http.CloseIdleConnections)
	return n
}

func TestStateThatCannotBeReadIsNone(t *testing.T) {
	for _, s := range []string{"", "kept", `{"revision":"x"}`, "[]"} {
		if got := markOf(State(s)); got != (mark{}) {
			t.Errorf("%q: %+v", s, got)
		}
	}
	want := mark{Revision: 3, ID: 7, Time: 8, End: 9, Said: "ab", Doubt: true}
	if got := markOf(want.state()); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if strings.Contains(string(mark{}.state()), "0") {
		t.Errorf("the empty state is %s", mark{}.state())
	}
}
