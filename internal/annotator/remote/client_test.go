package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve returns a client of a server, with the options and the server's URL.
func serve(t *testing.T, h http.HandlerFunc, o Options) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o.URL = server.URL + o.URL
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, "said")
	}
}

func TestEveryEndOfARequestHasItsClass(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    Class
		err     string
		body    string
	}{
		"good":            {status(200), OK, "", "said"},
		"created":         {status(201), OK, "", "said"},
		"not modified":    {status(304), Redirect, "status 304: not modified", ""},
		"unauthorized":    {status(401), Auth, "status 401: unauthorized", "said"},
		"forbidden":       {status(403), Auth, "status 403: forbidden", "said"},
		"bad request":     {status(400), Refused, "status 400: bad request", "said"},
		"too many":        {status(429), Refused, "status 429: too many requests", "said"},
		"broken":          {status(500), Server, "status 500: internal server error", "said"},
		"no such status":  {status(999), Server, "status 999: ", "said"},
		"longest":         {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1000)) }, OK, "", strings.Repeat("\x00", 1000)},
		"a byte too long": {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1001)) }, TooLarge, "status 200: the answer is longer than 1000 bytes", ""},
		"endless error": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, TooLarge, "status 500: the answer is longer than 1000 bytes", ""},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "said")
		}, Network, "unexpected EOF", ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, c.handler, Options{Most: 1000})
			answer, err := client.Get(t.Context(), "/x", nil)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff([]string{string(c.want), c.err, c.body}, []string{string(ClassOf(err)), got, string(answer.Body)}); diff != "" {
				t.Errorf("class, error and body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNobodyListensIsOfTheNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c, err := New(Options{URL: "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "/", nil); ClassOf(err) != Network {
		t.Errorf("error %v of class %q, want %q", err, ClassOf(err), Network)
	}
}

func TestRequestsGoWhereTheURLSays(t *testing.T) {
	type request struct{ Method, Target, Type, Body, Agent, Authorization string }
	var got request
	h := func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(body), r.Header.Get("User-Agent"), r.Header.Get("Authorization")}
	}
	c := serve(t, h, Options{URL: "/pro/metheus/"})
	if _, err := c.Get(t.Context(), "/api", url.Values{"a": {"b c"}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(request{"GET", "/pro/metheus/api?a=b+c", "", "", "packetscope-annotator", ""}, got); diff != "" {
		t.Errorf("request of Get (-want +got):\n%s", diff)
	}
	if _, err := c.Post(t.Context(), "/api", url.Values{"a": {"b&c"}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(request{"POST", "/pro/metheus/api", "application/x-www-form-urlencoded", "a=b%26c", "packetscope-annotator", ""}, got); diff != "" {
		t.Errorf("request of Post (-want +got):\n%s", diff)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) }, Options{})
		if _, err := c.Post(t.Context(), "/", nil); ClassOf(err) != Redirect {
			t.Errorf("%d: error %v, want class %q", code, err, Redirect)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("followed %d redirects", n)
	}
}

// TestNoProxyOfTheEnvironmentIsAsked looks at the transport, as the environment is read
// but once in a process, and never used for loopback.
func TestNoProxyOfTheEnvironmentIsAsked(t *testing.T) {
	c, err := New(Options{URL: "http://192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.http.Transport.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy")
	}
}

func TestSmallAnswersDoNotGrow(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Accept-Encoding")) }, Options{})
	answer, err := c.Get(t.Context(), "/", nil)
	if err != nil || len(answer.Body) != 0 {
		t.Errorf("asked for the encoding %q (%v)", answer.Body, err)
	}
}

func TestTokensAreReadAtEachUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(401)
	}, Options{TokenFile: file})
	if _, err := c.Get(t.Context(), "/", nil); ClassOf(err) != Secret || !errors.Is(err, os.ErrNotExist) || got != "" {
		t.Errorf("without a file: error %v, sent %q", err, got)
	}
	for _, token := range []string{"one", "two"} {
		write(" " + token + "\n")
		_, err := c.Get(t.Context(), "/", nil)
		if got != "Bearer "+token || ClassOf(err) != Auth || strings.Contains(err.Error(), token) {
			t.Errorf("sent %q, want token %q: error %v", got, token, err)
		}
	}
	got = ""
	for text, want := range map[string]string{
		"":                                "is empty",
		" \n":                             "is empty",
		"hush hush":                       "holds more than one word of ASCII; write nothing but the secret into it",
		"hush\r\nX: y":                    "holds more than one word of ASCII; write nothing but the secret into it",
		"hüsch":                           "holds more than one word of ASCII; write nothing but the secret into it",
		strings.Repeat("h", 16<<10) + "h": "has more than 16384 bytes",
	} {
		write(text)
		_, err := c.Get(t.Context(), "/", nil)
		if ClassOf(err) != Secret || err.Error() != `read secret: file "`+file+`" `+want || got != "" {
			t.Errorf("%.10q: error %v, want %q", text, err, want)
		}
	}
}

func TestPasswordsAreReadAtEachUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	var user, password string
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { user, password, _ = r.BasicAuth() }, Options{User: "annotator", PasswordFile: file})
	if _, err := c.Get(t.Context(), "/", nil); ClassOf(err) != Secret || user != "" {
		t.Errorf("without a file: error %v, sent %q", err, user)
	}
	for _, want := range []string{"one", "two:three"} {
		if err := os.WriteFile(file, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), "/", nil); err != nil || user != "annotator" || password != want {
			t.Errorf("sent %q and %q, want %q: error %v", user, password, want, err)
		}
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	server := httptest.NewTLSServer(status(200))
	defer server.Close()
	server.Config.ErrorLog = nil
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	for want, config := range map[Class]*tls.Config{Network: nil, OK: {RootCAs: trusted}} {
		c, err := New(Options{URL: server.URL, TLS: config})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), "/", nil); ClassOf(err) != want {
			t.Errorf("error %v, want class %q", err, want)
		}
	}
}

// silent connects to a server that never says anything.
func silent(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go io.Copy(io.Discard, theirs)
	return ours, nil
}

func TestSilenceEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{URL: "http://192.0.2.1", Dial: silent})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = c.Get(t.Context(), "/", nil)
		if took := time.Since(began); ClassOf(err) != Timeout || took != 10*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", took, err)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		_, err = c.Get(soon, "/", nil)
		if took := time.Since(began); ClassOf(err) != Timeout || took != time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err = c.Get(stopped, "/", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestURLsOfServers(t *testing.T) {
	const form = "the URL is not of the form https://host/path"
	for raw, want := range map[string]string{
		"http://127.0.0.1:9090":        "",
		"https://[2001:db8::1]/a/":     "",
		"":                             form,
		"prometheus:9090":              form,
		"//prometheus":                 form,
		"http://":                      form,
		"http://:9090":                 form,
		"ftp://prometheus":             form,
		"http:prometheus":              form,
		"http://a\x00":                 form,
		"http://me:hush@prometheus":    "the URL holds a user or password",
		"http://me@prometheus":         "the URL holds a user or password",
		"http://prometheus?a=b":        "the URL holds a query or fragment",
		"http://prometheus?":           "the URL holds a query or fragment",
		"http://prometheus/graph#hush": "the URL holds a query or fragment",
	} {
		_, err := New(Options{URL: raw})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: error %q, want %q", raw, got, want)
		}
	}
}
