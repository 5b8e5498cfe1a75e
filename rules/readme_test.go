package rules

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
)

var update = flag.Bool("update", false, "write the table of alerts in README.md")

const tableBegin, tableEnd = "<!-- begin alerts -->\n", "<!-- end alerts -->\n"

// alertTable is one row for each name, by area, with what differs by severity side by
// side.
func alertTable(alerts []Alert) string {
	var b strings.Builder
	b.WriteString("| alert | severity | area | fires after | says |\n|---|---|---|---|---|\n")
	rows := make(map[string][]Alert)
	var names []string
	for _, a := range alerts {
		if rows[a.Name] == nil {
			names = append(names, a.Name)
		}
		rows[a.Name] = append(rows[a.Name], a)
	}
	slices.SortFunc(names, func(x, y string) int {
		if byArea := strings.Compare(rows[x][0].Area, rows[y][0].Area); byArea != 0 {
			return byArea
		}
		return strings.Compare(x, y)
	})
	for _, name := range names {
		var severities, times []string
		for _, a := range rows[name] {
			severities = append(severities, a.Severity)
			times = append(times, model.Duration(a.For).String())
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", name, strings.ToLower(name),
			strings.Join(severities, ", "), rows[name][0].Area, strings.Join(slices.Compact(times), ", "), plain(rows[name][0].Summary))
	}
	return b.String()
}

var templated = regexp.MustCompile(`\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}`)

// plain puts the name of what a template inserts in its place.
func plain(template string) string {
	return templated.ReplaceAllString(template, "*$1*")
}

func TestREADMEHasTheTableOfAlerts(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), tableBegin)
	_, tail, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatal("README.md has lost the marks around the table of alerts")
	}
	want := []byte(head + tableBegin + alertTable(Alerts()) + tableEnd + tail)
	if bytes.Equal(text, want) {
		return
	}
	if !*update {
		t.Fatal("the table of alerts in README.md is stale; run: go test ./rules -run TestREADME -update")
	}
	if err := os.WriteFile("README.md", want, 0o644); err != nil {
		t.Fatal(err)
	}
}

// heading is a section of the runbook, whose anchor is its text in lower case.
var heading = regexp.MustCompile(`(?m)^### (\w+)$`)

func TestREADMEHasASectionForEachAlert(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]int)
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		sections[m[1]]++
	}
	alerts := make(map[string]bool)
	for _, a := range Alerts() {
		alerts[a.Name] = true
		anchor := strings.TrimPrefix(a.RunbookURL, runbookStart)
		if anchor != strings.ToLower(a.Name) || sections[a.Name] != 1 {
			t.Errorf("runbook_url of %s leads to #%s, and README.md has %d sections of that name", a.Name, anchor, sections[a.Name])
		}
	}
	for name := range sections {
		if !alerts[name] {
			t.Errorf("README.md has a section on %s, which is no alert", name)
		}
	}
}

var (
	anchorLink   = regexp.MustCompile(`\]\(#([\w-]+)\)`)
	alertMention = regexp.MustCompile(`PacketScope[A-Z][A-Za-z]+`)
	seriesInText = regexp.MustCompile("[a-z_]*:?packetscope_[a-z0-9_]+(?::[a-z0-9_]+)?")
)

// TestREADMENamesWhatThereIs claims that links lead somewhere, and that no alert and no
// series is named that does not exist.
func TestREADMENamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := make(map[string]bool)
	for _, a := range Alerts() {
		alerts[a.Name], alerts[strings.ToLower(a.Name)] = true, true
	}
	for _, m := range anchorLink.FindAllStringSubmatch(string(text), -1) {
		if !alerts[m[1]] && m[1] != "all-alerts" {
			t.Errorf("a link leads to #%s, where nothing is", m[1])
		}
	}
	for _, name := range alertMention.FindAllString(string(text), -1) {
		if !alerts[name] {
			t.Errorf("%s is no alert", name)
		}
	}
	c := Catalogue()
	for _, name := range seriesInText.FindAllString(string(text), -1) {
		if _, ok := c[name]; !ok {
			t.Errorf("%s is no series", name)
		}
	}
}
