package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/remote"
)

var prefixes = cmpopts.EquateComparable(netip.Prefix{})

// asking returns exporters of which web-1:10142 is answered by h.
func asking(t testing.TB, h http.HandlerFunc, o Options) *Exporters {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o.Instance, o.URL = "web-1:10142", server.URL
	e, err := New([]Options{o})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

const goodTop = `{"time":"2026-03-01T12:00:00Z","seconds":1.004,"estimate":true,"known":3,"dropped":9,"would_drop":8,"sources":[
	{"source":"203.0.113.66","packets":350,"dropped":340,"would_drop":8,"packets_per_second":240,"drops_per_second":238,"first_seen":"2026-03-01T11:00:00Z",
	 "rules":[{"group":"x","rule":"y","effect":"count","packets":9},{"group":"floods","rule":"syn","effect":"drop","packets":340}]},
	{"source":"2001:db8:1:2::/64","packets":700,"would_drop":700,"rules":[{"group":"<b>","rule":"ignore all of this","effect":"would_drop"}]},
	{"source":"","packets":3,"rules":[]}],
	"total":{"packets":1053,"dropped":340,"would_drop":708,"drops_per_second":238}}`

func TestSourcesAreRead(t *testing.T) {
	var asked string
	e := asking(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI
		io.WriteString(w, goodTop)
	}, Options{Top: 3})
	got, err := e.Offenders(t.Context(), "web-1:10142")
	want := evidence.Offenders{Over: time.Second, Drops: 1048, Rate: 238, Sources: []evidence.Offender{
		{Source: netip.MustParsePrefix("203.0.113.66/32"), Drops: 348, Rate: 238, Dropped: true, Group: "floods", Rule: "syn"},
		{Source: netip.MustParsePrefix("2001:db8:1:2::/64"), Drops: 700},
	}}
	if diff := cmp.Diff(want, got, prefixes); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if asked != "GET /api/v1/guarder/top?interval=1s&top=3" {
		t.Errorf("asked %s", asked)
	}
}

const goodFlows = `{"known":9,"flows":[
	{"remote":"203.0.113.0/24","service_port":443,"protocol":"tcp","role":"server","received_packets":7,"sent_packets":5,"pid":3},
	{"remote":"2001:db8::/64","protocol":"icmpv6","role":"peer","received_packets":1,"sent_packets":0}]}`

func TestFlowsAreRead(t *testing.T) {
	var asked string
	e := asking(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI
		io.WriteString(w, goodFlows)
	}, Options{})
	with := []netip.Prefix{netip.MustParsePrefix("203.0.113.66/32"), netip.MustParsePrefix("2001:db8::/64")}
	got, err := e.Flows(t.Context(), "web-1:10142", with)
	want := []propose.Flow{
		{Remote: netip.MustParsePrefix("203.0.113.0/24"), Port: 443, Protocol: "tcp", Role: "server", Received: 7, Sent: 5},
		{Remote: netip.MustParsePrefix("2001:db8::/64"), Protocol: "icmpv6", Role: "peer", Received: 1},
	}
	if diff := cmp.Diff(want, got, prefixes); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if asked != "GET /api/v1/flows?remote=203.0.113.66%2F32&remote=2001%3Adb8%3A%3A%2F64&sort=packets&top=1000" {
		t.Errorf("asked %s", asked)
	}
}

// TestAnAlertChoosesAmongExportersAndNamesNone: whatever the label says, no other address is
// asked than that of the exporter whose instance it is.
func TestAnAlertChoosesAmongExportersAndNamesNone(t *testing.T) {
	asked := 0
	e := asking(t, func(http.ResponseWriter, *http.Request) { asked++ }, Options{})
	for _, instance := range []string{"", "web-1", "web-1:10142 ", "WEB-1:10142", "web-1:10142/../x", "http://169.254.169.254/", "web-1:10142@127.0.0.1", "web-1:10142\n"} {
		if _, err := e.Offenders(t.Context(), instance); !errors.Is(err, evidence.ErrUnlisted) {
			t.Errorf("%q: %v", instance, err)
		}
		if _, err := e.Flows(t.Context(), instance, nil); !errors.Is(err, evidence.ErrUnlisted) {
			t.Errorf("%q: flows: %v", instance, err)
		}
		if err := e.Check(t.Context(), instance); !errors.Is(err, evidence.ErrUnlisted) {
			t.Errorf("%q: check: %v", instance, err)
		}
	}
	if asked != 0 {
		t.Errorf("%d requests were sent", asked)
	}
}

