package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// A decoder walks the nodes of one file and collects what is wrong with them.
//
// Decoding into structs with yaml.v3 would be shorter, but its errors have no
// column, and it stops at the first unknown key that holds a wrong type.
type decoder struct {
	file   string
	lines  []byte
	faults []Fault
	// named holds where each path of another file stands.
	named map[string]*yaml.Node
	// others are the faults in other files.
	others []error
	// destinations are of this file and of lists.
	destinations destinations
}

func newDecoder(file string, data []byte) *decoder {
	return &decoder{file: file, lines: data, named: map[string]*yaml.Node{}}
}

// err returns all faults, those of this file first, or nil.
func (d *decoder) err() error {
	var own error
	if len(d.faults) > 0 {
		own = newError(d.file, d.faults)
	}
	if len(d.others) == 0 {
		return own
	}
	return errors.Join(append([]error{own}, d.others...)...)
}

// keys says what to do with the value of each key that a mapping may have.
type keys map[string]func(value *yaml.Node)

// fault records a fault at n. The cure may be "".
func (d *decoder) fault(n *yaml.Node, cure, format string, args ...any) {
	d.faults = append(d.faults, Fault{
		Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Cure: cure,
	})
}

// document returns the root of the only document, or nil if there is none or
// it cannot be parsed.
func (d *decoder) document() *yaml.Node {
	parser := yaml.NewDecoder(bytes.NewReader(d.lines))
	var document, second yaml.Node
	switch err := parser.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := parser.Decode(&second); {
	case err == nil:
		d.fault(&second, "remove the line ---", "second YAML document")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	if len(document.Content) == 0 {
		return nil
	}
	return document.Content[0]
}

var syntaxLine = regexp.MustCompile(`^line (\d+): `)

// syntax records an error of the YAML parser, "yaml: line 3: did not find ...".
// An error in the first line has no line number.
func (d *decoder) syntax(err error) {
	message, at := strings.TrimPrefix(err.Error(), "yaml: "), yaml.Node{Line: 1, Column: 1}
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		at.Line, _ = strconv.Atoi(m[1])
	}
	if lines := bytes.Split(d.lines, []byte("\n")); at.Line <= len(lines) {
		line := lines[at.Line-1]
		if blank := len(line) - len(bytes.TrimLeft(line, " \t")); blank < len(line) {
			at.Column = utf8.RuneCount(line[:blank]) + 1
		}
	}
	d.fault(&at, "", "not YAML: %s", message)
}

// mapping calls the function of each key of n; what names n in faults.
func (d *decoder) mapping(n *yaml.Node, what string, known keys) {
	d.entries(n, what, func(key, value, first *yaml.Node) {
		name := resolve(key).Value
		decode, ok := known[name]
		switch {
		case !ok:
			d.fault(key, suggest(name, slices.Sorted(maps.Keys(known))), "unknown key %q in %s", name, what)
		case first != nil:
			d.duplicate(key, first)
		case !isNull(value):
			decode(value)
		}
	})
}

// duplicate records that a key was there before.
func (d *decoder) duplicate(key, first *yaml.Node) {
	d.fault(key, "", "duplicate key %q, first on line %d", resolve(key).Value, first.Line)
}

// entries calls f for each key and value of n; what names n in faults. First is the
// first of several equal keys, nil for that one itself.
func (d *decoder) entries(n *yaml.Node, what string, f func(key, value, first *yaml.Node)) {
	n = resolve(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fault(n, "", "%s must be a mapping of keys to values, not %s", what, describe(n))
		return
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		name := resolve(key).Value
		f(key, value, first[name])
		if first[name] == nil {
			first[name] = key
		}
	}
}

// sequence returns the elements of n; what names n in faults.
func (d *decoder) sequence(n *yaml.Node, what string) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "begin each with \"- \"", "%s must be a list, not %s", what, describe(n))
		return nil
	}
	elements := make([]*yaml.Node, 0, len(n.Content))
	for _, element := range n.Content {
		elements = append(elements, resolve(element))
	}
	return elements
}

// resolve follows an alias to the node it stands for. The walk goes no deeper
// than the schema, so an anchor that holds itself cannot trap it.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe names what n is, for a fault.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch tag := n.ShortTag(); tag {
	case "!!str":
		return "the text " + strconv.Quote(n.Value)
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the boolean " + n.Value
	case "!!null":
		return "nothing"
	default:
		return "a value of type " + tag
	}
}
