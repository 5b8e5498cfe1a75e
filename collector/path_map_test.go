package collector

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	model "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/promtest"
)

// query runs a query on what a server has scraped of a collector.
func query(t *testing.T, c Collector, expr string) promql.Vector {
	t.Helper()
	db := promtest.New()
	text := expose(t, NewSet(quiet, stopped, c))
	if err := db.Scrape(stopped(), []byte(text), promtest.AcceptText, model.FromStrings("job", "packetscope", "instance", "a")); err != nil {
		t.Fatal(err)
	}
	v, warnings, err := db.Instant(expr, stopped())
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%s: %v, %v", expr, err, warnings)
	}
	return v
}

// mapQuery is what a map of hops asks for: a value, and where and what each one is.
const mapQuery = `packetscope_locator_hop_rtt_seconds{quantile="0.5"} * on (instance, dest, protocol, family, ttl, hop) ` +
	`group_left(latitude, longitude, geohash, city, country, asn, as_name) packetscope_locator_hop_info{latitude!=""}`

// TestLocatedHopsAreOnTheMap runs the query of a map on the table that Grafana makes of
// its answer: numbers as text, and a missing label as "", which is drawn at 0, 0.
func TestLocatedHopsAreOnTheMap(t *testing.T) {
	_, c := newPaths(DefaultSeriesLimit)
	want := map[string][]string{
		"203.0.113.7":   {"52.524", "13.411", "u33dc1t", "Berlin", "DE", "AS64500", "Example Networks", "0.002"},
		"203.0.113.8":   {"52.5", "13.4", "u33d8vm", "Berlin", "DE", "AS64500", "Example Networks", "0.002"},
		"198.51.100.3":  {"-33.869", "151.209", "r3gx2f7", "Sydney", "AU", "AS64500", "Example Networks", "0.003"},
		"198.51.100.10": {"50.116", "8.684", "u0yjje7", "Frankfurt am Main", "DE", "AS64500", "Example Networks", "0.005"},
	}
	got := make(map[string][]string)
	for _, s := range query(t, c, mapQuery) {
		row := []string{}
		for _, column := range []string{"latitude", "longitude", "geohash", "city", "country", "asn", "as_name"} {
			row = append(row, s.Metric.Get(column))
		}
		got[s.Metric.Get("hop")] = append(row, fmt.Sprint(s.F))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("map (-want +got):\n%s", diff)
	}
}

// TestNothingIsAtNullIsland has hops all over the world, at its edges, and nowhere.
func TestNothingIsAtNullIsland(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	var hops []locator.Hop
	located := 0
	for i, at := range []struct{ lat, lon float64 }{
		{0, 0}, {0.0004, -0.0004}, {-0.0001, 0.0001}, {1e300, 3}, {91, 0}, {0, 181}, {nan, 1}, // nowhere
		{0, 0.001}, {51.4779, 0}, {-90, 180}, {90, -180}, {-0.0004, 32.58}, {12.34567, -98.76543}, // somewhere
	} {
		hops = append(hops, hopAt(uint8(i+1), fmt.Sprint("203.0.113.", i), placed(at.lat, at.lon, "DE", "Town")))
		if i >= 7 {
			located++
		}
	}
	hops = append(hops, hopAt(30, "198.51.100.1", geo.Entry{Kind: geo.Public}))
	r.snapshot.Paths[0].Hops = hops
	for _, expr := range []string{mapQuery, "packetscope_locator_path_point", `packetscope_locator_hop_info{latitude!=""}`} {
		v := query(t, c, expr)
		if len(v) != located {
			t.Errorf("%s: %d hops, want %d", expr, len(v), located)
		}
		for _, s := range v {
			lat, errLat := strconv.ParseFloat(s.Metric.Get("latitude"), 64)
			lon, errLon := strconv.ParseFloat(s.Metric.Get("longitude"), 64)
			if errLat != nil || errLon != nil || lat == 0 && lon == 0 || !(geo.Point{Latitude: lat, Longitude: lon}).Valid() || s.Metric.Get("geohash") == "" {
				t.Errorf("%s: %v", expr, s.Metric)
			}
		}
	}
}

