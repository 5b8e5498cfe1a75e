package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

type transformation = dashboard.DataTransformerConfig

// onFrames restricts a transformation to frames whose refId matches. A frame
// made by joining is named after all of its parts, so it takes a pattern.
func onFrames(pattern string) *dashboard.MatcherConfig {
	return &dashboard.MatcherConfig{Id: "byRefId", Options: "/" + pattern + "/"}
}

// joined makes one frame of those that match, by the values of a field, keeping
// what only some have.
func joined(field, pattern string) transformation {
	return transformation{Id: "joinByField", Filter: onFrames(pattern),
		Options: map[string]any{"byField": field, "mode": "outer"}}
}

// copied adds a field whose own name is the given one. Renaming sets the display
// name only, which node graphs do not read.
func copied(from, name, pattern string) transformation {
	return transformation{Id: "calculateField", Filter: onFrames(pattern), Options: map[string]any{
		"mode":          "binary",
		"alias":         name,
		"binary":        map[string]any{"left": from, "operator": "*", "right": "1"},
		"replaceFields": false,
	}}
}

// mergedRows: series with the same labels become one row with a column per query.
func mergedRows() transformation {
	return transformation{Id: "merge", Options: map[string]any{}}
}

// sortedBy sorts the rows of a table by a column, which goes by its title.
func sortedBy(title string) transformation {
	return transformation{Id: "sortBy", Options: map[string]any{
		"fields": map[string]any{}, "sort": []any{map[string]any{"field": title, "desc": false}},
	}}
}

// organized orders and names columns, and hides those without a title.
func organized(columns []column) transformation {
	order, names, hidden := make(map[string]any), make(map[string]any), map[string]any{"Time": true}
	for i, c := range columns {
		order[c.field] = i
		if c.title == "" {
			hidden[c.field] = true
		} else {
			names[c.field] = c.title
		}
	}
	return transformation{Id: "organize", Options: map[string]any{
		"indexByName": order, "renameByName": names, "excludeByName": hidden,
	}}
}

// withColumns arranges a table. Overrides go by the titles, which the columns
// have by then.
func withColumns(p *table.PanelBuilder, queries int, columns ...column) *table.PanelBuilder {
	if queries > 1 {
		p.WithTransformation(mergedRows())
	}
	p.WithTransformation(organized(columns))
	for _, c := range columns {
		if len(c.look) > 0 {
			p.OverrideByName(c.title, c.look)
		}
	}
	return p
}
