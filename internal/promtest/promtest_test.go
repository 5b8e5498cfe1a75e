package promtest

import (
	"math"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

var (
	t0     = time.Unix(1_800_000_000, 0)
	target = labels.FromStrings("job", "packetscope", "instance", "a")
)

// scraped returns a database with two scrapes, a minute apart, of a counter that
// grew by 60 and of a histogram that saw 90 values of 0.1 and 10 of 1.
func scraped(t *testing.T) *DB {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "x_total"}, []string{"instance"})
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "x_seconds", Buckets: []float64{0.5, 2}, NativeHistogramBucketFactor: 1.1,
	})
	registry.MustRegister(counter, histogram)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	db := New()
	counter.WithLabelValues("own").Add(7)
	db.mustScrape(t, t0, server.URL)
	counter.WithLabelValues("own").Add(60)
	for i := range 100 {
		histogram.Observe(map[bool]float64{true: 0.1, false: 1}[i < 90])
	}
	db.mustScrape(t, t0.Add(time.Minute), server.URL)
	return db
}

// mustScrape scrapes what the server has now as if it were the given time.
func (db *DB) mustScrape(t *testing.T, at time.Time, url string) {
	t.Helper()
	fresh := New()
	if err := fresh.ScrapeURL(url, target); err != nil {
		t.Fatal(err)
	}
	for _, s := range fresh.order {
		last := s.samples[0].(sample)
		last.t = at.UnixMilli()
		if err := db.add(s.labels, last); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQueriesSeeBothFormsOfAHistogram(t *testing.T) {
	db := scraped(t)
	for expr, want := range map[string]float64{
		`up`: 1,
		`x_total{exported_instance="own",instance="a"} - x_total offset 1m`: 60,
		`delta(x_seconds_count[2m] @ 1800000060)`:                           200,
		`sum by (le) (x_seconds_bucket{le="0.5"})`:                          90,
		`histogram_count(x_seconds)`:                                        100,
		`histogram_fraction(0, 0.5, x_seconds)`:                             0.9,
		`histogram_quantile(0.5, sum by (le) (x_seconds_bucket))`:           0.5 * 50 / 90,
		`round(histogram_quantile(0.95, x_seconds), 0.1)`:                   1,
		`scalar(x_total) + 1`:                                               68,
	} {
		at := t0.Add(time.Minute)
		v, warnings, err := db.Instant(expr, at)
		if err != nil || len(warnings) > 0 || len(v) != 1 {
			t.Errorf("%s: %v, warnings %v, error %v", expr, v, warnings, err)
			continue
		}
		if math.Abs(v[0].F-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", expr, v[0].F, want)
		}
	}
}

func TestRangeReturnsOnePointPerStep(t *testing.T) {
	m, warnings, err := scraped(t).Range(`x_total`, t0, t0.Add(time.Minute), 30*time.Second)
	if err != nil || len(warnings) > 0 || len(m) != 1 {
		t.Fatalf("%v, warnings %v, error %v", m, warnings, err)
	}
	var got []float64
	for _, p := range m[0].Floats {
		got = append(got, p.F)
	}
	if len(got) != 3 || got[0] != 7 || got[1] != 7 || got[2] != 67 {
		t.Errorf("points %v, want 7, 7, 67", got)
	}
}

func TestWarningsAreReturned(t *testing.T) {
	_, warnings, err := scraped(t).Instant(`histogram_quantile(2, x_seconds)`, t0.Add(time.Minute))
	if err != nil || len(warnings) != 1 {
		t.Errorf("warnings %q, error %v; want one about the quantile", warnings, err)
	}
}

func TestSeriesEndsAfterTheLookback(t *testing.T) {
	db := scraped(t)
	for age, want := range map[time.Duration]int{Lookback - time.Second: 1, Lookback + time.Second: 0} {
		if v, _, err := db.Instant(`x_total`, t0.Add(time.Minute+age)); err != nil || len(v) != want {
			t.Errorf("%v after the last scrape: %v, error %v; want %d series", age, v, err, want)
		}
	}
}

func TestTargetThatDoesNotAnswerIsDown(t *testing.T) {
	db := New()
	if err := db.ScrapeURL("http://127.0.0.1:1/metrics", target); err != nil {
		t.Fatal(err)
	}
	if v, _, err := db.Instant(`up`, time.Now()); err != nil || len(v) != 1 || v[0].F != 0 {
		t.Errorf("up is %v, error %v", v, err)
	}
}

func TestSampleMustBeLater(t *testing.T) {
	db := New()
	l := labels.FromStrings(model.MetricNameLabel, "x")
	if err := db.Add(l, 5, 1); err != nil {
		t.Fatal(err)
	}
	if err := db.Add(l, 5, 2); err == nil {
		t.Error("a second sample of the same time was taken")
	}
}
