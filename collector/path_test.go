package collector

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/policy"
)

// newPaths returns the collector over a snapshot that a test changes.
func newPaths(limit int) (*pathReader, Collector) {
	r := &pathReader{fullPath()}
	return r, NewPath(r, NewStack(reader{}, StackOptions{SeriesLimit: limit, Since: since}))
}

// valuesOf gathers from a collector, which goes on from scrape to scrape, and returns
// the values of a family by the values of some labels with blanks between. Of a summary
// it is the count.
func valuesOf(t *testing.T, c Collector, f *metric.Family, by ...string) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for _, m := range find(gatherFrom(t, NewSet(quiet, stopped, c)), f.Name).GetMetric() {
		values := make([]string, len(by))
		for i, name := range by {
			values[i] = label(m, name)
		}
		key := strings.Join(values, " ")
		if _, ok := all[key]; ok {
			t.Errorf("%s: two series with %q", f.Name, key)
		}
		all[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetSummary().GetSampleCount())
	}
	return all
}

// check compares the values of a family.
func check(t *testing.T, c Collector, f *metric.Family, want map[string]float64, by ...string) {
	t.Helper()
	if diff := cmp.Diff(want, valuesOf(t, c, f, by...)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", f.Name, diff)
	}
}

func TestWithoutAnEngineThereAreNoPaths(t *testing.T) {
	st := NewStack(reader{}, StackOptions{})
	for name, r := range map[string]PathReader{"no engine": nil, "no snapshot": &pathReader{}} {
		metrics, err := gather(newScrape(), NewPath(r, st))
		if len(metrics) > 0 || err != nil {
			t.Errorf("%s: %d metrics, %v", name, len(metrics), err)
		}
	}
	r, c := newPaths(DefaultSeriesLimit)
	r.snapshot = &locator.Snapshot{At: stopped()}
	check(t, c, metric.LocatorOverflow, map[string]float64{"dest": 0, "ttl": 0, "hour": 0, "link": 0, "total": 0}, "reason")
}

// TestRoundTripsAreCountedInTheSlotsOfTheEngine: the slots go over one by one.
func TestRoundTripsAreCountedInTheSlotsOfTheEngine(t *testing.T) {
	if got := metric.RoundTrips.Slots; got != locator.HistogramSlots {
		t.Fatalf("%d slots, the engine has %d", got, locator.HistogramSlots)
	}
	for i := range locator.HistogramSlots {
		if got, want := metric.RoundTrips.UpperBound(i), locator.UpperBound(i); got != want {
			t.Errorf("slot %d ends at %v, that of the engine at %v", i, got, want)
		}
	}
}

// TestDestinationsThatDoNotAnswerAreShown: what is lost counts on, and nothing that
// nobody measured is 0.
func TestDestinationsThatDoNotAnswerAreShown(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	p := locator.Path{Destination: fullPath().Paths[0].Destination, AddressFamily: 4, State: locator.Steady, Known: true}
	p.End.Sent, p.End.Lost = 60, 60
	r.snapshot.Paths = []locator.Path{p}
	for f, want := range map[*metric.Family]map[string]float64{
		metric.LocatorProbesSent: {"web": 60}, metric.LocatorProbesLost: {"web": 60}, metric.LocatorPathReached: {"web": 0},
		metric.LocatorRTTMin: {}, metric.LocatorRTTMedian: {}, metric.LocatorJitter: {}, metric.LocatorLoss: {}, metric.LocatorPathHops: {},
		metric.LocatorPathWidth: {}, metric.LocatorPathMTU: {}, metric.LocatorPathID: {}, metric.LocatorPathASes: {}, metric.LocatorReverseHops: {},
		metric.LocatorHopInfo: {}, metric.LocatorTTLProbesSent: {}, metric.LocatorPathChanged: {}, metric.LocatorPathBlocked: {},
	} {
		check(t, c, f, want, "dest")
	}
	r.snapshot.Paths[0].Known = false
	check(t, c, metric.LocatorPathReached, map[string]float64{}, "dest")
}

