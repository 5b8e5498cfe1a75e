package metric

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func TestFamiliesFollowTheNamingRules(t *testing.T) {
	name := regexp.MustCompile(`^packetscope_[a-z0-9_]+$`)
	seen := make(map[string]bool)
	for _, f := range Families {
		if !name.MatchString(f.Name) {
			t.Errorf("%s: name does not match %s", f.Name, name)
		}
		if seen[f.Name] {
			t.Errorf("%s: listed twice", f.Name)
		}
		seen[f.Name] = true
		if err := f.Desc().Err(); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		base, total := strings.CutSuffix(f.Name, "_total")
		if total != (f.Type == Counter) {
			t.Errorf("%s: a %s, but ends in _total: %v", f.Name, f.Type, total)
		}
		if f.Unit != "" && !strings.HasSuffix(base, "_"+f.Unit) {
			t.Errorf("%s: does not end in its unit %q", f.Name, f.Unit)
		}
		if (f.Scale != nil) != (f.Type == Histogram) {
			t.Errorf("%s: a %s with scale %v", f.Name, f.Type, f.Scale)
		}
		if (f.Quantiles != nil) != (f.Type == Summary) || !slices.IsSorted(f.Quantiles) {
			t.Errorf("%s: a %s with quantiles %v", f.Name, f.Type, f.Quantiles)
		}
		if !strings.HasSuffix(f.Help, ".") || len(f.Help) < 30 {
			t.Errorf("%s: help is no sentence: %q", f.Name, f.Help)
		}
	}
}

func TestLabelsAreFromTheVocabulary(t *testing.T) {
	vocabulary := []string{
		"action", "address", "alertmanager", "anycast", "as_name", "asn", "attack", "branch", "by", "cause", "check", "city", "class", "clock", "code", "collector", "confidence", "country",
		"db", "dest", "device", "device_class", "direction", "event", "factor", "family", "fate", "feed", "field", "found", "from", "function", "geohash", "goarch", "goos",
		"goversion", "group", "hook", "hop", "host", "id", "kind", "latitude", "layer", "limit", "longitude", "map", "method", "metric", "mode", "mpls", "mtu",
		"name", "origin", "outcome", "port", "probe", "protocol", "provider", "purpose", "query", "queue", "reason", "remote", "result", "revision", "role", "rule", "service_port", "set",
		"severity", "side", "sink", "source", "stage", "state", "tags", "target", "to", "ttl", "type", "useful", "vector", "verdict", "version", "watch", "way",
	}
	var got []string
	for _, f := range Families {
		got = append(got, f.Labels...)
	}
	slices.Sort(got)
	if diff := cmp.Diff(vocabulary, slices.Compact(got)); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// TestConstructorsFollowTheTable makes one metric of every family and checks that
// each value is under the label that the table has at its place.
func TestConstructorsFollowTheTable(t *testing.T) {
	for _, f := range Families {
		t.Run(f.Name, func(t *testing.T) {
			values := make([]string, len(f.Labels))
			want := make(map[string]string)
			for i, label := range f.Labels {
				values[i] = "value of " + label
				want[label] = values[i]
			}
			var out dto.Metric
			if err := one(f, values).Write(&out); err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			var names []string
			for _, pair := range out.Label {
				got[pair.GetName()] = pair.GetValue()
				names = append(names, pair.GetName())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if !slices.IsSorted(names) {
				t.Errorf("labels are not sorted: %q", names)
			}
			gotTypes := [...]bool{Counter: out.Counter != nil, Gauge: out.Gauge != nil, Histogram: out.Histogram != nil, Summary: out.Summary != nil}
			var wantTypes [len(gotTypes)]bool
			wantTypes[f.Type] = true
			if gotTypes != wantTypes {
				t.Errorf("types set: %v, want %v", gotTypes, wantTypes)
			}
		})
	}
}

// one returns a metric of any family.
func one(f *Family, values []string) prometheus.Metric {
	switch f.Type {
	case Counter:
		return f.Counter(1, since, values...)
	case Gauge:
		return f.Gauge(1, values...)
	case Summary:
		return f.Summary(Distribution{Quantiles: make([]float64, len(f.Quantiles))}, since, values...)
	}
	return f.Histogram(Observations{Counts: make([]uint64, f.Scale.Slots)}, since, values...)
}

func TestConstructorsRefuseTheWrongTypeAndNumberOfLabels(t *testing.T) {
	for name, construct := range map[string]func(){
		"counter as gauge":     func() { LostEvents.Gauge(1, "drops") },
		"gauge as counter":     func() { MapEntries.Counter(1, since, "drops") },
		"counter as histogram": func() { LostEvents.Histogram(Observations{}, since, "drops") },
		"counter as summary":   func() { LostEvents.Summary(Distribution{}, since, "drops") },
		"quantile missing":     func() { LocatorHopRTT.Summary(Distribution{}, since, "x", "udp", "ipv4", "01", "192.0.2.1") },
		"label missing":        func() { LostEvents.Counter(1, since) },
		"label too many":       func() { LostEvents.Counter(1, since, "drops", "other") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			construct()
		})
	}
}

func TestOfPartitionsTheFamilies(t *testing.T) {
	var got []*Family
	for _, collector := range []string{
		CollectorStack, CollectorSocket, CollectorDevice, CollectorSoftirq, CollectorNetfilter, CollectorFlows, CollectorSockets, CollectorTCP, CollectorDrops, CollectorPosture, CollectorPathMap, CollectorGuarder, CollectorPath, CollectorAnnotator, CollectorProbe, CollectorSet, "",
	} {
		got = append(got, Of(collector)...)
	}
	if !slices.Equal(got, Families) {
		t.Errorf("%d families by collector, %d in the table", len(got), len(Families))
	}
}

func TestLookupFindsTheSeriesOfAFamily(t *testing.T) {
	for series, want := range map[string]*Family{
		"packetscope_packets_total":                    Packets,
		"packetscope_qdisc_wait_seconds":               QdiscWait,
		"packetscope_qdisc_wait_seconds_bucket":        QdiscWait,
		"packetscope_qdisc_wait_seconds_sum":           QdiscWait,
		"packetscope_qdisc_wait_seconds_count":         QdiscWait,
		"packetscope_qdisc_wait_seconds_total":         nil,
		"packetscope_packets_total_count":              nil,
		"packetscope_locator_hop_rtt_seconds":          LocatorHopRTT,
		"packetscope_locator_hop_rtt_seconds_sum":      LocatorHopRTT,
		"packetscope_locator_hop_rtt_seconds_count":    LocatorHopRTT,
		"packetscope_locator_hop_rtt_seconds_bucket":   nil,
		"packetscope_packets":                          nil,
		"packetscope_probe_stats_window_seconds_total": ProbeStatsWindow,
		"up": nil,
		"":   nil,
	} {
		if got, ok := Lookup(series); got != want || ok != (want != nil) {
			t.Errorf("Lookup(%q) = %v, %v, want %v", series, got, ok, want)
		}
	}
}

func TestHasLabel(t *testing.T) {
	if !Packets.HasLabel("watch") || Packets.HasLabel("device") || Packets.HasLabel("") {
		t.Errorf("packets have labels %q", Packets.Labels)
	}
}
