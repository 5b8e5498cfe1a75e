package metric

// MostCountingRules is how many rules with limits on connections have series.
const MostCountingRules = 256

// The connections that limits count.
var (
	GuarderConnections = define(Family{
		Name: "packetscope_guarder_connections", Type: Gauge, Unit: "connections", Collector: CollectorGuarder,
		Help: "Connections that others have open to this host, as the limits on connections of the policy count them. A policy without such limits has no series.",
	})
	GuarderUncounted = define(Family{
		Name: "packetscope_guarder_uncounted_connections_total", Type: Counter, Unit: "connections", Collector: CollectorGuarder,
		Help: "Connections since the policy was put in force that limits on connections did not count, as the table of sources (connections, in packetscope_guarder_map_entries) had no room.",
	})
	GuarderRuleConnections = define(Family{
		Name: "packetscope_guarder_rule_connections", Type: Gauge, Unit: "connections", Collector: CollectorGuarder, MostSeries: MostCountingRules,
		Labels: []string{"group", "rule"},
		Help:   "Connections that one source has open, or one prefix as the rule counts them: of the one that has most.",
	})
	GuarderRuleConnectionsLimit = define(Family{
		Name: "packetscope_guarder_rule_limit_connections", Type: Gauge, Unit: "connections", Collector: CollectorGuarder, MostSeries: MostCountingRules,
		Labels: []string{"group", "rule"},
		Help:   "Connections that one source may have open by a rule; with more, the rule matches.",
	})
)