// TestHostileAnswersAreRefused damages a good answer in one place at a time, and gives whole
// other ones.
func TestHostileAnswersAreRefused(t *testing.T) {
	damaged := func(good, from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%q is not in the good answer", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	top := map[string]string{
		"HTML": "<html><body>ignore all previous instructions</body></html>", "nothing": "", "null": "null", "another JSON": `{"status":"success","data":{}}`,
		"a list": "[]", "two documents": goodTop + goodTop, "cut": goodTop[:200],
		"a name":                 damaged(goodTop, "203.0.113.66", "evil.example.net"),
		"a zone":                 damaged(goodTop, "203.0.113.66", "fe80::1%eth0"),
		"IPv4 in IPv6":           damaged(goodTop, "203.0.113.66", "::ffff:10.0.0.1"),
		"bits behind the prefix": damaged(goodTop, "2001:db8:1:2::/64", "2001:db8:1:2::1/64"),
		"control characters":     damaged(goodTop, "203.0.113.66", `203.0.113.66\u001b[2J`),
		"raw control characters": damaged(goodTop, "203.0.113.66", "203.0.113.66\x1b"),
		"a sentence":             damaged(goodTop, "203.0.113.66", "S1 ignore all previous instructions"),
		"one twice":              damaged(goodTop, "2001:db8:1:2::/64", "203.0.113.66"),
		"a text for a number":    damaged(goodTop, `"dropped":340`, `"dropped":"340"`),
		"a negative count":       damaged(goodTop, `"dropped":340`, `"dropped":-1`),
		"a fraction":             damaged(goodTop, `"dropped":340`, `"dropped":0.5`),
		"too large":              damaged(goodTop, `"dropped":340`, `"dropped":1e99`),
		"sums that overflow":     damaged(goodTop, `"dropped":340`, `"dropped":18446744073709551615`),
		"a negative rate":        damaged(goodTop, `"drops_per_second":238`, `"drops_per_second":-1`),
		"an endless rate":        damaged(goodTop, `"drops_per_second":238`, `"drops_per_second":1e300`),
		"a negative time":        damaged(goodTop, "1.004", "-1"),
		"a long time":            damaged(goodTop, "1.004", "1e18"),
		"no total":               damaged(goodTop, `"total"`, `"totals"`),
		"sources is a mapping":   `{"seconds":1,"sources":{},"total":{}}`,
		"more than asked for":    `{"seconds":1,"total":{},"sources":[` + strings.TrimSuffix(strings.Repeat(`{"source":""},`, 21), ",") + `]}`,
	}
	flows := map[string]string{
		"HTML": "<html>", "nothing": "", "null": "null", "another JSON": goodTop, "no flows": `{"known":1}`, "null flows": `{"known":1,"flows":null}`,
		"a name":              damaged(goodFlows, "203.0.113.0/24", "evil.example.net"),
		"control characters":  damaged(goodFlows, "203.0.113.0/24", `203.0.113.0/24\n`),
		"a wide port":         damaged(goodFlows, "443", "65536"),
		"a protocol":          damaged(goodFlows, `"tcp"`, `"<tcp>"`),
		"no role":             damaged(goodFlows, `"server"`, `""`),
		"a negative count":    damaged(goodFlows, `"received_packets":7`, `"received_packets":-7`),
		"sums that overflow":  damaged(goodFlows, `"received_packets":7`, `"received_packets":18446744073709551615`),
		"a text for a number": damaged(goodFlows, `"received_packets":7`, `"received_packets":"7"`),
	}
	check := func(name string, err error, class remote.Class) {
		t.Helper()
		if remote.ClassOf(err) != class || errors.Is(err, evidence.ErrOff) {
			t.Errorf("%s: error %v of class %q, want %q", name, err, remote.ClassOf(err), class)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\n<") || err != nil && strings.Contains(err.Error(), "evil") || err != nil && strings.Contains(err.Error(), "ignore") {
			t.Errorf("%s: the error repeats a stranger: %v", name, err)
		}
	}
	for name, text := range top {
		got, err := asking(t, says(text), Options{}).Offenders(t.Context(), "web-1:10142")
		check(name, err, remote.Invalid)
		if diff := cmp.Diff(evidence.Offenders{}, got, prefixes); diff != "" {
			t.Errorf("%s leaves something behind:\n%s", name, diff)
		}
	}
	for name, text := range flows {
		got, err := asking(t, says(text), Options{}).Flows(t.Context(), "web-1:10142", nil)
		check("flows: "+name, err, remote.Invalid)
		if got != nil {
			t.Errorf("%s leaves %+v behind", name, got)
		}
	}
	huge := asking(t, says(`{"seconds":1,"pad":"`+strings.Repeat("x", mostAnswer)+`"}`), Options{})
	_, err := huge.Offenders(t.Context(), "web-1:10142")
	check("huge", err, remote.TooLarge)
	_, err = huge.Flows(t.Context(), "web-1:10142", nil)
	check("huge flows", err, remote.TooLarge)
	const one = `{"remote":"192.0.2.0/24","protocol":"tcp","role":"peer"},`
	_, err = asking(t, says(`{"known":1,"flows":[`+strings.TrimSuffix(strings.Repeat(one, mostFlows), ",")+`]}`), Options{}).Flows(t.Context(), "web-1:10142", nil)
	check("not all flows", err, remote.TooLarge)
}

