package alertmanager

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// one is an alert as Alertmanager 0.31 writes it.
const one = `{"annotations":{"summary":"s"},"endsAt":"2026-03-04T05:11:07.000Z","fingerprint":"00fe5a3b1c2d4e6f",` +
	`"receivers":[{"name":"annotator"}],"startsAt":"2026-03-04T05:06:07.089Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},` +
	`"updatedAt":"2026-03-04T05:07:07.000Z","generatorURL":"http://p/graph","labels":{"alertname":"A","instance":"a"}}`

func TestAlertsAreReadLeniently(t *testing.T) {
	labels := map[string]string{"alertname": "A", "instance": "a"}
	whole := Alert{
		Fingerprint: "00fe5a3b1c2d4e6f", Labels: labels, Annotations: map[string]string{"summary": "s"},
		StartsAt: time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC), GeneratorURL: "http://p/graph",
	}
	changed := func(change func(*Alert)) []Alert {
		a := whole
		change(&a)
		return []Alert{a}
	}
	for name, c := range map[string]struct {
		body string
		want []Alert
	}{
		"whole":          {"[" + one + "]", []Alert{whole}},
		"none":           {"[]", []Alert{}},
		"silenced":       {"[" + strings.Replace(one, `"active"`, `"suppressed"`, 1) + "]", changed(func(a *Alert) { a.Muted = true })},
		"unprocessed":    {"[" + strings.Replace(one, `"active"`, `"unprocessed"`, 1) + "]", changed(func(a *Alert) { a.Muted = true })},
		"newer fields":   {"[" + strings.Replace(one, `{`, `{"new":[{}],`, 1) + "]", []Alert{whole}},
		"no fingerprint": {"[" + strings.Replace(one, "00fe5a3b1c2d4e6f", "", 1) + "]", changed(func(a *Alert) { a.Fingerprint = webhook.Fingerprint(labels) })},
		"no time":        {"[" + strings.Replace(one, "2026-03-04T05:06:07.089Z", "yesterday", 1) + "]", changed(func(a *Alert) { a.StartsAt = time.Time{} })},
		"labels alone": {`[{"labels":{"alertname":"A","instance":"a"}}]`, []Alert{
			{Fingerprint: webhook.Fingerprint(labels), Labels: labels},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decode([]byte(c.body))
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("error %v, alerts (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestWhatCannotBeReadDoesNotSayThatAlertsEnded: who is missing in an answer has ended.
func TestWhatCannotBeReadDoesNotSayThatAlertsEnded(t *testing.T) {
	const noList = "alertmanager: status 200: the answer is no list of alerts: is this the URL of Alertmanager?"
	for name, c := range map[string]struct {
		code      int
		body, err string
		class     remote.Class
	}{
		"null":                {200, "null", noList, remote.Invalid},
		"empty":               {200, "", noList, remote.Invalid},
		"page":                {200, "<html>", noList, remote.Invalid},
		"cut":                 {200, "[" + one, noList, remote.Invalid},
		"version 1":           {200, `{"status":"success","data":[]}`, noList, remote.Invalid},
		"labels of numbers":   {200, `[{"labels":{"a":1}}]`, noList, remote.Invalid},
		"one without labels":  {200, "[" + one + `,{"labels":{}}]`, "alertmanager: status 200: alert 1 of the answer has no labels", remote.Invalid},
		"nothing for one":     {200, "[null]", "alertmanager: status 200: alert 0 of the answer has no labels", remote.Invalid},
		"starting":            {503, "[]", "alertmanager: status 503: service unavailable", remote.Server},
		"moved":               {302, "[]", "alertmanager: status 302: found", remote.Redirect},
		"larger than allowed": {200, "[" + one + strings.Repeat(" ", 1000) + "]", "alertmanager: status 200: the answer is longer than 1000 bytes", remote.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.code)
				io.WriteString(w, c.body)
			}))
			defer server.Close()
			client, err := New(Options{Options: remote.Options{URL: server.URL, Most: 1000}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.Active(t.Context())
			if err == nil || err.Error() != c.err || remote.ClassOf(err) != c.class || got != nil {
				t.Errorf("alerts %v and error %q of class %q\nwant error %q of class %q", got, err, remote.ClassOf(err), c.err, c.class)
			}
		})
	}
}

func TestOnlyAlertsOfTheReceiverAreAskedFor(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.RequestURI)
		if strings.HasSuffix(r.URL.Path, ReceiversPath) {
			io.WriteString(w, `[{"name":"other"},{"name":"team.a+","new":1}]`)
			return
		}
		io.WriteString(w, "[]")
	}))
	defer server.Close()
	for receiver, want := range map[string][]string{
		"":        {"GET /am/api/v2/alerts"},
		"team.a+": {`GET /am/api/v2/alerts?receiver=team%5C.a%5C%2B`, "GET /am/api/v2/receivers"},
	} {
		c, err := New(Options{Options: remote.Options{URL: server.URL + "/am/"}, Receiver: receiver})
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		_, err = c.Active(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v, asked (-want +got):\n%s", err, diff)
		}
	}
}

// TestAReceiverThatThereIsNotHasNoList: Alertmanager answers with an empty one, as if all had ended.
func TestAReceiverThatThereIsNotHasNoList(t *testing.T) {
	const unknown = `alertmanager: status 200: no receiver is named "annotator": alertmanager.receiver in the config has to name the one that sends to us`
	const noList = "alertmanager: status 200: the answer is no list of receivers: is this the URL of Alertmanager?"
	for name, c := range map[string]struct {
		code           int
		receivers, err string
		class          remote.Class
	}{
		"renamed":       {200, `[{"name":"annotator2"},{"name":"Annotator"},{}]`, unknown, remote.Invalid},
		"none":          {200, "[]", unknown, remote.Invalid},
		"null":          {200, "null", unknown, remote.Invalid},
		"page":          {200, "<html>", noList, remote.Invalid},
		"names of text": {200, `["annotator"]`, noList, remote.Invalid},
		"down":          {503, `[{"name":"annotator"}]`, "alertmanager: status 503: service unavailable", remote.Server},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == ReceiversPath {
					w.WriteHeader(c.code)
					io.WriteString(w, c.receivers)
					return
				}
				io.WriteString(w, "[]")
			}))
			defer server.Close()
			client, err := New(Options{Options: remote.Options{URL: server.URL}, Receiver: "annotator"})
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.Active(t.Context())
			if err == nil || err.Error() != c.err || remote.ClassOf(err) != c.class || got != nil {
				t.Errorf("alerts %v and error %q of class %q\nwant error %q of class %q", got, err, remote.ClassOf(err), c.err, c.class)
			}
		})
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("[" + one + "]"))
	f.Add([]byte(`[null,{"labels":null,"startsAt":"0001-01-01T00:00:00Z"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		alerts, err := decode(body)
		if (alerts == nil) == (err == nil) {
			t.Errorf("alerts %v and error %v", alerts, err)
		}
		for _, a := range alerts {
			if !fingerprint.MatchString(a.Fingerprint) || len(a.Labels) == 0 {
				t.Errorf("alert %+v", a)
			}
		}
	})
}
