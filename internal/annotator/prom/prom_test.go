package prom

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/remote"
)

func clientOf(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := New(remote.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func says(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// success is an answer around a result.
func success(resultType, result string) string {
	return `{"status":"success","data":{"resultType":"` + resultType + `","result":` + result + `}}`
}

func TestEveryAnswerHasItsMeaning(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		body string
		want []evidence.Sample
		// Of the error: its class, and the whole of it.
		class remote.Class
		err   string
	}{
		"vector": {200, success("vector", `[{"metric":{"__name__":"up","job":"a"},"value":[1.5,"1"]},{"metric":{},"value":[1.5,"-2e-3"]}]`),
			[]evidence.Sample{{Labels: map[string]string{"__name__": "up", "job": "a"}, Value: 1}, {Labels: map[string]string{}, Value: -0.002}}, remote.OK, ""},
		"nothing": {200, success("vector", `[]`), []evidence.Sample{}, remote.OK, ""},
		"scalar":  {200, success("scalar", `[1.5,"42"]`), []evidence.Sample{{Value: 42}}, remote.OK, ""},
		"no numbers": {200, success("vector", `[{"metric":{},"value":[1,"NaN"]},{"metric":{},"value":[1,"+Inf"]},{"metric":{},"value":[1,"-Inf"]}]`),
			[]evidence.Sample{{Labels: map[string]string{}, Value: math.NaN()}, {Labels: map[string]string{}, Value: math.Inf(1)}, {Labels: map[string]string{}, Value: math.Inf(-1)}}, remote.OK, ""},
		"newer fields": {200, `{"status":"success","infos":["i"],"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"],"new":{}}],"stats":{}}}`,
			[]evidence.Sample{{Labels: map[string]string{}, Value: 1}}, remote.OK, ""},

		"bad query": {400, `{"status":"error","errorType":"bad_data","error":"1:3: parse error:\nunexpected"}`,
			nil, remote.Refused, `prometheus: status 400: "bad_data": "1:3: parse error:\nunexpected"`},
		"query that fails": {422, `{"status":"error","errorType":"execution","error":"many-to-many"}`,
			nil, remote.Refused, `prometheus: status 422: "execution": "many-to-many"`},
		"query that takes too long": {503, `{"status":"error","errorType":"timeout","error":"query timed out"}`,
			nil, remote.Timeout, `prometheus: status 503: context deadline exceeded: "timeout": "query timed out"`},
		"long error": {400, `{"status":"error","errorType":"bad_data","error":"` + strings.Repeat("x", 301) + `"}`,
			nil, remote.Refused, `prometheus: status 400: "bad_data": "` + strings.Repeat("x", 300) + `..."`},
		"starts up":     {503, "Service Unavailable", nil, remote.Server, "prometheus: status 503: service unavailable"},
		"another token": {401, "Unauthorized", nil, remote.Auth, "prometheus: status 401: unauthorized"},
		"forbidden":     {405, "", nil, remote.Refused, "prometheus: status 405: method not allowed"},

		"error of 200": {200, `{"status":"error","errorType":"internal","error":"oops"}`, nil, remote.Invalid, `prometheus: status 200: "internal": "oops"`},
		"page":         {200, "<html>", nil, remote.Invalid, "prometheus: status 200: the answer is no JSON of Prometheus: is this its URL?"},
		"empty":        {200, "", nil, remote.Invalid, "prometheus: status 200: the answer is no JSON of Prometheus: is this its URL?"},
		"null":         {200, "null", nil, remote.Invalid, "prometheus: status 200: the answer is no JSON of Prometheus: is this its URL?"},
		"null result":  {200, success("vector", "null"), nil, remote.Invalid, "prometheus: status 200: a vector that is none"},
		"cut":          {200, success("vector", `[{"metric":{}`), nil, remote.Invalid, "prometheus: status 200: the answer is no JSON of Prometheus: is this its URL?"},
		"matrix":       {200, success("matrix", `[]`), nil, remote.Invalid, `prometheus: status 200: a result of type "matrix", where a vector or scalar is wanted`},
		"histogram": {200, success("vector", `[{"metric":{},"histogram":[1,{}]}]`), nil, remote.Invalid,
			"prometheus: status 200: a native histogram, where a number is wanted: ask for a quantile, count or sum of it"},
		"number":       {200, success("vector", `[{"metric":{},"value":[1,1]}]`), nil, remote.Invalid, "prometheus: status 200: a value that is no text"},
		"word":         {200, success("vector", `[{"metric":{},"value":[1,"x"]}]`), nil, remote.Invalid, "prometheus: status 200: a value that is no number"},
		"scalar alone": {200, success("scalar", `"1"`), nil, remote.Invalid, "prometheus: status 200: a scalar that is none"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := clientOf(t, says(c.code, c.body)).Query(t.Context(), "up", time.Time{})
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
			if text != c.err || remote.ClassOf(err) != c.class {
				t.Errorf("error %q of class %q\nwant  %q of class %q", text, remote.ClassOf(err), c.err, c.class)
			}
		})
	}
}

// TestEvidenceIsToldOfTimeouts: package evidence asks errors so.
func TestEvidenceIsToldOfTimeouts(t *testing.T) {
	_, err := clientOf(t, says(503, `{"status":"error","errorType":"timeout","error":""}`)).Query(t.Context(), "up", time.Time{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded in it", err)
	}
}

func TestQueriesAreSentInTheBody(t *testing.T) {
	var got url.Values
	var target string
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		target = r.Method + " " + r.RequestURI
		r.ParseForm()
		got = r.PostForm
		io.WriteString(w, success("vector", "[]"))
	})
	at := time.Date(2026, 3, 4, 5, 6, 7, 89_999_999, time.UTC)
	if _, err := c.Query(t.Context(), `up{a="&=+ü"}`, at); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(url.Values{"query": {`up{a="&=+ü"}`}, "time": {"1772600767.089"}}, got); diff != "" || target != "POST /api/v1/query" {
		t.Errorf("%s with (-want +got):\n%s", target, diff)
	}
}

func TestTheServerKnowsHowLongIsWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		for _, want := range []string{"1500ms", "500ms", "1ms"} {
			if got := form(ctx, "up", time.Time{}); !cmp.Equal(url.Values{"query": {"up"}, "timeout": {want}}, got) {
				t.Errorf("sent %v, want %s", got, want)
			}
			time.Sleep(time.Second) // of the bubble's clock
		}
	})
}

func TestReportsTellWarningsAndClasses(t *testing.T) {
	body := `{"status":"success","warnings":["a store is away"],"data":{"resultType":"scalar","result":[0,"1"]}}`
	code := 200
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) { says(code, body)(w, r) })
	var got []Outcome
	c.Report = func(o Outcome) {
		if o.Took <= 0 {
			t.Errorf("took %v", o.Took)
		}
		o.Took = 0
		got = append(got, o)
	}
	_, err := c.Query(t.Context(), "1", time.Time{})
	code, body = 400, "no"
	_, failed := c.Query(t.Context(), "1", time.Time{})
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	c.Query(stopped, "1", time.Time{})
	want := []Outcome{
		{Class: remote.OK, Series: 1, Warnings: []string{"a store is away"}},
		{Class: remote.Refused, Err: failed},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" || err != nil {
		t.Errorf("error %v, reports (-want +got):\n%s", err, diff)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(success("vector", `[{"metric":{"a":"b"},"value":[1,"1"]}]`)))
	f.Add([]byte(success("scalar", `[1,"NaN"]`)))
	f.Add([]byte(`{"status":"success","data":{"resultType":"vector","result":[null,{"value":[]},{"value":null}]}}`))
	f.Add([]byte(`{"status":"error","errorType":"x","error":"y","warnings":["z"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		samples, _, err := read(remote.Answer{Status: 200, Body: body})
		if (samples == nil) == (err == nil) {
			t.Errorf("samples %v and error %v", samples, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error of more than one line: %q", err)
		}
	})
}
