package policy

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// A reader walks the nodes of one file. It collects what is wrong with them and
// goes on, so that all faults of a file are reported together.
type reader struct {
	*loader
	file string
	// until is the end of a temporary file; zero for others.
	until time.Time
	// in names the rule, group or set that is being read, for faults.
	in string
	// matchesUnknown tells that the rule that is being read matches where the socket
	// that it asks for cannot be seen.
	matchesUnknown bool
	// usesEmpty tells that the rule that is being read uses an empty set, of which
	// there is a warning already.
	usesEmpty bool
}

// A field is a key that a mapping may have. One table of fields serves to read a
// mapping and to describe it to editors.
type field struct {
	name string
	// doc is one sentence for editors; of a key of a later version what to do rather than
	// to have it, if that is not to remove it.
	doc string
	// shape is the JSON schema of the value.
	shape shape
	// read takes the value. It is nil for a key of a later version.
	read func(value *yaml.Node)
}

// fault records a fault at n. The hint may be "".
func (r *reader) fault(n *yaml.Node, code, hint, format string, args ...any) {
	r.faults = append(r.faults, NewFault(code, r.position(n), r.in, hint, format, args...))
}

func (r *reader) position(n *yaml.Node) Position { return Position{r.file, n.Line, n.Column} }

// document returns the root of the only document, or nil with a fault recorded.
func (r *reader) document(text []byte) *yaml.Node {
	parser := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := parser.Decode(&document); {
	case errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0:
		r.fault(&yaml.Node{Line: 1, Column: 1}, notYAML, "begin with version: 1", "the file is empty")
		return nil
	case err != nil:
		r.syntax(text, err)
		return nil
	}
	switch err := parser.Decode(&second); {
	case err == nil:
		r.fault(&second, notYAML, "remove the line ---", "second YAML document")
	case !errors.Is(err, io.EOF):
		r.syntax(text, err)
	}
	return document.Content[0]
}

var syntaxLine = regexp.MustCompile(`^line (\d+): `)

// syntax records an error of the YAML parser, "yaml: line 3: did not find ...", at
// the first character of its line that is not blank. An error in the first line has
// no line number.
func (r *reader) syntax(text []byte, err error) {
	message, at := strings.TrimPrefix(err.Error(), "yaml: "), yaml.Node{Line: 1, Column: 1}
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		at.Line, _ = strconv.Atoi(m[1])
	}
	if lines := bytes.Split(text, []byte("\n")); at.Line <= len(lines) {
		line := lines[at.Line-1]
		if blank := len(line) - len(bytes.TrimLeft(line, " \t")); blank < len(line) {
			at.Column = utf8.RuneCount(line[:blank]) + 1
		}
	}
	r.fault(&at, notYAML, "", "not YAML: %s", message)
}

// mapping reads the fields of n in the order of the table, whatever their order in
// the file: what a later one means may depend on an earlier one. What names n in
// faults. A key without a value counts as absent.
func (r *reader) mapping(n *yaml.Node, what string, fields []field) {
	found := r.keys(n, what, fields)
	for _, f := range fields {
		if value := found[f.name]; value != nil {
			f.read(value)
		}
	}
}

// keys returns the values by key, and records what is wrong with the keys.
func (r *reader) keys(n *yaml.Node, what string, fields []field) map[string]*yaml.Node {
	first, values := map[string]*yaml.Node{}, map[string]*yaml.Node{}
	for key, value := range r.entries(n, what) {
		name := key.Value
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case i < 0:
			r.fault(key, unknownKey, suggest(name, names(fields)), "unknown key %q in %s", name, what)
		case first[name] != nil:
			r.fault(key, duplicate, "", "duplicate key %q, first at line %d", name, first[name].Line)
		case fields[i].read == nil:
			r.fault(key, laterVersion, cmp.Or(fields[i].doc, "remove it"), "%q is not available in this version", name)
		case !isNull(value):
			values[name] = value
		}
		if first[name] == nil {
			first[name] = key
		}
	}
	return values
}

func names(fields []field) []string {
	var all []string
	for _, f := range fields {
		if f.read != nil {
			all = append(all, f.name)
		}
	}
	slices.Sort(all)
	return all
}

// entries iterates over the keys and values of n; what names n in faults.
func (r *reader) entries(n *yaml.Node, what string) func(yield func(key, value *yaml.Node) bool) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		if !isNull(n) {
			r.fault(n, wrongType, "", "%s must be a mapping of keys to values, not %s", what, describe(n))
		}
		return func(func(key, value *yaml.Node) bool) {}
	}
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(resolve(n.Content[i]), resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

// has reports whether a mapping has a key.
func has(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// sequence returns the elements of n; what names n in faults.
func (r *reader) sequence(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, wrongType, `begin each with "- "`, "%s must be a list, not %s", what, describe(n))
		return nil
	}
	return r.oneOrMany(n, what)
}

// oneOrMany returns the elements of n, or n itself if it is no list. An empty list
// is a fault, as what it would mean is not clear: all, or nothing.
func (r *reader) oneOrMany(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	if len(n.Content) == 0 {
		r.fault(n, emptyList, "name at least one, or remove the key", "%s is empty", what)
	}
	var elements []*yaml.Node
	for _, element := range n.Content {
		elements = append(elements, resolve(element))
	}
	return elements
}

// resolve follows an alias to the node it stands for.
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
