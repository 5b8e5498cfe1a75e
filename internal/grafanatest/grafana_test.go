package grafanatest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

func vector(samples ...promql.Sample) promql.Vector { return samples }

func one(value float64, pairs ...string) promql.Sample {
	return promql.Sample{T: 1000, F: value, Metric: labels.FromStrings(pairs...)}
}

func TestTableHasSortedLabelsAndANamedValue(t *testing.T) {
	v := vector(one(1, "b", "x", "a", "y"), one(2, "b", "z"))
	want := Frame{RefID: "q", Fields: []Field{
		{Name: "Time", Kind: Time, Values: []any{1000.0, 1000.0}},
		{Name: "a", Kind: String, Values: []any{"y", ""}},
		{Name: "b", Kind: String, Values: []any{"x", "z"}},
		{Name: "Value #q", Kind: Number, Values: []any{1.0, 2.0}},
	}}
	if diff := cmp.Diff(want, Table("q", v, true)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f := Table("q", v, false); f.Field("Value") == nil {
		t.Errorf("alone: %v", f.Names())
	}
	if f := Table("q", nil, true); f.Rows() != 0 || f.Fields != nil {
		t.Errorf("nothing: %v", f)
	}
}

// graphOf runs the usual transformations of a node graph.
func graphOf(t *testing.T, frames []Frame) (Graph, error) {
	t.Helper()
	var all []Transformation
	if err := json.Unmarshal([]byte(`[
		{"id": "joinByField", "filter": {"id": "byRefId", "options": "/^nodes/"}, "options": {"byField": "id", "mode": "outer"}},
		{"id": "calculateField", "filter": {"id": "byRefId", "options": "/nodes/"}, "options":
			{"mode": "binary", "alias": "mainstat", "binary": {"left": "Value #nodes", "operator": "*", "right": "1"}}},
		{"id": "calculateField", "filter": {"id": "byRefId", "options": "/nodes/"}, "options":
			{"mode": "binary", "alias": "arc__lost", "binary": {"left": "Value #nodes_lost", "operator": "*", "right": "1"}}}
	]`), &all); err != nil {
		t.Fatal(err)
	}
	frames, err := Apply(frames, all)
	if err != nil {
		t.Fatal(err)
	}
	return NodeGraph(frames)
}

func TestNodeGraphIsReadByNames(t *testing.T) {
	g, err := graphOf(t, []Frame{
		Table("edges", vector(one(5, "id", "a>b", "source", "a", "target", "b")), true),
		Table("nodes", vector(one(7, "id", "a"), one(8, "id", "b")), true),
		Table("nodes_lost", vector(one(1, "id", "b")), true),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Edges) != 1 || len(g.Nodes) != 2 || g.Nodes["a"]["mainstat"] != 7.0 || g.Nodes["a"]["arc__lost"] != nil || g.Nodes["b"]["arc__lost"] != 1.0 {
		t.Errorf("%v", g)
	}
}

func TestNodeGraphFaults(t *testing.T) {
	edge := Table("edges", vector(one(5, "id", "a>b", "source", "a", "target", "b")), true)
	for want, frames := range map[string][]Frame{
		`edge "a>b" has target "b", which is no node`: {edge, Table("nodes", vector(one(7, "id", "a")), true)},
		`id "a" is there twice`:                       {Table("nodes", vector(one(7, "id", "a", "x", "1"), one(7, "id", "a", "x", "2")), true)},
		`has no field named id`:                       {Table("nodes", vector(one(7, "name", "a")), true)},
		`has an empty id`:                             {Table("nodes", vector(one(7, "id", "a"), one(7, "title", "a")), true)},
		`arcs add up to 0.5`:                          {Table("nodes", vector(one(7, "id", "a")), true), Table("nodes_lost", vector(one(0.5, "id", "a")), true)},
		`field mainstat of frame x is a string`:       {Table("x", vector(one(7, "id", "a", "mainstat", "7")), true)},
	} {
		if _, err := graphOf(t, frames); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestMergeAddsAColumnPerQuery(t *testing.T) {
	merged, err := Apply([]Frame{
		Table("x", vector(one(1, "host", "a"), one(2, "host", "b")), true),
		Table("y", vector(one(3, "host", "b"), one(4, "host", "c")), true),
	}, []Transformation{
		{ID: "merge"},
		{ID: "organize", Options: map[string]any{"excludeByName": map[string]any{"Time": true}, "renameByName": map[string]any{"host": "Host"}}},
	})
	if err != nil || len(merged) != 1 {
		t.Fatal(merged, err)
	}
	want := []Field{
		{Name: "host", Display: "Host", Kind: String, Values: []any{"a", "b", "c"}},
		{Name: "Value #x", Kind: Number, Values: []any{1.0, 2.0, nil}},
		{Name: "Value #y", Kind: Number, Values: []any{nil, 3.0, 4.0}},
	}
	if diff := cmp.Diff(want, merged[0].Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMapNeedsNumbers(t *testing.T) {
	places := Table("points", vector(one(7, "latitude", "52.5", "longitude", "13.4"), one(8, "latitude", "", "longitude", "")), true)
	if _, err := Points([]Frame{places}, "/points/"); err == nil || !strings.Contains(err.Error(), "no field latitude of numbers") {
		t.Errorf("strings: %v", err)
	}
	converted, err := Apply([]Frame{places}, []Transformation{{ID: "convertFieldType", Options: map[string]any{"conversions": []any{
		map[string]any{"targetField": "latitude", "destinationType": "number"}, map[string]any{"targetField": "longitude", "destinationType": "number"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	points, err := Points(converted, "/points/")
	if err == nil || !strings.Contains(err.Error(), "row 1 of frame points is at <nil>, <nil>") {
		t.Errorf("a row without a place: %v", err)
	}
	if len(points) != 2 || points[0].Latitude != 52.5 || points[0].Longitude != 13.4 {
		t.Errorf("points %v", points)
	}
	if _, err := Points(converted, "/other/"); err == nil {
		t.Error("a layer without a frame is no fault")
	}
}

func TestMapLooksPlacesUp(t *testing.T) {
	frames := []Frame{Table("by", vector(one(1, "lookup", "DE"), one(2, "lookup", "NZ")), true)}
	names, err := Lookups(frames, "/^by$/", "lookup")
	if diff := cmp.Diff([]string{"DE", "NZ"}, names); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for want, frames := range map[string][]Frame{
		"no field lookup of strings": {Table("by", vector(one(1, "country", "DE")), true)},
		"row 1 of frame by has an":   {Table("by", vector(one(1, "lookup", "DE"), one(2, "lookup", "")), true)},
		"no frame matches":           {Table("of", vector(one(1, "lookup", "DE")), true)},
	} {
		if _, err := Lookups(frames, "/^by$/", "lookup"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestNetworkNeedsBothEnds(t *testing.T) {
	node := func(id string) promql.Sample { return one(1, "id", id, "latitude", "52.5", "longitude", "13.4") }
	edge := vector(one(5, "source", "a", "target", "b"))
	located := func(nodes promql.Vector) Frame {
		f := Table("nodes", nodes, true)
		convert := Transformation{Options: map[string]any{"conversions": []any{
			map[string]any{"targetField": "latitude", "destinationType": "number"}, map[string]any{"targetField": "longitude", "destinationType": "number"},
		}}}
		frames, err := convert.convert([]Frame{f})
		if err != nil {
			t.Fatal(err)
		}
		return frames[0]
	}
	nodes, edges, err := Network([]Frame{located(vector(node("a"), node("b"))), Table("edges", edge, true)}, "/^(nodes|edges)$/")
	if err != nil || len(nodes) != 2 || len(edges) != 1 || nodes["a"].Latitude != 52.5 || edges[0]["Value #edges"] != 5.0 {
		t.Errorf("nodes %v, edges %v, %v", nodes, edges, err)
	}
	if _, _, err := Network([]Frame{Table("nodes", nil, true), Table("edges", nil, true)}, "/^(nodes|edges)$/"); err != nil {
		t.Errorf("nothing at all: %v", err)
	}
	for want, frames := range map[string][]Frame{
		`has target b, which is no node`:     {located(vector(node("a"))), Table("edges", edge, true)},
		`there are 1 nodes and 0 edges`:      {located(vector(node("a"))), Table("edges", nil, true)},
		`there are 0 nodes and 1 edges`:      {Table("nodes", nil, true), Table("edges", edge, true)},
		`has no field latitude of numbers`:   {Table("nodes", vector(node("a"), node("b")), true), Table("edges", edge, true)},
		`no frame matches /^(nodes|edges)$/`: {Table("other", edge, true)},
	} {
		if _, _, err := Network(frames, "/^(nodes|edges)$/"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRowsAreSorted(t *testing.T) {
	frames, err := Apply([]Frame{Table("q", vector(one(1, "ttl", "10"), one(2, "ttl", "02"), one(3, "ttl", "10")), true)},
		[]Transformation{{ID: "organize", Options: map[string]any{"renameByName": map[string]any{"ttl": "TTL"}}},
			{ID: "sortBy", Options: map[string]any{"sort": []any{map[string]any{"field": "TTL", "desc": false}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{2.0, 1.0, 3.0}, frames[0].Field("Value #q").Values); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownTransformationsAreErrors(t *testing.T) {
	for _, tr := range []Transformation{{ID: "seriesToRows"}, {ID: "joinByField", Options: map[string]any{"mode": "inner"}},
		{ID: "calculateField", Options: map[string]any{"mode": "reduceRow"}}, {ID: "sortBy"},
		{ID: "sortBy", Options: map[string]any{"sort": []any{map[string]any{"field": "a", "desc": true}}}}} {
		if _, err := Apply([]Frame{{RefID: "A"}}, []Transformation{tr}); err == nil {
			t.Errorf("%+v is applied", tr)
		}
	}
}
