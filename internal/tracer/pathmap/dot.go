package pathmap

import (
	"fmt"
	"io"
	"strings"
)

// WriteDOT writes a map in the language of Graphviz. What ends in a drop is red.
func WriteDOT(to io.Writer, d Document) error {
	var b strings.Builder
	b.WriteString("digraph \"path map\" {\n\tnode [shape=box fontname=\"sans-serif\"];\n")
	seen := make(map[string]bool)
	node := func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		style := ""
		switch {
		case IsDrop(name):
			style = " shape=ellipse color=red fontcolor=red"
		case IsFate(name):
			style = " shape=ellipse"
		}
		fmt.Fprintf(&b, "\t%q [label=\"%s\\n%s\"%s];\n", name, dotText(name), LayerOf(name), style)
	}
	for _, e := range d.Edges {
		node(e.Source)
		node(e.Target)
	}
	for _, e := range d.Edges {
		label := fmt.Sprintf("%s %s %d", e.Direction, e.Protocol, e.Samples)
		if e.Timed > 0 {
			label += " " + e.Typical().String()
		}
		style := ""
		if IsDrop(e.Target) {
			style = " color=red"
		}
		fmt.Fprintf(&b, "\t%q -> %q [label=%q%s];\n", e.Source, e.Target, label, style)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(to, b.String())
	return err
}

func dotText(name string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) }
