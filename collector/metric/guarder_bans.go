package metric

// The limits of bans: there are four origins, two verdicts, and six things that become of one.
const (
	mostBanOrigins = 4
	mostBanPackets = 2 * mostBanOrigins
	mostBanEvents  = 6 * mostBanOrigins
)

// Who is banned.
var (
	GuarderBans = define(Family{
		Name: "packetscope_guarder_bans", Type: Gauge, Unit: "bans", Collector: CollectorGuarder, MostSeries: mostBanOrigins,
		Labels: []string{"origin"},
		Help:   "Prefixes that are banned, by who has decided it: rule, operator, api or crowdsec. An origin that never banned anybody since the agent started has no series, but for rules if the policy has one that bans.",
	})
	GuarderBanPackets = define(Family{
		Name: "packetscope_guarder_ban_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder, MostSeries: mostBanPackets,
		Labels: []string{"origin", "verdict"},
		Help:   "Packets of who is banned: drop ended the search for a rule, would_drop is of bans that are only audited.",
	})
	GuarderBanEvents = define(Family{
		Name: "packetscope_guarder_ban_events_total", Type: Counter, Unit: "events", Collector: CollectorGuarder, MostSeries: mostBanEvents,
		Labels: []string{"origin", "action"},
		Help: "What became of bans since the agent started: added, renewed as the source still sends, expired, removed before its time, refused as the address must not be banned or there is no room, " +
			"would_ban of a rule that is only audited.",
	})
)
