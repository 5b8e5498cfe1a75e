package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/stat"

	"github.com/packetscope/packetscope/collector/metric"
)

// paths answers: which way do packets take, how good is it, and may they?
func paths() Board {
	return Board{
		Name:        "paths",
		Title:       "PacketScope / Paths",
		Description: "Which way packets take to chosen destinations, how long that takes, what is lost, what has changed, and whether the way is one that they may take.",
		more:        pathVariables(),
		marks: []annotation{{
			name: "Path changed", colour: blue,
			expr:  `changes(packetscope_locator_path_changes_total{<host>,<path>,kind=~"ip|as|country|reach"}[1m]) > 0`,
			title: "Path to {{dest}} changed ({{kind}})", text: "{{protocol}} {{family}} from {{instance}}", tags: "kind,dest,instance",
		}},
		rows: []row{
			{title: "State", panels: pathLights()},
			{title: "Destinations", panels: []panel{destinations(), pathFacts()}},
			{title: "Map", panels: append(mapLights(), hopMap(), routeMap(), branchMap(), peerMap())},
			{title: "Round trips and loss", panels: []panel{
				pathRTTHeat(), pathRTTQuantiles(), farthest(), pathLoss(), pathJitter(), passiveRTT(), passiveRetransmits(),
			}},
			{title: "The route in detail", panels: []panel{hopTable(), rttByDistance(), answersByDistance()}},
			{title: "Changes and risk", panels: []panel{pathChanges(), riskScores(), riskRules(), riskFactors(), suspects()}},
			{title: "Connections", panels: []panel{talkers()}},
			{title: "Locator itself", panels: locatorSelf()},
		},
	}
}

// Labels that join what is known of one path, one distance of it and one hop there.
const (
	ofPath = "cluster, job, instance, dest, protocol, family"
	ofTTL  = ofPath + ", ttl"
	ofHop  = ofTTL + ", hop"
	// byPath and its legend tell paths apart for the reader.
	byPath     = "instance, dest, protocol, family"
	pathLegend = "{{dest}} {{protocol}} {{family}} from {{instance}}"
)

// byPaths returns the greatest values of a gauge by path.
func byPaths(gauge string) string {
	return "max by (" + byPath + ") (" + gauge + "{<host>,<path>})"
}

// What the board and the overview say alike. What the exporter found itself is not
// missed: nobody asked whether it answers probes.
const (
	notMeasured = "not measured"
	found       = `unless on (` + ofPath + `) packetscope_locator_destination_info{<host>,found="true"}`
)

var (
	pathLossSteps = []step{{0.01, yellow}, {0.05, red}} // share of probes
	riskSteps     = []step{{20, yellow}, {50, red}}     // points of 100
	jitterSteps   = []step{{0.01, yellow}, {0.03, red}} // seconds
	rttSteps      = []step{{0.05, blue}, {0.1, yellow}, {0.2, orange}, {0.4, red}}
)

func pathLights() []panel {
	var all []panel
	for _, p := range []*stat.PanelBuilder{
		light("Unreachable", unitCount,
			"Destinations of the configuration that do not answer. The table below says which; the hops of its route say how far probes get. One that answers no pings by choice can be measured by TCP: tcp://HOST:PORT.",
			thresholds(step{1, red}), last(`sum((1 - packetscope_locator_path_reached{<host>,<path>}) `+found+`)`, "unreachable")).Decimals(0),
		light("Loss", unitShare,
			"Share of probes that a destination did not answer in the last 10 minutes, of the worst one that answers at all. It is of the way there and back together. Routers on the way are not counted: they may leave out answers without losing a packet.",
			thresholds(pathLossSteps...), over(`max(packetscope_locator_loss_ratio{<host>,<path>} and on (`+ofPath+`) packetscope_locator_path_reached{<host>} == 1)`, "worst")),
		number("Round trip", unitSeconds,
			"Median of the round trip times of the last 10 minutes, of the farthest destination. Light in a fibre needs a millisecond for 100 km there and back; what is far above that for where the destination is, is a detour or a queue.",
			over(`max(packetscope_locator_rtt_median_seconds{<host>,<path>})`, "farthest")),
		light("Jitter", unitSeconds,
			"How much one round trip time differs from the next (RFC 3550), of the worst destination. Calls and games suffer from some 30 ms on; a value near the round trip time itself is a full queue, or a busy destination.",
			thresholds(jitterSteps...), over(`max(packetscope_locator_jitter_seconds{<host>,<path>})`, "worst")),
		light("Changes", unitCount,
			"Confirmed changes of paths in the chosen time: other routers, networks or countries, or a destination that answers no longer or again. The row Changes says of what kind; blue marks on graphs are when.",
			thresholds(step{1, yellow}), last(`sum(increase(packetscope_locator_path_changes_total{<host>,<path>,kind=~"ip|as|country|reach"}[$__range]))`, "changes")).Decimals(0),
		light("Risk", unitCount,
			"What speaks against the riskiest path, in points from 0 to 100: violated rules of the policy, recent changes of networks and countries, places that cannot be. The row Changes and risk has what it is made of.",
			thresholds(riskSteps...), last(`max(packetscope_locator_risk_score{<host>,<path>})`, "riskiest")).Decimals(0),
		light("Rules violated", unitCount,
			"Pairs of a path and a rule of the policy that it violates: a country or a network that it must not pass, a blocklist that has one of its hops. Without a policy (locator.policy) there are none.",
			thresholds(step{1, red}), last(`sum(packetscope_locator_risk{<host>,<path>})`, "violated")).Decimals(0).NoValue("no policy"),
		light("MTU black holes", unitCount,
			"Paths on which large packets get lost and nobody says so: connections over them start and then hang. The table of paths says behind which hop. Mend the filter that drops ICMP there, or clamp the MSS.",
			thresholds(step{1, red}), last(`sum(packetscope_locator_path_mtu_black_hole{<host>,<path>})`, "black holes")).Decimals(0),
	} {
		all = append(all, p)
	}
	return all
}