// TestRulesHaveThreeStates: what is unknown is neither violated nor fine.
func TestRulesHaveThreeStates(t *testing.T) {
	_, c := newPaths(DefaultSeriesLimit)
	check(t, c, metric.LocatorRisk, map[string]float64{"clean": 1, "no-australia": 0}, "rule")
	check(t, c, metric.LocatorRiskUnknown, map[string]float64{"clean": 0, "no-australia": 0, "at-home": 1}, "rule")
}

// TestRulesBeyondTheLimitAreToldTogether: one that is violated is not hidden.
func TestRulesBeyondTheLimitAreToldTogether(t *testing.T) {
	r, c := newPaths(4)
	rule := func(name string, s policy.State) policy.Result {
		return policy.Result{Rule: policy.Rule{Name: name}, State: s}
	}
	p := &r.snapshot.Paths[0]
	p.Rules = []policy.Result{rule("a", policy.OK), rule("b", policy.OK), rule("c", policy.OK)}
	check(t, c, metric.LocatorRisk, map[string]float64{"web a": 0, "web b": 0, "web c": 0}, "dest", "rule")
	p.Rules = append(p.Rules, rule("d", policy.OK))
	check(t, c, metric.LocatorRisk, map[string]float64{"web a": 0, "web b": 0, "web c": 0, "other other": 0}, "dest", "rule")
	p.Rules = append(p.Rules, rule("e", policy.Unknown))
	check(t, c, metric.LocatorRisk, map[string]float64{"web a": 0, "web b": 0, "web c": 0}, "dest", "rule")
	p.Rules = append(p.Rules, rule("f", policy.Violated))
	check(t, c, metric.LocatorRisk, map[string]float64{"web a": 0, "web b": 0, "web c": 0, "other other": 1}, "dest", "rule")
}

// TestDestinationsOfOneNameAreOne: a second one would make the server refuse all
// metrics.
func TestDestinationsOfOneNameAreOne(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	twin := r.snapshot.Paths[0]
	twin.Name = "web\x00"
	r.snapshot.Paths = append(r.snapshot.Paths, twin)
	for range 3 {
		check(t, c, metric.LocatorProbesSent, map[string]float64{"web": 300, "2001:db8::1": 0}, "dest")
	}
	check(t, c, metric.LocatorOverflow, map[string]float64{"dest": 1, "ttl": 0, "hour": 0, "link": 0, "total": 0}, "reason")
	for i := range 2 * metric.MostDestinations {
		twin.Name = fmt.Sprint("dest", i)
		r.snapshot.Paths = append(r.snapshot.Paths, twin)
	}
	if got := len(valuesOf(t, c, metric.LocatorProbesSent, "dest")); got != metric.MostDestinations {
		t.Errorf("%d destinations have series", got)
	}
}

// TestNetworksAndFilesAreTheFirst: those beyond the limit have no series.
func TestNetworksAndFilesAreTheFirst(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	host := LargestHost
	host.Destinations, host.LocatorFiles = 70, 70
	many := hostPath(host, true)
	r.snapshot.Passive, r.snapshot.Self.Files = many.Passive, many.Self.Files
	networks := slices.Collect(maps.Keys(valuesOf(t, c, metric.LocatorPassiveConnections, "remote")))
	files := valuesOf(t, c, metric.LocatorDBInfo, "db")
	if len(networks) != 64 || !slices.Contains(networks, "203.0.0.0/24") || len(files) != 50 || files["0"] != 1 {
		t.Errorf("networks %v, files %v", networks, files)
	}
	r.snapshot.Self.Files = []geo.Status{{Name: "a", Path: "/x/a"}, {Name: "a", Path: "/y/a"}, {Name: "a", Path: "/y/a"}}
	check(t, c, metric.LocatorDBInfo, map[string]float64{"a": 1, "/y/a": 1}, "db")
}

// TestPathsThatAreGoneAreForgotten: found destinations come and go for ever.
func TestPathsThatAreGoneAreForgotten(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	for i := range 200 {
		r.snapshot.At = stopped().Add(time.Duration(i) * time.Minute)
		r.snapshot.Paths[0].Name = fmt.Sprint("dest", i)
		if _, err := gather(newScrape(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(c.(*pathCollector).paths); got != 2 {
		t.Errorf("%d paths are remembered, want 2", got)
	}
}
