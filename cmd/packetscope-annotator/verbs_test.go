package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/config"
)

func TestHelpAndVersionAreNotErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--help":         "usage: packetscope-annotator [<flags>] <command>",
		"help serve":     "usage: packetscope-annotator serve [<flags>]",
		"explain --help": "usage: packetscope-annotator explain [<flags>]",
		"--version":      "packetscope-annotator, version ",
		"version":        "packetscope-annotator, version ",
	} {
		w := newWorld(strings.Fields(args)...)
		if err := run(context.Background(), w.env); err != nil || !strings.HasPrefix(w.stdout.String(), want) {
			t.Errorf("%s: %v, prints %q, want %q first", args, err, w.stdout, want)
		}
	}
}

func TestMistypedArgumentsAreErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--confg.file=x":      "unknown long flag '--confg.file'",
		"explain --mode=evil": "enum value must be one of security,performance,balanced,custom,analyze, got 'evil'",
		"check-config":        "required argument 'file' not provided",
	} {
		if err := run(context.Background(), newWorld(strings.Fields(args)...).env); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", args, err, want)
		}
	}
}

func TestErrorsArePrintedForTheirReader(t *testing.T) {
	_, faults := config.Parse("a.yaml", []byte("stroe: 1\n"))
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("port in use"), "packetscope-annotator: port in use\n"},
		{faults, "a.yaml:1:1: "},
	} {
		var got bytes.Buffer
		if printError(&got, c.err); !strings.HasPrefix(got.String(), c.want) {
			t.Errorf("printed %q, want %q first", got.String(), c.want)
		}
	}
}

func TestCheckConfigLooksAtAllFiles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "annotator.yaml")
	for _, c := range []struct{ text, want string }{
		{"store: {path: a.db}\n", ""},
		{"stroe: {}\n", "annotator.yaml:1:1: unknown key"},
		{"prometheus: {url: 'http://127.0.0.1:1', token_file: nowhere}\n", "nowhere"},
		{"listen: {web_config: web.yml}\n", "web.yml"},
		{"llm: {prompt_privacy: values, providers: [{name: l, base_url: 'http://127.0.0.1:1/v1', model: m}]}\n", ""},
		{"llm: {prompt_privacy: values, providers: [{name: l, base_url: 'https://x.example/v1', model: m}]}\n", "annotator.yaml:1:63: prompt_privacy: values would send addresses and names to another host"},
	} {
		write(t, file, c.text)
		write(t, filepath.Join(folder, "web.yml"), "tls_server_config: {cert_file: none}\n")
		w := newWorld("check-config", file)
		err := run(context.Background(), w.env)
		if c.want == "" {
			if err != nil || w.stdout.String() != file+": ok\n" {
				t.Errorf("%s: %v, prints %q", c.text, err, w.stdout)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.text, err, c.want)
		}
	}
}

func TestDoctorTellsWhoIsIll(t *testing.T) {
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/query"):
			io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`)
		case strings.HasSuffix(r.URL.Path, "/chat/completions"):
			io.WriteString(w, `{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":`+
				`"{\"findings\":[],\"verdict\":\"unknown\",\"confidence\":\"low\",\"summary\":\"It works.\",\"checks\":[],\"steps\":[],\"rule\":null}"}}]}`)
		case strings.HasSuffix(r.URL.Path, "/guarder/top"):
			io.WriteString(w, `{"seconds":0,"sources":[],"total":{}}`)
		case strings.HasSuffix(r.URL.Path, "/receivers"):
			io.WriteString(w, `[{"name":"annotator"}]`)
		case strings.HasSuffix(r.URL.Path, "/flows"):
			io.WriteString(w, `{"known":0,"flows":[]}`)
		default:
			io.WriteString(w, "[]")
		}
	}))
	defer well.Close()
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }))
	defer ill.Close()
	file := filepath.Join(t.TempDir(), "annotator.yaml")
	ask := func(server, receiver string) (string, error) {
		write(t, file, `
prometheus: {url: "`+server+`"}
alertmanager: {url: "`+server+`", receiver: `+receiver+`}
exporters: [{instance: "web-1:10142", url: "`+server+`"}]
geo: {databases: [a.mmdb]}
llm: {providers: [{name: local, base_url: "`+server+`/v1", model: qwen3}]}
`)
		w := newWorld("doctor", "--config.file="+file)
		err := run(context.Background(), w.env)
		return w.stdout.String(), err
	}
	// The database is of a good form, as the check of the config looks no deeper, and is none.
	write(t, filepath.Join(filepath.Dir(file), "a.mmdb"), "none")
	const open = "tokens                  none: " + openDoor + "\n"
	want := open + "prometheus              ok\nexporter web-1:10142    ok\ngeo                     "
	if got, err := ask(well.URL, "annotator"); err == nil || err.Error() != "1 of them not as they should be" || !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\nalertmanager            ok\nmodel local             ok\n") {
		t.Errorf("all are well but the database: %v\n%s", err, cmp.Diff(want, got))
	}
	if got, err := ask(well.URL, "other"); err == nil || !strings.Contains(got, "\nalertmanager            alertmanager: status 200: no receiver is named \"other\"") {
		t.Errorf("another receiver: %v\n%s", err, got)
	}
	got, err := ask(ill.URL, "annotator")
	if err == nil || err.Error() != "5 of them not as they should be" || strings.Contains(got, "ok\n") || strings.Count(got, "\n") < 3 {
		t.Errorf("all are ill: %v\n%s", err, got)
	}
}

