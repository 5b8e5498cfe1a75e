// Package dashboards holds PacketScope's Grafana dashboards, written in Go on
// grafana-foundation-sdk, and makes the files that Grafana reads from them.
//
// A dashboard is a [Board]: a title, rows of panels, and what all boards share
// (variables, links to the other boards, alerts as annotations). Panels come from
// a few constructors (lines, stat, table, heatmap, nodeGraph, worldMap) that give them the
// look of the house and take what no panel may lack: a unit and a description that
// says what the number means and what to do about it. To add a dashboard, write a
// function that returns a Board and list it in [All].
//
// # What is checked
//
// [Board.Build] fails if a query names a metric or a label that nothing exposes
// (package query), does not restrict itself to the selected hosts, has a legend
// that cannot tell its lines apart, or if the panels of a line do not fill it. The
// tests run every query on a scrape of the real exporter.
//
// # Queries
//
// In queries <host> stands for the matchers of the selected hosts, <watch> for those of
// the selected watches, <path> for those of the selected destinations and <route> for
// those of the one whose hops are shown. All rates are over $__rate_interval, which
// Grafana makes long enough for four scrapes.
//
// Quantiles are taken from the classic buckets: servers with and without native
// histograms have those. Heat maps take the native histogram where there is one.
package dashboards
