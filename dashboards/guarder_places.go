package dashboards

import (
	"github.com/packetscope/packetscope/collector/metric"
)

// forged is what every panel by country must say.
const forged = " Source addresses can be forged: it is where an address belongs, not who sent the packet."

// noPlaces says what is missing where there is nothing by country.
const noPlaces = "nothing, or the exporter lacks geo.databases, or its agent --status-hits"

// noCountries are what stands in place of a country.
const noCountries = "private|reserved|unknown|none|other"

// placeTexts are what those mean.
var placeTexts = valueTexts(map[string]string{
	"private": "local networks", "reserved": "nobody's addresses: forged, or a laboratory", "unknown": "in no database", "none": "no address", "other": "all others",
})

// fromPlaces returns what a verdict was on in the time range, by labels.
func fromPlaces(counter, by, verdict, more string) string {
	return "sum by (" + by + ") (increase(" + counter + `{<host>,verdict="` + verdict + `"` + more + "}[$__range])) > 0"
}

// attackMap draws drops over what would be dropped.
func attackMap() panel {
	at := func(verdict string) string {
		return `label_replace(` + fromPlaces(metric.GuarderCountryPackets.Name, "country", verdict, `,country!~"`+noCountries+`"`) + `, "lookup", "$1", "country", "(.*)")`
	}
	p := worldMap("Attacks by country", unitCount,
		"Packets in the time range that were dropped (red) and that audited rules would have dropped (orange), at the middle of the country of their source; the larger, the more. What has no country is in the table."+forged+
			" packetscope guard top on the host names the addresses.",
		[]mapLayer{
			markersByCountry("Would be dropped", "would", drawing{colour: orange, size: 2 * bigMark, sizeBy: "Value #would"}),
			markersByCountry("Dropped", "dropped", drawing{colour: red, size: 2 * bigMark, sizeBy: "Value #dropped"}),
		},
		rows("dropped", at("drop")), rows("would", at("would_drop")))
	return p.Span(14).
		OverrideByName("Value #dropped", []property{{Id: "displayName", Value: "Dropped"}, {Id: "decimals", Value: 0}}).
		OverrideByName("Value #would", []property{{Id: "displayName", Value: "Would be dropped"}, {Id: "decimals", Value: 0}})
}

// attackingCountries has a row per country, and those of addresses without one.
func attackingCountries() panel {
	return withColumns(grid("Countries of attacks",
		"Packets in the time range that were dropped, or would have been, by the country of their source, the hundred with most. A lower bound: what the table of sources has forgotten between two scrapes is missing."+forged,
		rows("dropped", "topk(100, "+fromPlaces(metric.GuarderCountryPackets.Name, "country", "drop", "")+")"),
		rows("would", "topk(100, "+fromPlaces(metric.GuarderCountryPackets.Name, "country", "would_drop", "")+")"),
	).Span(10).Height(tallHeight).NoValue(noPlaces), 2,
		col("country", "Country", placeTexts),
		col("Value #dropped", "Dropped", widthOf(120)),
		col("Value #would", "Would drop", widthOf(120)),
	)
}

func attacksOverTime() panel {
	return stack("Attacks by country over time", unitPackets,
		"Packets that are dropped, and that audited rules would drop, by the country of their source, the ten with most. Many countries that rise together are a botnet, or forged addresses; reserved ones are forged for certain, unless they are of a laboratory."+forged,
		over("topk(10, "+total(metric.GuarderCountryPackets.Name, "country, verdict", "")+" > 0)", "{{country}} ({{verdict}})")).
		NoValue(noPlaces)
}

// attackingSystems has a row per AS.
func attackingSystems() panel {
	return withColumns(grid("Networks of attacks",
		"Packets in the time range that were dropped, or would have been, by the autonomous system that announces the address of their source: who has a desk for abuse. Each exporter tells the 20 with most, other is the rest, unknown what no database tells of."+forged,
		rows("dropped", "topk(100, "+fromPlaces(metric.GuarderASPackets.Name, "asn, as_name", "drop", "")+")"),
		rows("would", "topk(100, "+fromPlaces(metric.GuarderASPackets.Name, "asn, as_name", "would_drop", "")+")"),
	).Span(half).NoValue(noPlaces), 2,
		col("asn", "AS", widthOf(100)),
		col("as_name", "Name"),
		col("Value #dropped", "Dropped", widthOf(120)),
		col("Value #would", "Would drop", widthOf(120)),
	)
}
