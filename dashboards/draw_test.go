package dashboards

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/geomap"

	"github.com/packetscope/packetscope/internal/grafanatest"
	"github.com/packetscope/packetscope/internal/promtest"
)

// framesOf runs the queries of a panel that is about the present, and its transformations.
func framesOf(t *testing.T, db *promtest.DB, at time.Time, p dashboard.Panel, values map[string]string) []grafanatest.Frame {
	t.Helper()
	var frames []grafanatest.Frame
	targets := Targets(p)
	for _, q := range targets {
		expr, _ := Interpolate(q.Expr, values)
		v, _, err := db.Instant(expr, at)
		if err != nil {
			t.Fatalf("%v\n%s", err, expr)
		}
		frames = append(frames, grafanatest.Table(*q.RefId, v, len(targets) > 1))
	}
	frames, err := grafanatest.Apply(frames, decoded(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func decoded(t *testing.T, p dashboard.Panel) []grafanatest.Transformation {
	t.Helper()
	var all []grafanatest.Transformation
	recode(t, p.Transformations, &all)
	return all
}

// recode turns a value into another one by way of JSON.
func recode(t *testing.T, from, into any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// drawn is what the layers of a map draw, by their names: points, names of places or, of
// links, their ends. A layer without rows draws nothing.
func drawn(t *testing.T, p dashboard.Panel, frames []grafanatest.Frame) map[string][]string {
	t.Helper()
	var options geomap.Options
	recode(t, p.Options, &options)
	all := make(map[string][]string)
	for _, l := range options.Layers {
		var filter struct{ ID, Options string }
		recode(t, l.FilterData, &filter)
		switch {
		case filter.ID != "byRefId":
			t.Errorf("layer %q has the filter %+v", l.Name, filter)
		case l.Type == "network":
			nodes, edges, err := grafanatest.Network(frames, filter.Options)
			if err != nil {
				t.Errorf("layer %q: %v", l.Name, err)
			}
			for _, e := range edges {
				from, to := nodes[fmt.Sprint(e["source"])], nodes[fmt.Sprint(e["target"])]
				all[l.Name] = append(all[l.Name], fmt.Sprintf("%v %v > %v %v", from.Latitude, from.Longitude, to.Latitude, to.Longitude))
			}
		case empty(frames, filter.Options):
		case l.Location.Lookup != nil:
			names, err := grafanatest.Lookups(frames, filter.Options, *l.Location.Lookup)
			if err != nil {
				t.Errorf("layer %q: %v", l.Name, err)
			}
			all[l.Name] = names
		default:
			points, err := grafanatest.Points(frames, filter.Options)
			if err != nil {
				t.Errorf("layer %q: %v", l.Name, err)
			}
			for _, p := range points {
				all[l.Name] = append(all[l.Name], fmt.Sprint(p.Latitude, p.Longitude))
				if p.Latitude == 0 && p.Longitude == 0 {
					t.Errorf("layer %q draws %v at 0, 0", l.Name, p.Cells)
				}
			}
		}
		mustHaveFields(t, l.Name, l.Config, frames, filter.Options)
	}
	return all
}

// mustHaveFields looks for the fields that colours, sizes and texts of a layer are by.
func mustHaveFields(t *testing.T, layer string, config any, frames []grafanatest.Frame, filter string) {
	t.Helper()
	var styles map[string]any
	recode(t, config, &styles)
	for _, key := range []string{"style", "edgeStyle"} {
		var dimensions map[string]struct{ Field string }
		if styles[key] == nil {
			continue
		}
		style := styles[key].(map[string]any)
		recode(t, map[string]any{"color": style["color"], "size": style["size"], "text": style["text"]}, &dimensions)
		for what, d := range dimensions {
			found := d.Field == ""
			for _, f := range frames {
				found = found || f.Field(d.Field) != nil
			}
			if !found && !empty(frames, filter) {
				t.Errorf("layer %q has its %s by %q, which is no field", layer, what, d.Field)
			}
		}
	}
}

// empty tells whether the frames that a filter leaves have no rows.
func empty(frames []grafanatest.Frame, filter string) bool {
	refs := regexp.MustCompile(strings.Trim(filter, "/"))
	for _, f := range frames {
		if refs.MatchString(f.RefID) && f.Rows() > 0 {
			return false
		}
	}
	return true
}
