package metric

// What is known of one distance. TTLs have two digits, so that they sort as numbers do.
var (
	LocatorTTLProbesSent = define(Family{
		Name: "packetscope_locator_ttl_probes_sent_total", Type: Counter, Collector: CollectorPath, MostSeries: MostPathTTLs,
		Labels: path("ttl"),
		Help:   "Probes that were sent with a TTL that ends at this distance.",
	})
	LocatorTTLReplies = define(Family{
		Name: "packetscope_locator_ttl_replies_total", Type: Counter, Unit: "replies", Collector: CollectorPath, MostSeries: MostPathTTLs,
		Labels: path("ttl"),
		Help:   "Probes in packetscope_locator_ttl_probes_sent_total that were answered. Routers may leave some unanswered without losing a packet.",
	})
	LocatorTTLLoss = define(Family{
		Name: "packetscope_locator_ttl_loss_ratio", Type: Gauge, Unit: "ratio", Collector: CollectorPath, MostSeries: 2 * MostPathTTLs,
		Labels: path("ttl", "kind"),
		Help: "Share of the newest probes with a TTL that was lost, from 0 to 1: apparent is what was not answered; path is the most of it that can be lost on the way up to there and back, " +
			"since all that is answered from further on came through.",
	})
	LocatorTTLLimited = define(Family{
		Name: "packetscope_locator_ttl_icmp_limited", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathTTLs,
		Labels: path("ttl"),
		Help:   "Whether the routers at this distance certainly leave some probes unanswered that they forward (1), as limits for ICMP errors make them.",
	})
	LocatorTTLLossy = define(Family{
		Name: "packetscope_locator_ttl_lossy", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathTTLs,
		Labels: path("ttl"),
		Help: "Whether packets certainly get lost on the way up to this distance or back (1): the lower limit of the path's loss at 95 % is above 0.5 %. " +
			"It is not there if nobody at this distance or further on can tell.",
	})
	LocatorTTLRTT = define(Family{
		Name: "packetscope_locator_ttl_path_rtt_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostPathTTLs,
		Labels: path("ttl"),
		Help: "Least time of late from here to a distance and back: that of the quickest answer from there or from further on, so that it never falls along the path. " +
			"It is not there if nobody answers.",
	})
)

// hop is the set of labels that tells hops apart.
func hop(more ...string) []string {
	return path(append([]string{"ttl", "hop"}, more...)...)
}

// What is known of who answers at a distance. Hops beyond the first 8 at one, and those
// beyond the first 100 new ones of a destination in an hour, have hop="other".
var (
	LocatorHopRTT = define(Family{
		Name: "packetscope_locator_hop_rtt_seconds", Type: Summary, Unit: "seconds", Collector: CollectorPath, MostSeries: 5 * MostPathHops,
		Labels: hop(), Quantiles: RoundTripQuantiles,
		Help: "Round trip times of the probes that a hop answered. Routers may take their time to answer: that of a hop means something only if those behind it are no quicker. " +
			"The quantiles are of the newest answers.",
	})
	LocatorHopRTTMin = define(Family{
		Name: "packetscope_locator_hop_rtt_min_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostPathHops,
		Labels: hop(),
		Help:   "Least round trip time of a hop since it appeared; of hop=\"other\" the least of all those.",
	})
	LocatorHopJitter = define(Family{
		Name: "packetscope_locator_hop_jitter_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostPathHops,
		Labels: hop(),
		Help:   "Jitter of the round trip times of a hop, as packetscope_locator_jitter_seconds.",
	})
	LocatorHopStddev = define(Family{
		Name: "packetscope_locator_hop_rtt_stddev_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostPathHops,
		Labels: hop(),
		Help:   "Standard deviation of the round trip times of a hop since it appeared. It is not there before the second answer.",
	})
	LocatorHopInfo = define(Family{
		Name: "packetscope_locator_hop_info", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathHops,
		Labels: hop("name", "asn", "as_name", "country", "city", "latitude", "longitude", "geohash", "kind", "anycast", "mpls"),
		Help: "1 for each hop: its name by reverse DNS, what databases know of its address, the kind of the address (public, private, cgnat, ...), whether many places answer for it (anycast=\"true\"), " +
			"and the MPLS labels that probes arrive with, the top first. What is not known is empty. To show other metrics by these, multiply them by it on (instance, dest, protocol, family, ttl, hop).",
	})
	LocatorHopImplausible = define(Family{
		Name: "packetscope_locator_hop_geo_implausible", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathHops,
		Labels: hop(),
		Help: "Whether a hop answers sooner than light could be back from where a database has it (1), or does not (0). " +
			"It is not there if that was not checked: with few answers, or if either position is unknown.",
	})
	LocatorHopBlocklisted = define(Family{
		Name: "packetscope_locator_hop_blocklisted", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathHops,
		Labels: hop(),
		Help:   "Whether the address of a hop or its autonomous system is on a blocklist (1) or on none (0); of hop=\"other\" whether one of them is. It is not there if no list can tell.",
	})
	LocatorPathPoint = define(Family{
		Name: "packetscope_locator_path_point", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathHops,
		Labels: hop("latitude", "longitude", "geohash"),
		Help: "The TTL of the hops that make the line of a path on a map: one at each distance, where its position is known and not implausible. " +
			"Sorted by the value they are in the order of the path.",
	})
	LocatorLink = define(Family{
		Name: "packetscope_locator_link_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostPathLinks,
		Labels: path("id", "source", "target"),
		Help:   "Least time from one hop (source) to the next one that answers (target) and back, for hops whose positions are known and not implausible; the ends are the label hop of other metrics.",
	})
)

// What connections of this host tell by themselves, by remote network.
var (
	LocatorPassiveRTT = define(Family{
		Name: "packetscope_locator_passive_rtt_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: []string{"remote", "dest"},
		Help:   "Median of the smoothed round trip times of the TCP connections with a remote network, as the kernel measures them; dest is the destination that measures the same network, or empty.",
	})
	LocatorPassiveRTTMin = define(Family{
		Name: "packetscope_locator_passive_rtt_min_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: []string{"remote", "dest"},
		Help:   "Least round trip time of the TCP connections with a remote network. If it is far from packetscope_locator_rtt_min_seconds, probes go another way or are treated differently.",
	})
	LocatorPassiveRetransmits = define(Family{
		Name: "packetscope_locator_passive_retransmit_ratio", Type: Gauge, Unit: "ratio", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: []string{"remote", "dest"},
		Help:   "Share of the TCP segments to a remote network that was sent again since connections were last looked at, from 0 to 1. It is not there if none was sent.",
	})
	LocatorPassiveConnections = define(Family{
		Name: "packetscope_locator_passive_connections", Type: Gauge, Unit: "connections", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: []string{"remote", "dest"},
		Help:   "TCP connections of this host with a remote network.",
	})
	LocatorPassiveBytes = define(Family{
		Name: "packetscope_locator_passive_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorPath, MostSeries: 2 * MostDestinations,
		Labels: []string{"remote", "dest", "direction"},
		Help:   "Bytes that the present TCP connections with a remote network have carried since they began, by direction: receive or transmit. It falls when connections end.",
	})
)
