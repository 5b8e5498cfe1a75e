package sink

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
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
	"github.com/packetscope/packetscope/internal/annotator/sink/double"
)

// sinksAt returns one sink of each kind that writes to the server at the address.
func sinksAt(t testing.TB, url string, o Options) []Sink {
	t.Helper()
	token := secretFile(t, "t0k-secret")
	sinks := []Sink{newGrafana(t, GrafanaOptions{Options: o, URL: url, TokenFile: token})}
	for _, format := range Formats() {
		sinks = append(sinks, newNotify(t, NotifyOptions{Options: o, Format: format, TokenFile: token,
			URLFile: secretFile(t, url+"/hooks-secret/T0PIC")}))
	}
	return sinks
}

func TestStatusDecidesTheClass(t *testing.T) {
	now := time.Date(2026, 9, 21, 14, 0, 0, 0, time.UTC)
	type result struct {
		Class Class
		After time.Duration
		Code  int
	}
	for _, c := range []struct {
		answer double.Answer
		want   result
	}{
		{double.Answer{Code: 301, Header: map[string]string{"Location": "https://elsewhere.example/"}}, result{Pause, 0, 301}},
		{double.Answer{Code: 302, Header: map[string]string{"Location": "/login"}}, result{Pause, 0, 302}},
		{double.Answer{Code: 307, Header: map[string]string{"Location": "/login"}}, result{Pause, 0, 307}},
		{double.Answer{Code: 400}, result{Dead, 0, 400}},
		{double.Answer{Code: 401}, result{Pause, 0, 401}},
		{double.Answer{Code: 403}, result{Pause, 0, 403}},
		{double.Answer{Code: 408}, result{Retry, 0, 408}},
		{double.Answer{Code: 413}, result{Dead, 0, 413}},
		{double.Answer{Code: 422, Header: map[string]string{"Retry-After": "7"}}, result{Dead, 0, 422}},
		{double.Answer{Code: 429, Header: map[string]string{"Retry-After": "7"}}, result{Retry, 7 * time.Second, 429}},
		{double.Answer{Code: 429, Header: map[string]string{"Retry-After": "Mon, 21 Sep 2026 14:00:30 GMT"}}, result{Retry, 30 * time.Second, 429}},
		{double.Answer{Code: 429, Header: map[string]string{"Retry-After": "Mon, 21 Sep 2026 13:00:00 GMT"}}, result{Retry, 0, 429}},
		{double.Answer{Code: 500}, result{Retry, 0, 500}},
		{double.Answer{Code: 503, Header: map[string]string{"Retry-After": "9223372036854775807"}}, result{Retry, time.Hour, 503}},
		{double.Answer{Code: 503, Header: map[string]string{"Retry-After": "-5"}}, result{Retry, 0, 503}},
		{double.Answer{Code: 504, Header: map[string]string{"Retry-After": "soon"}}, result{Retry, 0, 504}},
	} {
		r := &double.Receiver{Judge: func(string, []byte) double.Answer { return c.answer }}
		for _, s := range sinksAt(t, serve(t, r), Options{Now: func() time.Time { return now }}) {
			before := len(r.Received())
			_, err := s.Send(t.Context(), flood(1), nil)
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%d: %v", c.answer.Code, err)
			}
			if diff := cmp.Diff(c.want, result{e.Class, e.After, e.Code}); diff != "" {
				t.Errorf("%T (-want +got):\n%s", s, diff)
			}
			if n := len(r.Received()) - before; n != 1 {
				t.Errorf("%T: %d requests for status %d", s, n, c.answer.Code)
			}
		}
	}
}

func TestErrorsShowNoSecrets(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no "+r.Header.Get("Authorization")+" for "+r.URL.Path+"\x1b[31m \u202e", http.StatusBadRequest)
	})
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	urls := []string{serve(t, echo), serve(t, broken), "http://127.0.0.1:1"}
	for _, url := range urls {
		for _, s := range sinksAt(t, url, Options{}) {
			_, err := s.Send(t.Context(), flood(1), nil)
			if err == nil || strings.Contains(err.Error(), "t0k-secret") || strings.Contains(err.Error(), "hooks-secret") || strings.ContainsAny(err.Error(), "\x1b\u202e") {
				t.Errorf("%T: %v", s, err)
			}
		}
	}
}

func TestSlowAndCutAnswersAreTriedAgain(t *testing.T) {
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		<-r.Context().Done()
	})
	cut := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		if _, err := io.WriteString(w, "[]"); err != nil {
			return
		}
		panic(http.ErrAbortHandler)
	})
	for name, h := range map[string]http.Handler{"slow": slow, "cut": cut} {
		for _, s := range sinksAt(t, serve(t, h), Options{Timeout: 50 * time.Millisecond}) {
			state, err := s.Send(t.Context(), flood(1), nil)
			if ClassOf(err) != Retry || markOf(state).Revision != 0 {
				t.Errorf("%s, %T: state %s, error %v", name, s, state, err)
			}
		}
	}
}

