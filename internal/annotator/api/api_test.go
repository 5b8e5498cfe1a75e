package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// golden compares an answer with testdata, indented for people.
func golden(t *testing.T, name string, status int, body []byte) {
	t.Helper()
	var got bytes.Buffer
	fmt.Fprintf(&got, "%d\n", status)
	for line := range bytes.Lines(body) {
		if err := json.Indent(&got, line, "", "  "); err != nil {
			t.Fatalf("%s: answer %q: %v", name, line, err)
		}
	}
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestAnswersAreThoseThatProgramsRelyOn(t *testing.T) {
	for _, test := range []struct{ name, method, target, body string }{
		{"episodes", "GET", "/api/v1/episodes", ""},
		{"episode", "GET", "/api/v1/episodes/" + flood, ""},
		{"prompt", "GET", "/api/v1/prompt?episode=" + flood, ""},
		{"explain", "POST", "/api/v1/explain?wait=30s", `{"mode":"custom","focus":"port 53","episode":"` + flood + `"}`},
		{"explain_host", "POST", "/api/v1/explain?wait=30s", `{"mode":"security","instance":"web-1:10142","window":"2h","scope":{"udp":false,"icmp":false,"tcp":true}}`},
		{"explain_dry", "POST", "/api/v1/explain?wait=30s", `{"labels":{"alertname":"HostDrops","instance":"a:10142"},"dry_run":true}`},
		{"feedback", "POST", "/api/v1/feedback", `{"episode":"` + flood + `","useful":false,"right_verdict":"overload","note":"a sale began"}`},
		{"suggestions", "GET", "/api/v1/suggestions", ""},
		{"suggestion", "GET", "/api/v1/suggestions/" + quieten, ""},
		{"approve", "POST", "/api/v1/suggestions/" + quieten + "/approve", `{"ttl":"30m","reason":"seen it before","matched_share":0.25}`},
		{"reject", "POST", "/api/v1/suggestions/" + quieten + "/reject", `{"reason":"they are customers"}`},
		{"status", "GET", "/api/v1/status", ""},
		{"config", "GET", "/api/v1/config", ""},
		{"dead", "GET", "/api/v1/dead", ""},
		{"dead_of_a_kind", "GET", "/api/v1/dead?kind=alert", ""},
		{"letter", "GET", "/api/v1/dead/message-2", ""},
		{"audit", "GET", "/api/v1/audit", ""},
		{"audit_since", "GET", "/api/v1/audit?since=1&limit=1", ""},
	} {
		w := newWorld(t, nil)
		w.happen(t)
		answer := w.ask(test.method, test.target, test.body)
		body := answer.Body.Bytes()
		if test.name == "status" {
			body = withoutSizes(t, body)
		}
		golden(t, test.name, answer.Code, body)
		header := answer.Header()
		kind := "application/json"
		if strings.HasPrefix(test.name, "audit") {
			kind = "application/jsonl"
		}
		header.Del("Date")
		want := http.Header{"Content-Type": {kind}, "X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"}}
		if diff := cmp.Diff(want, header); diff != "" {
			t.Errorf("%s: header (-want +got):\n%s", test.name, diff)
		}
		if w.log.Len() > 0 {
			t.Errorf("%s: log says %s", test.name, w.log)
		}
	}
}

// TestStatusSaysOfAStormWhatTheEngineDoes: how many open episodes are one is in its config.
func TestStatusSaysOfAStormWhatTheEngineDoes(t *testing.T) {
	for _, storm := range []bool{false, true} {
		w := newWorld(t, nil)
		w.engine.storm = storm
		var s Status
		if err := json.Unmarshal(w.ask("GET", "/api/v1/status", "").Body.Bytes(), &s); err != nil || s.Storm != storm {
			t.Errorf("storm is %v, want %v, %v", s.Storm, storm, err)
		}
	}
}

