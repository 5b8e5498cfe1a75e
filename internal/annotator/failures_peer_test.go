//go:build unix

package annotator

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/exporter"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/remote"
)

// sure is what a model says that is sure of itself.
var sure = strings.Replace(modelSays, `"medium"`, `"high"`, 1)

// limited is what a model says that wants a limit.
const limited = `{"findings":[{"text":"S1 sends 5200 packets per second, 80 % of all.","weighs":"for","facts":["F6","F7"]}],"verdict":"volumetric_attack","confidence":"high",
	"summary":"S1 floods H1.","checks":[],"steps":[],"rule":{"action":"ratelimit","sources":["S1"],"target":null,"proto":"tcp","rate_pps":100,"ttl_minutes":60,"why":"It sends most."}}`

var peerFailures = []failure{
	{"Prometheus down", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.ask(t, model.Config{}, replies{double.Say(strings.Replace(sure, `["F1"]`, `[]`, 1))})
		s.prometheus.becomes(down)
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		tell(t, p, firing("a", flood))
		pass(3 * time.Second)
		expectGaps(t, s, p)
	})},
	{"Prometheus partial", bubble(func(t *testing.T) {
		s := newScene(t, querierFunc(func(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
			all, err := floodFacts.Query(ctx, expr, at)
			if len(all) == 0 || all[0].Value != 1230 {
				return nil, errBroken
			}
			return all, err
		}))
		s.ask(t, model.Config{}, replies{double.Say(sure)})
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		tell(t, p, firing("a", flood))
		pass(3 * time.Second)
		v := viewOf(t, p.Engine, "a")
		if len(v.Gaps) == 0 || v.Explanation.By != "model" || v.Explanation.Confidence == "high" {
			t.Errorf("with %d gaps it is %s by %s", len(v.Gaps), v.Explanation.Confidence, v.Explanation.By)
		}
		if v.Builtin.Confidence == "high" {
			t.Error("the built-in explanation is sure")
		}
		expectPaged(t, s, "firing -1", "firing -2")
	})},
	{"Prometheus slow or lying", func(t *testing.T) {
		for name, ill := range lies {
			t.Run(name, bubble(func(t *testing.T) {
				s := newScene(t, floodFacts)
				s.prometheus.becomes(ill)
				p := start(t, dbPath(t), Config{}, s.parts, nil)
				tell(t, p, firing("a", flood))
				pass(3 * time.Second)
				expectGaps(t, s, p)
			}))
		}
	}},
	{"Guarder down", bubble(func(t *testing.T) {
		for group, by := range map[string]evidence.Querier{
			"up": oneSender,
			"down": querierFunc(func(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
				if strings.Contains(expr, "remote") {
					return nil, nil // nobody has told Prometheus
				}
				return oneSender.Query(ctx, expr, at)
			}),
		} {
			s := newScene(t, by)
			p := start(t, dbPath(t), Config{Suggest: propose.Defaults}, s.parts, nil)
			tell(t, p, firing(group, drops))
			pass(3 * time.Second)
			v := viewOf(t, p.Engine, group)
			if sources := strings.Contains(v.Known, "198.51.100"); sources != (group == "up") || (v.Suggestion != nil) != sources || v.Explanation == nil {
				t.Errorf("%s: suggestion %+v, explanation %+v, known %s", group, v.Suggestion, v.Explanation, v.Known)
			}
			expectPaged(t, s, "firing -1")
		}
	})},
	{"Guarder slow or lying", func(t *testing.T) {
		for name, ill := range map[string]http.HandlerFunc{
			"down": down, "hangs": hang, "page": page, "null": says(200, "application/json", "null"), "list": says(200, "application/json", "[]"),
			"long":         func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "{%s}", strings.Repeat(" ", 2<<20)) },
			"no addresses": says(200, "application/json", `{"seconds":1,"total":{"dropped":7},"sources":[{"source":"everybody","dropped":7}]}`),
		} {
			t.Run(name, bubble(func(t *testing.T) {
				s := newScene(t, forgedFacts)
				s.ask(t, model.Config{}, replies{double.Say(dropping)})
				one := exporter.Options{Options: remote.Options{URL: "http://127.0.0.1:1", Dial: serve(t, ill)}, Instance: forged["instance"]}
				all, err := exporter.New([]exporter.Options{one})
				if err != nil {
					t.Fatal(err)
				}
				s.parts.Exporters = all
				p := start(t, dbPath(t), Config{Suggest: propose.Defaults}, s.parts, nil)
				tell(t, p, firing("a", forged))
				pass(5 * time.Second)
				v := viewOf(t, p.Engine, "a")
				if v.Explanation == nil || v.Explanation.By != "builtin" || v.NoModel != "invalid" || v.Suggestion != nil || v.Explanation.Confidence == "high" {
					t.Errorf("no model because of %q, suggestion %+v, explanation %+v", v.NoModel, v.Suggestion, v.Explanation)
				}
				if text := asJSON(t, v.Explanation.Findings); !strings.Contains(text, "Not known: ") || strings.Contains(text, "everybody") {
					t.Errorf("findings %s", text)
				}
				expectPaged(t, s, "firing -1")
			}))
		}
	}},
	{"a limit is wanted", bubble(func(t *testing.T) {
		s := newScene(t, querierFunc(func(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
			if all, err := oneSender.Query(ctx, expr, at); len(all) > 0 || err != nil {
				return all, err
			}
			return []evidence.Sample{{Value: 1}}, nil // with gaps nothing is sure
		}))
		s.ask(t, model.Config{}, replies{double.Say(limited)})
		p := start(t, dbPath(t), Config{Suggest: propose.Defaults}, s.parts, nil)
		tell(t, p, firing("a", drops))
		pass(3 * time.Second)
		expectHeld(t, p, "a", "model", "")
		if v := viewOf(t, p.Engine, "a"); v.Suggestion == nil || v.Explanation.Summary != "198.51.100.0/24 floods web-1:10142." {
			t.Errorf("suggestion %+v, explanation %+v", v.Suggestion, v.Explanation)
		}
		if got := p.Snapshot().Refused; len(got) != 0 {
			t.Errorf("refused %v", got)
		}
	})},
	{"Alertmanager slow or lying", func(t *testing.T) {
		for name, ill := range map[string]http.HandlerFunc{
			"down": down, "hangs": hang, "page": page, "null": says(200, "application/json", "null"),
			"no list":   says(200, "application/json", `{"alerts":[]}`),
			"no labels": says(200, "application/json", `[{"fingerprint":"0123456789abcdef"}]`),
			"cut":       says(200, "application/json", `[{"labels":{"alertname":"Pack`),
			// There is no receiver of our name, nor an alert for it.
			"renamed": says(200, "application/json", "[]"),
		} {
			t.Run(name, bubble(func(t *testing.T) {
				s := newScene(t, floodFacts)
				s.parts.Alerts = s.list
				s.alertmanager.becomes(ill)
				p := start(t, dbPath(t), Config{}, s.parts, nil)
				tell(t, p, firing("a", flood))
				pass(30 * time.Minute)
				expectPaged(t, s, "firing -1")
				if got := p.Snapshot().Reconciled; got["failed"] < 20 || got["done"] != 0 || got["closed"] != 0 {
					t.Errorf("reconciled %v", got)
				}
			}))
		}
	}},
	{"Alertmanager lists nothing while alerts fire", bubble(func(t *testing.T) {
		s := newScene(t, floodFacts)
		s.parts.Alerts = s.list
		m := firing("a", flood)
		s.lists(m.starts, flood)
		p := start(t, dbPath(t), Config{}, s.parts, nil)
		tell(t, p, m)
		pass(10 * time.Minute)
		s.lists(m.starts) // as of one that was started anew
		pass(2 * time.Minute)
		s.lists(m.starts, flood)
		pass(10 * time.Minute)
		expectPaged(t, s, "firing -1")
		s.lists(m.starts) // for so long that it has to be believed
		pass(10 * time.Minute)
		expectPaged(t, s, "firing -1", "resolved -2")
		s.lists(m.starts, flood)
		pass(3 * time.Minute)
		if got := s.paged(); len(got) != 3 || !strings.HasPrefix(got[2], "firing") {
			t.Errorf("when it says the truth again the receiver was told %v", got)
		}
	})},
}

