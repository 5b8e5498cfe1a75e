package grafanatest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Point is a row of a map's layer.
type Point struct {
	// Latitude and Longitude are in degrees.
	Latitude, Longitude float64
	Cells               map[string]any
}

// Points reads the first frame whose refId matches the layer's filter, which is
// all that a layer of markers or a route reads, by fields named latitude and
// longitude. Rows without coordinates, which would be drawn at 0, 0, and strings
// in place of numbers are faults.
func Points(frames []Frame, filter string) ([]Point, error) {
	matching, err := framesOf(frames, filter)
	if err != nil {
		return nil, err
	}
	return points(matching[0])
}

// Lookups reads the names of places that a layer of markers by a gazetteer looks up in a
// field of strings. An empty name is a fault: its row is not drawn.
func Lookups(frames []Frame, filter, field string) ([]string, error) {
	matching, err := framesOf(frames, filter)
	if err != nil {
		return nil, err
	}
	names := matching[0].Field(field)
	if names == nil || names.Kind != String {
		return nil, fmt.Errorf("frame %s has no field %s of strings, only %q", matching[0].RefID, field, matching[0].Names())
	}
	var all []string
	for row, v := range names.Values {
		if v == "" {
			return nil, fmt.Errorf("row %d of frame %s has an empty %s", row, matching[0].RefID, field)
		}
		all = append(all, fmt.Sprint(v))
	}
	return all, nil
}

// Network reads the frames nodes and edges of a layer of that kind. It fails as older
// versions of Grafana do: if one of the two has no rows and the other has, or if an end of
// an edge is no node.
func Network(frames []Frame, filter string) (nodes map[string]Point, edges []Edge, err error) {
	matching, err := framesOf(frames, filter)
	if err != nil {
		return nil, nil, err
	}
	byRef := make(map[string]Frame)
	for _, f := range matching {
		byRef[f.RefID] = f
	}
	if n, e := byRef["nodes"].Rows(), byRef["edges"].Rows(); n == 0 || e == 0 {
		if n != e {
			err = fmt.Errorf("there are %d nodes and %d edges", n, e)
		}
		return nil, nil, err
	}
	places, err := points(byRef["nodes"])
	faults := []error{err}
	nodes = make(map[string]Point)
	for _, p := range places {
		nodes[fmt.Sprint(p.Cells["id"])] = p
	}
	for row := range byRef["edges"].Rows() {
		e := make(Edge)
		for _, field := range byRef["edges"].Fields {
			e[field.Name] = field.Values[row]
		}
		for _, end := range []string{"source", "target"} {
			if _, ok := nodes[fmt.Sprint(e[end])]; !ok {
				faults = append(faults, fmt.Errorf("row %d of frame edges has %s %v, which is no node", row, end, e[end]))
			}
		}
		edges = append(edges, e)
	}
	return nodes, edges, errors.Join(faults...)
}

// framesOf returns the frames whose refId matches, of which there is one at least.
func framesOf(frames []Frame, filter string) (matching []Frame, err error) {
	pattern, err := regexp.Compile(strings.Trim(filter, "/"))
	if err != nil {
		return nil, err
	}
	for _, f := range frames {
		if pattern.MatchString(f.RefID) {
			matching = append(matching, f)
		}
	}
	if len(matching) == 0 {
		err = fmt.Errorf("no frame matches %s", filter)
	}
	return matching, err
}

func points(f Frame) ([]Point, error) {
	var faults []error
	for _, name := range []string{"latitude", "longitude"} {
		if field := f.Field(name); field == nil || field.Kind != Number {
			faults = append(faults, fmt.Errorf("frame %s has no field %s of numbers, only %q", f.RefID, name, f.Names()))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	var all []Point
	for row := range f.Rows() {
		p := Point{Cells: make(map[string]any)}
		for _, field := range f.Fields {
			p.Cells[field.Name] = field.Values[row]
		}
		var okLatitude, okLongitude bool
		p.Latitude, okLatitude = p.Cells["latitude"].(float64)
		p.Longitude, okLongitude = p.Cells["longitude"].(float64)
		if !okLatitude || !okLongitude || p.Latitude < -90 || p.Latitude > 90 || p.Longitude < -180 || p.Longitude > 180 {
			faults = append(faults, fmt.Errorf("row %d of frame %s is at %v, %v", row, f.RefID, p.Cells["latitude"], p.Cells["longitude"]))
		}
		all = append(all, p)
	}
	return all, errors.Join(faults...)
}