// withoutSizes checks that the sizes of the file are there, and takes them out: they are
// those of the page of the machine.
func withoutSizes(t *testing.T, body []byte) []byte {
	t.Helper()
	var s Status
	if err := json.Unmarshal(body, &s); err != nil || s.FileBytes == 0 || s.FreeBytes > s.FileBytes {
		t.Errorf("status has a file of %d bytes with %d free: %v", s.FileBytes, s.FreeBytes, err)
	}
	s.FileBytes, s.FreeBytes = 0, 0
	body, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestListsAreNeverNull(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Models = nil })
	for _, target := range []string{"/api/v1/dead", "/api/v1/status", "/api/v1/episodes/" + flood} {
		if body := w.ask("GET", target, "").Body.String(); strings.Contains(body, "null") {
			t.Errorf("%s: %s", target, body)
		}
	}
	if body := w.ask("GET", "/api/v1/audit", ""); body.Code != 200 || body.Body.Len() != 0 {
		t.Errorf("an empty log: %d %q", body.Code, body.Body)
	}
}

func TestRequestsThatAreNotRightAreToldSo(t *testing.T) {
	const custom = `{"mode":"custom","episode":"f","focus":"`
	approve := "/api/v1/suggestions/" + quieten + "/approve"
	for _, test := range []struct {
		name, method, target, body string
		status                     int
		message                    string
	}{
		{"a misspelt key", "POST", "/api/v1/explain", `{"analysis_type":"security"}`, 400, `unknown field "analysis_type"`},
		{"a wrong type", "POST", "/api/v1/explain", `{"mode":7}`, 400, "cannot unmarshal number"},
		{"cut", "POST", "/api/v1/explain", `{"mode":`, 400, "unexpected EOF"},
		{"two objects", "POST", "/api/v1/explain", `{}{}`, 400, "more than one object"},
		{"no text", "POST", "/api/v1/explain", "{\"focus\":\"\xff\"}", 400, "UTF-8"},
		{"an unknown mode", "POST", "/api/v1/explain", `{"mode":"evil"}`, 400, `unknown mode "evil" (one of security,`},
		{"custom about nothing", "POST", "/api/v1/explain", `{"mode":"custom"}`, 400, "belongs to the mode custom"},
		{"a focus of another mode", "POST", "/api/v1/explain", `{"focus":"x"}`, 400, "belongs to the mode custom"},
		{"a long focus", "POST", "/api/v1/explain", custom + strings.Repeat("x", 301) + `"}`, 400, "focus has 301 bytes: at most 300"},
		{"an invisible focus", "POST", "/api/v1/explain", custom + `a\u202eb"}`, 400, "U+202E"},
		{"a host and an episode", "POST", "/api/v1/explain", `{"episode":"f","instance":"a:1"}`, 400, "of a host: leave them out"},
		{"a window of an alert", "POST", "/api/v1/explain", `{"labels":{"alertname":"X"},"window":"1h"}`, 400, "of a host: leave them out"},
		{"a short window", "POST", "/api/v1/explain", `{"window":"4m"}`, 400, "from 5m to 7d"},
		{"a long window", "POST", "/api/v1/explain", `{"window":"8d"}`, 400, "from 5m to 7d"},
		{"a window that is none", "POST", "/api/v1/explain", `{"window":"soon"}`, 400, `bad window "soon"`},
		{"a scope that is none", "POST", "/api/v1/explain", `{"scope":{"include_udp":true}}`, 400, `unknown field "include_udp"`},
		{"a long instance", "POST", "/api/v1/explain", `{"instance":"` + strings.Repeat("x", 1025) + `"}`, 400, "at most 1024"},
		{"two things to explain", "POST", "/api/v1/explain", `{"episode":"f","labels":{"alertname":"X"}}`, 400, "leave one out"},
		{"a strange episode", "POST", "/api/v1/explain", `{"episode":"../f"}`, 400, "not the name"},
		{"a long label", "POST", "/api/v1/explain", `{"labels":{"alertname":"` + strings.Repeat("x", 1025) + `"}}`, 400, "too long"},
		{"a long wait", "POST", "/api/v1/explain?wait=1h", `{}`, 400, "up to 1m0s"},
		{"a large body", "POST", "/api/v1/explain", `{"focus":"` + strings.Repeat("x", 65<<10) + `"}`, 413, "more than 65536 bytes"},
		{"an unknown parameter", "GET", "/api/v1/episodes?lmit=5", "", 400, `"lmit" (one of limit)`},
		{"a parameter where there is none", "GET", "/api/v1/status?verbose=1", "", 400, "there is none here"},
		{"a parameter twice", "GET", "/api/v1/episodes?limit=5&limit=6", "", 400, "twice"},
		{"a broken parameter", "GET", "/api/v1/episodes?limit=%zz", "", 400, "bad parameters"},
		{"a limit of nothing", "GET", "/api/v1/episodes?limit=0", "", 400, "from 1 to 1000"},
		{"a negative number", "GET", "/api/v1/audit?since=-1", "", 400, "from 0 to"},
		{"no episode", "GET", "/api/v1/prompt", "", 400, "?episode=ID"},
		{"an unknown episode", "GET", "/api/v1/episodes/ffffffffffff", "", 404, "none of this name"},
		{"the prompt of an unknown episode", "GET", "/api/v1/prompt?episode=ffffffffffff", "", 404, "none of this name"},
		{"a path in an id", "GET", "/api/v1/episodes/..%2f..", "", 404, "nothing is at this path"},
		{"an unknown work", "GET", "/api/v1/explain/NONE", "", 404, "none of this name"},
		{"an unknown suggestion", "GET", "/api/v1/suggestions/none", "", 404, "no suggestion"},
		{"a decision on an unknown suggestion", "POST", "/api/v1/suggestions/none/reject", "{}", 404, "none of this name"},
		{"a ttl that the engine refuses", "POST", approve, `{"ttl":"5h"}`, 400, "longer than 4h"},
		{"a negative ttl", "POST", approve, `{"ttl":"-1h"}`, 400, "negative"},
		{"a ttl without unit", "POST", approve, `{"ttl":"5"}`, 400, "want 30s, 15m, 4h"},
		{"a share above all", "POST", approve, `{"matched_share":1.5}`, 400, "matched_share 1.5 is not from 0 to 1"},
		{"a share below nothing", "POST", approve, `{"matched_share":-0.5}`, 400, "matched_share -0.5 is not from 0 to 1"},
		{"a long reason", "POST", approve, `{"reason":"` + strings.Repeat("x", 501) + `"}`, 400, "reason has 501 bytes"},
		{"feedback without a word", "POST", "/api/v1/feedback", `{"episode":"` + flood + `"}`, 400, "useful is missing"},
		{"feedback on nothing", "POST", "/api/v1/feedback", `{"useful":true}`, 400, "not the name"},
		{"feedback on an unknown episode", "POST", "/api/v1/feedback", `{"episode":"f","useful":true}`, 404, "none of this name"},
		{"an unknown verdict", "POST", "/api/v1/feedback", `{"episode":"f","useful":true,"right_verdict":"aliens"}`, 400, "aliens"},
		{"an unknown kind", "GET", "/api/v1/dead?kind=cat", "", 400, "one of message, alert, job, delivery"},
		{"an unknown letter", "GET", "/api/v1/dead/job-99", "", 404, "none of this name"},
		{"a letter of no kind", "POST", "/api/v1/dead/cat-1/retry", "", 404, "none of this name"},
		{"a letter without a group", "POST", "/api/v1/dead/alert-1/retry", "", 409, "has no group"},
		{"a letter that still is no message", "POST", "/api/v1/dead/message-2/retry", "", 409, "still is no message"},
		{"another method", "DELETE", "/api/v1/episodes", "", 405, "use GET"},
		{"GET for POST", "GET", "/api/v1/feedback", "", 405, "use POST"},
		{"POST of the config", "POST", "/api/v1/config", "{}", 405, "use GET"},
		{"no such path", "GET", "/api/v2/episodes", "", 404, "nothing is at this path"},
		{"a path that a mux would redirect", "GET", "//api/v1/episodes", "", 404, "nothing is at this path"},
		{"a path with a slash behind", "GET", "/api/v1/episodes/", "", 404, "nothing is at this path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.Else = http.NewServeMux() })
			w.happen(t)
			answer := w.ask(test.method, test.target, test.body)
			var got Fault
			if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
				t.Fatalf("answer %q: %v", answer.Body, err)
			}
			if answer.Code != test.status || got.Error.Code != codes[test.status] || !strings.Contains(got.Error.Message, test.message) {
				t.Errorf("answer %d %+v, want %d %q", answer.Code, got, test.status, test.message)
			}
			if e := w.engine; len(e.questions)+len(e.decisions)+len(e.feedbacks)+len(w.inbox.bodies) > 0 {
				t.Errorf("it was done: %+v", e)
			}
			if w.log.Len() > 0 {
				t.Errorf("log says %s", w.log)
			}
		})
	}
}

