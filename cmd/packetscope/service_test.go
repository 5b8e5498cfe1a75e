package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// service is a running serve.
type service struct {
	*world
	url    string
	cancel context.CancelFunc
	ended  chan error
}

// start runs the verb that the arguments name, which must be serve, and returns
// when it listens.
func (w *world) start(t *testing.T) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{world: w, cancel: cancel, ended: make(chan error, 1)}
	addresses := make(chan net.Addr, 1)
	w.env.listening = func(a net.Addr) { addresses <- a }
	w.env.args = append([]string{"serve", "--web.listen-address=127.0.0.1:0"}, w.env.args...)
	go func() { s.ended <- run(ctx, w.env) }()
	select {
	case a := <-addresses:
		s.url = "http://" + a.String()
	case err := <-s.ended:
		t.Fatalf("ended before it listened: %v\n%s", err, w.stderr)
	case <-time.After(patience):
		t.Fatal("does not listen")
	}
	t.Cleanup(cancel)
	return s
}

// startReady is start, and waits for the probes to be attached.
func (w *world) startReady(t *testing.T) *service {
	t.Helper()
	s := w.start(t)
	w.stderr.Wait(t, "msg=ready", 1)
	return s
}

// stop ends the service as a signal would, and returns its error.
func (s *service) stop(t *testing.T) error {
	t.Helper()
	s.cancel()
	return s.wait(t)
}

// wait waits for the service to end by itself, and returns its error.
func (s *service) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		t.Fatal("does not end")
		return nil
	}
}

// An answer is a status and the text that came with it.
type answer struct {
	Status int
	Text   string
}

// ask sends a request and returns the answer.
func (s *service) ask(t *testing.T, method, path string) answer {
	t.Helper()
	request, err := http.NewRequest(method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, strings.TrimSpace(string(body))}
}

// series returns the lines of a scrape whose metric begins with one of the
// prefixes.
func (s *service) series(t *testing.T, path string, prefixes ...string) []string {
	t.Helper()
	got := s.ask(t, http.MethodGet, path)
	if got.Status != http.StatusOK {
		t.Fatalf("GET %s: %+v", path, got)
	}
	var found []string
	for line := range strings.Lines(got.Text) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(line, prefix) {
				found = append(found, strings.TrimSpace(line))
				break
			}
		}
	}
	return found
}
