package policy

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

	"gopkg.in/yaml.v3"
)

// decoder walks the nodes of a file and collects what is wrong with them. Decoding into
// structs would tell no columns, and stop too soon.
type decoder struct {
	Error
}

// keys says what to do with the value of each key that a mapping may have.
type keys map[string]func(value *yaml.Node)

func (d *decoder) fault(n *yaml.Node, cure, format string, args ...any) {
	d.Faults = append(d.Faults, Fault{max(n.Line, 1), max(n.Column, 1), fmt.Sprintf(format, args...), cure})
}

var syntaxLine = regexp.MustCompile(`^line (\d+): `)

// document returns the root of the only document, nil if there is none.
func (d *decoder) document(data []byte) *yaml.Node {
	parser := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := parser.Decode(&document)
	if err == nil {
		if err = parser.Decode(&second); err == nil {
			d.fault(&second, "remove the line ---", "second YAML document")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		text, at := strings.TrimPrefix(err.Error(), "yaml: "), yaml.Node{}
		if m := syntaxLine.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			at.Line, _ = strconv.Atoi(m[1])
		}
		d.fault(&at, "", "not YAML: %s", text)
		return nil
	}
	if len(document.Content) == 0 {
		d.fault(&yaml.Node{}, "begin with \"version: 1\"", "the policy is empty")
		return nil
	}
	return resolve(document.Content[0])
}

// mapping calls the function of each key; what names the mapping in faults. It returns
// the nodes of the keys that are there.
func (d *decoder) mapping(n *yaml.Node, what string, known keys) map[string]*yaml.Node {
	found := make(map[string]*yaml.Node)
	if n.Kind != yaml.MappingNode {
		d.fault(n, "", "%s must be a mapping of keys to values, not %s", what, describe(n))
		return found
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		decode, ok := known[key.Value]
		switch {
		case !ok:
			d.fault(key, suggest(key.Value, slices.Sorted(maps.Keys(known))), "unknown key %q in %s", key.Value, what)
		case found[key.Value] != nil:
			d.fault(key, "", "duplicate key %q, first on line %d", key.Value, found[key.Value].Line)
		default:
			found[key.Value] = key
			decode(value)
		}
	}
	return found
}

// list returns the elements of a list that is not empty, or a single value as one.
func (d *decoder) list(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		return []*yaml.Node{n}
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		d.fault(n, "", "%s must be a list with an element at least, not %s", what, describe(n))
		return nil
	}
	elements := make([]*yaml.Node, 0, len(n.Content))
	for _, e := range n.Content {
		elements = append(elements, resolve(e))
	}
	return elements
}

// text returns a string, "" after a fault.
func (d *decoder) text(n *yaml.Node, what string) string {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value != "" {
		return n.Value
	}
	cure := ""
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		cure = "quote it: " + strconv.Quote(n.Value) // NO is a boolean of old YAML
	}
	d.fault(n, cure, "%s must be text, not %s", what, describe(n))
	return ""
}

// integer returns a number from least to most, least after a fault.
func (d *decoder) integer(n *yaml.Node, what string, least, most int) int {
	var value int
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&value) != nil || value < least || value > most {
		d.fault(n, "", "%s must be a number from %d to %d, not %s", what, least, most, describe(n))
		return least
	}
	return value
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
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
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	// What was no policy at all can be long.
	if text := []rune(n.Value); len(text) > 40 {
		return strconv.Quote(string(text[:40])) + "…"
	}
	return strconv.Quote(n.Value)
}

// suggest returns which of the words was probably meant, or all of them.
func suggest(word string, known []string) string {
	for _, k := range known {
		if oneSlip(word, k) {
			return "did you mean " + strconv.Quote(k) + "?"
		}
	}
	return "known: " + strings.Join(known, ", ")
}

// oneSlip reports whether words differ in one letter, one more or less, two that are
// swapped, or in case or "-" for "_".
func oneSlip(a, b string) bool {
	plain := strings.NewReplacer("-", "_").Replace
	a, b = plain(strings.ToLower(a)), plain(strings.ToLower(b))
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	swapped := len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
	return len(a) <= 1 && len(b) <= 1 || swapped
}
