//go:build compose && linux

package deploy

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	alertmanagerfiles "github.com/packetscope/packetscope/alertmanager"
	model "github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/servers"
)

const (
	ingestToken   = "of-alertmanager"
	operatorToken = "of-the-operator"

	annotatorURL    = "http://127.0.0.1:10143"
	alertmanagerURL = "http://127.0.0.1:9093"
)

// annotatorSecrets makes the folders that the annotator's page asks for: its own, and that
// of Alertmanager.
func annotatorSecrets(t *testing.T) (annotator, alertmanager string) {
	t.Helper()
	folder := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			file := filepath.Join(dir, name)
			if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Chown(file, 65534, 65534)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Chmod(dir, 0o700), os.Chown(dir, 65534, 65534)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	return folder(map[string]string{
		"grafana-token":   "of-grafana\n",
		"ingest.sha256":   fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(ingestToken))),
		"operator.sha256": fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(operatorToken))),
	}), folder(map[string]string{"annotator-token": ingestToken + "\n"})
}

// annotatorOn is alertmanager.yml with the receiver switched on as its page says, without
// what Debian's Alertmanager does not know.
func annotatorOn(t *testing.T) string {
	t.Helper()
	text, err := alertmanagerfiles.Enable("annotator")
	if err != nil {
		t.Fatal(err)
	}
	c, err := servers.ReadAlertmanager([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c.For(servers.Version{Major: 0, Minor: 25})
	out, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	return shared(t, "alertmanager.yml", string(out))
}

// modelOn is the annotator's example with the comment signs taken away in front of its model.
func modelOn(t *testing.T) string {
	t.Helper()
	return shared(t, "annotator.yaml", regexp.MustCompile(`(?m)^# (llm:|  )`).ReplaceAllString(read(t, annotatorExample), "$1"))
}

// shared writes a file that users of containers can read.
func shared(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o644), os.Chmod(filepath.Dir(file), 0o755), os.Chmod(filepath.Dir(filepath.Dir(file)), 0o755)); err != nil {
		t.Fatal(err)
	}
	return file
}

// annotator starts the annotator, first without a model, and starts it again on what it has
// kept, with one.
func (s *stack) annotator(t *testing.T) {
	s.must(t, "--profile", "annotator", "up", "--detach", "--wait")
	s.doctor(t)
	// Who has no token, or that of another, is turned away.
	for token, want := range map[string]int{"": 401, "of-another": 401, operatorToken: 403, ingestToken: 400} {
		if code, text, err := s.engine.ask(http.MethodPost, annotatorURL+"/api/v1/alerts", token, ""); code != want || err != nil {
			t.Errorf("a message with the token %q is answered %d %s, %v; want %d", token, code, text, err, want)
		}
	}
	s.fire(t, "PacketScopeDown", "packetscope", "a.example")
	s.explained(t, map[string]string{"PacketScopeDown": "builtin"})
	// Alertmanager does not tell the annotator of itself.
	s.fire(t, "PacketScopeAnnotatorBacklog", "packetscope-annotator", "localhost")
	s.alerts(t, "PacketScopeAnnotatorBacklog", "PacketScopeDown")

	asked := model.New(model.Say(`{"findings":[],"verdict":"monitoring_fault","confidence":"low","summary":"The exporter does not answer.","checks":[],"steps":[],"rule":null}`))
	listener, err := s.engine.listen("127.0.0.1:11434")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: asked}
	go server.Serve(listener)
	t.Cleanup(func() {
		server.Close()
		asked.Close()
	})
	with := &stack{engine: s.engine, files: append(slices.Clone(s.files), shared(t, "model.yaml", fmt.Sprintf(`services:
  annotator:
    volumes:
      - {type: bind, source: %s, target: /etc/packetscope-annotator/annotator.yaml, read_only: true}
`, modelOn(t))))}
	with.must(t, "--profile", "annotator", "up", "--detach", "--wait")
	with.doctor(t)
	with.fire(t, "PacketScopeSocketOverflow", "packetscope", "b.example")
	// What was explained before is known still, and what came to the annotator itself never was.
	with.explained(t, map[string]string{"PacketScopeDown": "builtin", "PacketScopeSocketOverflow": "model"})
	if len(asked.Calls()) == 0 {
		t.Error("nobody asked the model")
	}
	with.must(t, "--profile", "annotator", "rm", "--stop", "--force", "annotator")
}

// doctor holds what the annotator says of the others against what is there.
func (s *stack) doctor(t *testing.T) {
	t.Helper()
	const program, config = "/bin/packetscope-annotator", "/etc/packetscope-annotator/annotator.yaml"
	s.must(t, "exec", "-T", "annotator", program, "check-config", config)
	out, err := s.try("exec", "-T", "annotator", program, "doctor", "--config.file="+config)
	for _, line := range []string{"prometheus              ok", "alertmanager            ok"} {
		if !strings.Contains(out+fmt.Sprint(err), line) {
			t.Errorf("doctor does not say %q: %s%v", line, out, err)
		}
	}
}

// fire sends an alert to Alertmanager, as Prometheus does.
func (s *stack) fire(t *testing.T, name, job, instance string) {
	t.Helper()
	body, err := json.Marshal([]servers.Push{{
		Labels: map[string]string{"alertname": name, "severity": "warning", "area": "packetscope", "job": job, "instance": instance},
		EndsAt: time.Now().Add(time.Hour),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if code, text, err := s.engine.ask(http.MethodPost, alertmanagerURL+"/api/v2/alerts", "", string(body)); code != 200 || err != nil {
		t.Fatalf("Alertmanager answers %d %s, %v", code, text, err)
	}
}

// alerts waits until Alertmanager has these of ours.
func (s *stack) alerts(t *testing.T, want ...string) {
	t.Helper()
	poll(t, patience, fmt.Sprintf("Alertmanager has %q", want), func() error {
		_, text, err := s.engine.ask(http.MethodGet, alertmanagerURL+"/api/v2/alerts", "", "")
		if err != nil {
			return err
		}
		var all []struct{ Labels map[string]string }
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return err
		}
		for _, name := range want {
			if !slices.ContainsFunc(all, func(a struct{ Labels map[string]string }) bool { return a.Labels["alertname"] == name }) {
				return fmt.Errorf("%s is not in %s", name, text)
			}
		}
		return nil
	})
}

// explained waits until the annotator has these episodes of the examples' instances and no
// other, by whom they should be.
func (s *stack) explained(t *testing.T, want map[string]string) {
	t.Helper()
	poll(t, patience, fmt.Sprintf("the annotator has explained %v", want), func() error {
		code, text, err := s.engine.ask(http.MethodGet, annotatorURL+"/api/v1/episodes", operatorToken, "")
		if err != nil {
			return err
		}
		var list struct {
			Episodes []struct {
				Alert       string
				Labels      map[string]string
				Explanation struct{ By string }
			}
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return fmt.Errorf("answer %d %s: %w", code, text, err)
		}
		got := map[string]string{}
		for _, e := range list.Episodes {
			// The demo has alerts of its own.
			if strings.HasSuffix(e.Labels["instance"], ".example") || e.Labels["job"] == "packetscope-annotator" {
				got[e.Alert] = e.Explanation.By
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("explanations (-want +got):\n%s", diff)
		}
		return nil
	})
}
