package metric

// CollectorGuarder is the name of the collector of the packet filter.
const CollectorGuarder = "guarder"

// MostGuardDevices is how many devices of the packet filter have series of their own.
const MostGuardDevices = 64

// A policy may have thousands of rules, and those that match are few; it may be on any
// number of devices, and have any number of sets.
const (
	mostRuleSeries         = 2000
	mostGuardDeviceSeries  = 2*(MostGuardDevices+1) + 1 // two verdicts, also of devices that are not told apart
	mostGuardAttachments   = MostGuardDevices + 1
	mostGuardSets          = 100
	mostGuardMessageSeries = 64
)

// What the rules of the packet filter do.
var (
	GuarderRulePackets = define(Family{
		Name: "packetscope_guarder_rule_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder, MostSeries: mostRuleSeries,
		Labels: []string{"group", "rule", "verdict"},
		Help: "Packets that a rule of Guarder was credited with: pass and drop ended the search for a rule, would_drop is an audited rule that would have dropped, " +
			"count and sample let the search go on. Rules that never matched have no series, but for the first 200 that drop and say by a label which attack they are about.",
	})
	GuarderRuleBytes = define(Family{
		Name: "packetscope_guarder_rule_bytes_total", Type: Counter, Unit: "bytes", Collector: CollectorGuarder, MostSeries: mostRuleSeries,
		Labels: []string{"group", "rule", "verdict"},
		Help:   "Bytes of the packets in packetscope_guarder_rule_packets_total, with their Ethernet headers.",
	})
	GuarderRuleInfo = define(Family{
		Name: "packetscope_guarder_rule_info", Type: Gauge, Collector: CollectorGuarder, MostSeries: mostRuleSeries,
		Labels: []string{"group", "rule", "stage", "mode", "action", "limit", "attack", "severity"},
		Help: "1 for each rule in packetscope_guarder_rule_packets_total: its stage (guard, failsafe or policy), its effective mode, what it does, beyond which limit (of packets, ports or connections; empty without one), and the labels attack and severity " +
			"that the policy gives to it, empty if it gives none. To select rules by them, multiply by it on (group, rule).",
	})
	GuarderRuleLastMatch = define(Family{
		Name: "packetscope_guarder_rule_last_match_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorGuarder, MostSeries: mostRuleSeries,
		Labels: []string{"group", "rule"},
		Help: "Time at which the agent last saw that a rule had matched, in seconds since the Unix epoch, to some ten seconds. " +
			"Rules that did not match since the agent started have no series.",
	})
	GuarderRules = define(Family{
		Name: "packetscope_guarder_rules", Type: Gauge, Unit: "rules", Collector: CollectorGuarder,
		Labels: []string{"mode"},
		Help:   "Rules in force by their effective mode, which the ceiling of the host may lower: enforce or audit.",
	})
	GuarderClampedRules = define(Family{
		Name: "packetscope_guarder_clamped_rules", Type: Gauge, Unit: "rules", Collector: CollectorGuarder,
		Help: "Rules that ask to drop packets and only count them: because of the ceiling of the host (packetscope_guarder_mode_ceiling), or because the trip wire tripped (packetscope_guarder_tripped).",
	})
	GuarderTemporaryRules = define(Family{
		Name: "packetscope_guarder_temporary_rules", Type: Gauge, Unit: "rules", Collector: CollectorGuarder,
		Help: "Rules in force that end by themselves, at the time that their file gives (until).",
	})
	GuarderExpiredRules = define(Family{
		Name: "packetscope_guarder_expired_rules_total", Type: Counter, Unit: "rules", Collector: CollectorGuarder,
		Help: "Temporary rules that an agent took out of the policy as they were over. Those that ended while no agent ran are not among them: the next one does not read them any more.",
	})
)

// What becomes of packets.
var (
	GuarderPackets = define(Family{
		Name: "packetscope_guarder_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder, MostSeries: mostGuardDeviceSeries,
		Labels: []string{"device", "verdict"},
		Help:   "Packets that Guarder judged, by the device that they came from and by what became of them: pass or drop. Those of devices that it cannot tell apart, that are beyond the first 64, or that it is not attached to any more, are under other, since the exporter started.",
	})
	GuarderWouldDrop = define(Family{
		Name: "packetscope_guarder_would_drop_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Help: "Packets that an audited rule would have dropped, whatever became of them. While all rules are audited, none of them was dropped.",
	})
	GuarderUnmatched = define(Family{
		Name: "packetscope_guarder_unmatched_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Help: "Packets that passed because no rule ended the search for one.",
	})
	GuarderKept = define(Family{
		Name: "packetscope_guarder_kept_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Help: "Packets that a rule would have dropped and that passed because they belong to a connection which was there before the policy (established: keep), or to who put it in force (protect_applier).",
	})
	GuarderUnparsable = define(Family{
		Name: "packetscope_guarder_unparsable_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Labels: []string{"reason"},
		Help:   "Packets whose headers could not be read to their end, by the reason; the policy says whether they pass.",
	})
	GuarderSocketLookups = define(Family{
		Name: "packetscope_guarder_socket_lookups_total", Type: Counter, Unit: "lookups", Collector: CollectorGuarder,
		Labels: []string{"found"},
		Help: "Packets for which a rule asked for the socket of this host, by what was found: none, listen, syn_sent, syn_recv, established, time_wait, or unknown where it cannot be seen " +
			"(the address is another host's, or the frame has a VLAN tag); then on_unknown_socket of the policy decides. Policies that ask for no sockets have no series.",
	})
	GuarderLimitFull = define(Family{
		Name: "packetscope_guarder_limit_full_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Help: "Packets of rules with a limit that could not be counted for their source, flow or whatever the limit is per, as the table of these has no room for one that sends as little: more are near their limits than it holds. They were counted with others of their network, or passed, as the policy says (when_full).",
	})
	GuarderServicePackets = define(Family{
		Name: "packetscope_guarder_service_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Labels: []string{"protocol", "port", "verdict"},
		Help: "Packets that Guarder dropped (drop) or would have dropped (would_drop), by the port that they were sent to, since the exporter started. " +
			"The 20 ports with most have series of their own, all others are under other. Under a flood they are estimates, from one hit in 64; with --no-hits of the agent there are none.",
	})
	GuarderICMPPackets = define(Family{
		Name: "packetscope_guarder_icmp_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder, MostSeries: mostGuardMessageSeries,
		Labels: []string{"family", "type"},
		Help:   "Messages of ICMP and ICMPv6 that arrived, by their type: its name in the policy language, or its number. They are counted before a rule judges them.",
	})
	GuarderICMPQuoted = define(Family{
		Name: "packetscope_guarder_icmp_quoted_packets_total", Type: Counter, Unit: "packets", Collector: CollectorGuarder,
		Labels: []string{"family", "class", "protocol"},
		Help: "ICMP errors that arrived, by their class and by the protocol of the packet that they quote: tcp, udp, icmp, other, or none if they quote none that can be read. " +
			"Errors about ICMP are rare on an honest network.",
	})
	GuarderSources = define(Family{
		Name: "packetscope_guarder_sources", Type: Gauge, Unit: "sources", Collector: CollectorGuarder,
		Help: "Pairs of a source and a rule that dropped, audited, counted or sampled its packets, in a table that packetscope guard top shows. It has room for a limited number, and the least recently seen one leaves it. With --no-hits of the agent it is empty.",
	})
)
