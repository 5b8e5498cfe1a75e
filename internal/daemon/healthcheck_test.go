package daemon

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// healthOf runs the verb with the arguments.
func healthOf(args ...string) error {
	app, _ := NewApp("program", "Serves.", io.Discard, io.Discard)
	check := AddHealthcheck(app, "program", "http://127.0.0.1:1/")
	if verb, err := Parse(app, append([]string{"healthcheck"}, args...)); verb != "healthcheck" || err != nil {
		return fmt.Errorf("verb %q: %w", verb, err)
	}
	return check(context.Background())
}

func TestHealthcheckFollowsTheStatus(t *testing.T) {
	status := http.StatusOK
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "the reason\nmore", status) })
	server := httptest.NewServer(handler)
	defer server.Close()
	if err := healthOf("--url=" + server.URL); err != nil {
		t.Errorf("status 200: %v", err)
	}
	status = http.StatusServiceUnavailable
	err := healthOf("--url=" + server.URL)
	if want := server.URL + " answers 503 Service Unavailable: the reason"; err == nil || err.Error() != want {
		t.Errorf("status 503: error %v, want %s", err, want)
	}
}

func TestHealthcheckFailsWithoutServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := healthOf("--url=" + server.URL)
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v, want connection refused", err)
	}
}

func TestHealthcheckDoesNotWaitForEver(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(ended)
	// Time enough to connect, as the error is another one until then.
	err := healthOf("--timeout=500ms", "--url="+server.URL)
	if err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Errorf("error %v, want deadline exceeded", err)
	}
}

func TestHealthcheckUsesPasswordAndForeignCertificateOnDemand(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	url := strings.Replace(server.URL, "://", "://me:secret@", 1)
	if err := healthOf("--insecure", "--url="+url); err != nil {
		t.Error(err)
	}
	if err := healthOf("--url=" + url); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v, want one about the certificate without the password", err)
	}
	err := healthOf("--insecure", "--url="+strings.Replace(url, "me:", "you:", 1))
	if want := fmt.Sprintf("%s answers 401 Unauthorized: who are you?",
		strings.Replace(server.URL, "://", "://you:xxxxx@", 1)); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