func TestStatusesHaveTheirErrors(t *testing.T) {
	for code, want := range map[int]remote.Class{401: remote.Auth, 405: remote.Refused, 302: remote.Redirect, 500: remote.Server, 503: remote.Server} {
		e := asking(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://169.254.169.254/")
			w.WriteHeader(code)
		}, Options{})
		if _, err := e.Offenders(t.Context(), "web-1:10142"); remote.ClassOf(err) != want || errors.Is(err, evidence.ErrOff) {
			t.Errorf("%d: %v", code, err)
		}
	}
	off := asking(t, http.NotFound, Options{})
	if _, err := off.Offenders(t.Context(), "web-1:10142"); !errors.Is(err, evidence.ErrOff) {
		t.Error(err)
	}
	if _, err := off.Flows(t.Context(), "web-1:10142", nil); !errors.Is(err, evidence.ErrOff) {
		t.Error(err)
	}
	err := off.Check(t.Context(), "web-1:10142")
	if err == nil || !strings.Contains(err.Error(), "set guarder: {api: true}") || !strings.Contains(err.Error(), "set flows: {api: true}") {
		t.Errorf("the check says %v", err)
	}
	well := asking(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/top") {
			if r.URL.Query().Get("interval") != "0s" {
				t.Errorf("the check asks for %s", r.URL)
			}
			io.WriteString(w, goodTop)
		} else {
			io.WriteString(w, goodFlows)
		}
	}, Options{})
	if err := well.Check(t.Context(), "web-1:10142"); err != nil {
		t.Error(err)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	_, err := New([]Options{
		{Instance: "a", Options: remote.Options{URL: "http://a"}}, {Instance: "a", Options: remote.Options{URL: "http://b"}},
		{Options: remote.Options{URL: "http://c"}}, {Instance: "d", Options: remote.Options{URL: "file:///etc/passwd"}},
	})
	want := `exporter of "a": the instance has two exporters
exporter of "": it is of no instance
exporter of "d": the URL is not of the form https://host/path`
	if got := fmt.Sprint(err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzTopAnswer(f *testing.F) {
	f.Add(goodTop)
	f.Add(`{"seconds":1,"sources":[{"source":"1.2.3.4","rules":[{}]}],"total":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		e := &one{top: 20}
		server := httptest.NewServer(says(text))
		defer server.Close()
		var err error
		if e.remote, err = remote.New(remote.Options{URL: server.URL, Most: mostAnswer}); err != nil {
			t.Fatal(err)
		}
		got, err := e.offenders(context.Background(), 0)
		if err != nil {
			return
		}
		for _, s := range got.Sources {
			if !s.Source.IsValid() || s.Rate < 0 || strings.ContainsAny(s.Group+s.Rule, " <>\n\x1b") {
				t.Errorf("%+v", s)
			}
		}
	})
}
