package query

import (
	"fmt"

	"github.com/packetscope/packetscope/collector/metric"
)

// TargetLabels are those that a server gives to each series of a target.
// "cluster" is optional and empty where nobody sets it.
var TargetLabels = []string{"cluster", "job", "instance"}

// A Series is what is known about the series of one name.
type Series struct {
	// Labels are those that the series may have, target labels included.
	Labels Labels
	// Counter tells that it may be passed to rate; true for histograms too.
	Counter bool
	// Native tells that the value is a native histogram.
	Native bool
}

// A Catalogue knows series by their name.
type Catalogue map[string]Series

// foreign are series of the server, and of the client library in the exporter,
// that queries may name.
var foreign = map[string]Series{
	"up":                            {Labels: labelSet(TargetLabels)},
	"scrape_duration_seconds":       {Labels: labelSet(TargetLabels)},
	"scrape_samples_scraped":        {Labels: labelSet(TargetLabels)},
	"scrape_series_added":           {Labels: labelSet(TargetLabels)},
	"process_resident_memory_bytes": {Labels: labelSet(TargetLabels)},
	"process_cpu_seconds_total":     {Labels: labelSet(TargetLabels), Counter: true},
	"process_open_fds":              {Labels: labelSet(TargetLabels)},
	"process_start_time_seconds":    {Labels: labelSet(TargetLabels)},
	"go_goroutines":                 {Labels: labelSet(TargetLabels)},
	"go_memstats_heap_inuse_bytes":  {Labels: labelSet(TargetLabels)},
	// An alert has the labels of its expression besides its own.
	"ALERTS": {Labels: Labels{open: true}},
}

// Builtin returns a new catalogue of everything in [metric.Families] and of the
// series that a server adds.
func Builtin() Catalogue {
	c := make(Catalogue)
	for name, s := range foreign {
		c[name] = s
	}
	for _, f := range metric.Families {
		s := Series{Labels: labelSet(TargetLabels, f.Labels...), Counter: f.Type != metric.Gauge}
		switch f.Type {
		case metric.Histogram:
			c[f.Name+"_bucket"] = Series{Labels: s.Labels.with("le"), Counter: true}
			c[f.Name+"_sum"], c[f.Name+"_count"] = s, s
			s.Native = true
		case metric.Summary:
			c[f.Name+"_sum"], c[f.Name+"_count"] = s, s
			s = Series{Labels: s.Labels.with("quantile")}
		}
		c[f.Name] = s
	}
	return c
}

// Record checks the expression of a recording rule and adds its series. The name
// must be new.
func (c Catalogue) Record(name, expr string) error {
	if _, ok := c[name]; ok {
		return fmt.Errorf("%s is recorded twice, or is the name of a metric", name)
	}
	labels, err := c.Check(expr)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c[name] = Series{Labels: labels}
	return nil
}
