package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/geomap"
)

// Maps draw without the Internet: their ground are the outlines of countries that come
// with Grafana, and no tile server learns who looks at what. Grafana takes any layer as
// the ground, though its editor offers only tiles.
//
// A layer draws the first frame that its filter leaves, and reads positions from fields
// of numbers named latitude and longitude, which a table of Prometheus has as strings:
// [positioned] makes numbers of them. A row without a position would be drawn at 0, 0,
// so queries leave such rows out. What a row has beside its position is its tooltip.

// A mapLayer is a layer of a map.
type mapLayer = cog.Builder[common.MapLayerOptions]

// worldMap returns a map as wide as the board, which shows the whole world.
func worldMap(title, unit, description string, layers []mapLayer, queries ...target) *geomap.PanelBuilder {
	p := dress(geomap.NewPanelBuilder(), title, unit, description, queries).
		Span(width).Height(tallHeight).
		View(geomap.NewMapViewConfigBuilder().Id("zero").Lat(0).Lon(0).Zoom(1).AllLayers(true)).
		Controls(geomap.NewControlsOptionsBuilder().ShowZoom(true).MouseWheelZoom(false).
			ShowAttribution(false).ShowScale(true).ShowDebug(false).ShowMeasure(false)).
		Tooltip(geomap.NewTooltipOptionsBuilder().Mode(geomap.TooltipModeDetails)).
		Basemap(countries()).
		Layers(layers).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		OverrideByRegexp("/^(Time|cluster|job|latitude|longitude|geohash|lookup)$/", []property{hidden()})
	return p.WithTransformation(positioned())
}

// zoomedTo makes a map show what a layer draws, and no closer than a country.
func zoomedTo(p *geomap.PanelBuilder, layer string) *geomap.PanelBuilder {
	const country = 6
	return p.View(geomap.NewMapViewConfigBuilder().Id("fit").Lat(0).Lon(0).Zoom(country).
		AllLayers(false).LastOnly(false).Layer(layer).Padding(20))
}

// hidden leaves a field out of tooltips.
func hidden() property {
	return property{Id: "custom.hideFrom", Value: map[string]any{"tooltip": true, "legend": false, "viz": false}}
}

// positioned makes numbers of latitudes and longitudes.
func positioned() transformation {
	conversion := func(field string) map[string]any {
		return map[string]any{"targetField": field, "destinationType": "number"}
	}
	return transformation{Id: "convertFieldType", Options: map[string]any{
		"conversions": []any{conversion("latitude"), conversion("longitude")}, "fields": map[string]any{},
	}}
}

// countries are the outlines that every Grafana has.
func countries() mapLayer {
	return common.NewMapLayerOptionsBuilder().Type("geojson").Name("Countries").Config(map[string]any{
		"src":   "public/maps/countries.geojson",
		"rules": []any{},
		"style": map[string]any{"color": map[string]any{"fixed": "#6b7785"}, "opacity": 0.25, "lineWidth": 1},
	})
}

// A drawing is how a layer looks.
type drawing struct {
	// colour is that of all marks, or where colourBy says a field, of those without a
	// value. A field has the colours of its thresholds.
	colour, colourBy string
	// size is in pixels; with sizeBy it grows with a field from 4 to it.
	size   int
	sizeBy string
	// symbol is "circle" if empty, or another of Grafana's: square, triangle, star, cross,
	// x-mark.
	symbol string
	// text is a field whose values stand beside the marks.
	text string
	// legend shows what colours mean.
	legend bool
}

func (d drawing) style() map[string]any {
	colour, size := map[string]any{"fixed": d.colour}, map[string]any{"fixed": d.size, "min": 4, "max": d.size}
	if d.colourBy != "" {
		colour["field"] = d.colourBy
	}
	if d.sizeBy != "" {
		size["field"] = d.sizeBy
	}
	if d.symbol == "" {
		d.symbol = "circle"
	}
	style := map[string]any{
		"color": colour, "size": size, "opacity": 0.8, "lineWidth": 2,
		"symbol":      map[string]any{"mode": "fixed", "fixed": "img/icons/marker/" + d.symbol + ".svg"},
		"symbolAlign": map[string]any{"horizontal": "center", "vertical": "center"},
		"rotation":    map[string]any{"fixed": 0, "mode": "mod", "min": -360, "max": 360},
		"textConfig":  map[string]any{"fontSize": 12, "textAlign": "left", "textBaseline": "bottom", "offsetX": 7, "offsetY": -3},
	}
	if d.text != "" {
		style["text"] = map[string]any{"mode": "field", "field": d.text, "fixed": ""}
	}
	return style
}

// markersAt draws the rows of a query where their latitude and longitude are.
func markersAt(name, ref string, d drawing) mapLayer {
	return dataLayer("markers", name, "^"+ref+"$", atCoordinates(), map[string]any{"style": d.style(), "showLegend": d.legend})
}

// markersByCountry draws the rows of a query at the countries that their field lookup
// has as ISO codes. Codes of no country are left out.
func markersByCountry(name, ref string, d drawing) mapLayer {
	at := common.NewFrameGeometrySourceBuilder().Mode(common.FrameGeometrySourceModeLookup).
		Lookup("lookup").Gazetteer("public/gazetteer/countries.json")
	return dataLayer("markers", name, "^"+ref+"$", at, map[string]any{"style": d.style(), "showLegend": d.legend})
}

// line draws one line through the rows of a query in their order, with arrows.
func line(name, ref string, d drawing) mapLayer {
	return dataLayer("route", name, "^"+ref+"$", atCoordinates(), map[string]any{"style": d.style(), "arrow": 1})
}

// mesh draws the queries "nodes" and "edges", whose names Grafana wants: nodes have a
// field id, edges the fields source and target. It fails if an end of an edge is no node,
// or if there are nodes and no edges.
func mesh(name string, nodes, edges drawing) mapLayer {
	return dataLayer("network", name, "^(nodes|edges)$", atCoordinates(), map[string]any{
		"style": nodes.style(), "edgeStyle": edges.style(), "showLegend": nodes.legend, "arrow": 1,
	})
}

func dataLayer(kind, name, refs string, at cog.Builder[common.FrameGeometrySource], config map[string]any) mapLayer {
	return common.NewMapLayerOptionsBuilder().Type(kind).Name(name).Config(config).
		Location(at).FilterData(onFrames(refs)).Tooltip(true)
}

func atCoordinates() cog.Builder[common.FrameGeometrySource] {
	return common.NewFrameGeometrySourceBuilder().Mode(common.FrameGeometrySourceModeCoords).
		Latitude("latitude").Longitude("longitude")
}
