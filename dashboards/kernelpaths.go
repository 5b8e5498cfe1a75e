package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/nodegraph"
)

// kernelPaths answers: by which functions of the kernel do packets go, where do they spend
// their time, and where do they end?
func kernelPaths() Board {
	return Board{
		Name:        "kernelpaths",
		Title:       "PacketScope / Paths through the kernel",
		Description: "By which functions of the kernel sampled packets go, how long that takes, and where they end.",
		rows: []row{
			{title: "Map", panels: []panel{sampledPackets(), sampledShare(), sampledDrops(), sampledAge(), kernelMap()}},
			{title: "Time", panels: []panel{slowFunctions(), slowOverTime(), slowLayers()}},
			{title: "Ends", panels: []panel{endsOverTime(), dropsOverTime(), endTable()}},
			{title: "Sampling", folded: true, panels: []panel{samplingTime(), samplingRuns()}},
		},
	}
}

// notSampled is shown where there are no samples.
const notSampled = "not sampled: --no-collector.pathmap"

func sampledPackets() panel {
	return number("Sampled packets", unitPackets,
		"Packets that are followed, and are all that this board is about: few of many. What is shown are shares and times of them.",
		last(`sum(rate(packetscope_stack_path_chosen_packets_total{<host>}[$__rate_interval]))`, "sampled")).Span(6).NoValue(notSampled)
}

func sampledShare() panel {
	return number("Time in which packets are looked at", unitShare,
		"The share of the time in which the programs are attached. It is 100 % on a quiet host, and small on a busy one, where their budget is soon used up; then the samples are all of that moment.",
		last(`avg(rate(packetscope_stack_path_attached_seconds_total{<host>}[$__rate_interval]))`, "attached")).Span(6).NoValue(notSampled)
}

func sampledDrops() panel {
	return light("Functions that drop", unitCount,
		"Functions of the kernel in which sampled packets were dropped in the last 15 minutes. They are red in the map. A firewall drops too.",
		thresholdsFrom(green, step{1, yellow}),
		last(`count(count by (source) (instance_source_target:packetscope_stack_path_drop_samples:increase15m{<host>} > 0))`, "functions")).
		Decimals(0).Span(6).NoValue("none")
}

func sampledAge() panel {
	return light("Age of the map", unitSeconds,
		"How long ago the last turn of sampling ended, of the host where that is longest; one begins every ten seconds.",
		thresholds(step{60, yellow}, step{120, red}),
		last(`max(time() - packetscope_stack_path_last_turn_timestamp_seconds{<host>})`, "age")).Span(6).NoValue(notSampled)
}

// mostMapEdges keeps the graph readable.
const mostMapEdges = 150

// mapEdges are the edges with most samples: the lines and the dots are made of the same.
func mapEdges() string {
	return fmt.Sprintf("topk(%d, sum by (source, target) (instance_source_target:packetscope_stack_path_samples:rate15m{<host>}) > 0)", mostMapEdges)
}

// mapLines are the edges with their colour: those that end in a drop are red.
func mapLines() string {
	coloured := `label_replace(label_replace(` + mapEdges() + `, "color", "` + grey + `", "target", ".*"), "color", "` + red + `", "target", "dropped: .*")`
	return `label_join(` + coloured + `, "id", " > ", "source", "target")`
}

// mapTimes are how long edges take, by their ids alone: what is joined must have no other label
// of the lines.
func mapTimes() string {
	return `max by (id) (label_join(avg by (source, target) (instance_source_target:packetscope_stack_path_step_seconds:mean15m{<host>}) and on (source, target) ` + mapEdges() + `, "id", " > ", "source", "target"))`
}

// mapDots are the ends of the edges, with their layer.
func mapDots() string {
	end := func(label string) string {
		return fmt.Sprintf(`sum by (id) (label_replace(%s, "id", "$1", %q, "(.*)"))`, mapEdges(), label)
	}
	dots := `(` + end("target") + ` or ` + end("source") + `)`
	layers := `group by (id, subtitle) (label_replace(label_replace(packetscope_stack_path_function_info{<host>}, "id", "$1", "function", "(.*)"), "subtitle", "$1", "layer", "(.*)"))`
	named := dots + ` * on (id) group_left (subtitle) ` + layers + ` or on (id) ` + dots
	coloured := `label_replace(label_replace(label_replace(` + named + `, "color", "` + blue + `", "id", ".*"), "color", "` + green + `", "id", "delivered|sent|consumed|merged"), "color", "` + red + `", "id", "dropped: .*")`
	return `label_replace(` + coloured + `, "title", "$1", "id", "(.*)")`
}

// kernelMap draws functions. A node graph reads fields by their own names, see pathMap.
func kernelMap() panel {
	const edges, nodes = "edges", "nodes"
	p := graph("Functions on the way",
		"Functions of the kernel with their layer, and where packets came from and went to: the number is samples per second, and on a line, if packets were seen on both sides of it, the mean time. What ends in a drop is red, green are good ends. Read it from where packets come in (poll, sendmsg) to the ends; choose one host, as kernels differ.",
		rows(edges, mapLines()),
		rows("edges_time", mapTimes()),
		rows(nodes, mapDots()),
	).
		Nodes(nodegraph.NewNodeOptionsBuilder().MainStatUnit("suffix: /s")).
		Edges(nodegraph.NewEdgeOptionsBuilder().MainStatUnit("suffix: /s").SecondaryStatUnit(unitSeconds)).
		ZoomMode(nodegraph.ZoomModeCooperative)
	for _, t := range []transformation{
		joined("id", "^edges"),
		copied("Value #edges", "mainstat", edges), copied("Value #edges_time", "secondarystat", edges), copied("Value #nodes", "mainstat", nodes),
	} {
		p.WithTransformation(t)
	}
	return withOptions{p, map[string]any{"layoutAlgorithm": "layered"}}
}

