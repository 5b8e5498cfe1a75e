package collector

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/packetscope/packetscope/collector/metric"
)

var update = flag.Bool("update", false, "write testdata/exposition.txt instead of comparing with it")

// expose returns the text exposition of a collector, through a registry that
// checks every metric against what the collector describes.
func expose(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	var text strings.Builder
	encoder := expfmt.NewEncoder(&text, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range gatherFrom(t, c) {
		if err := encoder.Encode(family); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

func gatherFrom(t *testing.T, c prometheus.Collector) []*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func newFixtureSet() *Set {
	r := reader{snapshot: fullSnapshot(), self: fullSelf(), tcp: fullTCP(), drops: fullDrops()}
	return newFullSet(r, r, StackOptions{Since: since})
}

func TestExpositionIsGolden(t *testing.T) {
	const golden = "testdata/exposition.txt"
	got := expose(t, newFixtureSet())
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("exposition; if it is meant to change, run go test ./collector -update (-want +got):\n%s", diff)
	}
}

func TestExpositionCoversTheTable(t *testing.T) {
	type row struct {
		Type, Help string
		Labels     []string
	}
	want, got := make(map[string]row), make(map[string]row)
	for _, f := range metric.Families {
		if f.Collector != "" {
			want[f.Name] = row{f.Type.String(), f.Help, slices.Sorted(slices.Values(f.Labels))}
		}
	}
	for _, f := range gatherFrom(t, newFixtureSet()) {
		for _, m := range f.Metric {
			r := row{Type: strings.ToLower(f.GetType().String()), Help: f.GetHelp()}
			for _, pair := range m.Label {
				r.Labels = append(r.Labels, pair.GetName())
			}
			got[f.GetName()] = r
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("families (-table +exposition):\n%s", diff)
	}
}

func TestExpositionHasNoLint(t *testing.T) {
	problems, err := testutil.CollectAndLint(newFixtureSet())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestCollectorsEmitTheirOwnFamilies(t *testing.T) {
	for _, s := range Switches {
		t.Run(s.Name, func(t *testing.T) {
			set, err := newFixtureSet().Filter([]string{s.Name})
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, name := range []string{s.Name, metric.CollectorSet} {
				for _, f := range metric.Of(name) {
					want = append(want, f.Name)
				}
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, familyNames(expose(t, set))); diff != "" {
				t.Errorf("families (-want +got):\n%s", diff)
			}
		})
	}
}

// familyNames returns the names of the families in a text exposition.
func familyNames(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	return names
}

func TestSwitchesNameTheCollectors(t *testing.T) {
	var got []string
	for _, s := range Switches {
		got = append(got, s.Name)
	}
	// Guarder is on if its agent's socket is named, and paths if there are destinations. The
	// annotator is another program.
	without := []string{metric.CollectorGuarder, metric.CollectorPath, metric.CollectorAnnotator}
	want := slices.DeleteFunc(newFixtureSet().Names(), func(name string) bool { return slices.Contains(without, name) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("switches (-set +switches):\n%s", diff)
	}
}
