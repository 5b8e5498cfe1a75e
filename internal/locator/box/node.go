package box

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A fault is one thing that is wrong with a scenario.
type fault struct {
	line, column int
	text         string
}

// A decoder walks the nodes of a file and collects what is wrong with them.
type decoder struct {
	file   string
	faults []fault
	key    string // of the value that is decoded
}

// keys says what to do with the value of each key that a mapping may have.
type keys map[string]func(value *yaml.Node)

func (d *decoder) fault(n *yaml.Node, format string, args ...any) {
	d.faults = append(d.faults, fault{max(n.Line, 1), max(n.Column, 1), fmt.Sprintf(format, args...)})
}

// err returns all faults, a line "file:line:column: text" each, in the order of their
// places.
func (d *decoder) err() error {
	slices.SortStableFunc(d.faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var lines []string
	for _, f := range d.faults {
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", d.file, f.line, f.column, f.text))
	}
	if lines == nil {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): `)

// document returns the root of the only document, nil after a fault. It has no aliases:
// a scenario is told once, and aliases could make it grow without end.
func (d *decoder) document(data []byte) *yaml.Node {
	parser := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := parser.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		d.fault(&document, "the scenario is empty (begin with \"version: 1\")")
		return nil
	}
	if err == nil {
		if err = parser.Decode(&second); err == nil {
			d.fault(&second, "second YAML document (remove the line ---)")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		at := yaml.Node{}
		if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
			at.Line, _ = strconv.Atoi(m[1])
		}
		d.fault(&at, "not YAML: %v", err)
		return nil
	}
	return document.Content[0]
}

// mapping calls the function of each key; what names the mapping in faults. It returns
// the keys that are there.
func (d *decoder) mapping(n *yaml.Node, what string, known keys) map[string]bool {
	return d.pairs(n, what, func(key, value *yaml.Node) {
		decode, ok := known[key.Value]
		if !ok {
			names := strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			d.fault(key, "unknown key %q in %s (known: %s)", key.Value, what, names)
			return
		}
		d.key = key.Value
		decode(value)
	})
}

// pairs calls a function for each key and its value.
func (d *decoder) pairs(n *yaml.Node, what string, each func(key, value *yaml.Node)) map[string]bool {
	found := make(map[string]bool)
	if n.Kind != yaml.MappingNode {
		d.fault(n, "%s must be a mapping of keys to values, not %s", what, describe(n))
		return found
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if found[key.Value] {
			d.fault(key, "key %q is there twice in %s", key.Value, what)
			continue
		}
		found[key.Value] = true
		each(key, value)
	}
	return found
}

// list calls a function for each element of a list, or for a single value.
func (d *decoder) list(n *yaml.Node, what string, each func(*yaml.Node)) {
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		for _, e := range n.Content {
			each(e)
		}
	case n.Kind == yaml.MappingNode, n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null":
		each(n)
	default:
		d.fault(n, "%s must be a list with an element at least, not %s", what, describe(n))
	}
}

// text returns a string.
func (d *decoder) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value == "" {
		d.fault(n, "%s must be text, not %s", what, describe(n))
		return ""
	}
	return n.Value
}

// boolean returns what to do with a value of true or false.
func (d *decoder) boolean(field *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(field) != nil {
			d.fault(n, "%s must be true or false, not %s", d.key, describe(n))
		}
	}
}

type integer interface {
	~int | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// number returns what to do with a value that is a number from least to most.
func number[T integer](d *decoder, field *T, least, most uint64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var v uint64
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&v) != nil || v < least || v > most {
			d.fault(n, "%s must be a number from %d to %d, not %s", d.key, least, most, describe(n))
			return
		}
		*field = T(v)
	}
}

// optional is number for a field that may be absent.
func optional[T integer](d *decoder, field **T, most uint64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*field = new(T)
		number(d, *field, 0, most)(n)
	}
}

// longest bounds times of a scenario, so that sums of them are times too.
const longest = time.Hour

func (d *decoder) duration(field *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < 0 || v > longest {
			d.fault(n, "%s must be a time such as 10ms, of at most %v, not %s", d.key, longest, describe(n))
			return
		}
		*field = v
	}
}

// word returns what to do with a value that is one of some words.
func word[T ~string](d *decoder, field *T, known ...T) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && slices.Contains(known, T(n.Value)) {
			*field = T(n.Value)
			return
		}
		d.fault(n, "unknown %s %s (known: %s)", d.key, describe(n), strings.Trim(fmt.Sprint(known), "[]"))
	}
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		if len(n.Content) == 0 {
			return "an empty list"
		}
		return "a list"
	case yaml.AliasNode:
		return "an alias (write it out)"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}
