package webhook

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// memory is an inbox that keeps what it gets, unless err is set.
type memory struct {
	mu     sync.Mutex
	put    map[Key]Delivery
	buried []string
	err    error
	// block, if not nil, holds Put up until it is closed or its time is over.
	block chan struct{}
}

func (m *memory) Put(ctx context.Context, d Delivery) (bool, error) {
	if m.block != nil {
		select {
		case <-m.block:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return false, m.err
	}
	if m.put == nil {
		m.put = map[Key]Delivery{}
	}
	_, known := m.put[d.Key()]
	m.put[d.Key()] = d
	return !known, nil
}

func (m *memory) Bury(_ context.Context, _ string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.buried = append(m.buried, string(body))
	}
	return m.err
}

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path, strings.NewReader(body)))
	return w
}

// many returns a message with as many small alerts.
func many(alerts int) string {
	one := `,{"status":"firing","labels":{"alertname":"X"},"startsAt":"2026-03-01T12:00:00Z"}`
	return `{"version":"4","groupKey":"g","status":"firing","alerts":[` + strings.Repeat(one, alerts)[1:] + `]}`
}

// TestWhatIsReadAtATimeIsBounded claims that by default there is one largest message in memory,
// which takes seven times its size until it is stored: more do not fit into what the services
// that are shipped may take.
func TestWhatIsReadAtATimeIsBounded(t *testing.T) {
	h := New(&memory{}, Limits{}, nil)
	release, ok := h.reserve(-1)
	if !ok {
		t.Fatal("there is no room for one message")
	}
	if _, ok := h.reserve(1); ok {
		t.Error("there is room for more than a largest message")
	}
	release()
	if _, ok := h.reserve(-1); !ok {
		t.Error("there is no room again")
	}
}

func TestCodesAreThoseThatAlertmanagerUnderstands(t *testing.T) {
	good := string(golden(t, "alertmanager-0.31-truncated"))
	half := string(damage(t, `"dest":"resolver"`, `"dest":53`))
	full := errors.New("no space left on device")
	deny := func(err error) Auth { return func(*http.Request) error { return err } }
	for name, test := range map[string]struct {
		err          error // of the inbox
		limits       Limits
		auth         Auth
		method, path string
		bodies       []string
		want         []int
		text         string // in the last answer
		put, buried  int
	}{
		"stored":                           {bodies: []string{good}, want: []int{202}, put: 1},
		"stored before":                    {bodies: []string{good, good}, want: []int{202, 200}, put: 1},
		"a bad alert in it":                {bodies: []string{half}, want: []int{202}, put: 1},
		"no message":                       {bodies: []string{"{}"}, want: []int{400}, text: "version is", buried: 1},
		"no message, full disk":            {err: full, bodies: []string{"{}"}, want: []int{503}, text: "send it again"},
		"full disk":                        {err: full, bodies: []string{good}, want: []int{503}, text: "send it again"},
		"large":                            {limits: Limits{Body: 100}, bodies: []string{good}, want: []int{413}, text: "set max_alerts"},
		"many alerts":                      {bodies: []string{many(mostAlerts + 1)}, want: []int{413}, text: "too many alerts in a message: 10001: set max_alerts"},
		"just not too many":                {bodies: []string{many(mostAlerts)}, want: []int{202}, put: 1},
		"unknown sender":                   {auth: deny(ErrUnknown), bodies: []string{good}, want: []int{401}, text: "authorization"},
		"broken auth":                      {auth: deny(full), bodies: []string{good}, want: []int{401}},
		"another scope":                    {auth: deny(ErrForbidden), bodies: []string{good}, want: []int{403}, text: "scope ingest"},
		"right sender":                     {auth: deny(nil), bodies: []string{good}, want: []int{202}, put: 1},
		"GET":                              {method: "GET", bodies: []string{""}, want: []int{405}, text: "by POST"},
		"HEAD":                             {method: "HEAD", bodies: []string{""}, want: []int{405}},
		"another path":                     {path: "/api/v1/alert", bodies: []string{good}, want: []int{404}, text: Path},
		"a path that a mux would redirect": {path: "//api/v1/alerts", bodies: []string{good}, want: []int{404}},
		"a path with a slash behind":       {path: "/api/v1/alerts/", bodies: []string{good}, want: []int{404}},
	} {
		t.Run(name, func(t *testing.T) {
			inbox := memory{err: test.err}
			h := New(&inbox, test.limits, test.auth)
			var got []int
			var w *httptest.ResponseRecorder
			h.Report = func(o Outcome) {
				got = append(got, o.Code)
				if (o.Err == nil) != (o.Code/100 == 2) {
					t.Errorf("code %d with error %v", o.Code, o.Err)
				}
			}
			for i, body := range test.bodies {
				r := httptest.NewRequest("POST", Path, strings.NewReader(body))
				if test.method != "" {
					r.Method = test.method
				}
				if test.path != "" {
					r.URL.Path = test.path
				}
				w = httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if len(got) <= i || w.Code != got[i] {
					t.Errorf("answer %d is %d, reported %v", i, w.Code, got)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("codes (-want +got):\n%s", diff)
			}
			if text := w.Body.String(); !strings.Contains(text, test.text) || strings.Contains(text, "no space") {
				t.Errorf("answer is %q", text)
			}
			if len(inbox.put) != test.put || len(inbox.buried) != test.buried {
				t.Errorf("%d put and %d buried, want %d and %d", len(inbox.put), len(inbox.buried), test.put, test.buried)
			}
		})
	}
}

func TestInboxGetsTheMessageAndItsBytes(t *testing.T) {
	var inbox memory
	h := New(&inbox, Limits{}, nil)
	var outcome Outcome
	h.Report = func(o Outcome) { outcome = o }
	body := damage(t, `{"status":"resolved"`, `7,{"status":"resolved"`)
	post(h, string(body))
	m := decode(t, body)
	if diff := cmp.Diff(map[Key]Delivery{m.Key(): {Message: m, Body: body}}, inbox.put); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
	want := Outcome{Code: 202, Firing: 1, Resolved: 1, Bad: 1, Truncated: 3}
	if diff := cmp.Diff(want, outcome, cmpopts.IgnoreFields(Outcome{}, "Took")); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

func TestSlowInboxMakesTheSenderComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := memory{block: make(chan struct{})}
		start := time.Now()
		w := post(New(&inbox, Limits{}, nil), string(golden(t, "alertmanager-0.25-firing")))
		if took := time.Since(start); w.Code != 503 || took != time.Second {
			t.Errorf("code %d after %s, want 503 after 1s", w.Code, took)
		}
	})
}

func TestManyMessagesAtATimeAreToldToComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbox := memory{block: make(chan struct{})}
		body := string(golden(t, "alertmanager-0.25-firing"))
		h := New(&inbox, Limits{Body: int64(len(body)), Memory: 2 * int64(len(body))}, nil)
		var codes [3]int
		var done sync.WaitGroup
		for i := range codes {
			done.Go(func() { codes[i] = post(h, body).Code })
			synctest.Wait()
		}
		close(inbox.block)
		done.Wait()
		// Which of the first two is the one stored before is chance.
		if codes != [3]int{202, 200, 503} && codes != [3]int{200, 202, 503} {
			t.Errorf("codes %v, want 202, 200 and 503", codes)
		}
		if code := post(h, body).Code; code != 200 {
			t.Errorf("code %d when there is room again, want 200", code)
		}
	})
}

// serve answers on a connection of its own, whose client then says nothing more, and
// returns what the client reads until the server ends it.
func serve(t *testing.T, h http.Handler, request string, hangUp bool) string {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if hangUp {
		conn.(*net.TCPConn).CloseWrite()
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestBodiesThatDoNotArriveComeAgain(t *testing.T) {
	var inbox memory
	h := New(&inbox, Limits{Read: 50 * time.Millisecond}, nil)
	const head = "POST " + Path + " HTTP/1.1\r\nHost: x\r\n"
	for name, request := range map[string]string{
		"cut":         head + "Content-Length: 100\r\n\r\n{\"version\"",
		"cut chunk":   head + "Transfer-Encoding: chunked\r\n\r\n64\r\n{\"version\"",
		"wrong chunk": head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		for _, hangUp := range []bool{true, false} {
			if answer := serve(t, h, request, hangUp); !strings.HasPrefix(answer, "HTTP/1.1 503 ") {
				t.Errorf("%s: answer %q, hung up %v", name, answer, hangUp)
			}
		}
	}
	large := New(&inbox, Limits{Body: 8}, nil)
	if answer := serve(t, large, head+"Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n", true); !strings.HasPrefix(answer, "HTTP/1.1 413 ") {
		t.Errorf("a large body of unknown size: answer %q", answer)
	}
	if len(inbox.put)+len(inbox.buried) != 0 {
		t.Errorf("inbox has %+v", &inbox)
	}
}
