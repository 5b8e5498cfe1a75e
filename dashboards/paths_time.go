package dashboards

import "github.com/packetscope/packetscope/collector/metric"

func pathRTTHeat() panel {
	return heat("Round trips", unitSeconds,
		"Every round trip to the chosen destinations: the brighter, the more probes took that long. A second band that appears is another path or a queue; choose one destination to see it alone.",
		distribution(metric.LocatorRTT.Name, ",<path>"))
}

func pathRTTQuantiles() panel {
	return lines("Quantiles of round trips", unitSeconds,
		"Half of the probes to the chosen destinations took no longer than p50, 19 of 20 no longer than p95. If p99 alone rises, single packets wait in queues; if p50 rises too, the way itself has become longer.",
		over(quantile(0.5, metric.LocatorRTT.Name, "", ",<path>"), "p50"),
		over(quantile(0.95, metric.LocatorRTT.Name, "", ",<path>"), "p95"),
		over(quantile(0.99, metric.LocatorRTT.Name, "", ",<path>"), "p99")).Span(third)
}

func farthest() panel {
	return lines("Median round trip, farthest destinations", unitSeconds,
		"Median of the round trips of the last 10 minutes, of the ten farthest destinations. A step without a step back is a change of the path; a hill in the evening is a full link.",
		over("topk(10, "+byPaths(metric.LocatorRTTMedian.Name)+")", pathLegend)).Span(third)
}

func pathLoss() panel {
	return lines("Loss by destination", unitShare,
		"Share of probes that the ten worst destinations did not answer in the last 10 minutes, there and back together. It is 1 if a destination is unreachable. The table of the route says from which hop on packets get lost.",
		over("topk(10, "+byPaths(metric.LocatorLoss.Name)+")", pathLegend)).Max(1)
}

func pathJitter() panel {
	return lines("Jitter by destination", unitSeconds,
		"How much one round trip differs from the next, of the ten worst destinations (RFC 3550). With loss it is a full link; without it, look whether the exporter's own clock is the kernel's (row Locator itself).",
		over("topk(10, "+byPaths(metric.LocatorJitter.Name)+")", pathLegend))
}

// passiveRTT compares probes with what the kernel measures of connections.
func passiveRTT() panel {
	const connections = `packetscope_locator_passive_rtt_min_seconds{<host>,dest=~"$dest",dest!=""}`
	return lines("Probes and connections compared", unitSeconds,
		"Least round trip of probes and of the TCP connections with the same network. If they are far apart, probes go another way or are treated differently, and say less about what users feel.",
		over("topk(10, min by (instance, dest) ("+connections+"))", "{{dest}} from {{instance}}, connections"),
		over("topk(10, min by (instance, dest) (packetscope_locator_rtt_min_seconds{<host>,<path>} and on (cluster, job, instance, dest) "+connections+"))", "{{dest}} from {{instance}}, probes"))
}

func passiveRetransmits() panel {
	return lines("Segments sent again to peers", unitShare,
		"Share of the TCP segments that these hosts sent again, of the ten worst remote networks that they talk to most. It is loss that real connections suffer; beside the loss of probes it tells whether those see the same.",
		over("topk(10, max by (instance, remote) (packetscope_locator_passive_retransmit_ratio{<host>}))", "{{remote}} from {{instance}}"))
}

func pathChanges() panel {
	return stack("Changes by kind", unitCount,
		"Confirmed changes of paths: other routers (ip), networks (as) or countries, a longer or shorter way (length), answers no longer or again (reach), other times (rtt), more or fewer branches (width), and back to the former path (flap). Lost answers and balanced flows are none.",
		over("sum by (kind) (increase(packetscope_locator_path_changes_total{<host>,<path>}[$__rate_interval]))", "{{kind}}"))
}

func riskScores() panel {
	return lines("Risk by path", unitCount,
		"What speaks against the ten riskiest paths, from 0 to 100 points. A step down by itself is a change that has become old. Where rules are unknown, 0 is no all-clear.",
		over("topk(10, "+byPaths(metric.LocatorRiskScore.Name)+")", pathLegend)).Max(100)
}

