// Package grafanatest restates, for tests, how Grafana turns the result of a
// Prometheus query into frames, what its transformations make of those, and which
// fields the node graph and the map read from them.
//
// These panels show nothing, or an error, if a field has another name or type than
// they expect, and no schema says so. The rules were read in the sources of
// Grafana 12.4 and tried with its own transformation code (packages/grafana-data;
// public/app/plugins/panel/nodeGraph/utils.ts; public/app/features/geo). Only the
// transformations that the boards use are here; others are an error.
package grafanatest
