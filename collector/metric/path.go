package metric

// CollectorPath is the name of the collector of the paths to destinations.
const CollectorPath = "path"

// How much there can be of paths. All of it together is below 20,000 series.
const (
	// MostDestinations is how many destinations have series.
	MostDestinations = 64
	// MostPathTTLs is how many distances of all destinations together have series of
	// their own: a dozen of each.
	MostPathTTLs = 800
	// MostPathHops is the same of hops, each of which has a dozen series: about 50 paths.
	MostPathHops = 700
	// MostPathLinks is the same of links.
	MostPathLinks = 500
	// MostPathRules is how many pairs of a destination and a rule have series of their
	// own.
	MostPathRules = 64 * 7
)

// path is the set of labels that tells destinations apart.
func path(more ...string) []string {
	return append([]string{"dest", "protocol", "family"}, more...)
}

// A path is identified by dest, protocol and family in all metrics. These are of the
// destination itself, whose answers alone tell how good a path is.
var (
	LocatorRTT = define(Family{
		Name: "packetscope_locator_rtt_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorPath, MostSeries: MostDestinations * 15,
		Labels: path(), Scale: RoundTrips,
		Help: "Round trip times of the probes that a destination answered, from the time that the kernel sent the probe to the time that it received the answer where it tells both.",
	})
	LocatorProbesSent = define(Family{
		Name: "packetscope_locator_probes_sent_total", Type: Counter, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Probes that a destination should have answered. Those that only routers on the way answer are in packetscope_locator_ttl_probes_sent_total.",
	})
	LocatorProbesLost = define(Family{
		Name: "packetscope_locator_probes_lost_total", Type: Counter, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Probes among those in packetscope_locator_probes_sent_total that were not answered before the timeout: they or their answers were lost, or the destination answers none.",
	})
	LocatorRTTMin = define(Family{
		Name: "packetscope_locator_rtt_min_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Least round trip time to a destination in the last 10 minutes. It is not there if nothing was answered.",
	})
	LocatorRTTMedian = define(Family{
		Name: "packetscope_locator_rtt_median_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Median of the round trip times to a destination in the last 10 minutes. It is not there if nothing was answered.",
	})
	LocatorJitter = define(Family{
		Name: "packetscope_locator_jitter_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Jitter of the round trip times to a destination: the mean distance of one to the next, where older ones count less (RFC 3550). It is not there without two answers in a row.",
	})
	LocatorLoss = define(Family{
		Name: "packetscope_locator_loss_ratio", Type: Gauge, Unit: "ratio", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Share of the probes of the last 10 minutes that a destination did not answer, from 0 to 1: loss on the way there and back together. It is not there if none was due.",
	})
	LocatorLossLow = define(Family{
		Name: "packetscope_locator_loss_low_ratio", Type: Gauge, Unit: "ratio", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Lower limit of packetscope_locator_loss_ratio at 95 % (Wilson): what of it is not by chance. Of few probes it is small, so that it is what to be alarmed by.",
	})
)