// expectGaps expects an explanation that knows nothing, says so, and is not sure.
func expectGaps(t testing.TB, s *scene, p *process) {
	t.Helper()
	v := viewOf(t, p.Engine, "a")
	if v.Explanation == nil {
		t.Fatal("there is no explanation")
	}
	text := asJSON(t, v.Explanation.Findings)
	if v.Explanation.Confidence != "low" || len(v.Facts) != 0 || len(v.Gaps) == 0 || !strings.Contains(text, "Not known: ") {
		t.Errorf("facts %+v, gaps %+v, explanation %+v", v.Facts, v.Gaps, v.Explanation)
	}
	notes := s.board.Annotations("packetscope")
	if len(notes) != 1 || !slices.Contains(notes[0].Tags, "conf:low") {
		t.Errorf("annotations %+v", notes)
	}
	if got := s.paged(); len(got) == 0 || got[0] != "firing -1" {
		t.Errorf("the receiver was told %v", got)
	}
}

// always answers each query with a value.
func always(value float64) http.HandlerFunc {
	return promServer(querierFunc(func(context.Context, string, time.Time) ([]evidence.Sample, error) {
		return []evidence.Sample{{Value: value}}, nil
	})).ServeHTTP
}

// manySeries answers with so many of them.
func manySeries(count int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[`)
		for n := range count {
			if _, err := fmt.Fprintf(w, `{"metric":{"remote":"host-%d"},"value":[1,"7"]},`, n); err != nil {
				return // the client has had enough
			}
		}
		fmt.Fprint(w, `{"metric":{},"value":[1,"7"]}]}}`)
	}
}

// lies are what a Prometheus may do other than to answer.
var lies = map[string]http.HandlerFunc{
	"hangs": hang, "page": page, "redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	"not a number": always(math.NaN()), "infinite": always(math.Inf(1)), "minus infinite": always(math.Inf(-1)),
	"100 series": manySeries(100), "a million series": manySeries(1_000_000),
	"empty": says(200, "application/json", ""), "no data": says(200, "application/json", `{"status":"success"}`),
	"null":         says(200, "application/json", `{"status":"success","data":{"resultType":"vector","result":null}}`),
	"a matrix":     says(200, "application/json", `{"status":"success","data":{"resultType":"matrix","result":[]}}`),
	"bare numbers": says(200, "application/json", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,7]}]}}`),
	"words":        says(200, "application/json", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"many"]}]}}`),
	"histograms":   says(200, "application/json", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"7"}]}]}}`),
	"an error":     says(200, "application/json", `{"status":"error","errorType":"execution","error":"out of memory"}`),
	"cut":          says(200, "application/json", `{"status":"success","data":{"resultType":"vector","result":[{"met`),
}
