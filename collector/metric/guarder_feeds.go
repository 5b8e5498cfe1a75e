package metric

// The limits of feeds: a policy has at most 32, each with three verdicts.
const (
	mostFeeds          = 32
	mostFeedPackets    = 3 * mostFeeds
	mostFeedRefusals   = 18 * mostFeeds // reasons
	mostFeedInfoSeries = mostFeeds
)

// The lists of addresses that others keep.
var (
	GuarderFeedPackets = define(Family{
		Name: "packetscope_guarder_feed_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder, MostSeries: mostFeedPackets,
		Labels: []string{"feed", "verdict"},
		Help: "Packets whose source a feed of Guarder lists, and that it was credited with: drop ended the search for a rule, would_drop is an audited feed that would have dropped, count let the search go on. " +
			"What a feed does has a series from the beginning.",
	})
	GuarderFeedInfo = define(Family{
		Name: "packetscope_guarder_feed_info", Type: Gauge, Collector: CollectorGuarder, MostSeries: mostFeedInfoSeries,
		Labels: []string{"feed", "mode", "action"},
		Help:   "1 for each feed of the policy: its effective mode, and what it does.",
	})
	GuarderFeedEntries = define(Family{
		Name: "packetscope_guarder_feed_entries", Type: Gauge, Unit: "entries", Collector: CollectorGuarder, MostSeries: mostFeeds,
		Labels: []string{"feed"},
		Help:   "Entries of the last good list of a feed.",
	})
	GuarderFeedExcluded = define(Family{
		Name: "packetscope_guarder_feed_excluded_entries", Type: Gauge, Unit: "entries", Collector: CollectorGuarder, MostSeries: mostFeeds,
		Labels: []string{"feed"},
		Help:   "Entries of the list that are not in force, in whole or in part, because they are of addresses that must never be listed: this host's, its gateways' and resolvers', private ones, and those that the feed is to protect.",
	})
	GuarderFeedInForce = define(Family{
		Name: "packetscope_guarder_feed_in_force", Type: Gauge, Collector: CollectorGuarder, MostSeries: mostFeeds,
		Labels: []string{"feed"},
		Help:   "Whether the last good list of a feed is in force (1); 0 while there is none, and for a moment after a new one came.",
	})
	GuarderFeedLastSuccess = define(Family{
		Name: "packetscope_guarder_feed_last_success_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorGuarder, MostSeries: mostFeeds,
		Labels: []string{"feed"},
		Help:   "Time at which the source of a feed last sent a good list, or said that it is still the same, in seconds since the Unix epoch. A feed that never had a list has no series.",
	})
	GuarderFeedStaleAfter = define(Family{
		Name: "packetscope_guarder_feed_stale_after_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorGuarder, MostSeries: mostFeeds,
		Labels: []string{"feed"},
		Help:   "Age from which on the list of a feed is old, as the policy says (stale_after). It stays in force.",
	})
	GuarderFeedRefused = define(Family{
		Name: "packetscope_guarder_feed_refused", Type: Gauge, Collector: CollectorGuarder, MostSeries: mostFeeds,
		Labels: []string{"feed", "reason"},
		Help:   "1 for a feed whose source could not be read the last time, or sent what is refused, with the reason: the list before is in force. A feed that is well has no series.",
	})
	GuarderFeedRefusals = define(Family{
		Name: "packetscope_guarder_feed_refusals_total", Type: Counter, Unit: "refusals", Collector: CollectorGuarder, MostSeries: mostFeedRefusals,
		Labels: []string{"feed", "reason"},
		Help:   "Attempts to read a list that failed, or whose list was refused, since the agent started, by the reason.",
	})
	GuarderFeedMemory = define(Family{
		Name: "packetscope_guarder_feed_memory_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorGuarder,
		Help: "Memory of the kernel that the lists in force take, all together; 0 if there are none, or an agent before has made them. While new ones are brought in it is twice as much.",
	})
)
