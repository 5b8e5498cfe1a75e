package collector

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	model "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/packetscope/packetscope/collector/metric"
)

// TestServersReadTheSameInEveryFormat reads the exposition with the parsers of a
// Prometheus server, which are stricter than the encoders: about units, the
// order of buckets and the length of exemplars.
func TestServersReadTheSameInEveryFormat(t *testing.T) {
	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newFixtureSet())
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})

	want, natives := scrapeAs(t, handler, "text/plain;version=0.0.4")
	if len(natives) != 0 {
		t.Errorf("native histograms in text: %v", natives)
	}
	for name, accept := range map[string]string{"openmetrics": "application/openmetrics-text;version=1.0.0", "protobuf": protobuf} {
		got, natives := scrapeAs(t, handler, accept)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: series (-text +%s):\n%s", name, name, diff)
		}
		for _, f := range metric.Families {
			if native := accept == protobuf && f.Type == metric.Histogram; natives[f.Name] != native {
				t.Errorf("%s: %s is a native histogram: %v, want %v", name, f.Name, !native, native)
			}
		}
	}
}

// scrapeAs returns the value of every classic series, and the names of the native
// histograms.
func scrapeAs(t *testing.T, handler http.Handler, accept string) (values map[string]float64, natives map[string]bool) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", accept)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	format := answer.Header().Get("Content-Type")
	if media, _, _ := strings.Cut(accept, ";"); answer.Code != http.StatusOK || !strings.HasPrefix(format, media) {
		t.Fatalf("status %d, format %q: %s", answer.Code, format, answer.Body)
	}
	parser, err := textparse.New(answer.Body.Bytes(), format, model.NewSymbolTable(),
		textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	if err != nil {
		t.Fatal(err)
	}
	values, natives = make(map[string]float64), make(map[string]bool)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return values, natives
		}
		if err != nil {
			t.Fatalf("parse %s: %v", format, err)
		}
		var l model.Labels
		switch entry {
		case textparse.EntrySeries:
			_, _, value := parser.Series()
			parser.Labels(&l)
			values[l.String()] = value
		case textparse.EntryHistogram:
			parser.Histogram() // the parser goes on to the classic series only after this
			parser.Labels(&l)
			natives[l.Get("__name__")] = true
		}
	}
}
