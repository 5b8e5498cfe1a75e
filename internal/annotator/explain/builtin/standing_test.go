package builtin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A hostRecording is what a server would answer about a host.
type hostRecording struct {
	Mode    string
	Window  model.Duration
	Scopes  []evidence.Scope
	Results map[string][]string
}

func recordedHosts(t testing.TB) map[string]hostRecording {
	t.Helper()
	text, err := os.ReadFile("testdata/hosts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]hostRecording
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for name, r := range all {
		r.Window = cmp.Or(r.Window, model.Duration(15*time.Minute))
		if r.Scopes == nil {
			r.Scopes = evidence.Scopes
		}
		all[name] = r
	}
	return all
}

var hostLabels = map[string]string{"cluster": "c1", "instance": "web-1:10142", "job": "packetscope"}

// hostPlayer answers from a recording; change may change the value of a sample.
type hostPlayer struct {
	hostRecording
	change func(v float64) float64
}

func (p hostPlayer) Query(_ context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
	for _, q := range evidence.ForHost(time.Duration(p.Window), p.Scopes) {
		if rendered, err := q.Render(hostLabels); err != nil || rendered != expr {
			continue
		}
		samples, err := player{r: recording{Results: p.Results}}.samples(q.Name, now.Sub(at))
		for i := range samples {
			if p.change != nil {
				samples[i].Value = p.change(samples[i].Value)
			}
		}
		return samples, err
	}
	return nil, errors.New("nobody has asked for this")
}

func gatherHost(t testing.TB, p hostPlayer) answer.Ground {
	t.Helper()
	table := &handle.Table{}
	limits := evidence.Defaults
	limits.Parallel = 1
	set := evidence.GatherHost(context.Background(), p, evidence.Host{Labels: hostLabels, Window: time.Duration(p.Window), Scopes: p.Scopes}, table, now, limits)
	return answer.Ground{Set: set, Table: table}
}

var dwells = map[string]Dwell{"": Both, "security": Threats, "performance": Waste}

// TestWatchesRestOnEvidence claims that each watch is of a number that is asked for, and
// names only labels that it has.
func TestWatchesRestOnEvidence(t *testing.T) {
	byName := map[string]evidence.Query{}
	for _, q := range evidence.ForHost(15*time.Minute, evidence.Scopes) {
		byName[q.Name] = q
	}
	seen := map[string]bool{}
	for _, w := range hostWatches {
		q, ok := byName[w.fact]
		if !ok || seen[w.fact] {
			t.Errorf("%s: nobody asks for it, or it is there twice", w.fact)
		}
		seen[w.fact] = true
		if w.topic == "" || !strings.Contains(w.says, "{}") || len(w.topic) > 45 {
			t.Errorf("%s: %q, %q", w.fact, w.topic, w.says)
		}
		for _, p := range placeholder.FindAllString(w.says, -1) {
			if label := strings.Trim(p, "{}"); label != "" && !slices.Contains(q.By, label) {
				t.Errorf("%s: it has no label %q", w.fact, label)
			}
		}
		if never := !w.fits(math.Inf(1)) && !w.fits(0); never && !q.Baseline {
			t.Errorf("%s never stands out", w.fact)
		}
		if (w.floor > 0 || w.low) && !q.Baseline {
			t.Errorf("%s: its changes are watched, and nobody asks how it was", w.fact)
		}
		if q.Baseline && w.floor == 0 {
			t.Errorf("%s: any small change of it stands out", w.fact)
		}
	}
}

// TestGoldenTextsAboutHosts compares what people read about each host with testdata/hosts.
func TestGoldenTextsAboutHosts(t *testing.T) {
	for name, r := range recordedHosts(t) {
		t.Run(name, func(t *testing.T) {
			g := gatherHost(t, hostPlayer{hostRecording: r})
			a := Host(g, dwells[r.Mode])
			got := g.Show(a, func(name string) string { return evidence.Says(g.Set, name) }) + "\nFrom these facts:\n" + g.Known()
			if a.Rule != nil {
				form, err := json.Marshal(a.Rule)
				if err != nil {
					t.Fatal(err)
				}
				got += "\nProposed: " + string(form) + "\n"
			}
			path := filepath.Join("testdata", "hosts", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if strings.Contains(got, "An alert fires") {
				t.Error("the judge refused it")
			}
		})
	}
}

// TestAnyNumbersOfAHostAreTakenByTheJudge claims the same of hosts as
// TestAnyNumbersAreTakenByTheJudge does of alerts, in all modes and over odd windows.
func TestAnyNumbersOfAHostAreTakenByTheJudge(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for name, r := range recordedHosts(t) {
		for range 20 {
			r.Window = model.Duration(time.Duration(5+random.IntN(10_000)) * time.Minute)
			g := gatherHost(t, hostPlayer{r, func(v float64) float64 {
				return []float64{v, 0, 1, -1, 2 * v, v / 3, random.Float64(), random.ExpFloat64() * 1e6, random.Float64() * 1e-9, math.NaN(), math.Inf(1)}[random.IntN(11)]
			}})
			for mode, dwell := range dwells {
				if a := Host(g, dwell); strings.Contains(a.Summary, "An alert fires") {
					t.Fatalf("%s, %q over %v: the judge refused it:\n%s", name, mode, r.Window, g.Known())
				}
			}
		}
	}
}

// TestWhatStandsOut claims when a number with baselines does.
func TestWhatStandsOut(t *testing.T) {
	for name, c := range map[string]struct {
		results []string
		want    bool
	}{
		"as it was":                           {[]string{"0.012", "@1h 0.012", "@7d 0.012"}, false},
		"twice both":                          {[]string{"0.024", "@1h 0.012", "@7d 0.012"}, true},
		"more than an hour ago, as each week": {[]string{"0.024", "@1h 0.012", "@7d 0.024"}, false},
		"more than a week ago":                {[]string{"0.024", "@1h 0.024", "@7d 0.012"}, true},
		"more, and no week is known":          {[]string{"0.024", "@1h 0.012"}, true},
		"a bit more":                          {[]string{"0.02", "@1h 0.012", "@7d 0.0101"}, false},
		"less":                                {[]string{"0.001", "@1h 0.012", "@7d 0.012"}, false},
		"from nothing":                        {[]string{"0.024", "@1h 0", "@7d 0"}, true},
		"too small to matter":                 {[]string{"0.004", "@1h 0.001", "@7d 0.001"}, false},
		"without baselines":                   {[]string{"0.024"}, false},
	} {
		p := hostPlayer{hostRecording: hostRecording{Window: model.Duration(15 * time.Minute), Scopes: []evidence.Scope{evidence.TCP}, Results: map[string][]string{"tcp_round_trip": c.results}}}
		a := Host(gatherHost(t, p), Both)
		if got := a.Verdict != answer.Inconspicuous; got != c.want || a.Confidence == answer.High && c.want {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestModesPutOtherThingsFirst(t *testing.T) {
	r := recordedHosts(t)["slow_path"]
	g := gatherHost(t, hostPlayer{hostRecording: r})
	first := func(d Dwell) string { f, _ := g.Set.Find(Host(g, d).Findings[0].Facts[0]); return f.Name }
	if got := []string{first(Both), first(Threats), first(Waste)}; !slices.Equal(got, []string{"retransmits", "policy_drops", "retransmits"}) {
		t.Errorf("first are %v", got)
	}
	if gaps := g.Set.Gaps; slices.ContainsFunc(gaps, func(g fact.Gap) bool { return g.Before == 0 }) {
		t.Errorf("what a host need not have is missing: %v", gaps)
	}
}