func TestErrorsOfOursAreLoggedAndNotTold(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		logged bool
	}{
		{errors.New("open /var/lib/secret: denied"), 500, true},
		{fmt.Errorf("write /var/lib/secret: %w", store.ErrFull), 503, true},
		{fmt.Errorf("write /var/lib/secret: %w", store.ErrBroken), 503, true},
		{fmt.Errorf("read /var/lib/secret: %w", store.ErrCorrupt), 500, true},
		{fmt.Errorf("write /var/lib/secret: %w", store.ErrBusy), 503, false},
		{fmt.Errorf("read /var/lib/secret: %w", store.ErrClosed), 503, false},
	} {
		w := newWorld(t, nil)
		w.engine.err = test.err
		for _, target := range []string{"/api/v1/episodes", "/api/v1/episodes/" + flood, "/api/v1/suggestions", "/api/v1/prompt?episode=" + flood} {
			w.log.Reset()
			answer := w.ask("GET", target, "")
			if answer.Code != test.status || strings.Contains(answer.Body.String(), "secret") {
				t.Errorf("%v: %s: %d %s", test.err, target, answer.Code, answer.Body)
			}
			if logged := strings.Contains(w.log.String(), "secret"); logged != test.logged {
				t.Errorf("%v: %s: log says %q", test.err, target, w.log)
			}
			if again := answer.Header().Get("Retry-After"); (again != "") != (test.status == 503) {
				t.Errorf("%v: %s: Retry-After is %q", test.err, target, again)
			}
		}
	}
}

