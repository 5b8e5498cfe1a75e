//go:build kernel && linux

package dashboards

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/testnet"
)

// config has a flow with a label of its own, two destinations and everything about
// addresses. Linux balances no ICMP, so UDP finds both branches.
const config = `watches:
  - {name: web, ports: 8080, protocol: tcp}
geo:
  databases: [city.mmdb]
  overrides: [networks.yml]
  blocklists: [drop.txt]
locator:
  destinations:
    - {name: far, address: "udp://%v"}
    - {name: far6, address: "icmp://[%v]"}
  discover: {top: 2, private: true, every: 10s}
  interval: 1s
  timeout: 1s
  names: false
  position: {latitude: 52.52, longitude: 13.405, country: DE}
  policy: paths.yml
  history: {path: history}
`

// pathPolicy has a rule that is kept, one that is violated, and one that nobody can judge.
const pathPolicy = `version: 1
rules:
- {name: not-there, forbid_country: [KP]}
- {name: not-here, forbid_country: [DE], points: 60}
- {name: our-transit, require_as: [64510]}
`

// newPath has a last router that loses so much that it is lost of two dozen probes, too
// (0.7^24 is 0.0002), and what it is sent may be no larger than 1,400 bytes. The host talks
// with the destination until the test ends.
func newPath(t *testing.T) *testnet.Path {
	t.Helper()
	path := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 2, 1, 1}})
	path.SetMTU(t, 4, 1400)
	path.Stages[3][0].LoseForwarded(t, 30, testnet.ToDest)
	for _, f := range testnet.Families {
		talk(t, path, f)
	}
	return path
}

// writeConfig writes a configuration by which the path is measured, and returns its name.
// One of the two routers beside each other is on a blocklist. Of the places that an
// override gives them one cannot be, and two are a country only.
func writeConfig(t *testing.T, path *testnet.Path) string {
	t.Helper()
	hops := path.Hops(testnet.IPv4)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"packetscope.yaml": fmt.Sprintf(config, path.Dest.V4, path.Dest.V6),
		"paths.yml":        pathPolicy,
		"drop.txt":         hops[1][0].String() + " ; SBL1\n",
		"networks.yml": strings.Join([]string{
			"networks:",
			at(hops[0][0], "DE", "Berlin", 52.52, 13.405),
			at(hops[1][0], "DE", "Potsdam", 52.39, 13.065),
			at(hops[1][1], "DE", "Potsdam", 52.4, 13.06),
			fmt.Sprintf("- {prefix: %v, country: PL}", hops[2][0]),
			at(hops[3][0], "AU", "Sydney", -33.87, 151.21),
			at(path.Dest.V4, "DE", "Teltow", 52.4, 13.27),
			fmt.Sprintf("- {prefix: %v, country: AT}", path.Dest.V6),
		}, "\n") + networks,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	database(t, filepath.Join(dir, "city.mmdb"))
	return filepath.Join(dir, "packetscope.yaml")
}

// onMaps is what the maps of the board draw of that, by panel and layer.
var onMaps = map[string]map[string][]string{
	"Hops on the way": {
		"Hops": {"52.39 13.065", "52.4 13.06", "52.4 13.27", "52.52 13.405"}, "Impossible positions": {"-33.87 151.21"},
		"Hops of which only the country is known": {"AT", "PL"}, "Destinations": {"52.4 13.27"},
		// Packets get lost behind the last router, so that none is to blame.
		"Loss up to here": {"52.4 13.27"},
	},
	"Peers of these hosts": {"Peers": {"52.4 13.27"}, "Peers by country": {"AT"}},
}

// talk has a connection with the destination carry something until the test ends.
func talk(t *testing.T, path *testnet.Path, f testnet.Family) {
	t.Helper()
	pair, err := testnet.NewTCPPair(path.Host, path.Dest, f)
	if err != nil {
		t.Fatal(err)
	}
	pair.Client.SetDeadline(time.Time{})
	pair.Server.SetDeadline(time.Time{})
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for buffer := make([]byte, 1000); ; {
			pair.Client.Write(buffer)
			pair.Server.Read(buffer)
			select {
			case <-tick.C:
			case <-ended:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(ended)
		pair.Close()
		<-done
	})
}

func at(address netip.Addr, country, city string, latitude, longitude float64) string {
	return fmt.Sprintf("- {prefix: %v, name: %s, country: %s, city: %s, latitude: %v, longitude: %v, asn: 64500, as_name: Example}",
		address, strings.ToLower(city), country, city, latitude, longitude)
}

// database is one that knows nothing of the addresses of the test.
func database(t *testing.T, path string) {
	t.Helper()
	var b geo.Builder
	if err := b.AddCSV("x.csv", strings.NewReader("prefix,country,asn,as_name\n8.8.8.0/24,US,64501,Example\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.WriteFile(path, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}
