//go:build e2e && linux

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/dashboards"
	"github.com/packetscope/packetscope/internal/servers"
	"github.com/packetscope/packetscope/internal/testnet"
)

// reader is somebody who looks at all destinations on all hosts, and at one route.
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
	prometheus := scraping(t, strings.TrimPrefix(exporter.URL, "http://"))
	mustBeAt(t, prometheus, "Hops on the way", "hops", map[string]string{
		"203.0.113.7": "52.524 13.411", "203.0.113.8": "52.5 13.4", "198.51.100.10": "50.116 8.684",
	})
	mustBeAt(t, prometheus, "The route on the map", "route", map[string]string{
		"203.0.113.7": "52.524 13.411", "198.51.100.10": "50.116 8.684",
	})
}

// pathConfig has two destinations, to whose routers Linux balances UDP and no ICMP.
const pathConfig = `stack: {scope: own}
geo: {overrides: [networks.yml]}
locator:
  destinations:
    - {name: web, address: "udp://%v"}
    - {name: web6, address: "icmp://[%v]"}
  interval: 1s
  timeout: 1s
  names: false
`

// TestMapsGetNumbersOfRealPaths has the same asked of an exporter that measures paths of
// real routers. An override file says where they are: one is on the meridian of Greenwich,
// one on the equator, of one only the country is known, and of one nothing.
func TestMapsGetNumbersOfRealPaths(t *testing.T) {
	path := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 2, 1, 1}})
	v4, v6 := path.Hops(testnet.IPv4), path.Hops(testnet.IPv6)
	at := func(address netip.Addr, latitude, longitude float64) string {
		return fmt.Sprintf("- {prefix: %v, country: DE, latitude: %v, longitude: %v}", address, latitude, longitude)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"packetscope.yml": fmt.Sprintf(pathConfig, path.Dest.V4, path.Dest.V6),
		"networks.yml": strings.Join([]string{
			"networks:",
			at(v4[0][0], 51.478, 0), at(v4[1][0], 52.39, 13.065), at(v4[1][1], -33.87, 151.21),
			fmt.Sprintf("- {prefix: %v, country: PL}", v4[2][0]),
			at(path.Dest.V4, 52.4, 13.27),
			at(v6[0][0], 0, 6.61),
			at(path.Dest.V6, 52.5, -0.25),
		}, "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	exporter, address := servers.StartActivated(t, path.Host.Pin(t), found.Exporter,
		"--web.systemd-socket", "--config.file="+filepath.Join(dir, "packetscope.yml"))
	if err := exporter.Ready(t.Context(), "http://"+address+"/-/ready"); err != nil {
		t.Fatal(err)
	}
	prometheus := scraping(t, address)
	mustBeAt(t, prometheus, "Hops on the way", "hops", map[string]string{
		v4[0][0].String(): "51.478 0", v4[1][0].String(): "52.39 13.065", v4[1][1].String(): "-33.87 151.21",
		path.Dest.V4.String(): "52.4 13.27", v6[0][0].String(): "0 6.61", path.Dest.V6.String(): "52.5 -0.25",
	})
}

// scraping returns a Prometheus that scrapes an exporter.
func scraping(t *testing.T, address string) *servers.Prometheus {
	t.Helper()
	config, err := servers.ReadPrometheus(scrapeConfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Every(interval, interval)
	for _, job := range []string{"packetscope", "alertmanager"} { // the latter is not asked
		if err := config.Target(job, address); err != nil {
			t.Fatal(err)
		}
	}
	config.Alertmanagers()
	return servers.StartPrometheus(t, found.Tools, config, nil)
}

// mustBeAt waits until a query of the board gives these places of hops and no others.
func mustBeAt(t *testing.T, prometheus *servers.Prometheus, panel, ref string, want map[string]string) {
	t.Helper()
	servers.Eventually(t, soon, func() error {
		got, err := places(prometheus, query(t, panel, ref))
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("%s, %s (-want +got):\n%s", panel, ref, diff)
		}
		return nil
	})
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
