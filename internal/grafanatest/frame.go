package grafanatest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// A Kind is the type of a field.
type Kind string

// The kinds that the tables of Prometheus have.
const (
	Time   Kind = "time"
	String Kind = "string"
	Number Kind = "number"
)

// A Field is a column of a frame.
type Field struct {
	// Name is the field's own name. Display is what renaming sets; panels that read
	// names do not see it.
	Name, Display string
	Kind          Kind
	// Values are strings, float64 or nil, one per row.
	Values []any
}

// A Frame is a table.
type Frame struct {
	RefID  string
	Fields []Field
}

// Rows returns the number of rows.
func (f Frame) Rows() int {
	if len(f.Fields) == 0 {
		return 0
	}
	return len(f.Fields[0].Values)
}

// Field returns the field with the name, or nil.
func (f Frame) Field(name string) *Field {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			return &f.Fields[i]
		}
	}
	return nil
}

// Names returns the names of the fields.
func (f Frame) Names() []string {
	var names []string
	for _, field := range f.Fields {
		names = append(names, field.Name)
	}
	return names
}

// Table returns the frame of an instant query with format "table": the time, the
// labels in the order of their names, and the value, which is named after the
// query if the panel has several. A label that a series lacks is "". Nothing gives
// a frame without fields.
func Table(refID string, v promql.Vector, several bool) Frame {
	if len(v) == 0 {
		return Frame{RefID: refID}
	}
	var names []string
	for _, s := range v {
		s.Metric.Range(func(l labels.Label) { names = append(names, l.Name) })
	}
	slices.Sort(names)
	names = slices.Compact(names)
	value := "Value"
	if several {
		value = "Value #" + refID
	}
	frame := Frame{RefID: refID, Fields: []Field{{Name: "Time", Kind: Time}}}
	for _, name := range names {
		frame.Fields = append(frame.Fields, Field{Name: name, Kind: String})
	}
	frame.Fields = append(frame.Fields, Field{Name: value, Kind: Number})
	for _, s := range v {
		for i := range frame.Fields {
			field := &frame.Fields[i]
			var cell any
			switch {
			case field.Kind == Time:
				cell = float64(s.T)
			case i == len(frame.Fields)-1:
				cell = s.F
			default:
				cell = s.Metric.Get(field.Name)
			}
			field.Values = append(field.Values, cell)
		}
	}
	return frame
}

// String shows a frame for messages.
func (f Frame) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", f.RefID)
	for _, field := range f.Fields {
		fmt.Fprintf(&b, "\n  %s (%s): %v", field.Name, field.Kind, field.Values)
	}
	return b.String()
}
