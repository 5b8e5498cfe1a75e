package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Colours by name, so that light and dark themes each show their own shade.
const (
	red    = "red"
	orange = "orange"
	yellow = "yellow"
	green  = "green"
	blue   = "blue"
	purple = "purple"
	grey   = "#8e8e8e"
)

// colours are those of label values that mean the same on every board, by label.
var colours = map[string]map[string]string{
	// From the wire to the application, in the order of the rainbow.
	"layer": {
		"driver": "dark-purple", "link": purple, "qdisc": blue, "network": "super-light-blue",
		"transport": green, "socket": yellow,
	},
	"severity": {
		"loss": red, "policy": blue, "benign": grey, // of drops
		"critical": red, "warning": orange, "info": blue, // of alerts
	},
	"result":    {"established": green, "refused": orange, "timeout": red, "reset": purple},
	"cause":     {"dropped": red, "departed": blue, "missed": yellow, "stale": orange, "clock": grey},
	"verdict":   {"pass": green, "drop": red, "would_drop": orange, "count": blue},
	"mode":      {"enforce": red, "audit": orange}, // of rules
	"hook":      {"native": green, "generic": yellow, "none": red},
	"by":        {"builtin": blue, "model": purple}, // whom explanations are by
	"clock":     {"kernel": green, "user": orange},  // that took times of probes
	"direction": {"receive": green, "transmit": blue, "forward": purple},
}

// Units in use, by Grafana's names for them.
const (
	unitSeconds   = "s"
	unitPackets   = "pps"
	unitBytesRate = "Bps"
	unitBytes     = "bytes"
	unitEvents    = "cps"
	unitShare     = "percentunit"
	unitCount     = "short"
)

// Sizes of panels on the grid of 24 columns.
const (
	width       = 24
	half        = 12
	third       = 8
	statHeight  = 4
	graphHeight = 8
	tallHeight  = 12
)

// A step of a threshold: from this value on, this colour.
type step struct {
	from   float64
	colour string
}

// thresholds begins green and takes the steps in rising order.
func thresholds(steps ...step) *dashboard.ThresholdsConfigBuilder {
	return thresholdsFrom(green, steps...)
}

// thresholdsFrom begins with a colour for everything below the first step. The
// base has no value, which Grafana reads as minus infinity.
func thresholdsFrom(base string, steps ...step) *dashboard.ThresholdsConfigBuilder {
	all := []dashboard.Threshold{{Color: base}}
	for _, s := range steps {
		all = append(all, dashboard.Threshold{Value: cog.ToPtr(s.from), Color: s.colour})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(all)
}

// noThresholds colours nothing; Grafana would add a red 80 of its own.
func noThresholds() *dashboard.ThresholdsConfigBuilder { return thresholdsFrom(green) }

// legend lists the series in a table below the graph, with the columns that help
// to compare them.
func legend() *common.VizLegendOptionsBuilder {
	return common.NewVizLegendOptionsBuilder().
		DisplayMode(common.LegendDisplayModeTable).
		Placement(common.LegendPlacementBottom).
		ShowLegend(true).
		Calcs([]string{"lastNotNull", "mean", "max"})
}

// tooltip shows all series at a point in time, the largest first.
func tooltip() *common.VizTooltipOptionsBuilder {
	return common.NewVizTooltipOptionsBuilder().
		Mode(common.TooltipDisplayModeMulti).
		Sort(common.SortOrderDescending)
}
