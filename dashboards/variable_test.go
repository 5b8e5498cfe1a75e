package dashboards

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/packetscope/packetscope/internal/promtest"
)

// TestTagsOfHostsAreThoseOfTheAnnotator runs the query of the hidden variable: hosts are as
// the annotator writes them into tags, without ports, also of a host that is down now.
func TestTagsOfHostsAreThoseOfTheAnnotator(t *testing.T) {
	db := promtest.New()
	for instance, last := range map[string]int64{"web-1:10142": 0, "web-1:10143": 30, "web.example.net:1": 30, "192.0.2.1:10142": 30, "db": 30} {
		l := labels.FromStrings("__name__", "packetscope_build_info", "cluster", "", "job", "packetscope", "instance", instance, "version", "1")
		for at := int64(0); at <= last; at++ {
			if err := db.Add(l, at*60_000, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	built, err := explainedHosts().Build()
	if err != nil {
		t.Fatal(err)
	}
	expr, label, err := LabelValues(built.Query.Map["query"].(string))
	if err != nil {
		t.Fatal(err)
	}
	text, unknown := Interpolate(expr, sample)
	if unknown != nil {
		t.Fatalf("unknown variables %v", unknown)
	}
	result, _, err := db.Instant(text, time.UnixMilli(30*60_000))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range result {
		got = append(got, s.Metric.Get(label))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"host:192.0.2.1", "host:db", "host:web-1", "host:web-1", "host:web.example.net"}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	// Grafana matches the expression against a line such as this one.
	picked := regexp.MustCompile((*built.Regex)[1 : len(*built.Regex)-1]).FindStringSubmatch(`{instance="web-1:10142",tag="host:web-1"} 1 1800000`)
	if !slices.Equal(picked, []string{`tag="host:web-1"`, "host:web-1"}) {
		t.Errorf("of the line it picks %q", picked)
	}
}
