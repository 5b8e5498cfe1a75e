package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/annotator/api"
)

// TestAnAlertIsExplainedAndItsEndToo, without anything but the annotator, and told to a
// receiver.
func TestAnAlertIsExplainedAndItsEndToo(t *testing.T) {
	told := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Status   string `json:"status"`
			Revision int    `json:"revision"`
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		told <- m.Status
	}))
	defer receiver.Close()
	r := start(t, "sinks: {notify: [{name: log, format: packetscope, url: '"+receiver.URL+"'}]}\n")
	for _, want := range []int{202, 200} {
		if code, body := r.ask(t, "POST", "/api/v1/alerts", message(t, false), ""); code != want {
			t.Errorf("webhook answers %d %s, want %d", code, body, want)
		}
	}
	if status := <-told; status != "firing" {
		t.Errorf("the receiver is told %q first", status)
	}
	var list struct{ Episodes []api.Episode }
	body := r.eventually(t, "/api/v1/episodes", "", func(body string) bool { return strings.Contains(body, `"explanation"`) })
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Episodes) != 1 {
		t.Fatalf("episodes %s: %v", body, err)
	}
	e := list.Episodes[0]
	if e.Alert != "PacketScopeDown" || e.State != "open" || e.Firing != 1 || e.Explanation.By != "builtin" || e.Explanation.Summary == "" {
		t.Errorf("episode %+v", e)
	}
	if code, body := r.ask(t, "GET", "/api/v1/prompt?episode="+e.ID, "", ""); code != 200 || strings.Contains(body, "a.example") {
		t.Errorf("prompt %d %s", code, body)
	}
	r.ask(t, "POST", "/api/v1/alerts", message(t, true), "")
	if status := <-told; status != "resolved" {
		t.Errorf("the receiver is told %q last", status)
	}
	r.eventually(t, "/api/v1/episodes/"+e.ID, "", func(body string) bool { return strings.Contains(body, `"state":"closed"`) })
	for _, line := range []string{
		`packetscope_annotator_webhook_requests_total{code="202"} 2`,
		`packetscope_annotator_webhook_requests_total{code="200"} 1`,
		`packetscope_annotator_sink_requests_total{class="ok",sink="log"} 2`,
		`packetscope_annotator_episodes{state="closed"} 1`,
		`packetscope_annotator_time_to_first_explanation_seconds_count 1`,
		`packetscope_scrape_collector_success{collector="annotator"} 1`,
		`packetscope_config_last_reload_successful 1`,
	} {
		r.eventually(t, "/metrics", "", func(body string) bool { return strings.Contains(body, line+"\n") })
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
	if r.ready.Load() != 1 {
		t.Errorf("the service manager was told %d times", r.ready.Load())
	}
}

