package collector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

func TestLimiterDecides(t *testing.T) {
	row := func(name string, weight uint64) weighted { return weighted{labels(name), weight} }
	type step struct {
		name    string
		present []weighted
		folded  string // names in order
		series  uint64
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"all fit", []step{
			{"first", []weighted{row("a", 1), row("b", 2), row("c", 3)}, "", 0},
			{"again", []weighted{row("a", 1), row("b", 2), row("c", 3)}, "", 0},
		}},
		{"biggest fit", []step{
			{"first", []weighted{row("a", 1), row("b", 2), row("c", 3), row("d", 9), row("e", 3)}, "ab", 4},
		}},
		{"labels decide between equals", []step{
			{"first", []weighted{row("d", 1), row("c", 1), row("b", 1), row("a", 1)}, "d", 2},
		}},
		{"exposed stay before bigger", []step{
			{"first", []weighted{row("a", 1), row("b", 2)}, "", 0},
			{"bigger come", []weighted{row("a", 1), row("b", 2), row("c", 8), row("d", 9)}, "c", 2},
			{"folded grows", []weighted{row("a", 1), row("b", 2), row("c", 80), row("d", 9)}, "c", 2},
		}},
		{"removed make room, but not for folded", []step{
			{"first", []weighted{row("a", 4), row("b", 3), row("c", 2), row("d", 1)}, "d", 2},
			{"gone", []weighted{row("a", 4), row("d", 1)}, "d", 2},
			{"new come", []weighted{row("a", 4), row("d", 1), row("e", 1), row("f", 1), row("g", 1)}, "dg", 4},
		}},
		{"absent for one scrape", []step{
			{"first", []weighted{row("a", 4), row("b", 3), row("c", 2), row("d", 1)}, "d", 2},
			{"older snapshot", []weighted{row("a", 4)}, "", 2},
			{"back", []weighted{row("a", 4), row("b", 3), row("c", 2), row("d", 1)}, "d", 2},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLimiter(8, 2) // room for three and "other"
			for _, s := range c.steps {
				var names []string
				for _, p := range l.fold(s.present) {
					names = append(names, p.set[0])
				}
				slices.Sort(names)
				got := strings.Join(names, "")
				if got != s.folded || l.series != s.series {
					t.Errorf("%s: folded %q, %d series so far; want %q, %d", s.name, got, l.series, s.folded, s.series)
				}
			}
		})
	}
}

func TestLimiterForgetsWhatIsGone(t *testing.T) {
	l := newLimiter(10, 1)
	for generation := range 1000 {
		var present []weighted
		for i := range 20 {
			present = append(present, weighted{labels(fmt.Sprint(generation, "/", i)), 1})
		}
		l.fold(present)
	}
	if n := len(l.folded); n > 20 {
		t.Errorf("limiter remembers %d label sets of the 20 that there are", n)
	}
}

// TestSeriesAreLimited exposes every combination of labels there is, for some
// watches, and checks the number of series and that nothing is lost in them.
func TestSeriesAreLimited(t *testing.T) {
	const limit = 100
	host := LargestHost
	host.Watches = 7
	snapshot := hostSnapshot(host)
	r := reader{snapshot: snapshot}
	set := newFullSet(r, r, StackOptions{SeriesLimit: limit})
	expose(t, set)
	families := gatherFrom(t, set)

	for _, f := range limited() {
		family := find(families, f.Name)
		if got := seriesIn(family); got > limit {
			t.Errorf("%s: %d series, limit %d", f.Name, got, limit)
		}
	}
	var want, got float64
	for _, row := range snapshot.Traffic {
		want += float64(row.Packets)
	}
	for _, m := range find(families, metric.Packets.Name).Metric {
		got += m.Counter.GetValue()
	}
	if got != want {
		t.Errorf("%v packets in all series, want %v", got, want)
	}
	want, got = 0, 0
	for _, row := range snapshot.Stages {
		want += float64(row.Count())
	}
	for _, m := range find(families, metric.StageDuration.Name).Metric {
		got += float64(m.Histogram.GetSampleCount())
	}
	if got != want {
		t.Errorf("%v durations in all series, want %v", got, want)
	}
	folded := make(map[string]float64)
	for _, m := range find(families, metric.SeriesLimited.Name).Metric {
		folded[label(m, "metric")] = m.Counter.GetValue()
	}
	// One of the hundred series is "other", and so is one of the six histograms
	// that have room.
	if got, want := folded[metric.Packets.Name], float64(len(snapshot.Traffic)-99); got != want {
		t.Errorf("%v series of packets folded, want %v", got, want)
	}
	sets := host.labelSets(metric.QdiscWait) - 1 // the engine's own "other" is no fold
	if got, want := folded[metric.QdiscWait.Name], float64(15*(sets-5)); got != want {
		t.Errorf("%v series of queue waits folded, want %v", got, want)
	}
}

