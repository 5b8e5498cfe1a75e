package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/nodegraph"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// A panel is any builder of one.
type panel = cog.Builder[dashboard.Panel]

// common methods of the SDK's panel builders, each of which returns itself.
type builder[P any] interface {
	Title(string) P
	Description(string) P
	Datasource(common.DataSourceRef) P
	Unit(string) P
	Span(uint32) P
	Height(uint32) P
	WithTarget(cog.Builder[variants.Dataquery]) P
	OverrideByRegexp(string, []dashboard.DynamicConfigValue) P
	Thresholds(cog.Builder[dashboard.ThresholdsConfig]) P
}

// dress gives a panel what every panel has.
func dress[P builder[P]](p P, title, unit, description string, queries []target) P {
	p = p.Title(title).Description(description).Unit(unit).Datasource(source).Thresholds(noThresholds())
	for i, q := range queries {
		p = p.WithTarget(q.build(i))
	}
	return p
}

// lines returns a graph over time, half as wide as the board.
func lines(title, unit, description string, queries ...target) *timeseries.PanelBuilder {
	p := dress(timeseries.NewPanelBuilder(), title, unit, description, queries).
		Span(half).Height(graphHeight).
		Legend(legend()).Tooltip(tooltip()).
		Min(0).
		LineWidth(1).FillOpacity(10).
		ShowPoints(common.VisibilityModeNever).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassicByName))
	return paint(p, queries)
}

// stack returns a graph of parts of a whole: areas on top of each other.
func stack(title, unit, description string, queries ...target) *timeseries.PanelBuilder {
	return lines(title, unit, description, queries...).
		FillOpacity(60).LineWidth(0).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
}

// light returns a number on a ground whose colour tells whether it is all right.
func light(title, unit, description string, at *dashboard.ThresholdsConfigBuilder, q target) *stat.PanelBuilder {
	return dress(stat.NewPanelBuilder(), title, unit, description, []target{q}).
		Span(3).Height(statHeight).
		Thresholds(at).
		ColorMode(common.BigValueColorModeBackground).
		GraphMode(common.BigValueGraphModeArea).
		TextMode(common.BigValueTextModeValue).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		NoValue("no data")
}

// number returns a plain number.
func number(title, unit, description string, q target) *stat.PanelBuilder {
	return light(title, unit, description, thresholdsFrom(blue), q).
		ColorMode(common.BigValueColorModeValue)
}

// heat returns a heat map of a duration, a third as wide as the board.
func heat(title, unit, description string, q target) *heatmap.PanelBuilder {
	return dress(heatmap.NewPanelBuilder(), title, unit, description, []target{q}).
		Span(third).Height(graphHeight).
		Calculate(false).
		// These six go together: a colour builder begins with zeros.
		Color(heatmap.NewHeatmapColorOptionsBuilder().
			Mode(heatmap.HeatmapColorModeScheme).Scheme("Turbo").Fill("dark-orange").
			Scale(heatmap.HeatmapColorScaleExponential).Exponent(0.5).Steps(64)).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(unit).AxisPlacement(common.AxisPlacementLeft)).
		CellValues(heatmap.NewCellValuesBuilder().Unit(units.Short)).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle).YHistogram(true).ShowColorScale(true)).
		FilterValues(heatmap.NewFilterValueRangeBuilder().Le(1e-9)).
		ShowLegend()
}

// grid returns a table as wide as the board.
func grid(title, description string, queries ...target) *table.PanelBuilder {
	return dress(table.NewPanelBuilder(), title, unitCount, description, queries).
		Span(width).Height(graphHeight).
		ShowHeader(true).
		CellHeight(common.TableCellHeightSm).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{"sum"})).
		Filterable(true)
}

// graph returns a node graph as wide as the board: the panel does not fit itself
// to less.
func graph(title, description string, queries ...target) *nodegraph.PanelBuilder {
	return dress(nodegraph.NewPanelBuilder(), title, unitCount, description, queries).
		Span(width).Height(tallHeight)
}

// withOptions adds options to a panel that its builder does not know.
type withOptions struct {
	panel
	options map[string]any
}

// Build implements cog.Builder.
func (w withOptions) Build() (dashboard.Panel, error) {
	p, err := w.panel.Build()
	if err != nil {
		return p, err
	}
	p.Options, err = merged(p.Options, w.options)
	if err != nil {
		// Parents take no other kind of error from a builder.
		return p, cog.MakeBuildErrors("options", err)
	}
	return p, nil
}
