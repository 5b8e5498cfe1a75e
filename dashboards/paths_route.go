package dashboards

import "fmt"

// What a number says about the loss at a distance.
var lossWords = map[string]string{
	"0": "none", "1": "none, but answers are limited", "2": "packets get lost", "3": "packets get lost, and answers are limited",
	"4": "never answers", "5": "not known",
}

// lossAtTTL makes that number: routers that never answer, or of which nothing can be told
// as nobody further on answers, have neither loss nor none.
func lossAtTTL() string {
	const (
		known    = `packetscope_locator_ttl_lossy{<host>,<route>}`
		limited  = `packetscope_locator_ttl_icmp_limited{<host>,<route>}`
		apparent = `packetscope_locator_ttl_loss_ratio{<host>,<route>,kind="apparent"}`
	)
	join := " on (" + ofTTL + ") "
	return "4 + 0 * (" + apparent + " == 1 and" + join + known + ")\n" +
		"or" + join + "(" + limited + " + " + join + "2 * " + known + ")\n" +
		"or" + join + "5 + 0 * " + apparent
}

// routeHop selects the hops of the route.
const routeHop = `(packetscope_locator_hop_info{<host>,<route>} and on (` + ofPath + `) ` + oneRoute + `)`

// atHops gives what is known of distances to each hop there, and to the distance itself
// if nobody answers.
func atHops(ofDistance string) string {
	one := fmt.Sprintf("max by (%s) ((%s) and on (%s) %s)", ofTTL, ofDistance, ofPath, oneRoute)
	return fmt.Sprintf("max by (ttl, hop) (%[1]s * on (%[2]s) group_left () %[3]s)\nor max by (ttl) (%[3]s unless on (%[2]s) %[1]s)",
		routeHop, ofTTL, one)
}

// ofHops gives a metric of hops.
func ofHops(more string) string {
	return "max by (ttl, hop) (" + fmt.Sprintf(more, "{<host>,<route>") + " and on (" + ofPath + ") " + oneRoute + ")"
}

// hopTable has a row per hop, as traceroute prints them.
func hopTable() panel {
	const said = "name, asn, as_name, city, country, kind, mpls"
	p := withColumns(grid("Hops of the route",
		"Who answers at each distance. Lost at most is what the path can have lost up to there: all that is answered from further on came through. Answered is what the router itself answered; routers that limit their answers look lossy in other tools and are not. A time counts only if those behind it are no quicker.",
		rows("info", "max by (ttl, hop, "+said+") ("+routeHop+")"),
		rows("loss", atHops(lossAtTTL())),
		rows("path", atHops(`packetscope_locator_ttl_loss_ratio{<host>,<route>,kind="path"}`)),
		rows("answers", atHops(`1 - packetscope_locator_ttl_loss_ratio{<host>,<route>,kind="apparent"}`)),
		rows("way", atHops(`packetscope_locator_ttl_path_rtt_seconds{<host>,<route>}`)),
		rows("min", ofHops(`packetscope_locator_hop_rtt_min_seconds%s}`)),
		rows("median", ofHops(`packetscope_locator_hop_rtt_seconds%s,quantile="0.5"}`)),
		rows("p95", ofHops(`packetscope_locator_hop_rtt_seconds%s,quantile="0.95"}`)),
		rows("jitter", ofHops(`packetscope_locator_hop_jitter_seconds%s}`)),
		rows("deviation", ofHops(`packetscope_locator_hop_rtt_stddev_seconds%s}`)),
	).Height(tallHeight).NoValue("choose a destination as Route to, above"), 10,
		col("ttl", "TTL", widthOf(50)),
		col("hop", "Hop"),
		col("name", "Name"),
		col("asn", "AS", widthOf(80)),
		col("as_name", "Network"),
		col("city", "City"),
		col("country", "Country", widthOf(80)),
		col("kind", "Address", widthOf(80)),
		col("mpls", "MPLS", widthOf(80)),
		col("Value #info", ""),
		col("Value #loss", "Loss on the way", valueTexts(lossWords)).with(colouredBy(step{2, red}, step{4, grey})),
		col("Value #path", "Lost at most", unitOf(unitShare), widthOf(100)).with(colouredBy(pathLossSteps...)),
		col("Value #answers", "Answered", unitOf(unitShare), widthOf(90)),
		col("Value #way", "Way there and back", unitOf(unitSeconds), widthOf(130)),
		col("Value #min", "Least", unitOf(unitSeconds), widthOf(80)),
		col("Value #median", "Median", unitOf(unitSeconds), widthOf(80)),
		col("Value #p95", "95 %", unitOf(unitSeconds), widthOf(80)),
		col("Value #jitter", "Jitter", unitOf(unitSeconds), widthOf(80)),
		col("Value #deviation", "Deviation", unitOf(unitSeconds), widthOf(90)),
	)
	return p.WithTransformation(sortedBy("TTL"))
}

func rttByDistance() panel {
	return lines("Time to each distance of the route", unitSeconds,
		"Least time of late to each distance and back, which never falls along the path. The distance at which the lines part is the link where the time goes; if all behind one rise together, that link has a queue or has changed.",
		over("max by (ttl) (packetscope_locator_ttl_path_rtt_seconds{<host>,<route>} and on ("+ofPath+") "+oneRoute+")", "TTL {{ttl}}"))
}

func answersByDistance() panel {
	share := "sum by (ttl) (rate(packetscope_locator_ttl_replies_total{<host>,<route>}[$__rate_interval]))\n" +
		"/ (sum by (ttl) (rate(packetscope_locator_ttl_probes_sent_total{<host>,<route>}[$__rate_interval])) > 0)"
	return lines("Answered by distance of the route", unitShare,
		"Share of the probes that somebody at each distance answered. A low line alone is a router that limits its answers, which harms nobody; loss on the way is where a line and all those behind it are low.",
		over(share, "TTL {{ttl}}")).Max(1)
}
