//go:build e2e && linux

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/dashboards"
	"github.com/packetscope/packetscope/internal/servers"
)

// reader is somebody who looks at the destination of the sample, on all hosts.
var reader = map[string]string{
	"cluster": ".*", "job": ".+", "instance": ".+", "dest": ".+", "protocol": ".+", "family": ".+", "route": "web",
}

// TestMapsGetNumbersFromAServer has a real Prometheus scrape the sample of the collectors
// and asks it what Grafana asks for the maps, as tables: each hop whose position is known
// and possible has a latitude and a longitude that are numbers, and none is at 0, 0.
func TestMapsGetNumbersFromAServer(t *testing.T) {
	sample, err := os.ReadFile("../../collector/testdata/exposition.txt")
	if err != nil {
		t.Fatal(err)
	}
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		w.Write(sample)
	}))
	t.Cleanup(exporter.Close)
	config, err := servers.ReadPrometheus(scrapeConfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Every(200*time.Millisecond, 200*time.Millisecond)
	for _, job := range []string{"packetscope", "alertmanager"} { // the latter is not asked
		if err := config.Target(job, strings.TrimPrefix(exporter.URL, "http://")); err != nil {
			t.Fatal(err)
		}
	}
	config.Alertmanagers()
	prometheus := servers.StartPrometheus(t, found.Tools, config, nil)
	ask := func(panel, ref string) map[string]string {
		var got map[string]string
		servers.Eventually(t, soon, func() (err error) {
			got, err = places(prometheus, query(t, panel, ref))
			return err
		})
		return got
	}
	if diff := cmp.Diff(map[string]string{
		"203.0.113.7": "52.524 13.411", "203.0.113.8": "52.5 13.4", "198.51.100.10": "50.116 8.684",
	}, ask("Hops on the way", "hops")); diff != "" {
		t.Errorf("hops (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"203.0.113.7": "52.524 13.411", "198.51.100.10": "50.116 8.684"}, ask("The route on the map", "route")); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
}

// query returns a query of the board of paths.
func query(t *testing.T, panel, ref string) string {
	t.Helper()
	for _, b := range dashboards.All() {
		if b.Name != "paths" {
			continue
		}
		d, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range dashboards.Panels(d) {
			for _, q := range dashboards.Targets(p) {
				if *p.Title == panel && *q.RefId == ref {
					expr, unknown := dashboards.Interpolate(q.Expr, reader)
					if len(unknown) > 0 {
						t.Fatalf("unknown variables %q", unknown)
					}
					return expr
				}
			}
		}
	}
	t.Fatalf("there is no query %s of a panel %q", ref, panel)
	return ""
}

// places returns where hops are, or an error if there is none, or one is at 0, 0 or has
// no numbers.
func places(p *servers.Prometheus, expr string) (map[string]string, error) {
	values, err := p.Query(expr)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("nothing is returned by %s", expr)
	}
	all := make(map[string]string)
	for _, v := range values {
		latitude, err := strconv.ParseFloat(v.Labels["latitude"], 64)
		if err != nil {
			return nil, err
		}
		longitude, err := strconv.ParseFloat(v.Labels["longitude"], 64)
		if err != nil {
			return nil, err
		}
		if latitude == 0 && longitude == 0 {
			return nil, fmt.Errorf("%v is at 0, 0", v.Labels)
		}
		all[v.Labels["hop"]] = fmt.Sprint(latitude, longitude)
	}
	return all, nil
}
