package target

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// json reads a file of service discovery in JSON.
func (r *reader) json(data []byte) {
	var any json.RawMessage
	if err := json.Unmarshal(data, &any); err != nil {
		line, column := 1, 1
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			line, column = place(data, int(syntax.Offset)-1)
		}
		r.add(line, column, `write [{"targets": ["example.com"]}]`, "not JSON: %v", err)
		return
	}
	r.yaml(asYAML(data))
}

// asYAML returns JSON as YAML, which has places: tabs may stand between values of JSON
// only, and YAML has no \/.
func asYAML(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\t':
			out = append(out, ' ')
		case c == '\\' && i+1 < len(data):
			if i++; data[i] != '/' {
				out = append(out, c)
			}
			out = append(out, data[i])
		default:
			out = append(out, c)
		}
	}
	return out
}

// place returns line and column of a byte, both from 1.
func place(data []byte, at int) (line, column int) {
	before := data[:max(min(at, len(data)), 0)]
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

var syntaxLine = regexp.MustCompile(`^line (\d+): `)

// yaml reads a file of service discovery: a list of mappings with targets and labels.
func (r *reader) yaml(data []byte) {
	parser := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := parser.Decode(&document)
	if err == nil {
		if err = parser.Decode(&second); err == nil {
			r.add(second.Line, second.Column, "remove the line ---", "second YAML document")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
		if m := syntaxLine.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			line, _ = strconv.Atoi(m[1])
		}
		r.add(line, 1, "write - targets: [example.com]", "not YAML: %s", text)
		return
	}
	if len(document.Content) == 0 {
		return
	}
	for _, group := range r.list(document.Content[0], "the file") {
		r.group(group)
	}
}

// group reads a mapping of targets and labels.
func (r *reader) group(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		r.add(n.Line, n.Column, "write - targets: [example.com]", "a group must be a mapping with targets, not %s", describe(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key, value := n.Content[i], n.Content[i+1]; key.Value {
		case "labels":
		case "targets":
			for _, one := range r.list(value, "targets") {
				r.node(one)
			}
		default:
			r.add(key.Line, key.Column, "known: labels, targets", "unknown key %s", quote(key.Value))
		}
	}
}

func (r *reader) node(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		r.add(n.Line, n.Column, "quote it", "a target must be text, not %s", describe(n))
		return
	}
	column := n.Column
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		column++
	}
	r.target(n.Value, n.Line, column)
}

// list returns the elements of a list. There are no aliases in it: they make a small file
// large.
func (r *reader) list(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.add(n.Line, n.Column, "begin each element with \"- \"", "%s must be a list, not %s", what, describe(n))
		return nil
	}
	return n.Content
}

func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.ShortTag() == "!!null":
		return "nothing"
	}
	return quote(n.Value)
}