// spent is the time of sampled packets by some labels.
func spent(by string) string {
	return "sum by (" + by + ") (increase(packetscope_stack_path_step_seconds_total{<host>}[$__range]))"
}

func slowFunctions() panel {
	timed := "(sum by (target, direction, protocol) (increase(packetscope_stack_path_timed_samples_total{<host>}[$__range])) > 0)"
	by := "target, direction, protocol"
	return withColumns(grid("Where sampled packets spend their time",
		"Functions by the time that sampled packets spent from one sighting to the next, in the time range: in the function and what it calls, or waiting for it to run (a poll, a read). The share is that of all time of the samples.",
		rows("share", "topk(50, "+spent(by)+" / ignoring ("+by+") group_left () sum(increase(packetscope_stack_path_step_seconds_total{<host>}[$__range]))) > 0"),
		rows("mean", spent(by)+" / "+timed),
		rows("samples", timed),
	).NoValue(notSampled), 3,
		col("target", "Function"),
		col("direction", "Direction", widthOf(110)),
		col("protocol", "Protocol", widthOf(100)),
		col("Value #share", "Share of all time", append(gauged(), unitOf(unitShare))...),
		col("Value #mean", "Mean", unitOf(unitSeconds), widthOf(120)),
		col("Value #samples", "Samples", widthOf(100)),
	)
}

func slowOverTime() panel {
	return lines("Mean time by function", unitSeconds,
		"The mean time of sampled packets, of the ten functions that take longest. A step: something changed, such as a rule of a firewall, or a queue that fills.",
		over(`topk(10, sum by (target) (rate(packetscope_stack_path_step_seconds_total{<host>}[$__rate_interval])) / (sum by (target) (rate(packetscope_stack_path_timed_samples_total{<host>}[$__rate_interval])) > 0))`, "{{target}}"))
}

func slowLayers() panel {
	return stack("Time of sampled packets by layer", unitSeconds,
		"What part of a second sampled packets spent per second in functions of each layer, waiting included. It grows with the number of samples: compare the layers.",
		over(`sum by (layer) (label_replace(sum by (target) (rate(packetscope_stack_path_step_seconds_total{<host>}[$__rate_interval])), "function", "$1", "target", "(.*)") * on (function) group_left (layer) group by (function, layer) (packetscope_stack_path_function_info{<host>}))`, "{{layer}}"))
}

func endsOverTime() panel {
	return stack("What became of sampled packets", unitPackets,
		"Sampled packets by their fate. unseen: the kernel does not tell how most packets end that are well received, and sampling ends in the middle of some. Drops are sampled apart from the others, so that there are more of them here than among all packets.",
		over(`sum by (fate) (rate(packetscope_stack_path_packets_total{<host>}[$__rate_interval]))`, "{{fate}}"))
}

func dropsOverTime() panel {
	return stack("Sampled drops by function and reason", unitPackets,
		"Where sampled packets were dropped, and why. The board Drops has all drops, and what the reasons mean.",
		over(`topk(10, sum by (source, target) (rate(packetscope_stack_path_samples_total{<host>,target=~"dropped: .+"}[$__rate_interval])))`, "{{source}}: {{target}}"))
}

func endTable() panel {
	return withColumns(grid("Where sampled packets ended",
		"The function in which sampled packets ended in the time range, and how, most first.",
		rows("A", `topk(100, sum by (source, target, direction, protocol) (increase(packetscope_stack_path_samples_total{<host>,target=~"delivered|sent|consumed|merged|dropped: .+"}[$__range])) > 0)`),
	).NoValue(notSampled), 1,
		col("target", "End"),
		col("source", "Function"),
		col("direction", "Direction", widthOf(110)),
		col("protocol", "Protocol", widthOf(100)),
		col("Value", "Samples", widthOf(110)),
	)
}

func samplingTime() panel {
	return lines("Packets that are sampled", unitShare,
		"attached: the share of the time in which packets may be sampled. chosen: the share of them that are. used up: the share of turns that ended early, as their budget was used up.",
		over(`avg(rate(packetscope_stack_path_attached_seconds_total{<host>}[$__rate_interval]))`, "attached"),
		over(`sum(rate(packetscope_stack_path_chosen_packets_total{<host>}[$__rate_interval])) / (sum(rate(packetscope_stack_path_offered_packets_total{<host>}[$__rate_interval])) > 0)`, "chosen"),
		over(`clamp_max(sum(rate(packetscope_stack_path_spent_turns_total{<host>}[$__rate_interval])) / (sum(rate(packetscope_stack_path_turns_total{<host>}[$__rate_interval])) > 0), 1)`, "used up"))
}

func samplingRuns() panel {
	return lines("Runs of the programs, and what is lost", unitEvents,
		"How often the programs that sample ran, and sightings that are missing in the map: full is for want of room, unnamed are those whose functions could not be named in time.",
		over(`sum(rate(packetscope_stack_path_program_runs_total{<host>}[$__rate_interval]))`, "runs"),
		over(`sum by (cause) (rate(packetscope_stack_path_lost_events_total{<host>}[$__rate_interval]))`, "lost: {{cause}}"))
}
