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
	pattern, err := regexp.Compile(strings.Trim(filter, "/"))
	if err != nil {
		return nil, err
	}
	for _, f := range frames {
		if pattern.MatchString(f.RefID) {
			return points(f)
		}
	}
	return nil, fmt.Errorf("no frame matches %s", filter)
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
