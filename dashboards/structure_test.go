package dashboards

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/query"
	"github.com/packetscope/packetscope/rules"
)

// documents are the boards as Grafana reads them, by name.
func documents(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := make(map[string]map[string]any)
	for path, data := range mustFiles(t) {
		name, ok := strings.CutPrefix(path, "json/")
		if !ok {
			continue
		}
		var doc map[string]any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[strings.TrimSuffix(name, ".json")] = doc
	}
	return all
}

// everyPanel returns rows and panels, those in folded rows too.
func everyPanel(doc map[string]any) []map[string]any {
	var all []map[string]any
	for _, p := range list(doc["panels"]) {
		all = append(all, p)
		all = append(all, list(p["panels"])...)
	}
	return all
}

func TestPanelsHaveTheirPlace(t *testing.T) {
	for name, doc := range documents(t) {
		ids, lines := make(map[float64]bool), make(map[float64]float64)
		for _, p := range everyPanel(doc) {
			id, ok := p["id"].(float64)
			if !ok || id <= 0 || ids[id] {
				t.Errorf("%s: panel %q has id %v, which is none or taken", name, p["title"], p["id"])
			}
			ids[id] = true
			pos := p["gridPos"].(map[string]any)
			if p["type"] != "row" {
				lines[pos["y"].(float64)] += pos["w"].(float64)
				if p["pluginVersion"] != grafanaVersion {
					t.Errorf("%s: panel %q is of version %v", name, p["title"], p["pluginVersion"])
				}
			}
		}
		for y, width := range lines {
			if width != 24 {
				t.Errorf("%s: the panels at line %v are %v wide together, not 24", name, y, width)
			}
		}
	}
}

func TestBoardsLinkToEachOther(t *testing.T) {
	docs := documents(t)
	uids := make(map[string]bool)
	for _, doc := range docs {
		uids[doc["uid"].(string)] = true
	}
	if len(uids) != len(docs) {
		t.Errorf("%d UIDs of %d boards", len(uids), len(docs))
	}
	for _, doc := range docs {
		links := list(doc["links"])
		if len(links) != 1 || links[0]["type"] != "dashboards" || links[0]["keepTime"] != true || links[0]["includeVars"] != true {
			t.Errorf("%v: links %v", doc["uid"], links)
		}
		if _, ok := links[0]["placement"]; ok {
			t.Errorf("%v: its links have a placement, which hides them", doc["uid"])
		}
		if diff := cmp.Diff([]any{"packetscope"}, doc["tags"]); diff != "" {
			t.Errorf("%v: tags (-want +got):\n%s", doc["uid"], diff)
		}
	}
	for name, doc := range docs {
		for _, l := range fieldLinks(doc) {
			url := fmt.Sprint(l["url"])
			if url == runbook {
				continue
			}
			path, query, _ := strings.Cut(url, "?")
			if !uids[strings.TrimPrefix(path, "/d/")] {
				t.Errorf("%s links to %s, which is no board", name, url)
			}
			for _, keep := range []string{"${datasource:queryparam}", "${__url_time_range}", "instance"} {
				if !strings.Contains(query, keep) {
					t.Errorf("%s: link %s loses %s", name, url, keep)
				}
			}
		}
	}
}

// fieldLinks returns the links of all fields.
func fieldLinks(doc map[string]any) []map[string]any {
	var all []map[string]any
	for _, p := range everyPanel(doc) {
		config, _ := p["fieldConfig"].(map[string]any)
		for _, o := range list(config["overrides"]) {
			for _, property := range list(o["properties"]) {
				if property["id"] == "links" {
					all = append(all, list(property["value"])...)
				}
			}
		}
	}
	return all
}

