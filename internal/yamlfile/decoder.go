package yamlfile

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

// A Decoder walks the nodes of one file and collects what is wrong with them.
type Decoder struct {
	// Unknown, if not nil, is called for each unknown key of a mapping, with those that are
	// known, sorted. It returns true if it has recorded a fault that says more than that.
	Unknown func(key *yaml.Node, known []string) bool

	file   string
	data   []byte
	faults []Fault
	// named holds where each path of another file stands.
	named map[string]*yaml.Node
	// others are the faults in other files.
	others []error
}

// New returns a Decoder of the content of a file. Relative paths start from its folder,
// and faults bear its name.
func New(file string, data []byte) *Decoder {
	return &Decoder{file: file, data: data, named: map[string]*yaml.Node{}}
}

// File returns the name of the file.
func (d *Decoder) File() string { return d.file }

// Err returns all faults, those of this file first as an *[Error], or nil.
func (d *Decoder) Err() error {
	var own error
	if len(d.faults) > 0 {
		own = newError(d.file, d.faults)
	}
	if len(d.others) == 0 {
		return own
	}
	return errors.Join(append([]error{own}, d.others...)...)
}

// Keys says what to do with the value of each key that a mapping may have.
type Keys map[string]func(value *yaml.Node)

// Fault records a fault at n. The cure may be "".
func (d *Decoder) Fault(n *yaml.Node, cure, format string, args ...any) {
	d.faults = append(d.faults, Fault{
		Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Cure: cure,
	})
}

// Found returns how many faults of this file were recorded so far.
func (d *Decoder) Found() int { return len(d.faults) }

// Join records what is wrong with another file; the error has its name.
func (d *Decoder) Join(err error) { d.others = append(d.others, err) }

// Document returns the root of the only document, or nil if there is none or
// it cannot be parsed.
func (d *Decoder) Document() *yaml.Node {
	parser := yaml.NewDecoder(bytes.NewReader(d.data))
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
		d.Fault(&second, "remove the line ---", "second YAML document")
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
func (d *Decoder) syntax(err error) {
	message, at := strings.TrimPrefix(err.Error(), "yaml: "), yaml.Node{Line: 1, Column: 1}
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		at.Line, _ = strconv.Atoi(m[1])
	}
	if lines := bytes.Split(d.data, []byte("\n")); at.Line <= len(lines) {
		line := lines[at.Line-1]
		if blank := len(line) - len(bytes.TrimLeft(line, " \t")); blank < len(line) {
			at.Column = utf8.RuneCount(line[:blank]) + 1
		}
	}
	d.Fault(&at, "", "not YAML: %s", message)
}

// Mapping calls the function of each key of n; what names n in faults.
func (d *Decoder) Mapping(n *yaml.Node, what string, known Keys) {
	d.Entries(n, what, func(key, value, first *yaml.Node) {
		name := Resolve(key).Value
		decode, ok := known[name]
		switch {
		case !ok:
			names := slices.Sorted(maps.Keys(known))
			if d.Unknown == nil || !d.Unknown(key, names) {
				d.Fault(key, Suggest(name, names), "unknown key %q in %s", name, what)
			}
		case first != nil:
			d.Duplicate(key, first)
		case !IsNull(value):
			decode(value)
		}
	})
}

// Duplicate records that a key was there before.
func (d *Decoder) Duplicate(key, first *yaml.Node) {
	d.Fault(key, "", "duplicate key %q, first on line %d", Resolve(key).Value, first.Line)
}

// Entries calls f for each key and value of n; what names n in faults. First is the
// first of several equal keys, nil for that one itself.
func (d *Decoder) Entries(n *yaml.Node, what string, f func(key, value, first *yaml.Node)) {
	n = Resolve(n)
	if IsNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.Fault(n, "", "%s must be a mapping of keys to values, not %s", what, Describe(n))
		return
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], Resolve(n.Content[i+1])
		name := Resolve(key).Value
		f(key, value, first[name])
		if first[name] == nil {
			first[name] = key
		}
	}
}

// Sequence returns the elements of n; what names n in faults.
func (d *Decoder) Sequence(n *yaml.Node, what string) []*yaml.Node {
	n = Resolve(n)
	if n.Kind != yaml.SequenceNode {
		d.Fault(n, "begin each with \"- \"", "%s must be a list, not %s", what, Describe(n))
		return nil
	}
	elements := make([]*yaml.Node, 0, len(n.Content))
	for _, element := range n.Content {
		elements = append(elements, Resolve(element))
	}
	return elements
}

// Resolve follows an alias to the node it stands for. The walk goes no deeper
// than the schema, so an anchor that holds itself cannot trap it.
func Resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// IsNull tells whether n is nothing, or a key without a value.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// shown is how many characters of a text a fault shows: what is no such file at all can be
// long.
const shown = 40

// Describe names what n is, for a fault.
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch tag := n.ShortTag(); tag {
	case "!!str":
		if text := []rune(n.Value); len(text) > shown {
			return "the text " + strconv.Quote(string(text[:shown])) + "…"
		}
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
