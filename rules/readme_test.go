package rules

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/packetscope/packetscope/internal/query"
)

var update = flag.Bool("update", false, "write the tables in README.md")

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

// recordingTable has the labels of each recorded series but those that all have.
func recordingTable(recordings []Recording) string {
	var b strings.Builder
	b.WriteString("| series | further labels |\n|---|---|\n")
	for _, r := range recordings {
		var own []string
		for _, label := range r.Labels {
			if !slices.Contains(query.TargetLabels, label) {
				own = append(own, "`"+label+"`")
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.Name, strings.Join(own, " "))
	}
	return b.String()
}

func TestREADMEHasCurrentTables(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]string{"alerts": alertTable(Alerts()), "recordings": recordingTable(Recordings())} {
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
		head, rest, ok := strings.Cut(want, begin)
		_, tail, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("README.md has lost the marks around the table of %s", name)
		}
		want = head + begin + table + end + tail
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("the tables in README.md are stale; run: go test ./rules -run TestREADME -update")
	}
	if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
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
	codeInText   = regexp.MustCompile("`([^`\n]*packetscope_[^`\n]*)`|(?s:```promql\n(.*?)```)")
)

// TestREADMENamesWhatThereIs claims that links lead somewhere, that every alert that is
// named exists, and that every query could be run.
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
	for _, m := range codeInText.FindAllStringSubmatch(string(text), -1) {
		if _, err := c.Check(m[1] + m[2]); err != nil {
			t.Errorf("%s%s: %v", m[1], m[2], err)
		}
	}
}
