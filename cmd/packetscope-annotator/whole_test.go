package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	models "github.com/packetscope/packetscope/internal/annotator/model/double"
	sinks "github.com/packetscope/packetscope/internal/annotator/sink/double"
)

// zeros answers each query with one sample of 0.
func zeros(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1777895999,"0"]}]}}`)
}

const revised = `{"findings":[],"verdict":"unknown","confidence":"low","summary":"The exporter may have been stopped by hand.","checks":[],"steps":[],"rule":null}`

// TestAnAnnotationIsRevisedByTheModelAndBecomesARegion, through all that is configured.
func TestAnAnnotationIsRevisedByTheModelAndBecomesARegion(t *testing.T) {
	grafana := &sinks.Grafana{Token: "secret-token"}
	model := models.New(models.Say(revised))
	defer model.Close()
	var urls []string
	for _, h := range []http.Handler{http.HandlerFunc(zeros), grafana, model} {
		server := httptest.NewServer(h)
		defer server.Close()
		urls = append(urls, server.URL)
	}
	token := filepath.Join(t.TempDir(), "grafana.token")
	write(t, token, grafana.Token+"\n")
	r := start(t, `
prometheus: {url: "`+urls[0]+`"}
sinks: {grafana: {url: "`+urls[1]+`", token_file: "`+token+`"}}
llm: {providers: [{name: local, base_url: "`+urls[2]+`/v1", model: qwen3}]}
`)
	r.ask(t, "POST", "/api/v1/alerts", message(t, false), "")
	wait := func(what string, good func(a sinks.Annotation) bool) {
		t.Helper()
		deadline := time.Now().Add(patience)
		for {
			all := grafana.Annotations("packetscope")
			if len(all) == 1 && good(all[0]) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("no annotation that is %s: %+v\n%s", what, all, r.stderr)
			}
		}
	}
	wait("of the model, and a point", func(a sinks.Annotation) bool {
		return slices.Contains(a.Tags, "by:model") && strings.Contains(a.Text, "stopped by hand") && a.TimeEnd <= a.Time
	})
	r.ask(t, "POST", "/api/v1/alerts", message(t, true), "")
	wait("a region", func(a sinks.Annotation) bool { return slices.Contains(a.Tags, "resolved") && a.TimeEnd > a.Time })
	for _, line := range []string{
		`packetscope_annotator_llm_requests_total{class="ok",provider="local"} 1`,
		`packetscope_annotator_llm_tokens_total{kind="prompt",provider="local"} 1001`,
		`packetscope_annotator_sink_requests_total{class="ok",sink="grafana"} 3`,
		`packetscope_annotator_facts_queries_total{result="failed"} 0`,
	} {
		r.eventually(t, "/metrics", "", func(body string) bool { return strings.Contains(body, line+"\n") })
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
	// A secret of one server goes to no other.
	for _, call := range model.Calls() {
		if text := fmt.Sprint(call.Header, string(call.Body)); strings.Contains(text, "secret-token") || strings.Contains(text, "a.example") {
			t.Errorf("the model is sent %s", text)
		}
	}
}
