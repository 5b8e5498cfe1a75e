package dashboards

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// A property of a field, as overrides set it.
type property = dashboard.DynamicConfigValue

func fixedColour(colour string) property {
	return property{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": colour}}
}

func unitOf(unit string) property { return property{Id: "unit", Value: unit} }

func widthOf(pixels int) property { return property{Id: "custom.width", Value: pixels} }

// colouredBy paints the cells of a column by thresholds, which rise from green.
func colouredBy(steps ...step) []property {
	all := []map[string]any{{"value": nil, "color": green}}
	for _, s := range steps {
		all = append(all, map[string]any{"value": s.from, "color": s.colour})
	}
	return []property{
		{Id: "thresholds", Value: map[string]any{"mode": "absolute", "steps": all}},
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
	}
}

// gauged shows a share as a bar in its cell.
func gauged() []property {
	return []property{
		{Id: "custom.cellOptions", Value: map[string]any{"type": "gauge", "mode": "basic"}},
		{Id: "min", Value: 0}, {Id: "max", Value: 1},
		{Id: "color", Value: map[string]any{"mode": "continuous-GrYlRd"}},
	}
}

// valueTexts shows texts in place of values.
func valueTexts(texts map[string]string) property {
	options := make(map[string]any)
	for i, value := range slices.Sorted(maps.Keys(texts)) {
		options[value] = map[string]any{"text": texts[value], "index": i}
	}
	return property{Id: "mappings", Value: []any{map[string]any{"type": "value", "options": options}}}
}

// valueColours colours the cells of a column by the house's colours of a label.
func valueColours(label string) []property {
	options := make(map[string]any)
	for i, value := range slices.Sorted(maps.Keys(colours[label])) {
		options[value] = map[string]any{"color": colours[label][value], "index": i}
	}
	return []property{
		{Id: "mappings", Value: []any{map[string]any{"type": "value", "options": options}}},
		{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}},
	}
}

// A link of a field. The SDK's type has keys that only links of boards have.
type link struct {
	Title       string `json:"title"`
	URL         string `json:"url"`
	TargetBlank bool   `json:"targetBlank"`
}

// linkTo opens another board with the same hosts, data source and time, and more
// query parameters such as "&var-watch=web".
func linkTo(title, uid, more string) property {
	return property{Id: "links", Value: []link{{Title: title, URL: boardURL(uid, more)}}}
}

func boardURL(uid, more string) string {
	return "/d/" + uid + "?${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}" + more + "&${__url_time_range}"
}

// sameHosts passes the selection on, and rowHost the host of the row.
const (
	sameHosts = "&${instance:queryparam}"
	rowHost   = `&var-instance=${__data.fields["instance"]}`
)

// paint gives series the house's colours where a legend is one label that has
// some, or a value of such a label.
func paint(p *timeseries.PanelBuilder, queries []target) *timeseries.PanelBuilder {
	for _, label := range slices.Sorted(maps.Keys(colours)) {
		for _, value := range slices.Sorted(maps.Keys(colours[label])) {
			if slices.ContainsFunc(queries, func(q target) bool { return q.legend == value || q.legend == "{{"+label+"}}" }) {
				p.OverrideByRegexp("/^"+regexp.QuoteMeta(value)+"$/", []property{fixedColour(colours[label][value])})
			}
		}
	}
	return p
}

// A column of a table, in the order of the table.
type column struct {
	// field is the label, or "Value #<ref>".
	field string
	// title is "" for a field that is not shown, as the value of a query that is about
	// its labels.
	title string
	look  []property
}

func col(field, title string, look ...property) column { return column{field, title, look} }

func (c column) with(look []property) column {
	c.look = append(slices.Clone(c.look), look...)
	return c
}

// String helps in messages.
func (c column) String() string { return fmt.Sprintf("%s (%s)", c.title, c.field) }
