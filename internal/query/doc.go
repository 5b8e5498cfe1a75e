// Package query checks PromQL against the metrics that there are, before any
// server sees it.
//
// A query that names a metric or a label which nothing exposes is valid PromQL
// and returns nothing, for ever: a panel stays empty and an alert never fires.
// [Catalogue.Check] follows the labels through an expression, as the engine will,
// and reports each name that cannot exist at its place.
//
//	c := query.Builtin()
//	err := c.Record("instance:packetscope_drops:rate5m", `sum by (job, instance) (rate(packetscope_drops_total[5m]))`)
//	labels, err := c.Check(`sum by (reason) (instance:packetscope_drops:rate5m)`)
//	// 1:9: "reason" is no label of instance:packetscope_drops:rate5m (has instance, job)
package query
