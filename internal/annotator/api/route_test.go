package api

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

func TestEachPathTakesItsScopeAndNoOther(t *testing.T) {
	w := newWorld(t, nil)
	for _, route := range w.routes {
		target := strings.Replace(route.path, "{id}", "x", 1)
		for token, want := range map[string]int{
			"":                    401,
			"nonsense":            401,
			"ingest:am":           403,
			"read:ann":            403,
			"approve:ann":         403,
			"ingest+read:ann":     403,
			"ingest+approve:ann":  403,
			"read+approve:ann":    0,
			string(route.scope):   401,
			"ingest+approve+r:it": 403,
		} {
			scopes, _, named := strings.Cut(token, ":")
			if named && strings.Contains("+"+scopes+"+", "+"+string(route.scope)+"+") {
				want = 0
			}
			answer := w.askAs(token, route.method, target, "")
			refused := answer.Code == 401 || answer.Code == 403
			if refused != (want != 0) || refused && answer.Code != want {
				t.Errorf("%s %s with token %q: code %d, want %d", route.method, target, token, answer.Code, want)
			}
			if challenge := answer.Header().Get("WWW-Authenticate"); (challenge != "") != (answer.Code == 401) {
				t.Errorf("%s %s with token %q: WWW-Authenticate is %q", route.method, target, token, challenge)
			}
		}
	}
}

func TestWithoutTokensNobodyApproves(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Auth = access.Tokens(nil) })
	for _, route := range w.routes {
		answer := w.askAs("", route.method, strings.Replace(route.path, "{id}", "x", 1), "")
		if forbidden := answer.Code == 403; forbidden != (route.scope == access.Approve) {
			t.Errorf("%s %s: code %d", route.method, route.path, answer.Code)
		}
	}
	w.askAs("", "POST", "/api/v1/feedback", `{"episode":"`+flood+`","useful":true}`)
	if diff := cmp.Diff([]feedback{{flood, access.Anybody, true, "", ""}}, w.engine.feedbacks); diff != "" {
		t.Errorf("feedback (-want +got):\n%s", diff)
	}
}

func TestPagesOfOtherSitesChangeNothing(t *testing.T) {
	w := newWorld(t, nil)
	for name, header := range map[string]http.Header{
		"a new browser": {"Sec-Fetch-Site": {"cross-site"}},
		"an old one":    {"Origin": {"https://evil.example"}},
	} {
		r := httptest.NewRequest("POST", "http://annotator:10143/api/v1/feedback", strings.NewReader(`{"episode":"`+flood+`","useful":true}`))
		r.Header = header.Clone()
		r.Header.Set("Authorization", "Bearer read:ann")
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, r)
		if answer.Code != 403 || len(w.engine.feedbacks) > 0 {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
		r = httptest.NewRequest("OPTIONS", "http://annotator:10143/api/v1/feedback", nil)
		r.Header = header.Clone()
		r.Header.Set("Access-Control-Request-Method", "POST")
		answer = httptest.NewRecorder()
		w.ServeHTTP(answer, r)
		for name := range answer.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("a preflight is answered with %s", name)
			}
		}
		if answer.Code != 405 {
			t.Errorf("a preflight is answered with %d", answer.Code)
		}
	}
}

func TestAlertmanagerIsAnsweredByTheWebhook(t *testing.T) {
	w := newWorld(t, nil)
	for _, test := range []struct {
		token, method, target string
		status                int
	}{
		{"ingest:am", "POST", webhook.Path, 202},
		{"read:ann", "POST", webhook.Path, 403},
		{"", "POST", webhook.Path, 401},
		{"ingest:am", "GET", webhook.Path, 405},
		{"ingest:am", "POST", "/api/v1/%61lerts", 404},
		{"ingest:am", "POST", "//api/v1/alerts", 404},
		{"ingest:am", "POST", webhook.Path + "/", 404},
	} {
		answer := w.askAs(test.token, test.method, test.target, alert)
		if answer.Code != test.status {
			t.Errorf("%s %s: %d %s, want %d", test.method, test.target, answer.Code, answer.Body, test.status)
		}
	}
	if diff := cmp.Diff([]string{alert}, w.inbox.bodies); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
}

func TestNothingIsEverRedirected(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "up 1\n") })
	mux.HandleFunc("/debug/pprof/", func(http.ResponseWriter, *http.Request) {})
	w := newWorld(t, func(o *Options) { o.Else = mux })
	for target, want := range map[string]int{
		"/metrics":                200,
		"/debug/pprof/":           200,
		"//metrics":               404,
		"/./metrics":              404,
		"/x/../metrics":           404,
		"/x/../api/v1/alerts":     404,
		"/api/../metrics":         404,
		"/api/v1/../v1/alerts":    404,
		"/api//v1/alerts":         404,
		"/nothing":                404,
		"/":                       404,
		"/%2e%2e/metrics":         404,
		"/metrics/../../../../..": 404,
	} {
		for _, method := range []string{"GET", "POST"} {
			if answer := w.ask(method, target, ""); answer.Code != want {
				t.Errorf("%s %s: %d, want %d", method, target, answer.Code, want)
			}
		}
	}
}

// exchange sends a request on a connection, and returns the answer with its body.
func exchange(t *testing.T, conn net.Conn, from *bufio.Reader, request string) (int, string) {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestSlowBodiesEndAndConnectionsGoOn(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.Read = 200 * time.Millisecond })
	server := httptest.NewServer(w)
	defer server.Close()
	const post = " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer read:ann\r\nContent-Length: "
	for name, test := range map[string]struct {
		head string
		want int
	}{
		"a body that is wanted":     {"POST /api/v1/explain" + post + "9\r\n\r\n{", 400},
		"a body that nobody wants":  {"POST /api/v1/nothing" + post + "9\r\n\r\n{", 404},
		"a body where there is one": {"GET /api/v1/episodes" + post + "9\r\n\r\n{", 200},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		from := bufio.NewReader(conn)
		if code, body := exchange(t, conn, from, test.head); code != test.want {
			t.Errorf("%s: %d %s, want %d", name, code, body, test.want)
		}
		// The server ends the connection, as it does not know where the next request begins.
		if _, err := from.ReadByte(); err != io.EOF {
			t.Errorf("%s: the connection goes on: %v", name, err)
		}
	}
	// A limit of one request is none of the next.
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	from := bufio.NewReader(conn)
	for range 3 {
		code, body := exchange(t, conn, from, "POST /api/v1/explain?wait=30s"+post+"30\r\n\r\n"+`{"labels":{"alertname":"Abc"}}`)
		var got Work
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || got.State != "done" {
			t.Errorf("%d %s: %v", code, body, err)
		}
	}
}