func TestAnswersThatCannotBeEncodedAreErrors(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Config = func() (json.RawMessage, error) { return json.RawMessage(`{`), nil }
	})
	answer := w.ask("GET", "/api/v1/config", "")
	const want = `{"error":{"code":"internal","message":"it failed; the log of the annotator says why"}}` + "\n"
	if answer.Code != 500 || answer.Body.String() != want || !strings.Contains(w.log.String(), "answer not encoded") {
		t.Errorf("answer %d %s, log %s", answer.Code, answer.Body, w.log)
	}
}

func TestDecisionsHaveTheNameOfTheToken(t *testing.T) {
	w := newWorld(t, nil)
	w.ask("POST", "/api/v1/suggestions/"+quieten+"/approve", `{"ttl":"30m","reason":"yes"}`)
	if again := w.ask("POST", "/api/v1/suggestions/"+quieten+"/reject", ""); again.Code != 409 || !strings.Contains(again.Body.String(), "it is decided already: approved") {
		t.Errorf("a second decision: %d %s", again.Code, again.Body)
	}
	w.ask("POST", "/api/v1/feedback", `{"episode":"`+flood+`","useful":true}`)
	if diff := cmp.Diff([]decision{{quieten, "ann", annotator.Decision{Approve: true, TTL: 30 * time.Minute, Reason: "yes"}}}, w.engine.decisions); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]feedback{{flood, "ann", true, "", ""}}, w.engine.feedbacks); diff != "" {
		t.Errorf("feedback (-want +got):\n%s", diff)
	}
}
