package metric

// There are 249 countries in ISO 3166-1, some that are not in it, and what is no country;
// and two verdicts.
const mostGuardCountrySeries = 520

// Where the sources of what the packet filter drops belong. Addresses are chosen by who
// sends: these tell whose they are, and not who that was.
var (
	GuarderCountryPackets = define(Family{
		Name: "packetscope_guarder_country_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder, MostSeries: mostGuardCountrySeries,
		Labels: []string{"country", "verdict"},
		Help: "Packets that Guarder dropped (drop) or would have dropped (would_drop) since the exporter started, by the country (ISO 3166-1) that their source address belongs to. " +
			"Source addresses can be forged: it is where the address belongs, not who sent the packet. " +
			"private are addresses of local networks, reserved those that nobody has in the Internet, unknown those that no database tells of, none are packets without an address. " +
			"It is a lower bound: what a source sent since the last scrape is missing if the full table of sources has forgotten it by now. Under a flood it is an estimate, from one hit in 64. " +
			"Without geo in the configuration, or if the agent does not tell its hits, there is none.",
	})
	GuarderASPackets = define(Family{
		Name: "packetscope_guarder_as_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Labels: []string{"asn", "as_name", "verdict"},
		Help: "The packets of packetscope_guarder_country_packets_total by the autonomous system that announces their source address, which can be forged. " +
			"The 20 with most have series of their own, all others are under other; asn is unknown where no database tells of one.",
	})
)