// destinations has a row per destination and host: how good the way is.
func destinations() panel {
	byName := "dest, protocol, family, host, address, country, as_name"
	return withColumns(grid("Destinations",
		"Every destination with what databases know of its address, and how well it is reached. Loss at least is what is not by chance: with few probes it is small. Click a destination for its route.",
		rows("info", "max by (instance, "+byName+") (packetscope_locator_destination_info{<host>,<path>})"),
		rows("state", `sum by (`+byPath+`, state) (packetscope_locator_path_state{<host>,<path>} == 1)`),
		rows("reached", byPaths(metric.LocatorPathReached.Name)),
		rows("loss", byPaths(metric.LocatorLoss.Name)),
		rows("low", byPaths(metric.LocatorLossLow.Name)),
		rows("min", byPaths(metric.LocatorRTTMin.Name)),
		rows("median", byPaths(metric.LocatorRTTMedian.Name)),
		rows("jitter", byPaths(metric.LocatorJitter.Name)),
		rows("risk", byPaths(metric.LocatorRiskScore.Name)),
	).NoValue("nothing is measured: name destinations under locator: in the configuration"), 9,
		col("dest", "Destination", linkTo("Show its route", uid("paths"), rowHost+`&var-route=${__value.text}`)),
		col("protocol", "Protocol", widthOf(80)),
		col("family", "Family", widthOf(70)),
		col("instance", "From"),
		col("host", "Host"),
		col("address", "Address"),
		col("country", "Country", widthOf(80)),
		col("as_name", "Network"),
		col("state", "State", valueTexts(map[string]string{"unresolved": "has no address", "discovering": "looking for routers", "steady": "measured"})),
		col("Value #info", ""),
		col("Value #state", ""),
		col("Value #reached", "Answers", valueTexts(map[string]string{"0": "no", "1": "yes"}), widthOf(80)),
		col("Value #loss", "Loss", unitOf(unitShare), widthOf(80)).with(colouredBy(pathLossSteps...)),
		col("Value #low", "Loss at least", unitOf(unitShare), widthOf(100)).with(colouredBy(pathLossSteps...)),
		col("Value #min", "Least RTT", unitOf(unitSeconds), widthOf(90)),
		col("Value #median", "Median RTT", unitOf(unitSeconds), widthOf(90)),
		col("Value #jitter", "Jitter", unitOf(unitSeconds), widthOf(80)).with(colouredBy(jitterSteps...)),
		col("Value #risk", "Risk", widthOf(70)).with(colouredBy(riskSteps...)),
	)
}

// pathFacts has a row per destination and host: what the way is like.
func pathFacts() panel {
	return withColumns(grid("Paths",
		"What the way to each destination is like. Way back is a guess by the TTL of answers: if it differs much from the hops, answers come another way. Width is over how many routers it is balanced. MTU ends at is the hop behind which larger packets do not get on.",
		rows("hops", byPaths(metric.LocatorPathHops.Name)),
		rows("back", byPaths(metric.LocatorReverseHops.Name)),
		rows("as", byPaths(metric.LocatorPathASes.Name)),
		rows("width", byPaths(metric.LocatorPathWidth.Name)),
		rows("branches", byPaths(metric.LocatorBranchesKnown.Name)),
		rows("mtu", byPaths(metric.LocatorPathMTU.Name)),
		rows("link", byPaths(metric.LocatorPathMTULink.Name)),
		rows("hole", byPaths(metric.LocatorMTUBlackHole.Name)),
		rows("nat", "sum by ("+byPath+") (packetscope_locator_nat{<host>,<path>})"),
		rows("blocked", "max by ("+byPath+", reason) (packetscope_locator_path_blocked{<host>,<path>})"),
		rows("failing", byPaths(metric.LocatorPathFailing.Name)),
		rows("id", byPaths(metric.LocatorPathID.Name)),
		rows("changed", "min by ("+byPath+") (time() - packetscope_locator_path_last_change_timestamp_seconds{<host>,<path>})"),
	).NoValue("nothing is measured"), 13,
		col("dest", "Destination", linkTo("Show its route", uid("paths"), rowHost+`&var-route=${__value.text}`)),
		col("protocol", "Protocol", widthOf(80)),
		col("family", "Family", widthOf(70)),
		col("instance", "From"),
		col("Value #hops", "Hops", widthOf(70)),
		col("Value #back", "Way back", widthOf(90)),
		col("Value #as", "Networks", widthOf(90)),
		col("Value #width", "Width", widthOf(70)),
		col("Value #branches", "Branches", valueTexts(map[string]string{"0": "not all known", "1": "all known"}), widthOf(110)),
		col("Value #mtu", "MTU", unitOf(unitBytes), widthOf(90)),
		col("Value #link", "MTU ends at", widthOf(100)),
		col("Value #hole", "Black hole", valueTexts(map[string]string{"0": "no", "1": "yes"}), widthOf(90)).with(colouredBy(step{1, red})),
		col("Value #nat", "Translators", widthOf(100)),
		col("reason", "Refused by a router"),
		col("Value #blocked", ""),
		col("Value #failing", "Measured", valueTexts(map[string]string{"0": "yes", "1": "cannot be"})).with(colouredBy(step{1, red})),
		col("Value #id", "Path", unitOf("none"), property{Id: "decimals", Value: 0}),
		col("Value #changed", "Changed before", unitOf(unitSeconds)),
	)
}
