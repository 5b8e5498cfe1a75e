package metric

// CollectorGuarder is the name of the collector of the packet filter.
const CollectorGuarder = "guarder"

// mostRuleSeries bounds the series of rules: a policy may have thousands of rules, and
// those that match are few.
const mostRuleSeries = 2000

// What the packet filter does.
var (
	GuarderRulePackets = define(Family{
		Name: "packetscope_guarder_rule_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder, MostSeries: mostRuleSeries,
		Labels: []string{"group", "rule", "verdict"},
		Help: "Packets that a rule of Guarder was credited with: pass and drop ended the search for a rule, would_drop is an audited rule that would have dropped, " +
			"count and sample let the search go on. Rules that never matched have no series.",
	})
	GuarderRuleBytes = define(Family{
		Name: "packetscope_guarder_rule_bytes_total", Type: Counter, Unit: "bytes", Collector: CollectorGuarder, MostSeries: mostRuleSeries,
		Labels: []string{"group", "rule", "verdict"},
		Help:   "Bytes of the packets in packetscope_guarder_rule_packets_total, with their Ethernet headers.",
	})
	GuarderPackets = define(Family{
		Name: "packetscope_guarder_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Labels: []string{"verdict"},
		Help:   "Packets that Guarder judged, by what became of them: pass or drop.",
	})
	GuarderUnparsable = define(Family{
		Name: "packetscope_guarder_unparsable_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Labels: []string{"reason"},
		Help:   "Packets whose headers could not be read to their end, by the reason; the policy says whether they pass.",
	})
	GuarderAttached = define(Family{
		Name: "packetscope_guarder_attached", Type: Gauge, Collector: CollectorGuarder,
		Labels: []string{"device", "hook"},
		Help:   "1 for each device that Guarder is attached to, and how: native runs in the driver, generic costs more because the kernel has made a socket buffer by then. 0 with the hook none for a device that the policy is for and that is gone, or runs another program.",
	})
	GuarderRules = define(Family{
		Name: "packetscope_guarder_rules", Type: Gauge, Unit: "rules", Collector: CollectorGuarder,
		Labels: []string{"mode"},
		Help:   "Rules in force by their effective mode, which the ceiling of the host may lower: enforce or audit.",
	})
	GuarderGeneration = define(Family{
		Name: "packetscope_guarder_generation", Type: Gauge, Collector: CollectorGuarder,
		Help: "Number of the policy in force, which each change raises by 1.",
	})
	GuarderApplied = define(Family{
		Name: "packetscope_guarder_applied_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorGuarder,
		Help: "Time at which the policy was put in force, in seconds since the Unix epoch.",
	})
	GuarderApplySuccessful = define(Family{
		Name: "packetscope_guarder_last_apply_successful", Type: Gauge, Collector: CollectorGuarder,
		Help: "Whether the last attempt to put a policy in force succeeded (1) or the one before it is still in force (0).",
	})
	GuarderTripped = define(Family{
		Name: "packetscope_guarder_tripped", Type: Gauge, Collector: CollectorGuarder,
		Help: "Whether the policy dropped so much of what arrived that it is only audited since (1); applying a policy ends that.",
	})
	GuarderUnconfirmed = define(Family{
		Name: "packetscope_guarder_unconfirmed", Type: Gauge, Collector: CollectorGuarder,
		Help: "Whether the policy is on trial (1): it is taken back unless somebody confirms it in time.",
	})
)
