package dashboards

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/packetscope/packetscope/internal/grafanatest"
	"github.com/packetscope/packetscope/internal/promtest"
)

// sampleTime is when the sample exposition is scraped.
var sampleTime = time.Unix(1_767_326_000, 0)

// looking is a reader who looks at the destination of the sample.
var looking = map[string]string{
	"cluster": ".*", "job": ".+", "instance": ".+", "dest": ".+", "protocol": ".+", "family": ".+", "route": "web",
	"interval": "15s", "__rate_interval": "60s", "__interval": "15s", "__range": "60s",
}

// sampleOfHosts returns what a server knows of some hosts that deliver the sample exposition of the
// collectors, whose counters stood at 0 half a minute before. Each has a router of its own
// on the way: 203.0.113.7, 203.0.114.7 and so on. Packets certainly get lost up to the
// last hop. Each change is applied to the text.
func sampleOfHosts(t *testing.T, hosts int, changes ...func(string) string) *promtest.DB {
	t.Helper()
	data, err := os.ReadFile("../collector/testdata/exposition.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^(packetscope_locator_ttl_lossy\{.*ttl="05"\}) 0$`).ReplaceAllString(string(data), "$1 1")
	for _, change := range changes {
		text = change(text)
	}
	started := regexp.MustCompile(`(?m)^(\w+_(?:total|bucket|count|sum)(?:\{.*\})?) \S+$`)
	db := promtest.New()
	for host := range hosts {
		target := labels.FromStrings("cluster", "", "job", "packetscope", "instance", fmt.Sprint("host-", host))
		own := strings.ReplaceAll(text, "203.0.113.", fmt.Sprintf("203.0.%d.", 113+host))
		for _, scrape := range []struct {
			at   time.Time
			text string
		}{{sampleTime.Add(-30 * time.Second), started.ReplaceAllString(own, "$1 0")}, {sampleTime, own}} {
			if err := db.Scrape(scrape.at, []byte(scrape.text), "text/plain; version=0.0.4", target); err != nil {
				t.Fatal(err)
			}
		}
	}
	return db
}

// pathPanels returns the panels of the board by their titles.
func pathPanels(t *testing.T) map[string]dashboard.Panel {
	t.Helper()
	d, err := paths().Build()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]dashboard.Panel)
	for _, p := range Panels(d) {
		all[*p.Title] = p
	}
	return all
}

// TestPathsShowAllThatThereIs runs every query of the board on the sample, which has
// something in every family.
func TestPathsShowAllThatThereIs(t *testing.T) {
	db := sampleOfHosts(t, 2)
	for title, p := range pathPanels(t) {
		for _, q := range Targets(p) {
			expr, unknown := Interpolate(q.Expr, looking)
			v, warnings, err := db.Instant(expr, sampleTime)
			if err != nil || len(unknown) > 0 || len(warnings) > 0 {
				t.Fatalf("%s: %v, unknown %v, warnings %v\n%s", title, err, unknown, warnings, expr)
			}
			name := title + "/" + *q.RefId
			if reason := notInSample[name]; (len(v) == 0) != (reason != "") {
				t.Errorf("%s has %d results (%s):\n%s", name, len(v), reason, expr)
			}
		}
		if p.Type == "table" {
			if frames := framesOf(t, db, sampleTime, p, looking); len(frames) != 1 || frames[0].Rows() == 0 {
				t.Errorf("%s gets %d frames", title, len(frames))
			}
		}
	}
}

var notInSample = map[string]string{
	"Hops on the way/countries":      "every hop with a country has coordinates, see TestMapsWithCountriesAlone",
	"Peers of these hosts/countries": "the same",
}

