package metric

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
)

var slow = Exemplar{
	Source:      netip.MustParseAddrPort("192.0.2.1:40000"),
	Destination: netip.MustParseAddrPort("[2001:db8::2]:443"),
	Time:        time.UnixMilli(1_700_000_000_123),
}

func TestExemplarIsInTheNativeHistogramAndTheRightBucket(t *testing.T) {
	for _, c := range []struct{ value, bound float64 }{
		{0, 1.0 / (1 << 20)},
		{1.0 / (1 << 20), 1.0 / (1 << 20)}, // bounds are inclusive
		{0.003, 1.0 / (1 << 8)},
		{4, 4},
		{4.1, 0}, // 0 stands for +Inf
	} {
		t.Run(fmt.Sprint(c.value), func(t *testing.T) {
			e := slow
			e.Value = c.value
			m := QdiscWait.Histogram(Observations{Counts: make([]uint64, Durations.Slots), Exemplar: &e}, since, "x")
			want := []exemplar.Exemplar{{
				Labels: labels.FromStrings(ExemplarSource, "192.0.2.1:40000", ExemplarDestination, "[2001:db8::2]:443"),
				Value:  c.value, HasTs: true, Ts: slow.Time.UnixMilli(),
			}}
			bound := "+Inf"
			if c.bound != 0 {
				bound = labels.FormatOpenMetricsFloat(c.bound)
			}
			wantAt := map[string][]exemplar.Exemplar{
				key(QdiscWait.Name+"_bucket", "device", "x", "le", bound): want,
			}
			for _, accept := range []string{acceptProtobuf, acceptOpenMetrics} {
				got := scrape(t, accept, m)
				gotAt := make(map[string][]exemplar.Exemplar)
				for name, s := range got.Series {
					if s.Exemplars != nil {
						gotAt[name] = s.Exemplars
					}
				}
				if diff := cmp.Diff(wantAt, gotAt, cmp.Comparer(labels.Equal)); diff != "" {
					t.Errorf("%s: classic exemplars (-want +got):\n%s", accept, diff)
				}
				if len(got.Series) != QdiscWait.SeriesPerSet() {
					t.Errorf("%s: %d series, want %d", accept, len(got.Series), QdiscWait.SeriesPerSet())
				}
				if accept == acceptProtobuf {
					native := got.NativeExemplars[key(QdiscWait.Name, "device", "x")]
					if diff := cmp.Diff(want, native, cmp.Comparer(labels.Equal)); diff != "" {
						t.Errorf("native exemplars (-want +got):\n%s", diff)
					}
				}
			}
		})
	}
}

func TestExemplarEndpoints(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:80":          "192.0.2.1:80",
		"192.0.2.1:0":           "192.0.2.1",
		"[2001:db8::1]:53":      "[2001:db8::1]:53",
		"[2001:db8::1]:0":       "2001:db8::1",
		"[::ffff:192.0.2.1]:80": "192.0.2.1:80",
		"[fe80::1%eth0]:22":     "[fe80::1]:22",
	} {
		if got := endpoint(netip.MustParseAddrPort(in)); got != want {
			t.Errorf("endpoint(%s) = %q, want %q", in, got, want)
		}
	}
	if got := endpoint(netip.AddrPort{}); got != "" {
		t.Errorf("endpoint of nothing = %q", got)
	}
}

func TestExemplarIsNeverTooLong(t *testing.T) {
	longest := netip.AddrPortFrom(
		netip.MustParseAddr(strings.TrimSuffix(strings.Repeat("ffff:", 8), ":")+"%"+strings.Repeat("z", 200)), 65535)
	e := Exemplar{Source: longest, Destination: longest}
	runes := 0
	for _, pair := range e.message().Label {
		runes += utf8.RuneCountInString(pair.GetName()) + utf8.RuneCountInString(pair.GetValue())
	}
	if runes != 100 || runes > prometheus.ExemplarMaxRunes {
		t.Errorf("%d runes, want 100, of at most %d", runes, prometheus.ExemplarMaxRunes)
	}
}

func TestExemplarWithoutFlowHasNoLabels(t *testing.T) {
	e := Exemplar{Value: 1}
	if got := e.message().Label; got != nil {
		t.Errorf("labels %v", got)
	}
}
