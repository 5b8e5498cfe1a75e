package alert

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPostsAreWhatTheAPITakes(t *testing.T) {
	var path, kind, who string
	var body any
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path, kind, who = r.Method+" "+r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Authorization")
		text, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(text, &body); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"alertname": "GuarderLand"}
	for _, c := range []struct {
		target Target
		who    string
	}{{Target{}, ""}, {Target{TokenFile: secret}, "Bearer s3cret"}, {Target{User: "u", PasswordFile: secret}, "Basic dTpzM2NyZXQ="}} {
		c.target.URL = server.URL + "/am/"
		client, err := NewClient(c.target)
		if err != nil {
			t.Fatal(err)
		}
		err = client.Post(t.Context(), []Alert{
			{Labels: labels, State: Firing, ActiveAt: start, FiredAt: start.Add(time.Minute), ValidUntil: start.Add(5 * time.Minute), Annotations: map[string]string{"summary": "s"}},
			{Labels: labels, State: Resolved, ActiveAt: start, FiredAt: start.Add(time.Minute), ResolvedAt: start.Add(2 * time.Minute), ValidUntil: start.Add(9 * time.Minute)},
		})
		if err != nil || path != "POST /am/api/v2/alerts" || kind != "application/json" || who != c.who {
			t.Errorf("%v: %s of %s by %q", err, path, kind, who)
		}
		want := []any{
			map[string]any{"labels": map[string]any{"alertname": "GuarderLand"}, "annotations": map[string]any{"summary": "s"}, "startsAt": "2026-11-29T12:01:00Z", "endsAt": "2026-11-29T12:05:00Z"},
			map[string]any{"labels": map[string]any{"alertname": "GuarderLand"}, "startsAt": "2026-11-29T12:01:00Z", "endsAt": "2026-11-29T12:02:00Z"},
		}
		if diff := cmp.Diff(want, body); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
}

func TestAnswersThatAreFailures(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for name, answer := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad label", 400) },
		"broken":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			w.Write([]byte("x"))
		},
	} {
		server := httptest.NewServer(answer)
		client, err := NewClient(Target{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Post(t.Context(), numbered(0, 1)); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := client.Version(t.Context()); err == nil {
			t.Errorf("%s: a version", name)
		}
		server.Close()
	}
	if _, err := NewClient(Target{URL: "http://user:hush@127.0.0.1"}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("a password in the URL: %v", err)
	}
}

func TestOnlyTheGivenCertificatesAreTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"versionInfo":{"version":"0.25.0"}}`)
	}))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the client hangs up
	server.StartTLS()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, works := range map[string]bool{"": false, file: true} {
		client, err := NewClient(Target{URL: server.URL, CAFile: ca, ServerName: "example.com"})
		if err != nil {
			t.Fatal(err)
		}
		version, err := client.Version(t.Context())
		if (err == nil) != works || works && version != "0.25.0" {
			t.Errorf("with %q: %q, %v", ca, version, err)
		}
	}
}

func TestSecretsAreOneWord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	for text, want := range map[string]string{"one": "one", " one\n": "one", "": "", "hush hush": "", "hüsch": "", "hush\r\nX: y": "", strings.Repeat("h", mostSecret+1): ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecret(file)
		if got != want || (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%.20q: %.20q, %v", text, got, err)
		}
	}
}
