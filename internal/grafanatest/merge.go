package grafanatest

import (
	"fmt"
	"slices"
)

// mergeRows makes one table of several: rows that agree in all fields that both
// have become one row. Tables of Prometheus share the time and the labels, so each
// query adds its value to the row of its labels.
func mergeRows(frames []Frame) Frame {
	var merged Frame
	var rows []map[string]any
	for _, f := range frames {
		for _, field := range f.Fields {
			if merged.Field(field.Name) == nil {
				merged.Fields = append(merged.Fields, Field{Name: field.Name, Kind: field.Kind})
			}
		}
		for row := range f.Rows() {
			cells := make(map[string]any)
			for _, field := range f.Fields {
				cells[field.Name] = field.Values[row]
			}
			if i := slices.IndexFunc(rows, func(have map[string]any) bool { return agree(have, cells) }); i >= 0 {
				for name, cell := range cells {
					rows[i][name] = cell
				}
				continue
			}
			rows = append(rows, cells)
		}
	}
	for i := range merged.Fields {
		for _, cells := range rows {
			merged.Fields[i].Values = append(merged.Fields[i].Values, cells[merged.Fields[i].Name])
		}
	}
	if len(frames) > 0 {
		merged.RefID = fmt.Sprintf("merge-%s", frames[0].RefID)
	}
	return merged
}

// agree tells whether two rows have the same value in each field that both have,
// and one such field at least.
func agree(a, b map[string]any) bool {
	shared := false
	for name, cell := range a {
		if other, ok := b[name]; ok {
			if shared = true; other != cell {
				return false
			}
		}
	}
	return shared
}
