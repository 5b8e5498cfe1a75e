package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/nodegraph"

	"github.com/packetscope/packetscope/collector/metric"
)

// The path map draws the layers as nodes, from the wire up the receive side to
// the sockets, and down the transmit side to the wire. A node graph reads fields
// by their own names, and a table has those of the labels: so ids and titles are
// made in PromQL, and numbers are copied into fields with the names that it wants.
//
// A forwarded packet enters by the link layer of the receive side and leaves by
// the queue of the transmit side; the sides share the sockets.

// pathMap is the graph.
func pathMap() panel {
	const edges, nodes = "edges", "nodes"
	p := graph("Path map",
		"Packets per second through the layers, from the wire (receive link) to the sockets and back to the wire (transmit driver). On an edge: its rate and the 99th percentile of its time. "+
			"On a node: what it handled, and what was lost there; the red part of the ring is the share that was lost. Follow the rate until it thins out.",
		rows(edges, edgeRates()),
		rows("edges_p99", byEdge("max", neighbours(metric.StageDuration.Name+"_bucket", "<watch>"), "histogram_quantile(0.99, sum by (direction, from, to, le) (%s))")),
		rows(nodes, nodeRates()),
		rows("nodes_lost", nodeLosses()),
		rows("nodes_share", nodeShare()),
		rows("nodes_through", "1 - ("+nodeShare()+")"),
	).
		Nodes(nodegraph.NewNodeOptionsBuilder().MainStatUnit(unitPackets).SecondaryStatUnit("suffix: lost/s").
			Arcs([]cog.Builder[nodegraph.ArcOption]{arc("arc__through", green), arc("arc__lost", red)})).
		Edges(nodegraph.NewEdgeOptionsBuilder().MainStatUnit(unitPackets).SecondaryStatUnit(unitSeconds)).
		ZoomMode(nodegraph.ZoomModeCooperative)
	for _, t := range []transformation{
		joined("id", "^edges"), joined("id", "^nodes"),
		copied("Value #edges", "mainstat", edges), copied("Value #edges_p99", "secondarystat", edges),
		copied("Value #nodes", "mainstat", nodes), copied("Value #nodes_lost", "secondarystat", nodes),
		copied("Value #nodes_share", "arc__lost", nodes), copied("Value #nodes_through", "arc__through", nodes),
	} {
		p.WithTransformation(t)
	}
	return withOptions{p, map[string]any{"layoutAlgorithm": "layered"}}
}

func arc(field, colour string) *nodegraph.ArcOptionBuilder {
	return nodegraph.NewArcOptionBuilder().Field(field).Color(colour)
}

// neighbours returns the rates of a counter over those spans that skip no layer.
func neighbours(counter, more string) string {
	return fmt.Sprintf(`rate(%[1]s{<host>,%[2]s,to=~"network|socket"}[$__rate_interval]) or rate(%[1]s{<host>,%[2]s,from=~"network|qdisc"}[$__rate_interval])`,
		counter, more)
}

// edgeRates has one series per pair of neighbouring layers that packets cross,
// and one for what applications write, which is where the transmit side begins.
func edgeRates() string {
	crossings := "sum by (direction, from, to) (" + neighbours(metric.LayerCrossings.Name, "<watch>") + ")"
	writes := `sum by (direction) (rate(packetscope_packets_total{<host>,<watch>,layer="socket",direction="transmit"}[$__rate_interval]))`
	writes = `label_replace(label_replace(` + writes + `, "source", "socket", "", ""), "target", "transmit transport", "", "")`
	return edgeID(ends(crossings)+"\nor "+writes) + " > 0"
}

// ends adds the ids of the nodes that spans begin and end at.
func ends(spans string) string { return place(place(spans, "source", "from"), "target", "to") }

func edgeID(edges string) string { return `label_join(` + edges + `, "id", " > ", "source", "target")` }

// byEdge wraps spans and aggregates the result, by the ids of the edges alone.
func byEdge(aggregate, spans, wrap string) string {
	return aggregate + " by (id) (" + edgeID(ends(fmt.Sprintf(wrap, spans))) + ")"
}

// place makes the id of a node out of direction and layer.
func place(expr, id, layer string) string {
	expr = fmt.Sprintf(`label_join(%s, %q, " ", "direction", %q)`, expr, id, layer)
	for _, shared := range []struct{ id, pattern string }{
		{"socket", ".* socket"}, {"receive link", "forward link"}, {"transmit qdisc", "forward qdisc"}, {"transmit driver", "forward driver"},
	} {
		expr = fmt.Sprintf("label_replace(%s, %q, %q, %q, %q)", expr, id, shared.id, id, shared.pattern)
	}
	return expr
}

// handled is the rate of packets by node.
func handled() string {
	return "sum by (id) (" + place(`sum by (direction, layer) (rate(packetscope_packets_total{<host>,<watch>}[$__rate_interval]))`, "id", "layer") + ")"
}

// nodeRates has all nodes that handled something, and the ends of all edges: an
// edge to a node that is not there is an error to Grafana.
func nodeRates() string {
	end := func(name string) string {
		return fmt.Sprintf(`0 * sum by (id) (label_replace(%s, "id", "$1", %q, "(.*)"))`, edgeRates(), name)
	}
	return fmt.Sprintf(`label_replace(label_replace(%s > 0 or %s or %s,
"title", "$2", "id", "(?:(receive|transmit|forward) )?(.*)"), "subtitle", "$1", "id", "(?:(receive|transmit|forward) )?(.*)")`,
		handled(), end("source"), end("target"))
}

// losses are the rate of losses by node. Drops do not know of watches.
func losses() string {
	return "sum by (id) (" + place(`sum by (direction, layer) (rate(packetscope_drops_total{<host>,severity="loss"}[$__rate_interval]))`, "id", "layer") + ")"
}

func nodeLosses() string { return losses() + " and on (id) (" + handled() + " > 0)" }

// nodeShare is the share that a node lost of what it had to handle.
func nodeShare() string {
	return fmt.Sprintf("clamp_max(%[1]s / on (id) (%[2]s > 0), 1) or 0 * (%[2]s > 0)", losses(), handled())
}
