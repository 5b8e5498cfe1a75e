package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/lines"
)

// patience is how long a test waits for what should come at once.
var patience = lines.Patience

// world is an env and what it records.
type world struct {
	env
	stdout, stderr *lines.Lines
	hangups        chan os.Signal
	ready          atomic.Int32 // how often the service manager was told
}

func newWorld(args ...string) *world {
	w := &world{stdout: lines.New(), stderr: lines.New(), hangups: make(chan os.Signal, 1)}
	w.env = env{
		args: args, stdout: w.stdout, stderr: w.stderr, now: time.Now,
		hangups:     func() <-chan os.Signal { return w.hangups },
		notifyReady: func() error { w.ready.Add(1); return nil },
		within:      patience, // other tests use the disk as well
	}
	return w
}

// running is an annotator that serves.
type running struct {
	*world
	url    string
	config string // the path of the file
	cancel context.CancelFunc
	err    chan error
}

// start serves with a config, whose store is in a folder of its own.
func start(t *testing.T, text string, args ...string) *running {
	t.Helper()
	return startIn(t, t.TempDir(), text, args...)
}

// startIn serves with a config and a store in a folder.
func startIn(t *testing.T, folder, text string, args ...string) *running {
	t.Helper()
	file := filepath.Join(folder, "annotator.yaml")
	if !strings.HasPrefix(text, "store:") {
		text = "store: {path: annotator.db}\n" + text
	}
	write(t, file, text)
	w := newWorld(append([]string{"serve", "--config.file=" + file, "--web.listen-address=127.0.0.1:0"}, args...)...)
	addresses := make(chan net.Addr, 1)
	w.env.listening = func(a net.Addr) { addresses <- a }
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{world: w, config: file, cancel: cancel, err: make(chan error, 1)}
	go func() { r.err <- run(ctx, w.env) }()
	t.Cleanup(cancel)
	select {
	case a := <-addresses:
		r.url = "http://" + a.String()
	case err := <-r.err:
		t.Fatalf("serve: %v\n%s", err, w.stderr)
	case <-time.After(patience):
		t.Fatalf("it does not listen:\n%s", w.stderr)
	}
	return r
}

// stop ends it and returns how it ended.
func (r *running) stop(t *testing.T) error {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.err:
		return err
	case <-time.After(patience):
		t.Fatalf("it does not stop:\n%s", r.stderr)
		return nil
	}
}

// ask returns the code of an answer and its body.
func (r *running) ask(t *testing.T, method, path, body, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// eventually asks until an answer is as it should be.
func (r *running) eventually(t *testing.T, path, token string, good func(body string) bool) string {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		_, body := r.ask(t, "GET", path, "", token)
		if good(body) {
			return body
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s stays %s\n%s", path, body, r.stderr)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// message is one of Alertmanager.
func message(t *testing.T, resolved bool) string {
	t.Helper()
	status, end := "firing", "0001-01-01T00:00:00Z"
	if resolved {
		status, end = "resolved", time.Now().UTC().Format(time.RFC3339)
	}
	labels := map[string]string{"alertname": "PacketScopeDown", "severity": "critical", "instance": "a.example:10142", "job": "packetscope"}
	text, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{alertname="PacketScopeDown"}`, "status": status, "receiver": "annotator",
		"groupLabels": map[string]string{"alertname": "PacketScopeDown"}, "commonLabels": labels, "commonAnnotations": map[string]string{},
		"alerts": []any{map[string]any{
			"status": status, "labels": labels, "annotations": map[string]string{}, "startsAt": "2026-05-04T11:59:00Z", "endsAt": end,
			"fingerprint": "0123456789abcdef",
		}},
	})
	if err := errors.Join(err); err != nil {
		t.Fatal(err)
	}
	return string(text)
}
