package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/stat"
)

// What hops are called on maps, and where they are.
const (
	hopSaid   = "name, as_name, city, country"
	hopPlaces = hopSaid + ", latitude, longitude"
)

// Marks of maps.
const (
	mark     = 8  // pixels
	bigMark  = 14 // around another one
	noMark   = 5
	fineLine = 2
)

// mapLights say why there is nothing on the maps.
func mapLights() []panel {
	var all []panel
	for _, p := range []*stat.PanelBuilder{
		light("Hops with a position", unitCount,
			"Hops of which a database or an override has coordinates; only these are on the maps. None: give geo.databases a file such as GeoLite2-City.mmdb, or geo.overrides a file of your own networks. Private addresses are in no database.",
			thresholdsFrom(yellow, step{1, green}),
			last(`count(packetscope_locator_hop_info{<host>,<path>,latitude!=""}) or 0 * count(packetscope_locator_hop_info{<host>,<path>})`, "hops")).
			Decimals(0).OverrideByRegexp("/.*/", []property{valueTexts(map[string]string{"0": "none: give geo.databases"})}).NoValue(notMeasured),
		light("Age of databases", unitSeconds,
			"How old the oldest database of addresses is. Addresses move between networks and places; from 30 days on positions become wrong, and the licences of most vendors ask for an update. geoipupdate fetches one, packetscope geodb build makes one of public data.",
			thresholds(step{30 * 86400, yellow}, step{90 * 86400, red}),
			last(`max((time() - packetscope_locator_db_build_timestamp_seconds{<host>}) and on (cluster, job, instance, db) packetscope_locator_db_info{<host>,role="database"})`, "oldest")).
			NoValue("none: give geo.databases"),
		light("Hosts with a position", unitCount,
			"Hosts of which it is known where they are, by locator.position in the configuration or by a database that has their public address. Without it nobody can tell which positions of hops are impossible.",
			thresholdsFrom(yellow, step{1, green}), last(`sum(packetscope_locator_local_position_known{<host>})`, "hosts")).
			Decimals(0).OverrideByRegexp("/.*/", []property{valueTexts(map[string]string{"0": "none: give locator.position"})}).NoValue(notMeasured),
		light("Impossible positions", unitCount,
			"Hops that answer sooner than light could be back from where a database has them. They are grey on the map, and rules about countries do not count them. Databases are often wrong about routers; an address may also be at many places at once.",
			thresholds(step{1, yellow}), last(`sum(max by (hop) (packetscope_locator_hop_geo_implausible{<host>,<path>}))`, "impossible")).Decimals(0).NoValue("not checked"),
	} {
		all = append(all, p.Span(6))
	}
	return all
}

// hopInfo selects hops by more matchers, each of which begins with a comma.
func hopInfo(more string) string {
	return "packetscope_locator_hop_info{<host>,<path>" + more + "}"
}

const (
	// implausible addresses cannot be where they are said to be, on whichever path that
	// was noticed.
	implausible = `packetscope_locator_hop_geo_implausible{<host>} == 1`
	ofAddress   = "cluster, job, instance, hop"
	placed      = `,latitude!="",longitude!=""`
)

func hopMap() panel {
	hops := "min by (hop, " + hopPlaces + `) (packetscope_locator_hop_rtt_seconds{<host>,<path>,quantile="0.5"}
* on (` + ofHop + `) group_left (` + hopPlaces + `) ` + hopInfo(placed) + `
unless on (` + ofAddress + `) ` + implausible + `)`
	impossible := "group by (hop, " + hopPlaces + ") (" + hopInfo(placed) + " and on (" + ofAddress + ") " + implausible + ")"
	lossy := "group by (hop, " + hopPlaces + ") (" + hopInfo(placed) + " and on (" + ofTTL + ") packetscope_locator_ttl_lossy{<host>} == 1 unless on (" + ofAddress + ") " + implausible + ")"
	countries := `group by (hop, name, as_name, lookup) (label_replace(` + hopInfo(`,latitude="",country!=""`) + `, "lookup", "$1", "country", "(.*)"))`
	ends := `max by (dest, host, address, city, country, latitude, longitude) (packetscope_locator_loss_ratio{<host>,<path>}
* on (` + ofPath + `) group_left (host, address, city, country, latitude, longitude) packetscope_locator_destination_info{<host>,latitude!="",longitude!=""})`
	p := worldMap("Hops on the way", unitSeconds,
		"Where the hops of all chosen paths are, coloured by the median of their round trips. A red ring: packets certainly get lost up to there. Grey crosses cannot be there. Squares are at the middle of a country as no more is known. Stars are destinations, coloured by loss.",
		[]mapLayer{
			markersAt("Loss up to here", "lossy", drawing{colour: red, size: bigMark}),
			markersByCountry("Hops of which only the country is known", "countries", drawing{colour: purple, size: mark, symbol: "square"}),
			markersAt("Impossible positions", "implausible", drawing{colour: grey, size: mark, symbol: "x-mark"}),
			markersAt("Destinations", "ends", drawing{colour: green, colourBy: "Value #ends", size: bigMark, symbol: "star"}),
			markersAt("Hops", "hops", drawing{colour: green, colourBy: "Value #hops", size: mark, legend: true}),
		},
		rows("hops", hops), rows("lossy", lossy), rows("implausible", impossible), rows("countries", countries), rows("ends", ends))
	return p.Span(16).
		OverrideByName("Value #hops", append(colouredValues(rttSteps), property{Id: "displayName", Value: "Median RTT"})).
		OverrideByName("Value #ends", append(colouredValues(pathLossSteps), unitOf(unitShare), property{Id: "displayName", Value: "Loss"})).
		OverrideByRegexp("/^Value #(lossy|implausible|countries)$/", []property{hidden()})
}