// TestTheLineOfAMapIsInTheOrderOfThePath: one hop at each distance, the nearest first,
// and none that cannot be where it is said to be.
func TestTheLineOfAMapIsInTheOrderOfThePath(t *testing.T) {
	_, c := newPaths(DefaultSeriesLimit)
	var got []string
	for _, s := range query(t, c, `sort(packetscope_locator_path_point{dest="web"})`) {
		got = append(got, fmt.Sprint(s.F, " ", s.Metric.Get("hop")))
	}
	if want := []string{"2 203.0.113.7", "5 198.51.100.10"}; !slices.Equal(got, want) {
		t.Errorf("line %q, want %q", got, want)
	}
}

// TestTheLineOfAMapIsOfWhoAnswersMost: if that one is nowhere, the line has nothing
// there, whoever else answers.
func TestTheLineOfAMapIsOfWhoAnswersMost(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	nowhere := hopAt(3, "203.0.113.1", geo.Entry{Kind: geo.Public})
	second := hopOn(3, "203.0.113.2", false)
	r.snapshot.Paths[0].Hops = []locator.Hop{second, nowhere, hopOn(4, "203.0.113.3", false), hopOn(4, "203.0.113.4", true)}
	check(t, c, metric.LocatorPathPoint, map[string]float64{"203.0.113.4": 4}, "hop")
}

// TestLinksEndAtNodes: of those that do not, Grafana draws nothing at all.
func TestLinksEndAtNodes(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	berlin := netip.MustParseAddr("203.0.113.7") // answers at two distances
	r.snapshot.Paths[0].Links = append(r.snapshot.Paths[0].Links, locator.Link{From: berlin, To: berlin, FromTTL: 2, ToTTL: 3})
	nodes := make(map[string]bool)
	for _, s := range query(t, c, `group by (id, latitude, longitude) (label_replace(packetscope_locator_hop_info{latitude!=""}, "id", "$1", "hop", "(.*)"))`) {
		nodes[s.Metric.Get("id")] = true
	}
	links := query(t, c, `packetscope_locator_link_seconds{dest=~"web"}`)
	for _, s := range links {
		if !nodes[s.Metric.Get("source")] || !nodes[s.Metric.Get("target")] {
			t.Errorf("%v: nodes are %v", s.Metric, slices.Collect(maps.Keys(nodes)))
		}
	}
	// The shorter one of two, and none to or from who is nowhere or cannot be there.
	want := map[string]float64{"203.0.113.7>198.51.100.10": 0.003, "203.0.113.8>198.51.100.10": 0}
	check(t, c, metric.LocatorLink, want, "id")

	// A hundred new ones in an hour, among eight hops at each of 20 distances.
	// Eight hops at each of 12 distances, and links between each two of neighbours: there
	// is room for a hundred new links in an hour, two of which were there.
	p := &r.snapshot.Paths[0]
	p.Hops, p.Links = nil, nil
	for ttl := 1; ttl <= 12; ttl++ {
		for i := range 8 {
			p.Hops = append(p.Hops, hopOn(ttl, fmt.Sprintf("203.0.%d.%d", ttl, i), i == 0))
			for j := range 8 {
				p.Links = append(p.Links, locator.Link{From: netip.AddrFrom4([4]byte{203, 0, byte(ttl), byte(i)}), To: netip.AddrFrom4([4]byte{203, 0, byte(ttl + 1), byte(j)})})
			}
		}
	}
	before := valuesOf(t, c, metric.LocatorOverflow, "reason")["link"]
	if n := len(valuesOf(t, c, metric.LocatorLink, "id")); n != maxNewHops-len(want) || before == 0 {
		t.Errorf("%d links, want %d; %v are counted as left out", n, maxNewHops-len(want), before)
	}
	if after := valuesOf(t, c, metric.LocatorOverflow, "reason")["link"]; after != before {
		t.Errorf("%v links are counted as left out, and then %v", before, after)
	}
}
