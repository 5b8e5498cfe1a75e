//go:build kernel && linux

package dashboards

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/packetscope/packetscope/internal/promtest"
	"github.com/packetscope/packetscope/internal/servers"
	"github.com/packetscope/packetscope/internal/testnet"
)

// annotatorTarget is how the annotator of the test is labelled.
var annotatorTarget = labels.FromStrings("cluster", "lab", "job", "packetscope-annotator", "instance", "notes")

// rightlyEmptyOfAnnotator says why a query of the board may return nothing in the test, by
// panel and query.
var rightlyEmptyOfAnnotator = map[string]string{
	"Proposed rules/A":          "no rule is proposed",
	"Proposed rules/B":          "no rule is proposed, so none is refused",
	"Labels kept from models/B": "no label reads like instructions",
}

// annotatorFile has everything that has metrics of its own.
const annotatorFile = `store: {path: annotator.db}
prometheus: {url: %q}
alertmanager: {url: %q, receiver: annotator, reconcile: 10s}
sinks: {grafana: {url: %q, token_file: grafana.token}}
llm: {providers: [{name: double, base_url: %q, model: double, price: {prompt: 1, completion: 2}}], budget: {tokens_per_day: 100000}}
`

// startAnnotator starts the real annotator among servers of few words, until the test ends, and returns
// its address. Prometheus answers every question with 1, but has nothing on all packets;
// what the model says is not fit.
func startAnnotator(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := build(t, dir, "../cmd/packetscope-annotator")
	say := func(answer func(*http.Request) string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, answer(r))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	questions := say(func(r *http.Request) string {
		one := `{"metric":{},"value":[1,"1"]}`
		if strings.Contains(r.FormValue("query"), "instance:packetscope_packets:rate5m") {
			one = ""
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + one + `]}}`
	})
	firing := say(func(r *http.Request) string {
		if r.URL.Path == "/api/v2/receivers" {
			return `[{"name":"annotator"}]`
		}
		return `[]`
	})
	notes := say(func(r *http.Request) string {
		if r.Method == http.MethodGet {
			return `[]`
		}
		return `{"id":1,"message":"Annotation added"}`
	})
	answers := say(func(*http.Request) string {
		return `{"id":"1","object":"chat.completion","created":1,"model":"double","usage":{"prompt_tokens":1000,"completion_tokens":9,"total_tokens":1009},
"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"{\"verdict\":\"none of these\"}"}}]}`
	})
	files := map[string]string{
		"grafana.token":  "token\n",
		"annotator.yaml": fmt.Sprintf(annotatorFile, questions, firing, notes, answers+"/v1"),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := servers.FreeAddress(t)
	p := servers.Start(t, program, "serve", "--config.file="+filepath.Join(dir, "annotator.yaml"), "--web.listen-address="+address)
	if err := p.Ready(t.Context(), "http://"+address+"/-/ready"); err != nil {
		t.Fatal(err)
	}
	return address
}

// alert tells the annotator that an alert fires on a host.
func alert(t *testing.T, address, host string) {
	t.Helper()
	const one = `{"version":"4","groupKey":"g/%[1]s","status":"firing","receiver":"annotator","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"",
"alerts":[{"status":"firing","labels":{"alertname":"PacketScopePacketLoss","severity":"critical","job":"packetscope","instance":"%[1]s","weather":"fine"},
"annotations":{},"startsAt":"2026-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"%[1]s"}]}`
	answer, err := http.Post("http://"+address+"/api/v1/alerts", "application/json", strings.NewReader(fmt.Sprintf(one, host)))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("alert is answered %s", answer.Status)
	}
}

// TestEveryQueryOfTheAnnotatorReturnsData lets the real annotator explain some alerts, and
// runs every query of its board on what was scraped.
func TestEveryQueryOfTheAnnotatorReturnsData(t *testing.T) {
	if testnet.InVM() {
		t.Skip("the emulated machine has no go command to build the program with")
	}
	address := startAnnotator(t)
	w := live{native: promtest.New(), classic: promtest.New(), from: time.Now()}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for i := range 8 {
		for accept, db := range map[string]*promtest.DB{promtest.AcceptProtobuf: w.native, promtest.AcceptText: w.classic} {
			if err := db.ScrapeURLAs(accept, "http://"+address+"/metrics", annotatorTarget); err != nil {
				t.Fatal(err)
			}
		}
		w.to = time.Now()
		if i < 5 {
			alert(t, address, fmt.Sprintf("web-%d:10142", i))
		}
		<-tick.C
	}
	was := chosen
	chosen = maps.Clone(was)
	chosen["job"], chosen["instance"] = "packetscope-annotator", "notes"
	defer func() { chosen = was }()
	d, err := annotatorBoard().Build()
	if err != nil {
		t.Fatal(err)
	}
	excused := map[string]bool{}
	for _, p := range Panels(d) {
		for _, q := range Targets(p) {
			name := fmt.Sprintf("%s/%s", *p.Title, *q.RefId)
			excused[name] = true
			t.Run(name, func(t *testing.T) { w.mustReturnData(t, q, rightlyEmptyOfAnnotator[name]) })
		}
		t.Run(*p.Title, func(t *testing.T) { w.mustDraw(t, p) })
	}
	for _, a := range d.Annotations.List {
		if a.Expr == nil {
			continue // it is in Grafana's own store
		}
		q := prometheus.Dataquery{Expr: *a.Expr, Format: new(prometheus.PromQueryFormat)}
		if _, warnings, err := w.run(w.native, q); err != nil || len(warnings) > 0 {
			t.Errorf("annotation %s: %v, warnings %v", a.Name, err, warnings)
		}
	}
	for name := range rightlyEmptyOfAnnotator {
		if !excused[name] {
			t.Errorf("%s is excused and is no query", name)
		}
	}
}