func TestHugeAnswersAreNotRead(t *testing.T) {
	const huge = 64 << 20 // more than all buffers between us
	whole := make(chan bool, 1)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		piece, sent := strings.Repeat("a", 1<<20), 0
		for sent < huge {
			if _, err := io.WriteString(w, piece); err != nil {
				break
			}
			sent += len(piece)
		}
		whole <- sent >= huge
	}))
	for _, s := range sinksAt(t, url, Options{}) {
		_, err := s.Send(t.Context(), flood(1), nil)
		if ClassOf(err) != Retry || !strings.Contains(err.Error(), "longer than 1048576 bytes") || <-whole {
			t.Errorf("%T: %v", s, err)
		}
	}
}

func TestProxiesOfTheEnvironmentAreNotAsked(t *testing.T) {
	proxied := false
	proxy := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied = true }))
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy)
	}
	for _, s := range sinksAt(t, "http://grafana.invalid", Options{}) {
		if _, err := s.Send(t.Context(), flood(1), nil); ClassOf(err) != Retry || proxied {
			t.Errorf("%T: error %v, proxied %t", s, err, proxied)
		}
	}
	if transport := newClient(Options{}).http.Transport.(*http.Transport); transport.Proxy != nil {
		t.Error("there is a proxy")
	}
}

func TestSecretsAreReadWheneverTheyAreUsed(t *testing.T) {
	r := &double.Receiver{}
	file := secretFile(t, "first")
	n := newNotify(t, NotifyOptions{Format: "packetscope", URL: serve(t, r), TokenFile: file})
	var got []string
	for revision, secret := range []string{"first", "second"} {
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Send(t.Context(), flood(1+revision), nil); err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Received()[revision].Header.Get("Authorization"))
	}
	if diff := cmp.Diff([]string{"Bearer first", "Bearer second"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadSecretsPauseTheSink(t *testing.T) {
	for name, text := range map[string]string{
		"empty":      "\n",
		"two lines":  "one\ntwo",
		"a sentence": "this is it",
		"control":    "a\x00b",
		"non-ASCII":  "pass\u202eword",
		"long":       strings.Repeat("a", mostSecret+1),
		"missing":    "",
	} {
		file := secretFile(t, text)
		if name == "missing" {
			file = filepath.Join(t.TempDir(), "none")
		}
		for _, s := range []Sink{
			newGrafana(t, GrafanaOptions{URL: "http://127.0.0.1:1", TokenFile: file}),
			newNotify(t, NotifyOptions{Format: "packetscope", URL: "http://127.0.0.1:1", TokenFile: file}),
			newNotify(t, NotifyOptions{Format: "packetscope", URL: "http://127.0.0.1:1", SecretFile: file}),
			newNotify(t, NotifyOptions{Format: "packetscope", URLFile: file}),
		} {
			_, err := s.Send(t.Context(), flood(1), nil)
			checked := s.Check(t.Context())
			if ClassOf(err) != Pause || checked == nil || !strings.Contains(err.Error(), file) && name != "two lines" {
				t.Errorf("%s, %T: send %v, check %v", name, s, err, checked)
			}
			if strings.Contains(err.Error(), "sentence") || strings.Contains(err.Error(), "aaaa") {
				t.Errorf("%s: %v shows the secret", name, err)
			}
		}
	}
}

func TestAddressesAreCheckedAtStart(t *testing.T) {
	for _, url := range []string{"", "grafana:3000", "ftp://grafana", "https://", "https://u:p@grafana", "https://grafana/#x", "https://gra fana", "file:///etc/passwd", "//grafana"} {
		if _, err := NewGrafana(GrafanaOptions{URL: url}); err == nil {
			t.Errorf("Grafana takes %q", url)
		}
		_, err := NewNotify(NotifyOptions{Format: "slack", URL: url})
		if err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("Notify takes %q: %v", url, err)
		}
	}
	for name, o := range map[string]NotifyOptions{
		"format":      {Format: "pigeon", URL: "https://e.example"},
		"two sources": {Format: "slack", URL: "https://e.example", URLFile: "f"},
		"bad links":   {Format: "slack", URL: "https://e.example", Options: Options{Links: []string{"grafana"}}},
	} {
		if _, err := NewNotify(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := NewGrafana(GrafanaOptions{URL: "https://grafana/?orgId=1"}); err == nil {
		t.Error("a query is taken")
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	d := &double.Grafana{}
	s := httptest.NewUnstartedServer(d)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the refused handshake
	s.StartTLS()
	t.Cleanup(s.Close)
	if _, err := newGrafana(t, GrafanaOptions{URL: s.URL}).Send(t.Context(), flood(1), nil); ClassOf(err) != Pause {
		t.Errorf("unknown authority: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	g := newGrafana(t, GrafanaOptions{URL: s.URL, Options: Options{TLS: &tls.Config{RootCAs: roots}}})
	if _, err := g.Send(t.Context(), flood(1), nil); err != nil {
		t.Errorf("known authority: %v", err)
	}
	expect(t, d, g, flood(1))
}
