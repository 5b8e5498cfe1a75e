package dashboards

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/packetscope/packetscope/internal/grafanatest"
)

// placePanels are those that tell where attacks belong.
func placePanels(t *testing.T) map[string]dashboard.Panel {
	t.Helper()
	d, err := guarderBoard().Build()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]dashboard.Panel)
	for _, p := range Panels(d) {
		for _, q := range Targets(p) {
			if strings.Contains(q.Expr, "packetscope_guarder_country_") || strings.Contains(q.Expr, "packetscope_guarder_as_") {
				all[*p.Title] = p
			}
		}
	}
	return all
}

// attacked has packets dropped from somewhere, and some more that would have been.
func attacked(text string) string {
	for series, n := range map[string]string{
		`country_packets_total{country="NZ",verdict="drop"}`: "23", `country_packets_total{country="NZ",verdict="would_drop"}`: "5",
		`country_packets_total{country="private",verdict="would_drop"}`: "7", `country_packets_total{country="reserved",verdict="drop"}`: "3",
		`as_packets_total{as_name="Example",asn="AS64496",verdict="drop"}`: "23", `as_packets_total{as_name="",asn="unknown",verdict="would_drop"}`: "7",
	} {
		text = regexp.MustCompile(`(?m)^(packetscope_guarder_`+regexp.QuoteMeta(series)+`) 0$`).ReplaceAllString(text, "$1 "+n)
	}
	return text
}

// TestAttacksAreDrawnWhereTheyBelong claims that what has no country is not on the map,
// and in the tables.
func TestAttacksAreDrawnWhereTheyBelong(t *testing.T) {
	db, panels := sampleOfHosts(t, 2, attacked), placePanels(t)
	at := func(title string) []grafanatest.Frame { return framesOf(t, db, sampleTime, panels[title], looking) }
	want := map[string][]string{"Dropped": {"NZ"}, "Would be dropped": {"NZ"}}
	if diff := cmp.Diff(want, drawn(t, panels["Attacks by country"], at("Attacks by country"))); diff != "" {
		t.Errorf("the map (-want +got):\n%s", diff)
	}
	for title, want := range map[string]map[string][2]bool{ // dropped, and would be
		"Countries of attacks": {"NZ": {true, true}, "private": {false, true}, "reserved": {true, false}},
		"Networks of attacks":  {"AS64496 Example": {true, false}, "unknown": {false, true}},
	} {
		got := make(map[string][2]bool)
		for _, f := range at(title) {
			for row := range f.Rows() {
				name := cell(f, "country", row)
				if f.Field("asn") != nil {
					name = strings.TrimSpace(cell(f, "asn", row) + " " + cell(f, "as_name", row))
				}
				dropped, would := f.Field("Value #dropped").Values[row], f.Field("Value #would").Values[row]
				got[name] = [2]bool{dropped != nil, would != nil}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
	}
	over := panels["Attacks by country over time"]
	expr, _ := Interpolate(Targets(over)[0].Expr, looking)
	if v, warnings, err := db.Instant(expr, sampleTime); err != nil || len(warnings) > 0 || len(v) != 4 {
		t.Errorf("over time there are %v, warnings %v, %v", v, warnings, err)
	}
}

// TestPanelsByCountrySayThatAddressesCanBeForged, and what is missing where they are empty.
func TestPanelsByCountrySayThatAddressesCanBeForged(t *testing.T) {
	panels := placePanels(t)
	if len(panels) != 4 {
		t.Errorf("%d panels", len(panels))
	}
	for title, p := range panels {
		if !strings.Contains(*p.Description, "can be forged") {
			t.Errorf("%s: %q", title, *p.Description)
		}
		if none := p.FieldConfig.Defaults.NoValue; p.Type != "geomap" && (none == nil || !strings.Contains(*none, "geo.databases")) {
			t.Errorf("%s shows nothing as %v", title, none)
		}
	}
}

// TestWithoutAttacksNothingIsDrawn: series that stand still are no attack.
func TestWithoutAttacksNothingIsDrawn(t *testing.T) {
	db := sampleOfHosts(t, 1)
	for title, p := range placePanels(t) {
		for _, q := range Targets(p) {
			expr, _ := Interpolate(q.Expr, looking)
			if v, _, err := db.Instant(expr, sampleTime); err != nil || len(v) > 0 {
				t.Errorf("%s: %v, %v", title, v, err)
			}
		}
	}
}
