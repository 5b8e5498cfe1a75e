package metric

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSummariesReachTheServer reads a summary as servers do, in each format.
func TestSummariesReachTheServer(t *testing.T) {
	labels := []string{"dest", "db", "family", "ipv4", "hop", "192.0.2.1", "protocol", "udp", "ttl", "07"}
	name := LocatorHopRTT.Name
	m := LocatorHopRTT.Summary(Distribution{Count: 23, Sum: 1.5, Quantiles: []float64{0.0625, 0.125, 0.25}}, since, "db", "udp", "ipv4", "07", "192.0.2.1")
	for format, accept := range map[string]string{"protobuf": acceptProtobuf, "openmetrics": acceptOpenMetrics, "text": acceptText} {
		want := make(map[string]series)
		add := func(value float64, name string, more ...string) {
			s := series{Value: value}
			if format == "protobuf" {
				s.Start = since.UnixMilli()
			}
			want[key(name, append(more, labels...)...)] = s
		}
		add(0.0625, name, "quantile", "0.5")
		add(0.125, name, "quantile", "0.95")
		add(0.25, name, "quantile", "0.99")
		add(1.5, name+"_sum")
		add(23, name+"_count")
		if diff := cmp.Diff(want, scrape(t, accept, m).Series); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// TestSummariesKeepTheirValues: what is exposed is what was given, though the caller
// uses its memory again.
func TestSummariesKeepTheirValues(t *testing.T) {
	d := Distribution{Count: 1, Sum: 2, Quantiles: []float64{3, 4, 5}}
	labels := []string{"x", "udp", "ipv4", "01", "192.0.2.1"}
	m := LocatorHopRTT.Summary(d, since, labels...)
	want := scrape(t, acceptText, m)
	d.Quantiles[0], labels[0] = 99, "y"
	if diff := cmp.Diff(want, scrape(t, acceptText, m)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