// What a path is.
var (
	LocatorDestinationInfo = define(Family{
		Name: "packetscope_locator_destination_info", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path("host", "address", "found", "country", "city", "asn", "as_name", "latitude", "longitude", "geohash"),
		Help: "1 for each destination: its name or address in the configuration, the address that is measured, whether the exporter found it itself (found=\"true\"), " +
			"and what databases know of the address. What is not known is empty.",
	})
	LocatorPathState = define(Family{
		Name: "packetscope_locator_path_state", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations * 3,
		Labels: path("state"),
		Help:   "How far the measurement of a path is (1) and is not (0): unresolved has no address, discovering looks for the routers, steady measures each of them round by round.",
	})
	LocatorPathFailing = define(Family{
		Name: "packetscope_locator_path_failing", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Whether a destination cannot be measured (1): its name has no address, or this host cannot send the probes.",
	})
	LocatorPathReached = define(Family{
		Name: "packetscope_locator_path_reached", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Whether a destination answers (1) or does not (0). It is not there as long as the destination never answered and is still looked for.",
	})
	LocatorPathBlocked = define(Family{
		Name: "packetscope_locator_path_blocked", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path("reason"),
		Help:   "1 for each path on which somebody refuses to forward probes, with the reason that the ICMP error gives, such as admin_prohibited.",
	})
	LocatorPathHops = define(Family{
		Name: "packetscope_locator_path_hops", Type: Gauge, Unit: "hops", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Distance of a destination: the least TTL with which it answers. It is not there if that is unknown.",
	})
	LocatorReverseHops = define(Family{
		Name: "packetscope_locator_path_reverse_hops", Type: Gauge, Unit: "hops", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Hops that the answers of a destination seem to come, by the TTL that they have left and the nearest usual one that they began with. It is not there if that is unknown.",
	})
	LocatorPathASes = define(Family{
		Name: "packetscope_locator_path_as_hops", Type: Gauge, Unit: "hops", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Autonomous systems that a path passes one after the other, as far as they are known. It is not there if none is.",
	})
	LocatorPathWidth = define(Family{
		Name: "packetscope_locator_path_width", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Routers over which a path is balanced: the most that were found at one distance. It is not there if no router is known.",
	})
	LocatorBranchesKnown = define(Family{
		Name: "packetscope_locator_path_branches_known", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Whether the branches of a path were all looked for (1); else packetscope_locator_path_width is what the probes met by chance.",
	})
	LocatorPathMTU = define(Family{
		Name: "packetscope_locator_path_mtu_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Largest IP packet that gets through to a destination. It is not there if that is unknown.",
	})
	LocatorPathMTULink = define(Family{
		Name: "packetscope_locator_path_mtu_link_hops", Type: Gauge, Unit: "hops", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Distance of the router behind which larger packets than packetscope_locator_path_mtu_bytes do not get on. It is not there if that is unknown or this host.",
	})
	LocatorMTUBlackHole = define(Family{
		Name: "packetscope_locator_path_mtu_black_hole", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Whether packets larger than packetscope_locator_path_mtu_bytes get lost and nobody says so (1), which makes connections hang.",
	})
	LocatorNAT = define(Family{
		Name: "packetscope_locator_nat", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations * 3,
		Labels: path("method"),
		Help: "Translators of addresses (NAT) that were noticed on a path, by how: quoted (errors quote probes with other addresses or checksums), inferred (addresses that mean nothing in the Internet reach it), " +
			"carrier (addresses of a provider's translator). 0 means that none was noticed, not that there is none.",
	})
)

// How a path changes.
var (
	LocatorPathID = define(Family{
		Name: "packetscope_locator_path_id", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Number of the confirmed path, below 2^48: it is another one when the path has moved, and neither lost answers nor balanced flows change it. It is not there while the path is learned.",
	})
	LocatorPathChanges = define(Family{
		Name: "packetscope_locator_path_changes_total", Type: Counter, Unit: "changes", Collector: CollectorPath, MostSeries: MostDestinations * 8,
		Labels: path("kind"),
		Help: "Confirmed changes of a path by what is different, one change under each that applies: ip (other routers), as (other networks), country, length (two hops or more), reach (answers no longer, or again), " +
			"rtt; and beside these width (flows are balanced over more routers) and flap (the former path is back).",
	})
	LocatorPathChanged = define(Family{
		Name: "packetscope_locator_path_last_change_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "Time at which the last change of a path was certain, in seconds since the Unix epoch; width and flap are none. It is not there before the first.",
	})
	LocatorRisk = define(Family{
		Name: "packetscope_locator_risk", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathRules,
		Labels: path("rule"),
		Help:   "Whether a path violates a rule of the policy (1) or does not (0). It is not there if what is known does not suffice to tell, see packetscope_locator_risk_unknown.",
	})
	LocatorRiskUnknown = define(Family{
		Name: "packetscope_locator_risk_unknown", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathRules,
		Labels: path("rule"),
		Help:   "Whether what is known of a path does not suffice (1) to say if it violates a rule of the policy, or does (0).",
	})
	LocatorRiskScore = define(Family{
		Name: "packetscope_locator_risk_score", Type: Gauge, Collector: CollectorPath, MostSeries: MostDestinations,
		Labels: path(),
		Help:   "What speaks against a path, from 0 to 100: the sum of packetscope_locator_risk_points. With unknown rules, 0 is no all-clear.",
	})
	LocatorRiskPoints = define(Family{
		Name: "packetscope_locator_risk_points", Type: Gauge, Collector: CollectorPath, MostSeries: MostPathRules,
		Labels: path("factor"),
		Help:   "Points that something adds to packetscope_locator_risk_score: a violated rule by its name, or as_changed, country_changed, flapping, implausible. What adds nothing has no series.",
	})
)
