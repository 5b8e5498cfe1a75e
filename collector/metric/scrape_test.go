package metric

import (
	"errors"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/exemplar"
	model "github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// since is the created timestamp of the metrics in the tests.
var since = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const (
	// acceptProtobuf is how a server asks that ingests native histograms.
	acceptProtobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
	acceptText        = "text/plain;version=0.0.4"
)

// series is one sample as a Prometheus server would store it.
type series struct {
	Value     float64
	Exemplars []exemplar.Exemplar
	Start     int64 // created timestamp in ms
}

// scraped is everything that a server reads from one scrape, by name and labels
// as the parser writes them: `name{le="1.0"}`.
type scraped struct {
	Series  map[string]series
	Natives map[string]*model.FloatHistogram
	// NativeExemplars and NativeStarts belong to Natives.
	NativeExemplars map[string][]exemplar.Exemplar
	NativeStarts    map[string]int64
}

// constant is a collector of fixed metrics.
type constant []prometheus.Metric

func (c constant) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c {
		ch <- m.Desc()
	}
}

func (c constant) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c {
		ch <- m
	}
}

// scrape exposes the metrics over HTTP and reads them with the server's parser,
// which keeps classic histograms beside native ones.
func scrape(t *testing.T, accept string, metrics ...prometheus.Metric) scraped {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(constant(metrics)); err != nil {
		t.Fatal(err)
	}
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	request := httptest.NewRequest("GET", "/metrics", nil)
	request.Header.Set("Accept", accept)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	parser, err := textparse.New(answer.Body.Bytes(), answer.Header().Get("Content-Type"),
		labels.NewSymbolTable(), textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, parser)
}

func parse(t *testing.T, p textparse.Parser) scraped {
	t.Helper()
	s := scraped{
		Series:          make(map[string]series),
		Natives:         make(map[string]*model.FloatHistogram),
		NativeExemplars: make(map[string][]exemplar.Exemplar),
		NativeStarts:    make(map[string]int64),
	}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return s
		}
		if err != nil {
			t.Fatalf("parse: %v", err)
		}
		var l labels.Labels
		switch entry {
		case textparse.EntrySeries:
			_, _, value := p.Series()
			p.Labels(&l)
			s.Series[l.String()] = series{value, exemplars(p), p.StartTimestamp()}
		case textparse.EntryHistogram:
			_, _, ints, floats := p.Histogram()
			if ints != nil {
				if err := ints.Validate(); err != nil {
					t.Errorf("native histogram: %v", err)
				}
				floats = ints.ToFloat(nil)
			}
			p.Labels(&l)
			s.Natives[l.String()] = floats
			s.NativeExemplars[l.String()] = exemplars(p)
			s.NativeStarts[l.String()] = p.StartTimestamp()
		}
	}
}

func exemplars(p textparse.Parser) []exemplar.Exemplar {
	var all []exemplar.Exemplar
	for e := (exemplar.Exemplar{}); p.Exemplar(&e); e = (exemplar.Exemplar{}) {
		all = append(all, e)
	}
	return all
}
