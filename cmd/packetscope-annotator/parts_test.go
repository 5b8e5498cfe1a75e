package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/config"
)

// alerts is an Alertmanager.
type alerts []alertmanager.Alert

func (a alerts) Active(context.Context) ([]alertmanager.Alert, error) {
	if a == nil {
		return nil, errors.New("down")
	}
	return a, nil
}

func TestTheEngineLearnsOfAllActiveAlerts(t *testing.T) {
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	labels := map[string]string{"alertname": "X"}
	got, err := lister{alerts{{Fingerprint: "1", Labels: labels, StartsAt: began}, {Fingerprint: "2", Labels: labels, StartsAt: began, Muted: true}}}.Active(t.Context())
	want := []annotator.ActiveAlert{{Fingerprint: "1", Labels: labels, StartsAt: began}, {Fingerprint: "2", Labels: labels, StartsAt: began, Muted: true}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := (lister{alerts(nil)}).Active(t.Context()); got != nil || err == nil {
		t.Errorf("%v, %v of one that is down", got, err)
	}
}

func TestWithoutPermissionNoRuleIsProposed(t *testing.T) {
	cfg := config.Default()
	cfg.Links.Annotator = "https://annotator.example/"
	on := limits(cfg)
	if on.Suggest.MostSources == 0 || on.Suggest.Widest4 != 24 || on.EpisodeURL != "https://annotator.example/api/v1/episodes/" {
		t.Errorf("limits %+v", on)
	}
	cfg.Suggest.Enabled = false
	if off := limits(cfg); off.Suggest.MostSources != 0 {
		t.Errorf("limits %+v", off.Suggest)
	}
}

// TestAReloadAsksOtherExporters changes which exporter an instance has while the annotator
// runs, and looks whom an alert is asked about.
func TestAReloadAsksOtherExporters(t *testing.T) {
	const top = `{"seconds":1,"sources":[{"source":"%s","dropped":9,"drops_per_second":9,"rules":[{"group":"g","rule":"r","effect":"drop"}]}],"total":{"dropped":9,"drops_per_second":9}}`
	var urls []string
	for _, source := range []string{"203.0.113.1", "203.0.113.2"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "annotator" || password != "secret" {
				http.Error(w, "no", http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, top, source)
		}))
		defer server.Close()
		urls = append(urls, server.URL)
	}
	password := filepath.Join(t.TempDir(), "password")
	write(t, password, "secret\n")
	of := func(url string) string {
		return `exporters: [{instance: "web-1:10142", url: "` + url + `", basic_auth: {username: annotator, password_file: "` + password + `"}}]` + "\n"
	}
	r := start(t, of(urls[0]))
	asked := func(instance, want string) {
		t.Helper()
		body := `{"mode":"balanced","labels":{"alertname":"PacketScopeGuardAttack","attack":"x","verdict":"drop","job":"packetscope","instance":"` + instance + `"}}`
		if code, text := r.ask(t, "POST", "/api/v1/explain?wait=30s", body, ""); code != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d, want %q in\n%s", instance, code, want, text)
		}
	}
	asked("web-1:10142", "203.0.113.1 is the busiest")
	asked("web-2:10142", "and 3 more") // the five queries, which nobody answers, and the sources
	write(t, r.config, "store: {path: annotator.db}\n"+of(urls[1]))
	r.hangups <- syscall.SIGHUP
	r.eventually(t, "/metrics", "", func(body string) bool { return strings.Contains(r.stderr.String(), "config reloaded") })
	asked("web-1:10142", "203.0.113.2 is the busiest")
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}
