package policy

import (
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// decoder reads what only policies have.
type decoder struct{ *yamlfile.Decoder }

// list returns the elements of a list that is not empty, or a single value as one; what
// names it in faults.
func (d decoder) list(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind == yaml.ScalarNode {
		return []*yaml.Node{n}
	}
	elements := d.Sequence(n, what)
	if n.Kind == yaml.SequenceNode && len(elements) == 0 {
		d.Fault(n, "", "%s is an empty list", what)
	}
	return elements
}
