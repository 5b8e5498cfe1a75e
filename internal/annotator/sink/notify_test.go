package sink

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/annotator/sink/double"
)

var update = flag.Bool("update", false, "write the golden bodies")

// bodyOf sends the message and returns what the receiver got.
func bodyOf(t *testing.T, o NotifyOptions, m Message) double.Received {
	t.Helper()
	r := &double.Receiver{Judge: judges[o.Format]}
	o.URL = serve(t, r) + "/alerts"
	if _, err := newNotify(t, o).Send(t.Context(), m, nil); err != nil {
		t.Fatalf("%s: %v, refused %v", o.Format, err, r.Refused())
	}
	return r.Received()[0]
}

func TestFormatsWriteTheGoldenBodies(t *testing.T) {
	for _, format := range Formats() {
		for name, revision := range map[string]int{"first": 1, "resolved": 3} {
			var got bytes.Buffer
			if err := json.Indent(&got, bodyOf(t, NotifyOptions{Format: format}, flood(revision)).Body, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := filepath.Join("testdata", format+"."+name+".json")
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
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
}

func TestProgramsGetAKeyASignatureAndTheHops(t *testing.T) {
	now := time.Unix(1_790_000_123, 0)
	for _, format := range Formats() {
		m := flood(2)
		m.Hops = 1
		got := bodyOf(t, NotifyOptions{Format: format, SecretFile: secretFile(t, "key"), TokenFile: secretFile(t, "t0ken"), Options: Options{Now: func() time.Time { return now }}}, m)
		mac := hmac.New(sha256.New, []byte("key"))
		mac.Write(append([]byte("1790000123."), got.Body...))
		want := map[string]string{
			"Idempotency-Key": "ab12cd34ef56-2", "X-PacketScope-Hops": "2", "Authorization": "Bearer t0ken",
			"X-PacketScope-Signature": "t=1790000123,v1=" + hex.EncodeToString(mac.Sum(nil)),
			"Content-Type":            "application/json", "User-Agent": "packetscope-annotator",
		}
		if !formats[format].program {
			want["Idempotency-Key"], want["X-PacketScope-Hops"] = "", ""
		}
		for name, value := range want {
			if diff := cmp.Diff(value, got.Header.Get(name)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", format, name, diff)
			}
		}
		path := "/alerts"
		if format == "ntfy" {
			path = "/"
		}
		if got.Method != http.MethodPost || got.Path != path {
			t.Errorf("%s: %s %s", format, got.Method, got.Path)
		}
	}
}

func TestMessagesDoNotRunInCircles(t *testing.T) {
	r := &double.Receiver{}
	url := serve(t, r)
	for _, format := range []string{"packetscope", "alertmanager"} {
		m := flood(1)
		m.Hops = MostHops
		_, err := newNotify(t, NotifyOptions{Format: format, URL: url}).Send(t.Context(), m, nil)
		if ClassOf(err) != Dead || len(r.Received()) != 0 {
			t.Errorf("%s: %v, received %v", format, err, r.Received())
		}
	}
}

func TestRevisionsAreSentOnceAndLaterOnesToo(t *testing.T) {
	r := &double.Receiver{Script: []double.Answer{{Code: 500}}}
	n := newNotify(t, NotifyOptions{Format: "packetscope", URL: serve(t, r)})
	var state State
	var keys []string
	for _, revision := range []int{1, 1, 1, 2, 1, 3, 2, 3} {
		var err error
		state, err = n.Send(t.Context(), flood(revision), state)
		if err != nil && ClassOf(err) != Retry {
			t.Fatal(err)
		}
	}
	for _, got := range r.Received() {
		keys = append(keys, got.Header.Get(KeyHeader))
	}
	// The first was answered with 500.
	if diff := cmp.Diff([]string{"ab12cd34ef56-1", "ab12cd34ef56-1", "ab12cd34ef56-2", "ab12cd34ef56-3"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	// Without the state, a crash, it is sent again with the same key.
	if _, err := n.Send(t.Context(), flood(3), nil); err != nil {
		t.Fatal(err)
	}
	if all := r.Received(); all[4].Header.Get(KeyHeader) != "ab12cd34ef56-3" || !bytes.Equal(all[4].Body, all[3].Body) {
		t.Errorf("got %v", all[4])
	}
}

func TestBodiesOfSuccessMayReportAFailure(t *testing.T) {
	const teams = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error %CODE% with ContextId x"
	for _, c := range []struct {
		format string
		answer double.Answer
		want   Class
	}{
		{"packetscope", double.Answer{Code: 204}, ""},
		{"alertmanager", double.Answer{Code: 200, Body: "whatever"}, ""},
		{"slack", double.Answer{Code: 200, Body: "ok"}, ""},
		{"slack", double.Answer{Code: 200, Body: "ok\n"}, ""},
		{"slack", double.Answer{Code: 200, Body: `{"success":true}`}, ""},
		{"slack", double.Answer{Code: 200, Body: `{"ok":false,"error":"x"}`}, Retry},
		{"slack", double.Answer{Code: 200, Body: "<html>log in</html>"}, Retry},
		{"slack", double.Answer{Code: 200}, Retry},
		{"slack", double.Answer{Code: 404, Body: "no_service"}, Pause},
		{"slack", double.Answer{Code: 400, Body: "invalid_blocks"}, Dead},
		{"discord", double.Answer{Code: 204}, ""},
		{"discord", double.Answer{Code: 200, Body: `{"id":"1"}`}, ""},
		{"discord", double.Answer{Code: 200, Body: `{}`}, Retry},
		{"discord", double.Answer{Code: 404, Body: `{"message":"Unknown Webhook","code":10015}`}, Pause},
		{"msteams", double.Answer{Code: 202}, ""},
		{"msteams", double.Answer{Code: 200, Body: "1"}, ""},
		{"msteams", double.Answer{Code: 200}, ""},
		{"msteams", double.Answer{Code: 200, Body: strings.ReplaceAll(teams, "%CODE%", "429")}, Retry},
		{"msteams", double.Answer{Code: 200, Body: strings.ReplaceAll(teams, "%CODE%", "413")}, Dead},
		{"msteams", double.Answer{Code: 200, Body: strings.ReplaceAll(teams, "%CODE%", "403")}, Pause},
		{"msteams", double.Answer{Code: 200, Body: "Summary or Text is required: error"}, Retry},
		{"msteams", double.Answer{Code: 410}, Pause},
		{"ntfy", double.Answer{Code: 200, Body: `{"id":"x","event":"message"}`}, ""},
		{"ntfy", double.Answer{Code: 200, Body: `{"id":"x","event":"open"}`}, Retry},
		{"ntfy", double.Answer{Code: 200, Body: "<html>ntfy</html>"}, Retry},
		{"ntfy", double.Answer{Code: 404}, Dead},
	} {
		r := &double.Receiver{Script: []double.Answer{c.answer}}
		n := newNotify(t, NotifyOptions{Format: c.format, URL: serve(t, r) + "/alerts"})
		state, err := n.Send(t.Context(), flood(1), nil)
		if got := ClassOf(err); got != c.want || (err == nil) != (markOf(state).Revision == 1) {
			t.Errorf("%s, %v: class %q, want %q; state %s", c.format, c.answer, got, c.want, state)
		}
	}
}

func TestAlertmanagersMessageKeepsWhatWeDoNotKnow(t *testing.T) {
	for original, want := range map[string]string{
		`{"version":"4","big":12345678901234567890,"alerts":[{"x":"<\u0001"}]}`: `{"version":"4","big":12345678901234567890,"alerts":[{"x":"<\u0001"}],"status":"firing","commonAnnotations":ADDED}`,
		`{"commonAnnotations":null}`: `{"status":"firing","commonAnnotations":ADDED}`,
		`{"commonAnnotations":{"packetscope_summary":"forged","a":"b"},"a":1.0}`: `{"status":"firing","commonAnnotations":{"a":"b",ADDED,"a":1.0}`,
	} {
		const added = `"packetscope_confidence":"medium","packetscope_summary":"SYNs without a handshake arrive 40 times as often as an hour ago.","packetscope_verdict":"volumetric_attack"}`
		want = strings.ReplaceAll(strings.ReplaceAll(want, ":ADDED", ":{"+added), "ADDED", added)
		m := flood(1)
		m.Alertmanager = json.RawMessage(original)
		body := bodyOf(t, NotifyOptions{Format: "alertmanager"}, m).Body
		var got, wanted map[string]json.RawMessage
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(strings.ReplaceAll(want, "<", `\u003c`)), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", original, diff)
		}
	}
	for _, original := range []string{"", "null", "[]", `"x"`, `{"commonAnnotations":[]}`} {
		m := flood(1)
		m.Alertmanager = json.RawMessage(original)
		n := newNotify(t, NotifyOptions{Format: "alertmanager", URL: "http://127.0.0.1:1"})
		if _, err := n.Send(t.Context(), m, nil); ClassOf(err) != Dead {
			t.Errorf("%s: %v", original, err)
		}
	}
}

func TestTopicIsTheLastPartOfTheAddress(t *testing.T) {
	for address, want := range map[string][2]string{
		"/alerts": {"/", "alerts"}, "/ntfy/alerts": {"/ntfy/", "alerts"}, "/a?auth=x": {"/?auth=x", "a"},
	} {
		r := &double.Receiver{Script: []double.Answer{{Code: 200, Body: `{"id":"x","event":"message"}`}}}
		n := newNotify(t, NotifyOptions{Format: "ntfy", URL: serve(t, r) + address})
		if _, err := n.Send(t.Context(), flood(1), nil); err != nil {
			t.Fatal(err)
		}
		var body struct{ Topic string }
		if err := json.Unmarshal(r.Received()[0].Body, &body); err != nil {
			t.Fatal(err)
		}
		if got := [2]string{r.Received()[0].Path, body.Topic}; got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
	for _, address := range []string{"", "/", "/alerts/"} {
		n := newNotify(t, NotifyOptions{Format: "ntfy", URL: "http://127.0.0.1:1" + address})
		if _, err := n.Send(t.Context(), flood(1), nil); ClassOf(err) != Pause || n.Check(t.Context()) == nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestNotifyThatIsReadyHasNoFaults(t *testing.T) {
	n := newNotify(t, NotifyOptions{Format: "slack", URLFile: secretFile(t, "https://hooks.example/x"), SecretFile: secretFile(t, "key")})
	if err := n.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
