package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestHangupPutsTheNextConfigInForceIfItIsGood(t *testing.T) {
	r := start(t, "")
	if code, _ := r.ask(t, "GET", "/api/v1/status", "", ""); code != 200 {
		t.Errorf("status without tokens: %d", code)
	}
	r.stderr.Wait(t, `msg="no tokens are configured"`, 1)
	const store = "store: {path: annotator.db}\n"
	write(t, r.config, store+tokens(t, filepath.Dir(r.config)))
	r.hangups <- syscall.SIGHUP
	r.stderr.Wait(t, `msg="config reloaded"`, 1)
	for token, want := range map[string]int{"": 401, "in": 403, "see": 200} {
		if code, _ := r.ask(t, "GET", "/api/v1/config", "", token); code != want {
			t.Errorf("config with token %q: %d, want %d", token, code, want)
		}
	}
	if code, _ := r.ask(t, "POST", "/api/v1/alerts", message(t, false), "in"); code != 202 {
		t.Errorf("webhook after the reload: %d", code)
	}

	web := filepath.Join(filepath.Dir(r.config), "web.yml")
	write(t, web, "basic_auth_users: {a: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay}\n")
	for fault, text := range map[string]string{
		"one Authorization":  store + "listen: {web_config: web.yml}\n" + tokens(t, filepath.Dir(r.config)),
		"unknown key":        store + "stroe: {}\n",
		"restart":            "store: {path: other.db}\n",
		"allow_values: true": store + "llm: {prompt_privacy: values, providers: [{name: l, base_url: 'https://192.0.2.1/v1', model: m}]}\n",
	} {
		write(t, r.config, text)
		r.hangups <- syscall.SIGHUP
		r.stderr.Wait(t, fault, 1)
		r.eventually(t, "/metrics", "", func(body string) bool {
			return strings.Contains(body, "packetscope_config_last_reload_successful 0\n")
		})
	}
	if code, _ := r.ask(t, "GET", "/api/v1/config", "", "see"); code != 200 {
		t.Errorf("the tokens are gone with a bad config: %d", code)
	}
	r.eventually(t, "/api/v1/episodes", "see", func(body string) bool { return strings.Contains(body, `"explanation"`) })
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

// TestCountsGoOnOverAReload, also if it was refused, or a sink is another one now.
func TestCountsGoOnOverAReload(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer receiver.Close()
	sinks := "sinks: {notify: [{name: log, format: packetscope, url: '" + receiver.URL + "'}]}\n"
	r := start(t, sinks, "--web.enable-lifecycle")
	counts := func(stored, again, sent int) {
		t.Helper()
		for _, line := range []string{
			fmt.Sprintf(`packetscope_annotator_webhook_requests_total{code="202"} %d`, stored),
			fmt.Sprintf(`packetscope_annotator_webhook_requests_total{code="200"} %d`, again),
			fmt.Sprintf(`packetscope_annotator_sink_requests_total{class="ok",sink="log"} %d`, sent),
			fmt.Sprintf("packetscope_annotator_webhook_duration_seconds_count %d", stored+again),
		} {
			r.eventually(t, "/metrics", "", func(body string) bool { return strings.Contains(body, line+"\n") })
		}
	}
	reload := func(text string, want int) {
		t.Helper()
		write(t, r.config, text)
		if code, body := r.ask(t, "POST", "/-/reload", "", ""); code != want {
			t.Fatalf("reload: %d %s, want %d", code, body, want)
		}
	}
	fires := message(t, false)
	r.ask(t, "POST", "/api/v1/alerts", fires, "")
	counts(1, 0, 1)
	const store = "store: {path: annotator.db}\n"
	reload(store+sinks+"links: {grafana: 'http://grafana.example/d/x'}\n", 200)
	counts(1, 0, 1)
	r.ask(t, "POST", "/api/v1/alerts", fires, "")
	counts(1, 1, 1)
	reload("nonsense", 500)
	counts(1, 1, 1)
	reload(store+strings.Replace(sinks, "packetscope", "slack", 1), 200)
	r.ask(t, "POST", "/api/v1/alerts", message(t, true), "")
	counts(2, 1, 2)
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

func TestReloadByHTTPIsOffUnlessAskedFor(t *testing.T) {
	r := start(t, "", "--web.enable-lifecycle")
	if code, body := r.ask(t, "POST", "/-/reload", "", ""); code != 200 || body != "config reloaded\n" {
		t.Errorf("%d %s", code, body)
	}
	write(t, r.config, "nonsense")
	if code, body := r.ask(t, "POST", "/-/reload", "", ""); code != 500 || !strings.Contains(body, "annotator.yaml:1:1") {
		t.Errorf("%d %s", code, body)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}
