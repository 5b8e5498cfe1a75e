package grafanatest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Node and an Edge have their cells by the name of the field.
type (
	Node map[string]any
	Edge map[string]any
)

// A Graph is what a node graph would draw.
type Graph struct {
	Nodes map[string]Node // by id
	Edges map[string]Edge
}

// NodeGraph reads frames as the panel does, and returns all reasons for which it
// would show an error, or less than is there: an id that is missing, empty or not
// unique, an edge to a node that is not there, a stat that is no number, arcs that
// do not add up to 1.
func NodeGraph(frames []Frame) (Graph, error) {
	g := Graph{Nodes: make(map[string]Node), Edges: make(map[string]Edge)}
	var faults []error
	for _, f := range frames {
		if f.Field("id") == nil {
			if f.Rows() > 0 {
				faults = append(faults, fmt.Errorf("frame %s has no field named id, only %q", f.RefID, f.Names()))
			}
			continue
		}
		edges := f.Field("source") != nil
		for _, field := range f.Fields {
			if err := checkStat(f, field); err != nil {
				faults = append(faults, err)
			}
		}
		for row := range f.Rows() {
			cells := make(map[string]any)
			for _, field := range f.Fields {
				cells[strings.ToLower(field.Name)] = field.Values[row]
			}
			id, _ := cells["id"].(string)
			switch _, node := g.Nodes[id]; {
			case id == "":
				faults = append(faults, fmt.Errorf("row %d of frame %s has an empty id", row, f.RefID))
			case edges && g.Edges[id] != nil, !edges && node:
				faults = append(faults, fmt.Errorf("id %q is there twice", id))
			case edges:
				g.Edges[id] = cells
			default:
				g.Nodes[id] = cells
				faults = append(faults, checkArcs(id, cells))
			}
		}
	}
	return g, errors.Join(append(faults, g.dangling()...)...)
}

// checkStat reports a field that must hold numbers and does not.
func checkStat(f Frame, field Field) error {
	name := strings.ToLower(field.Name)
	if slices.Contains([]string{"mainstat", "secondarystat", "thickness"}, name) || strings.HasPrefix(name, "arc__") {
		if field.Kind != Number {
			return fmt.Errorf("field %s of frame %s is a %s, want a number", field.Name, f.RefID, field.Kind)
		}
	}
	if slices.Contains([]string{"id", "source", "target"}, name) && field.Kind != String {
		return fmt.Errorf("field %s of frame %s is a %s, want a string", field.Name, f.RefID, field.Kind)
	}
	return nil
}

func checkArcs(id string, cells map[string]any) error {
	sum, some := 0.0, false
	for name, cell := range cells {
		if share, ok := cell.(float64); ok && strings.HasPrefix(name, "arc__") {
			if sum, some = sum+share, true; share < 0 {
				return fmt.Errorf("node %q: %s is %v", id, name, share)
			}
		}
	}
	if some && (sum < 0.999 || sum > 1.001) {
		return fmt.Errorf("node %q: its arcs add up to %v, not to 1", id, sum)
	}
	return nil
}

func (g Graph) dangling() []error {
	var faults []error
	for id, e := range g.Edges {
		for _, end := range []string{"source", "target"} {
			name, _ := e[end].(string)
			if _, ok := g.Nodes[name]; !ok {
				faults = append(faults, fmt.Errorf("edge %q has %s %q, which is no node", id, end, name))
			}
		}
	}
	return faults
}
