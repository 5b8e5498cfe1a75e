package geo

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// yamlRows reads the list under "networks".
func yamlRows(l *faultList, data []byte) []row {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		line := 1
		m := yamlLine.FindStringSubmatch(err.Error())
		if m != nil && m[1] != "" {
			line, _ = strconv.Atoi(m[1])
		}
		l.add(line, 1, "", "not YAML: %s", yamlLine.ReplaceAllString(err.Error(), ""))
		return nil
	}
	if len(document.Content) == 0 || document.Content[0].ShortTag() == "!!null" {
		l.add(1, 1, "begin it with networks:", "nothing in the file")
		return nil
	}
	var rows []row
	l.entries(document.Content[0], "the file", []string{"networks"}, func(_ string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			l.add(n.Line, n.Column, "begin each network with \"- \"", "networks must be a list")
			return
		}
		for _, one := range n.Content {
			rows = append(rows, l.yamlRow(one))
		}
	})
	return slices.DeleteFunc(rows, func(r row) bool { return r.fields == nil })
}

func (l *faultList) yamlRow(n *yaml.Node) row {
	r := row{at: field{line: n.Line, column: n.Column}}
	l.entries(n, "a network", keys, func(key string, value *yaml.Node) {
		if r.fields == nil {
			r.fields = map[string]field{}
		}
		if value.Kind != yaml.ScalarNode {
			l.add(value.Line, value.Column, "", "%s must be a text or a number", key)
			return
		}
		if value.ShortTag() != "!!null" {
			r.fields[key] = field{value.Value, value.Line, value.Column}
		}
	})
	return r
}

// entries calls f with each known key of a mapping; what names the mapping in faults.
// Aliases are refused: a list of networks needs none, and they can make a small file
// large.
func (l *faultList) entries(n *yaml.Node, what string, known []string, f func(key string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		l.add(n.Line, n.Column, "keys are "+strings.Join(known, ", "), "%s must be a mapping of keys to values", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		line, twice := seen[key.Value]
		switch {
		case !slices.Contains(known, key.Value):
			l.add(key.Line, key.Column, "keys are "+strings.Join(known, ", "), "unknown key %q in %s", key.Value, what)
		case twice:
			l.add(key.Line, key.Column, "", "duplicate key %q, first on line %d", key.Value, line)
		case value.Kind == yaml.AliasNode:
			l.add(value.Line, value.Column, "write the value itself", "an alias of YAML")
		default:
			seen[key.Value] = key.Line
			f(key.Value, value)
		}
	}
}

// plainColumns are those of a CSV file whose first line does not name them.
var plainColumns = []string{"prefix", "name", "latitude", "longitude", "country", "asn", "as_name"}

// csvRows reads lines of columns.
func csvRows(l *faultList, data []byte) []row {
	lines := bytes.Split(data, []byte("\n"))
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comment, reader.TrimLeadingSpace, reader.FieldsPerRecord = '#', true, -1
	var rows []row
	var names []string
	for {
		texts, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			l.csvFault(lines, err)
			return nil
		}
		r := row{fields: map[string]field{}}
		var cells []field
		for i, text := range texts {
			line, column := reader.FieldPos(i)
			cells = append(cells, field{strings.TrimSpace(text), line, character(lines, line, column)})
		}
		r.at = cells[0]
		if names == nil {
			if named, ok := l.header(cells); ok {
				names = named
				continue
			}
			names = plainColumns
		}
		for i, cell := range cells {
			switch {
			case i >= len(names):
				l.add(cell.line, cell.column, "quote texts with commas", "more than %d columns", len(names))
			case cell.text != "" && names[i] != "":
				r.fields[names[i]] = cell
			}
			if i >= len(names) {
				break
			}
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		l.add(1, 1, "write one network a line", "no network in the file")
	}
	return rows
}

// header returns the columns that a first line names, or false if it names none.
func (l *faultList) header(cells []field) ([]string, bool) {
	if _, ok := columns[strings.ToLower(cells[0].text)]; !ok {
		return nil, false
	}
	names := make([]string, len(cells))
	for i, cell := range cells {
		name, ok := columns[strings.ToLower(cell.text)]
		switch {
		case !ok:
			l.add(cell.line, cell.column, "columns are "+strings.Join(keys, ", "), "unknown column %q", cell.text)
		case slices.Contains(names, name):
			l.add(cell.line, cell.column, "remove one", "column %q is there twice", name)
		default:
			names[i] = name
		}
	}
	return names, true
}

func (l *faultList) csvFault(lines [][]byte, err error) {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		l.add(1, 1, "", "%v", err)
		return
	}
	l.add(parse.Line, character(lines, parse.Line, parse.Column), "write a quote within quotes twice", "not CSV: %v", parse.Err)
}

// character returns the number of the character at a byte of a line, both from 1.
func character(lines [][]byte, line, column int) int {
	if line < 1 || line > len(lines) {
		return column
	}
	return utf8.RuneCount(lines[line-1][:min(max(column-1, 0), len(lines[line-1]))]) + 1
}