func TestPagesAnswerAndNothingIsRedirected(t *testing.T) {
	r := start(t, "")
	r.stderr.Wait(t, "msg=ready", 1)
	for path, want := range map[string]int{
		"/": 200, "/-/healthy": 200, "/-/ready": 200, "/metrics": 200, "/api/v1/status": 200, "/api/v1/suggestions": 403,
		"//metrics": 404, "/-/reload": 403, "/api/v1/alerts": 405, "/nothing": 404,
	} {
		if code, body := r.ask(t, "GET", path, "", ""); code != want {
			t.Errorf("%s: %d %s, want %d", path, code, body, want)
		}
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

// TestItIsNotReadyWhileThereIsNoRoom, and Alertmanager is told to send again.
func TestItIsNotReadyWhileThereIsNoRoom(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // else its end is not noticed
		<-r.Context().Done()
	}))
	defer silent.Close()
	r := start(t, "store: {path: annotator.db, max_inbox: 100}\nprometheus: {url: '"+silent.URL+"', timeout: 1m, total: 1m}\n")
	send := func(n, want int) {
		t.Helper()
		// A group of its own makes it an episode of its own.
		body := strings.Replace(message(t, false), `"groupKey":"`, fmt.Sprintf(`"groupKey":"%d`, n), 1)
		if code, text := r.ask(t, "POST", "/api/v1/alerts", body, ""); code != want {
			t.Errorf("webhook: %d %s, want %d", code, text, want)
		}
	}
	for n := range 100 {
		send(n, 202)
	}
	if code, text := r.ask(t, "GET", "/-/ready", "", ""); code != 200 {
		t.Errorf("ready while there is room: %d %s", code, text)
	}
	send(100, 503)
	if code, text := r.ask(t, "GET", "/-/ready", "", ""); code != 503 || !strings.Contains(text, "full") {
		t.Errorf("ready while there is no room: %d %s", code, text)
	}
	if code, text := r.ask(t, "GET", "/-/healthy", "", ""); code != 200 {
		t.Errorf("healthy: %d %s", code, text)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

// tokens is a config with the tokens "in" and "see".
func tokens(t *testing.T, folder string) string {
	t.Helper()
	for _, token := range []string{"in", "see"} {
		hash := sha256.Sum256([]byte(token))
		write(t, filepath.Join(folder, token+".sha256"), hex.EncodeToString(hash[:])+"\n")
	}
	return `
auth:
  tokens:
    - {name: am, sha256_file: in.sha256, scopes: [ingest]}
    - {name: ann, sha256_file: see.sha256, scopes: [read]}
`
}

func TestTheConfigThatIsShownHoldsNoSecret(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"model.key", "grafana.token", "pager.url", "sign.key"} {
		write(t, filepath.Join(folder, name), "https://secret.example/"+name)
	}
	text := tokens(t, folder) + `
prometheus: {url: "http://127.0.0.1:1"}
alertmanager: {url: "http://127.0.0.1:2", receiver: annotator}
llm: {providers: [{name: local, base_url: "http://127.0.0.1:3/v1", model: qwen3, api_key_file: FOLDER/model.key}]}
sinks:
  grafana: {url: "http://127.0.0.1:4", token_file: FOLDER/grafana.token}
  notify: [{name: pager, format: slack, url_file: FOLDER/pager.url, secret_file: FOLDER/sign.key}]
`
	text = strings.NewReplacer("FOLDER", folder, "in.sha256", folder+"/in.sha256", "see.sha256", folder+"/see.sha256").Replace(text)
	r := start(t, text)
	code, body := r.ask(t, "GET", "/api/v1/config", "", "see")
	hash := sha256.Sum256([]byte("see"))
	for _, secret := range []string{"secret.example", hex.EncodeToString(hash[:])} {
		if strings.Contains(body, secret) {
			t.Errorf("config holds %q: %s", secret, body)
		}
	}
	for _, part := range []string{`"name":"ann","scopes":["read"]`, `"model":"qwen3"`, `"format":"slack"`, `"url":"http://127.0.0.1:4"`} {
		if code != 200 || !strings.Contains(body, part) {
			t.Errorf("config lacks %s: %d %s", part, code, body)
		}
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

func TestFilesThatAreReadLaterKeepNothingFromStarting(t *testing.T) {
	r := start(t, "prometheus: {url: 'http://127.0.0.1:1', token_file: later.token}\n")
	r.stderr.Wait(t, "later.token", 1)
	if code, body := r.ask(t, "GET", "/-/ready", "", ""); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

func TestWhatKeepsItFromStartingIsSaid(t *testing.T) {
	folder := t.TempDir()
	r := start(t, "")
	taken := strings.TrimPrefix(r.url, "http://")
	write(t, filepath.Join(folder, "web.yml"), "rate_limit: {interval: 1s}\n")
	for name, test := range map[string]struct{ text, want string }{
		"a bad config":                   {"store: 7\n", "annotator.yaml:1:8"},
		"no folder":                      {"store: {path: nowhere/a.db}\n", "open store"},
		"a store in use":                 {"store: {path: " + filepath.Dir(r.config) + "/annotator.db}\n", "in use by another process"},
		"an address in use":              {"store: {path: a.db}\nlisten: {address: '" + taken + "'}\n", "address already in use"},
		"a web config that loses alerts": {"store: {path: c.db}\nlisten: {web_config: web.yml}\n", "annotator.yaml:2:22: rate_limit answers 429"},
		"values for a model":             {"store: {path: b.db}\nllm: {prompt_privacy: values, providers: [{name: l, base_url: 'https://192.0.2.1/v1', model: m}]}\n", "allow_values: true"},
	} {
		file := filepath.Join(folder, "annotator.yaml")
		write(t, file, test.text)
		err := run(context.Background(), newWorld("--config.file="+file).env)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}