// TestNobodyIsLeftInTheDarkAboutLostEnds: without Alertmanager nothing makes up for them.
func TestNobodyIsLeftInTheDarkAboutLostEnds(t *testing.T) {
	for text, warned := range map[string]bool{"": true, "alertmanager: {url: 'http://127.0.0.1:1', receiver: annotator}\n": false} {
		r := start(t, text)
		r.stderr.Wait(t, "msg=ready", 1)
		if err := r.stop(t); err != nil {
			t.Error(err)
		}
		if got := r.stderr.String(); strings.Contains(got, "alertmanager is not configured") != warned {
			t.Errorf("%q: serve logs %s", text, got)
		}
		w := newWorld("doctor", "--config.file="+r.config)
		if err := run(t.Context(), w.env); (err == nil) != warned || strings.Contains(w.stdout.String(), "not configured: an episode whose end is lost") != warned {
			t.Errorf("%q: doctor says %s, %v", text, w.stdout, err)
		}
	}
}

func TestExplainAsksTheRunningAnnotator(t *testing.T) {
	r := start(t, "")
	ask := func(args ...string) (string, error) {
		w := newWorld(append([]string{"explain", "--url=" + r.url}, args...)...)
		err := run(context.Background(), w.env)
		return w.stdout.String(), err
	}
	alert := []string{"--label=alertname=PacketScopeDown", "--label=instance=a.example:10142", "--label=job=packetscope"}
	if got, err := ask(alert...); err != nil || !strings.Contains(got, "by builtin)") || !strings.Contains(got, "Next:") {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err := ask(append(alert, "--dry-run")...); err != nil || !strings.HasPrefix(got, "--- system\n") || strings.Contains(got, "a.example") ||
		!strings.HasSuffix(got, "refused, with a word for its fault: An earlier answer was refused with the code CODE. Answer again, without this fault.\n") {
		t.Errorf("dry run: %v\n%s", err, got)
	}
	if got, err := ask(append(alert, "--json")...); err != nil || !strings.HasPrefix(got, "{\n  \"explanation\": {") {
		t.Errorf("JSON: %v\n%s", err, got)
	}
	if _, err := ask("--window=1m"); err == nil || !strings.Contains(err.Error(), `400 Bad Request: bad window "1m"`) {
		t.Errorf("a short window: %v", err)
	}
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "no answer from Prometheus, so nobody knows which hosts there are") {
		t.Errorf("a host without Prometheus: %v", err)
	}
	if _, err := ask("--episode=ffffffffffff"); err == nil || !strings.Contains(err.Error(), "there is none of this name") {
		t.Errorf("an unknown episode: %v", err)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

func TestExplainAsksHowAHostIs(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.FormValue("query")
		mu.Lock()
		asked = append(asked, query)
		mu.Unlock()
		result := `[]`
		switch {
		case strings.HasPrefix(query, "group by"):
			result = `[{"metric":{"instance":"a.example:10142","job":"packetscope"},"value":[1,"1"]}]`
		case strings.Contains(query, "tcp_retransmits:ratio"):
			result = `[{"metric":{"instance":"a.example:10142","job":"packetscope"},"value":[1,"0.05"]}]`
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":`+result+`}}`)
	}))
	defer prometheus.Close()
	r := start(t, "prometheus: {url: '"+prometheus.URL+"'}\n")
	w := newWorld("explain", "--url="+r.url, "--mode=performance", "--window=2h", "--scope=tcp", "--scope=icmp")
	if err := run(context.Background(), w.env); err != nil || !strings.HasPrefix(w.stdout.String(), "What stands out on a.example:10142 over 2 hours: TCP segments that are sent again.\n") {
		t.Errorf("%v\n%s", err, w.stdout)
	}
	mu.Lock()
	defer mu.Unlock()
	if all := strings.Join(asked, "\n"); !strings.Contains(all, "[2h]") || strings.Contains(all, `protocol="udp"`) || strings.Contains(all, "drops_loss") {
		t.Errorf("asked:\n%s", all)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

func TestHealthcheckFollowsTheStatus(t *testing.T) {
	r := start(t, "")
	health := func() error {
		return run(context.Background(), newWorld("healthcheck", "--url="+r.url+"/-/ready").env)
	}
	if err := health(); err != nil {
		t.Error(err)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
	if err := health(); err == nil {
		t.Error("a stopped one is healthy")
	}
}

func TestStrangersTextDoesNotMoveTheCursor(t *testing.T) {
	if got := printable("a\x1b[2Jb\u202e\nc\r"); got != "a[2Jb\nc" {
		t.Errorf("%q", got)
	}
}