// TestMapsPlaceEveryHop draws the maps of a host: the sample has a private hop, one that no database knows a place of, and one that cannot be where it
// is said to be.
func TestMapsPlaceEveryHop(t *testing.T) {
	db, panels := sampleOfHosts(t, 1), pathPanels(t)
	const berlin, mitte, sydney, frankfurt = "52.524 13.411", "52.5 13.4", "-33.869 151.209", "50.116 8.684"
	for title, want := range map[string]map[string][]string{
		"Hops on the way": {
			"Hops": {berlin, mitte, frankfurt}, "Impossible positions": {sydney}, "Destinations": {frankfurt},
			"Loss up to here": {frankfurt},
		},
		"The route on the map": {"Route": {berlin, frankfurt}, "Stations": {berlin, frankfurt}},
		"Links between hops":   {"Links": {berlin + " > " + frankfurt, mitte + " > " + frankfurt}},
		"Peers of these hosts": {"Peers": {frankfurt}},
	} {
		got := drawn(t, panels[title], framesOf(t, db, sampleTime, panels[title], looking))
		for _, layers := range []map[string][]string{got, want} {
			for name := range layers {
				if name != "Route" && name != "Stations" { // whose order counts
					slices.Sort(layers[name])
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
	}
}

// without returns a change that empties labels of paths.
func without(names ...string) func(string) string {
	return func(text string) string {
		for _, name := range names {
			text = regexp.MustCompile(`(?m)^(packetscope_locator_.*\b`+name+`=)"[^"]*"`).ReplaceAllString(text, `$1""`)
		}
		return regexp.MustCompile(`(?m)^packetscope_locator_(path_point|link_seconds|db_\w+)\{.*\n`).ReplaceAllString(text, "")
	}
}

// TestMapsWithCountriesAlone is about databases that have no coordinates.
func TestMapsWithCountriesAlone(t *testing.T) {
	db, panels := sampleOfHosts(t, 1, without("latitude", "longitude", "geohash", "city")), pathPanels(t)
	for title, want := range map[string]map[string][]string{
		"Hops on the way":      {"Hops of which only the country is known": {"AU", "DE", "DE", "DE"}},
		"The route on the map": {}, "Links between hops": {},
		"Peers of these hosts": {"Peers by country": {"DE"}},
	} {
		got := drawn(t, panels[title], framesOf(t, db, sampleTime, panels[title], looking))
		for name := range got {
			slices.Sort(got[name])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
	}
}

// TestMapsWithoutDatabasesSayWhatToDo claims that nothing is drawn, and that the numbers
// above the maps tell why.
func TestMapsWithoutDatabasesSayWhatToDo(t *testing.T) {
	db, panels := sampleOfHosts(t, 1, without("latitude", "longitude", "geohash", "city", "country", "asn", "as_name")), pathPanels(t)
	for title, p := range panels {
		if p.Type != "geomap" {
			continue
		}
		if got := drawn(t, p, framesOf(t, db, sampleTime, p, looking)); len(got) > 0 {
			t.Errorf("%s draws %v", title, got)
		}
	}
	hops := panels["Hops with a position"]
	expr, _ := Interpolate(Targets(hops)[0].Expr, looking)
	if v, _, err := db.Instant(expr, sampleTime); err != nil || len(v) != 1 || v[0].F != 0 {
		t.Errorf("hops with a position are %v, %v", v, err)
	}
	var mapped []struct {
		Properties []struct {
			Value []struct {
				Options map[string]struct{ Text string }
			}
		}
	}
	recode(t, hops.FieldConfig.Overrides, &mapped)
	if text := mapped[0].Properties[0].Value[0].Options["0"].Text; text != "none: give geo.databases" {
		t.Errorf("0 is shown as %q", text)
	}
	if text := panels["Age of databases"].FieldConfig.Defaults.NoValue; text == nil || *text != "none: give geo.databases" {
		t.Errorf("no database is shown as %v", text)
	}
}

// hopsOfRoute returns cells of each row of the table of the route, and claims that rows
// are in the order of TTLs. Hops of one TTL are in the order of their names.
func hopsOfRoute(t *testing.T, db *promtest.DB, columns ...string) []string {
	t.Helper()
	table := framesOf(t, db, sampleTime, pathPanels(t)["Hops of the route"], looking)[0]
	var rows, ttls []string
	for row := range table.Rows() {
		var cells []string
		for _, name := range append([]string{"ttl", "hop"}, columns...) {
			cells = append(cells, cell(table, name, row))
		}
		rows, ttls = append(rows, strings.Join(cells, " ")), append(ttls, cells[0])
	}
	if !slices.IsSorted(ttls) {
		t.Errorf("the TTLs are %q", ttls)
	}
	slices.Sort(rows)
	return rows
}

// TestRouteIsOneOfTheHosts claims that the line and the table are of one host, although
// three measure the same destination over different routers.
func TestRouteIsOneOfTheHosts(t *testing.T) {
	db := sampleOfHosts(t, 3)
	rows := hopsOfRoute(t, db, "name", "Value #loss")
	router, _, _ := strings.Cut(strings.TrimPrefix(rows[min(1, len(rows)-1)], "02 "), " ")
	network := strings.TrimSuffix(router, "7")
	want := []string{
		"01 192.168.1.1 home 1", "02 " + network + "7 core1.example.net 1", "02 " + network + "8  1", "03 198.51.100.3  1",
		"04 198.51.100.4  1", "05 198.51.100.10  3",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p := pathPanels(t)["The route on the map"]
	if got := drawn(t, p, framesOf(t, db, sampleTime, p, looking))["Route"]; len(got) != 2 {
		t.Errorf("the line goes through %q", got)
	}
}

// TestSilentHopsKeepTheirRow takes the only hop away from a distance, and what is known
// of the loss from another.
func TestSilentHopsKeepTheirRow(t *testing.T) {
	silent := func(text string) string {
		text = regexp.MustCompile(`(?m)^packetscope_locator_(hop|path_point)\w*\{.*ttl="04".*\n`).ReplaceAllString(text, "")
		text = regexp.MustCompile(`(?m)^(packetscope_locator_ttl_loss_ratio\{.*kind="apparent".*ttl="04"\}) .*$`).ReplaceAllString(text, "$1 1")
		return regexp.MustCompile(`(?m)^packetscope_locator_ttl_(?:lossy\{.*ttl="05"|loss_ratio\{.*kind="path".*ttl="05").*\n`).ReplaceAllString(text, "")
	}
	want := []string{
		"01 192.168.1.1 1 0.5", "02 203.0.113.7 1 0.5", "02 203.0.113.8 1 0.5", "03 198.51.100.3 1 0.5", "04  4 0", "05 198.51.100.10 5 0.5",
	}
	if diff := cmp.Diff(want, hopsOfRoute(t, sampleOfHosts(t, 1, silent), "Value #loss", "Value #answers")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// cell returns a cell of a table, "" if it has none.
func cell(f grafanatest.Frame, name string, row int) string {
	if field := f.Field(name); field != nil && field.Values[row] != nil {
		return fmt.Sprint(field.Values[row])
	}
	return ""
}