func riskRules() panel {
	return withColumns(grid("Rules of the policy",
		"What the policy says about each path. Not known: databases or answers do not suffice to tell, which is neither good nor bad; the row Map says what is missing.",
		rows("A", "max by ("+byPath+", rule) (packetscope_locator_risk{<host>,<path>}\nor 2 * (packetscope_locator_risk_unknown{<host>,<path>} == 1))")).
		Span(half).NoValue("no rules: give locator.policy a file"), 1,
		col("dest", "Destination", linkTo("Show its route", uid("paths"), rowHost+`&var-route=${__value.text}`)),
		col("protocol", "Protocol", widthOf(80)),
		col("family", "Family", widthOf(70)),
		col("instance", "From"),
		col("rule", "Rule"),
		col("Value", "State", valueTexts(map[string]string{"0": "kept", "1": "violated", "2": "not known"}), widthOf(100)).
			with(colouredBy(step{1, red}, step{2, grey})),
	)
}

func riskFactors() panel {
	return withColumns(grid("What risks are made of",
		"Points that each violated rule and each other factor adds to the risk of a path: recent changes of networks or countries, a path that goes to and fro, hops that cannot be where databases have them.",
		rows("A", "max by ("+byPath+", factor) (packetscope_locator_risk_points{<host>,<path>})")).
		Span(half).NoValue("nothing speaks against any path"), 1,
		col("dest", "Destination", linkTo("Show its route", uid("paths"), rowHost+`&var-route=${__value.text}`)),
		col("protocol", "Protocol", widthOf(80)),
		col("family", "Family", widthOf(70)),
		col("instance", "From"),
		col("factor", "Factor"),
		col("Value", "Points", widthOf(80)).with(colouredBy(riskSteps...)),
	)
}

// suspects are hops that somebody should look at.
func suspects() panel {
	const by = "instance, dest, ttl, hop, name, as_name, country"
	of := func(gauge string) string {
		return "max by (" + by + ") ((" + gauge + "{<host>,<path>} == 1) * on (" + ofHop + ") group_left (name, as_name, country) " + hopInfo("") + ")"
	}
	return withColumns(grid("Hops to look at",
		"Hops whose address or network is on a blocklist, and hops that cannot be where databases have them. The former deserve a question to whoever routes your traffic there; the latter are mostly mistakes of a database, which an override mends.",
		rows("listed", of(metric.LocatorHopBlocklisted.Name)),
		rows("impossible", of(metric.LocatorHopImplausible.Name)),
	).NoValue("none"), 2,
		col("dest", "Destination", linkTo("Show its route", uid("paths"), rowHost+`&var-route=${__value.text}`)),
		col("instance", "From"),
		col("ttl", "TTL", widthOf(50)),
		col("hop", "Hop"),
		col("name", "Name"),
		col("as_name", "Network"),
		col("country", "Country", widthOf(80)),
		col("Value #listed", "Blocklisted", valueTexts(map[string]string{"1": "yes"}), widthOf(100)).with(colouredBy(step{1, red})),
		col("Value #impossible", "Cannot be there", valueTexts(map[string]string{"1": "yes"}), widthOf(130)).with(colouredBy(step{1, yellow})),
	)
}

// talkers has a row per remote network that hosts talk to.
func talkers() panel {
	by := func(of string) string { return "max by (instance, remote, dest) (" + of + "{<host>})" }
	bytes := func(direction string) string {
		return `max by (instance, remote, dest) (packetscope_locator_passive_bytes{<host>,direction="` + direction + `"})`
	}
	return withColumns(grid("Remote networks in use",
		"The networks that these hosts exchange most bytes with over TCP, as the kernel knows its connections, with the destination that measures the same network. Bytes are of the connections that are open now.",
		rows("connections", by(metric.LocatorPassiveConnections.Name)),
		rows("received", bytes("receive")),
		rows("sent", bytes("transmit")),
		rows("rtt", by(metric.LocatorPassiveRTT.Name)),
		rows("min", by(metric.LocatorPassiveRTTMin.Name)),
		rows("again", by(metric.LocatorPassiveRetransmits.Name)),
	).NoValue("nothing: locator.discover is off"), 6,
		col("remote", "Remote network"),
		col("dest", "Measured as"),
		col("instance", "Host"),
		col("Value #connections", "Connections", widthOf(110)),
		col("Value #received", "Received", unitOf(unitBytes)),
		col("Value #sent", "Sent", unitOf(unitBytes)),
		col("Value #rtt", "Median RTT", unitOf(unitSeconds)),
		col("Value #min", "Least RTT", unitOf(unitSeconds)),
		col("Value #again", "Sent again", unitOf(unitShare)).with(colouredBy(againSteps...)),
	)
}