func routeMap() panel {
	said := "name, as_name, city, country"
	p := worldMap("The route on the map", unitCount,
		"The line of one path through the hops whose position is known and possible, with their TTLs, to the destination that is chosen as Route to. Straight lines are not cables. Hops without a position are left out; the table of the route has them all.",
		[]mapLayer{
			line("Route", "route", drawing{colour: blue, size: fineLine}),
			markersAt("Stations", "route", drawing{colour: blue, size: mark, text: "ttl"}),
		},
		rows("route", `sort(packetscope_locator_path_point{<host>,<route>}
* on (`+ofHop+`) group_left (`+said+`) packetscope_locator_hop_info{<host>,<route>} and on (`+ofPath+`) `+oneRoute+`)`))
	return zoomedTo(p, "Stations").Span(8).
		OverrideByName("Value", []property{{Id: "displayName", Value: "TTL"}, {Id: "decimals", Value: 0}})
}

// oneRoute selects one of the paths to the chosen destination.
const oneRoute = `topk(1, packetscope_locator_destination_info{<host>,<route>})`

// branchMap draws links between hops. An edge without its nodes, and nodes without an
// edge, would be an error to Grafana: so edges have both ends among the hops that can be
// drawn, and nodes are ends of edges.
func branchMap() panel {
	end := func(of, label string) string {
		return fmt.Sprintf(`label_replace(%s, %q, "$1", "hop", "(.*)")`, of, label)
	}
	drawn := "group by (hop) (" + hopInfo(placed) + ")"
	edges := "min by (id, source, target) (packetscope_locator_link_seconds{<host>,<path>})\n" +
		"and on (source) " + end(drawn, "source") + "\nand on (target) " + end(drawn, "target")
	id := func(label string) string {
		return fmt.Sprintf(`label_replace(%s, "id", "$1", %q, "(.*)")`, edges, label)
	}
	nodes := "group by (id, " + hopPlaces + ") (" + end(hopInfo(placed), "id") + ")\nand on (id) (" + id("source") + "\nor " + id("target") + ")"
	p := worldMap("Links between hops", unitSeconds,
		"Every link that probes took between hops whose position is known: where paths divide, they are balanced over several routers. A link is coloured by the least time from its one end to the other and back; a slow one between near places is a detour, or a wrong position.",
		[]mapLayer{mesh("Links", drawing{colour: green, size: noMark}, drawing{colour: green, colourBy: "Value #edges", size: fineLine})},
		rows("nodes", nodes), rows("edges", edges))
	return zoomedTo(p, "Links").Span(half).
		OverrideByName("Value #edges", append(colouredValues(rttSteps), property{Id: "displayName", Value: "Least RTT"})).
		OverrideByName("Value #nodes", []property{hidden()})
}

// peerMap shows those who this host talks to.
func peerMap() panel {
	connections := func(more, place string) string {
		return `packetscope_locator_passive_connections{<host>,dest=~"$dest"}
* on (cluster, job, instance, dest) group_left (` + place + `) packetscope_locator_destination_info{<host>,` + more + `}`
	}
	p := worldMap("Peers of these hosts", unitCount,
		"Networks that these hosts have TCP connections with, where locator.discover measures them; the larger, the more connections. Squares are at the middle of a country as no more is known. A country that you do not expect is worth a look at the table of connections.",
		[]mapLayer{
			markersByCountry("Peers by country", "countries", drawing{colour: purple, size: 2 * bigMark, sizeBy: "Value #countries", symbol: "square"}),
			markersAt("Peers", "peers", drawing{colour: blue, size: 2 * bigMark, sizeBy: "Value #peers"}),
		},
		rows("peers", "sum by (remote, city, country, latitude, longitude) ("+connections(`latitude!="",longitude!=""`, "city, country, latitude, longitude")+")"),
		rows("countries", `sum by (lookup) (label_replace(`+connections(`latitude="",country!=""`, "country")+`, "lookup", "$1", "country", "(.*)"))`))
	return p.Span(half).
		OverrideByRegexp("/^Value #/", []property{{Id: "displayName", Value: "Connections"}, {Id: "decimals", Value: 0}})
}

// colouredValues colours what is drawn by a value, from green on.
func colouredValues(steps []step) []property { return colouredBy(steps...)[:1] }
