package adopt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A Stamp is what is written into the text of a policy when it is adopted.
type Stamp struct {
	// Until is when it ends; it is written in whole seconds.
	Until time.Time
	// Audit has all rules count what they would drop, and drop nothing.
	Audit bool
	// Labels are given to all rules that have none of the same name.
	Labels map[string]string
	// Origin are words about where the text comes from, for a comment at its head.
	Origin string
}

// errOwnEnd is for a text that has an end already.
var errOwnEnd = errors.New("it says until: already; take that out, as --ttl says when it ends")

// On returns the text with the stamp on it, written anew: comments and order stay, the
// layout may not. It does not look at the rules, whose reader is package policy.
func (s Stamp) On(text []byte) ([]byte, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("it is not YAML: %w", err)
	}
	if err := decoder.Decode(new(yaml.Node)); err == nil {
		return nil, errors.New("it has more than one document")
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("it is no policy: want version: 1, and groups")
	}
	if value(root, "until") != nil {
		return nil, errOwnEnd
	}
	root.Style &^= yaml.FlowStyle
	s.end(root)
	if len(s.Labels) > 0 {
		labels := mapping(mapping(root, "defaults"), "labels")
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			if value(labels, name) == nil {
				put(labels, len(labels.Content), name, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.Labels[name]})
			}
		}
	}
	if s.Audit {
		audit(root)
	}
	document.HeadComment = strings.TrimSpace("# " + oneLine(s.Origin) + "\n" + document.HeadComment)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// end writes when the policy ends, behind its version.
func (s Stamp) end(root *yaml.Node) {
	at := 0
	if len(root.Content) > 0 && root.Content[0].Value == "version" {
		at = 2
	}
	put(root, at, "until", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: s.Until.UTC().Format(time.RFC3339)})
}

// audit turns each mode that is more into audit. A policy that names none audits.
func audit(root *yaml.Node) {
	weaken(value(root, "defaults"))
	for _, g := range elements(value(root, "groups")) {
		weaken(g)
		for _, r := range elements(value(g, "rules")) {
			weaken(r)
		}
	}
}

func weaken(n *yaml.Node) {
	if mode := value(n, "mode"); mode != nil && mode.Value != "off" {
		*mode = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "audit"}
	}
}

// value returns what stands behind a key, or nil.
func value(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func elements(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// mapping returns the one behind a key, which it makes if need be.
func mapping(n *yaml.Node, key string) *yaml.Node {
	if v := value(n, key); v != nil {
		return v
	}
	v := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle}
	at := len(n.Content)
	if key == "defaults" {
		at = min(at, 4) // behind version and until
	}
	put(n, at, key, v)
	return v
}

func put(n *yaml.Node, at int, key string, v *yaml.Node) {
	n.Content = slices.Insert(n.Content, at, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, v)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