// TestOtherOfTheEngineAndOfTheLimitAreOne: both are the devices that have no
// series of their own.
func TestOtherOfTheEngineAndOfTheLimitAreOne(t *testing.T) {
	polls := map[string]stack.Polls{"other": {Exhausted: 1}}
	for i := range uint64(20) {
		polls[fmt.Sprint("eth", i)] = stack.Polls{Exhausted: 10 + i}
	}
	r := reader{snapshot: stack.Snapshot{Polls: polls}}
	want := []string{ // of a limit of three
		`packetscope_napi_budget_exhausted_total{device="eth18"} 28`,
		`packetscope_napi_budget_exhausted_total{device="eth19"} 29`,
		`packetscope_napi_budget_exhausted_total{device="other"} 334`,
	}
	var got []string
	for _, line := range samples(expose(t, newFullSet(r, r, StackOptions{SeriesLimit: 3}))) {
		if strings.HasPrefix(line, metric.NAPIBudgetExhausted.Name) {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}

// growingReader is an engine whose counters only grow, on more and more label
// sets.
type growingReader struct{ snapshot stack.Snapshot }

func (r *growingReader) Snapshot() (stack.Snapshot, error) {
	s := r.snapshot
	s.Traffic = append([]stack.Traffic(nil), s.Traffic...)
	s.Stages = append([]stack.Stage(nil), s.Stages...)
	return s, nil
}

func (r *growingReader) grow(random *rand.Rand, all stack.Snapshot) {
	for range 10 {
		r.snapshot.Traffic = append(r.snapshot.Traffic, all.Traffic[random.IntN(len(all.Traffic))])
		r.snapshot.Stages = append(r.snapshot.Stages, all.Stages[random.IntN(len(all.Stages))])
	}
	for i := range r.snapshot.Traffic {
		r.snapshot.Traffic[i].Packets += random.Uint64N(1000)
	}
	for i := range r.snapshot.Stages {
		r.snapshot.Stages[i].Buckets[random.IntN(stack.Slots)] += random.Uint64N(1000)
	}
}

func TestFoldingNeverTurnsACounterBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	all := hostSnapshot(Host{Kinds: 11, Protocols: 6, Classes: 4, Watches: 4})
	r := new(growingReader)
	set := newFullSet(r, reader{}, StackOptions{SeriesLimit: 300})
	before := make(map[string]float64)
	for range 60 {
		r.grow(random, all)
		now := monotonic(gatherFrom(t, set))
		for series, was := range before {
			if is, ok := now[series]; !ok || is < was {
				t.Fatalf("%s went from %v to %v", series, was, is)
			}
		}
		before = now
	}
	if _, ok := before[metric.Packets.Name+` [device_class=other direction=other family=other layer=other protocol=other watch=other]`]; !ok {
		t.Error("nothing was folded")
	}
}

// monotonic returns every value that may not fall: counters and classic buckets.
func monotonic(families []*dto.MetricFamily) map[string]float64 {
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			var pairs []string
			for _, pair := range m.Label {
				pairs = append(pairs, pair.GetName()+"="+pair.GetValue())
			}
			series := fmt.Sprint(f.GetName(), " ", pairs)
			if m.Counter != nil {
				values[series] = m.Counter.GetValue()
			}
			for _, b := range m.GetHistogram().GetBucket() {
				values[fmt.Sprint(series, " le ", b.GetUpperBound())] = float64(b.GetCumulativeCount())
			}
		}
	}
	return values
}

func find(families []*dto.MetricFamily, name string) *dto.MetricFamily {
	for _, f := range families {
		if f.GetName() == name {
			return f
		}
	}
	return nil
}