// TestFieldLinksHaveNoKeysOfBoardLinks looks for keys that make Grafana show a
// link to a field in the wrong way.
func TestFieldLinksHaveNoKeysOfBoardLinks(t *testing.T) {
	for name, doc := range documents(t) {
		for _, l := range fieldLinks(doc) {
			if diff := cmp.Diff([]string{"targetBlank", "title", "url"}, slices.Sorted(maps.Keys(l))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

func TestAnnotationsSayWhatGrafanaReads(t *testing.T) {
	for name, doc := range documents(t) {
		all := list(doc["annotations"].(map[string]any)["list"])
		if len(all) == 0 || all[0]["name"] != "Firing alerts" {
			t.Errorf("%s: annotations %v", name, all)
		}
		for _, a := range all {
			if a["name"] == "Explanations" {
				continue // see TestEveryBoardShowsExplanations
			}
			for _, key := range []string{"titleFormat", "textFormat", "tagKeys", "iconColor", "expr"} {
				if s, _ := a[key].(string); s == "" {
					t.Errorf("%s: annotation %v has no %s", name, a["name"], key)
				}
			}
			if _, ok := a["placement"]; ok || a["enable"] != true {
				t.Errorf("%s: annotation %v is hidden", name, a["name"])
			}
		}
	}
}

// TestEveryBoardShowsExplanations claims that each board asks Grafana's own store for what
// the annotator writes there about its hosts, by the tags that it gives them.
func TestEveryBoardShowsExplanations(t *testing.T) {
	want := map[string]any{
		"name": "Explanations", "enable": true, "hide": false, "builtIn": 0.0, "iconColor": "purple",
		"datasource": map[string]any{"type": "grafana", "uid": "-- Grafana --"},
		"target":     map[string]any{"type": "tags", "tags": []any{"$explained", "host:all"}, "matchAny": true, "limit": 100.0},
	}
	for name, doc := range documents(t) {
		var got []map[string]any
		for _, a := range list(doc["annotations"].(map[string]any)["list"]) {
			if a["name"] == "Explanations" {
				got = append(got, a)
			}
		}
		if diff := cmp.Diff([]map[string]any{want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEveryBoardHasTheSameVariables(t *testing.T) {
	want := []string{"datasource", "cluster", "job", "instance", "interval", "explained"}
	for name, doc := range documents(t) {
		var got []string
		for _, v := range list(doc["templating"].(map[string]any)["list"]) {
			got = append(got, v["name"].(string))
			if d, _ := v["description"].(string); d == "" {
				t.Errorf("%s: variable %v has no description", name, v["name"])
			}
		}
		if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
			t.Errorf("%s: variables (-want +got):\n%s", name, diff)
		}
	}
}

// TestOverlappingCountersAreNotAdded claims that no panel adds up the counters of a network
// card, of which drivers count one packet under several kinds: the innermost sum over them
// keeps the kind, or the greatest is taken first.
func TestOverlappingCountersAreNotAdded(t *testing.T) {
	seen := 0
	for _, b := range All() {
		d, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Panels(d) {
			for _, q := range Targets(p) {
				text, _ := Interpolate(q.Expr, sample)
				e, err := query.Parser.ParseExpr(text)
				if err != nil {
					t.Fatal(err)
				}
				parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
					if s, ok := n.(*parser.VectorSelector); !ok || s.Name != metric.DeviceDrops.Name {
						return nil
					}
					seen++
					for _, above := range slices.Backward(path) {
						if a, ok := above.(*parser.AggregateExpr); ok {
							if a.Op != parser.MAX && !slices.Contains(a.Grouping, "kind") {
								t.Errorf("%s, panel %q adds counters that overlap: %s", b.Name, *p.Title, q.Expr)
							}
							break
						}
					}
					return nil
				})
			}
		}
	}
	if seen == 0 {
		t.Error("no panel shows what network cards lose")
	}
}

// TestColumnsExist compares the columns of tables with what their queries return.
func TestColumnsExist(t *testing.T) {
	for _, b := range All() {
		d, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		c := checker{catalogue: rules.Catalogue()}
		for _, p := range Panels(d) {
			if p.Type != "table" {
				continue
			}
			fields := make(map[string]bool)
			targets := Targets(p)
			for _, q := range targets {
				labels, err := c.expr(q.Expr)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range labels.Names() {
					fields[name] = true
				}
				value := "Value #" + *q.RefId
				if len(targets) == 1 {
					value = "Value"
				}
				fields[value] = true
			}
			columns := make(map[string]bool)
			for _, tr := range p.Transformations {
				if tr.Id != "organize" {
					continue
				}
				for field := range tr.Options.(map[string]any)["indexByName"].(map[string]any) {
					columns[field] = true
				}
			}
			if diff := cmp.Diff(fields, columns); diff != "" {
				t.Errorf("%s, %q: fields and columns (-fields +columns):\n%s", b.Name, *p.Title, diff)
			}
			for _, o := range p.FieldConfig.Overrides {
				title, ok := o.Matcher.Options.(*string)
				if o.Matcher.Id == "byName" && (!ok || !strings.Contains(fmt.Sprint(p.Transformations), *title)) {
					t.Errorf("%s, %q: an override is for %v, which is no column", b.Name, *p.Title, o.Matcher.Options)
				}
			}
		}
	}
}

// TestMapsNeedNoInternet looks for layers that the reader's browser would fetch from
// somebody else.
func TestMapsNeedNoInternet(t *testing.T) {
	maps := 0
	for name, doc := range documents(t) {
		for _, p := range everyPanel(doc) {
			if p["type"] != "geomap" {
				continue
			}
			maps++
			options := p["options"].(map[string]any)
			ground := options["basemap"].(map[string]any)
			source := fmt.Sprint(ground["config"].(map[string]any)["src"])
			if ground["type"] != "geojson" || !strings.HasPrefix(source, "public/") {
				t.Errorf("%s, %q: its ground is %v from %s", name, p["title"], ground["type"], source)
			}
			for _, l := range list(options["layers"]) {
				location, _ := l["location"].(map[string]any)
				gazetteer := fmt.Sprint(location["gazetteer"])
				if !slices.Contains([]string{"markers", "route", "network"}, fmt.Sprint(l["type"])) ||
					location["mode"] == "lookup" && !strings.HasPrefix(gazetteer, "public/") {
					t.Errorf("%s, %q: layer %v is %v, with places from %s", name, p["title"], l["name"], l["type"], gazetteer)
				}
			}
		}
	}
	if maps == 0 {
		t.Error("there are no maps")
	}
}

func TestSentencesAreReadable(t *testing.T) {
	for summary, want := range map[string]string{
		"{{ $labels.instance }} loses {{ $value | humanizePercentage }} of its packets.":                      "This host loses … of its packets.",
		"Device {{ $labels.device }} of {{ $labels.instance }} loses packets ({{ $labels.direction }}).":      "Device … of this host loses packets.",
		"The firewall of {{ $labels.instance }} is slow (hook {{ $labels.hook }}, {{ $labels.family }}).":     "The firewall of this host is slow.",
		"{{ $value | humanizePercentage }} of the connects of {{ $labels.instance }} end with: {{ $value }}.": "… of the connects of this host end badly.",
	} {
		if got := sentence(summary); got != want {
			t.Errorf("%q becomes %q, want %q", summary, got, want)
		}
	}
	for name, text := range sentences() {
		if strings.ContainsAny(text, "{}$") || !strings.HasSuffix(text, ".") || len(text) > 120 {
			t.Errorf("%s: %q", name, text)
		}
	}
}
