package grafanatest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Transformation is one of a panel, decoded from its JSON.
type Transformation struct {
	ID     string `json:"id"`
	Filter *struct {
		ID      string `json:"id"`
		Options string `json:"options"`
	} `json:"filter"`
	Options map[string]any `json:"options"`
}

// Apply runs transformations one after the other. Frames that a filter leaves out
// come after those that were transformed.
func Apply(frames []Frame, all []Transformation) ([]Frame, error) {
	for _, t := range all {
		matching, others, err := t.split(frames)
		if err != nil {
			return nil, err
		}
		if len(matching) > 0 {
			if matching, err = t.apply(matching); err != nil {
				return nil, fmt.Errorf("transformation %s: %w", t.ID, err)
			}
		}
		frames = append(matching, others...)
	}
	return frames, nil
}

func (t Transformation) split(frames []Frame) (matching, others []Frame, err error) {
	if t.Filter == nil {
		return frames, nil, nil
	}
	text, ok := strings.CutPrefix(t.Filter.Options, "/")
	if t.Filter.ID != "byRefId" || !ok {
		return nil, nil, fmt.Errorf("filter %+v: only byRefId with /a pattern/ is known", *t.Filter)
	}
	pattern, err := regexp.Compile(strings.TrimSuffix(text, "/"))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range frames {
		if pattern.MatchString(f.RefID) {
			matching = append(matching, f)
		} else {
			others = append(others, f)
		}
	}
	return matching, others, nil
}

func (t Transformation) apply(frames []Frame) ([]Frame, error) {
	switch t.ID {
	case "joinByField":
		if t.Options["mode"] != "outer" {
			return nil, fmt.Errorf("mode %v is not known", t.Options["mode"])
		}
		return outerJoin(frames, fmt.Sprint(t.Options["byField"])), nil
	case "calculateField":
		return t.calculate(frames)
	case "convertFieldType":
		return t.convert(frames)
	case "merge":
		return []Frame{mergeRows(frames)}, nil
	case "organize":
		return t.organize(frames), nil
	case "sortBy":
		return t.sort(frames)
	}
	return nil, fmt.Errorf("not known")
}

// outerJoin has a row for each value of the field. Frames without the field are
// left out, unless none has it. The join of several frames is named after all of
// them.
func outerJoin(all []Frame, by string) []Frame {
	frames := slices.DeleteFunc(slices.Clone(all), func(f Frame) bool { return f.Field(by) == nil })
	switch len(frames) {
	case 0:
		return all
	case 1:
		return frames
	}
	name := "joinByField"
	var keys []any
	for _, f := range frames {
		name += "-" + f.RefID
		for _, key := range f.Field(by).Values {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	joined := Frame{RefID: name, Fields: []Field{{Name: by, Kind: String, Values: keys}}}
	for _, f := range frames {
		for _, field := range f.Fields {
			if field.Name == by {
				continue
			}
			out := Field{Name: field.Name, Kind: field.Kind, Values: make([]any, len(keys))}
			for row, key := range f.Field(by).Values {
				out.Values[slices.Index(keys, key)] = field.Values[row]
			}
			joined.Fields = append(joined.Fields, out)
		}
	}
	return []Frame{joined}
}

// calculate adds a field: a field times a number. A frame that lacks the field
// stays as it is.
func (t Transformation) calculate(frames []Frame) ([]Frame, error) {
	binary, _ := t.Options["binary"].(map[string]any)
	factor, err := strconv.ParseFloat(fmt.Sprint(binary["right"]), 64)
	if t.Options["mode"] != "binary" || binary["operator"] != "*" || err != nil {
		return nil, fmt.Errorf("only a field times a number is known, not %v", t.Options)
	}
	for i := range frames {
		from := frames[i].Field(fmt.Sprint(binary["left"]))
		if from == nil {
			continue
		}
		out := Field{Name: fmt.Sprint(t.Options["alias"]), Kind: Number, Values: make([]any, len(from.Values))}
		for row, v := range from.Values {
			if number, ok := v.(float64); ok {
				out.Values[row] = number * factor
			}
		}
		frames[i].Fields = append(slices.Clone(frames[i].Fields), out)
	}
	return frames, nil
}

// convert makes numbers of strings; the empty string becomes nothing.
func (t Transformation) convert(frames []Frame) ([]Frame, error) {
	conversions, _ := t.Options["conversions"].([]any)
	for _, c := range conversions {
		conversion := c.(map[string]any)
		if conversion["destinationType"] != "number" {
			return nil, fmt.Errorf("only numbers are known, not %v", conversion)
		}
		for i := range frames {
			field := frames[i].Field(fmt.Sprint(conversion["targetField"]))
			if field == nil {
				continue
			}
			field.Kind, field.Values = Number, slices.Clone(field.Values)
			for row, v := range field.Values {
				field.Values[row] = nil
				if number, err := strconv.ParseFloat(fmt.Sprint(v), 64); err == nil {
					field.Values[row] = number
				}
			}
		}
	}
	return frames, nil
}

// organize renames the displayed names and hides fields. It does not touch names.
func (t Transformation) organize(frames []Frame) []Frame {
	excluded, _ := t.Options["excludeByName"].(map[string]any)
	renamed, _ := t.Options["renameByName"].(map[string]any)
	for i, f := range frames {
		var kept []Field
		for _, field := range f.Fields {
			if excluded[field.Name] == true {
				continue
			}
			if title, ok := renamed[field.Name].(string); ok {
				field.Display = title
			}
			kept = append(kept, field)
		}
		frames[i].Fields = kept
	}
	return frames
}

// sort orders the rows by the first field that is named, by its name or how it is
// displayed; strings by their bytes. A frame that lacks the field stays as it is.
func (t Transformation) sort(frames []Frame) ([]Frame, error) {
	fields, _ := t.Options["sort"].([]any)
	if len(fields) == 0 {
		return nil, fmt.Errorf("no field to sort by in %v", t.Options)
	}
	by, _ := fields[0].(map[string]any)
	if by["desc"] == true {
		return nil, fmt.Errorf("only rising order is known, not %v", by)
	}
	for i, f := range frames {
		at := slices.IndexFunc(f.Fields, func(field Field) bool { return field.Display == by["field"] || field.Name == by["field"] })
		if at < 0 {
			continue
		}
		rows := make([]int, f.Rows())
		for row := range rows {
			rows[row] = row
		}
		keys := f.Fields[at].Values
		slices.SortStableFunc(rows, func(a, b int) int { return strings.Compare(fmt.Sprint(keys[a]), fmt.Sprint(keys[b])) })
		sorted := slices.Clone(f.Fields)
		for j, field := range f.Fields {
			sorted[j].Values = make([]any, len(rows))
			for row, from := range rows {
				sorted[j].Values[row] = field.Values[from]
			}
		}
		frames[i].Fields = sorted
	}
	return frames, nil
}
