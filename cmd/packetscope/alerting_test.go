package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder"
)

// A ruleAgent has one rule, with an alert on its first packet.
type ruleAgent struct {
	*fakeGuard
	mu      sync.Mutex
	packets uint64
	asked   int
}

// Alerts implements [guarder.Administered]. The packets come after it was asked once.
func (a *ruleAgent) Alerts() (guarder.AlertList, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := guarder.RuleStatus{
		Group: "forged-icmp", Rule: "redirect", Mode: "audit", Action: "drop", Labels: map[string]string{"attack": "icmp_redirect"},
		Counts: map[string]guarder.Counts{"would_drop": {Packets: a.packets}},
		Alert:  &guarder.AlertStatus{Name: "GuarderIcmpRedirect", Packets: 1, OverSeconds: 300},
	}
	a.asked++
	if a.asked > 1 {
		a.packets = 23
	}
	return guarder.AlertList{InForce: guarder.InForcePolicy, Rules: []guarder.RuleStatus{r}}, nil
}

func TestServeTellsAlertmanagers(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "status.sock")
	l, err := guarder.ListenStatus(socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: guarder.StatusHandler(&ruleAgent{fakeGuard: &fakeGuard{}})}
	go server.Serve(l)
	defer server.Close()

	posts := make(chan []map[string]any, 100)
	alertmanager := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var alerts []map[string]any
		text, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(text, &alerts); err != nil || r.URL.Path != "/api/v2/alerts" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		posts <- alerts
	}))
	defer alertmanager.Close()
	dead, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()

	w := newWorld("--guarder.socket="+socket, "--config.file="+writeConfig(t,
		"alerting: {alertmanagers: [{url: 'http://"+dead.Addr().String()+"'}, {url: '"+alertmanager.URL+"'}], instance: web-1, interval: 1s}"))
	s := w.startReady(t)
	select {
	case alerts := <-posts:
		labels := map[string]any{
			"alertname": "GuarderIcmpRedirect", "area": "guarder", "instance": "web-1", "group": "forged-icmp", "rule": "redirect", "mode": "audit", "attack": "icmp_redirect",
		}
		if len(alerts) != 1 {
			t.Fatalf("posted %v", alerts)
		}
		if diff := cmp.Diff(labels, alerts[0]["labels"]); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		if about, _ := alerts[0]["annotations"].(map[string]any); about["packets"] != "23" {
			t.Errorf("annotations %v", about)
		}
	case <-time.After(patience):
		t.Fatal("nobody was told")
	}
	want := []string{
		`packetscope_guarder_alerts{state="firing"} 1`,
		`packetscope_guarder_alerts{state="pending"} 0`,
		`packetscope_guarder_alerts_total{alertmanager="` + alertmanager.URL + `",outcome="dropped"} 0`,
		`packetscope_guarder_alerts_total{alertmanager="` + alertmanager.URL + `",outcome="failed"} 0`,
		`packetscope_guarder_alerts_total{alertmanager="` + alertmanager.URL + `",outcome="sent"} 1`,
	}
	sent := want[len(want)-1]
	for deadline := time.Now().Add(patience); len(s.series(t, "/metrics", sent)) == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // the answer is on its way
	}
	var got []string
	for _, line := range s.series(t, "/metrics", "packetscope_guarder_alerts{", "packetscope_guarder_alerts_total{") {
		if !strings.Contains(line, dead.Addr().String()) {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if got := s.series(t, "/metrics", "packetscope_guarder_alert_queue_length"); len(got) != 2 {
		t.Errorf("queues %q", got)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestAlertingWantsAnAgent(t *testing.T) {
	w := newWorld("--config.file=" + writeConfig(t, "alerting: {alertmanagers: [{url: 'http://127.0.0.1:9'}]}"))
	if err := run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), "start the exporter with --guarder.socket") {
		t.Errorf("error %v", err)
	}
}

func TestDoctorAsksAlertmanagers(t *testing.T) {
	alertmanager := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v2/status" {
			io.WriteString(w, `{"versionInfo":{"version":"0.25.0"}}`)
		}
	}))
	defer alertmanager.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	w := newWorld("doctor", "--config.file="+writeConfig(t, "alerting: {alertmanagers: [{url: '"+alertmanager.URL+"'}, {url: '"+other.URL+"'}]}"))
	if err := run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(w.stdout.String(), "\nAlertmanagers\n")
	for _, want := range []string{"  ok  " + alertmanager.URL + "  0.25.0\n", "  no  " + other.URL + "  answers 404 Not Found"} {
		if !strings.Contains(section, want) {
			t.Errorf("no %q in:\n%s", want, section)
		}
	}
}
