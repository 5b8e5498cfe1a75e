package metric

// CollectorPathMap is the name of the collector of the ways of packets through the kernel.
const CollectorPathMap = "pathmap"

// The limits of the series of the path map.
const (
	// MostPathEdges is how many edges have series, and mostTimedEdges how many have two more
	// for their times.
	MostPathEdges  = 500
	mostTimedEdges = 200
	mostPathNodes  = 300
	mostPathFates  = 128
)

// The ways of packets through the kernel, from few packets that are sampled; the paths of
// Locator are those through the network. Source and target are functions of the kernel; target
// may be what became of a packet, such as "dropped: NO_SOCKET".
var (
	StackPathSamples = define(Family{
		Name: "packetscope_stack_path_samples_total", Type: Counter, Collector: CollectorPathMap, MostSeries: MostPathEdges,
		Labels: []string{"source", "target", "direction", "protocol"},
		Help: "How often sampled packets came from one function of the kernel to the next (samples, not all packets). " +
			"The target delivered, sent, consumed, merged or \"dropped: REASON\" is what became of them. A function that the compiler lets jump to the next one is not in between.",
	})
	StackPathTimed = define(Family{
		Name: "packetscope_stack_path_timed_samples_total", Type: Counter, Collector: CollectorPathMap, MostSeries: mostTimedEdges,
		Labels: []string{"source", "target", "direction", "protocol"},
		Help:   "How often packetscope_stack_path_step_seconds_total was added to.",
	})
	StackPathStep = define(Family{
		Name: "packetscope_stack_path_step_seconds_total", Type: Counter, Unit: "seconds", Collector: CollectorPathMap, MostSeries: mostTimedEdges,
		Labels: []string{"source", "target", "direction", "protocol"},
		Help: "Time from when a sampled packet was seen last to when it was seen next, counted where the two ways part: how long the target and what it calls took, or how long the packet waited for it. " +
			"The time that sampling itself took is taken out as far as it is known.",
	})
	StackPathFunction = define(Family{
		Name: "packetscope_stack_path_function_info", Type: Gauge, Collector: CollectorPathMap, MostSeries: mostPathNodes,
		Labels: []string{"function", "layer"},
		Help:   "1 for each function of the kernel that sampled packets came to, with the layer that its name tells.",
	})
	StackPathPackets = define(Family{
		Name: "packetscope_stack_path_packets_total", Type: Counter, Unit: "packets", Collector: CollectorPathMap, MostSeries: mostPathFates,
		Labels: []string{"fate", "reason", "protocol"},
		Help: "Sampled packets by what became of them: delivered (the owner of a socket was told), sent, consumed by the kernel, merged (fragments, with the first one), dropped (with the reason), or unseen, as the kernel does not tell the end of all. " +
			"Drops are sampled apart, so that they are more here than among all packets.",
	})
	StackPathOffered = define(Family{
		Name: "packetscope_stack_path_offered_packets_total", Type: Counter, Unit: "packets", Collector: CollectorPathMap,
		Help: "Packets (socket buffers) that came to a place where they may be sampled, while the programs were attached.",
	})
	StackPathChosen = define(Family{
		Name: "packetscope_stack_path_chosen_packets_total", Type: Counter, Unit: "packets", Collector: CollectorPathMap,
		Help: "Packets that were sampled, of packetscope_stack_path_offered_packets_total.",
	})
	StackPathRatio = define(Family{
		Name: "packetscope_stack_path_sampling_ratio", Type: Gauge, Unit: "ratio", Collector: CollectorPathMap,
		Help: "The part of the packets that are sampled while the programs are attached; it follows the load.",
	})
	StackPathTurns = define(Family{
		Name: "packetscope_stack_path_turns_total", Type: Counter, Unit: "turns", Collector: CollectorPathMap,
		Help: "Turns of sampling: in each the programs are attached until they used up their budget or the next turn begins.",
	})
	StackPathSpent = define(Family{
		Name: "packetscope_stack_path_spent_turns_total", Type: Counter, Unit: "turns", Collector: CollectorPathMap,
		Help: "How often the budget of a turn was used up on a CPU, which ends the turn: the host had more traffic than may be looked at.",
	})
	StackPathAttached = define(Family{
		Name: "packetscope_stack_path_attached_seconds_total", Type: Counter, Unit: "seconds", Collector: CollectorPathMap,
		Help: "For how long the programs that sample were attached.",
	})
	StackPathRuns = define(Family{
		Name: "packetscope_stack_path_program_runs_total", Type: Counter, Unit: "runs", Collector: CollectorPathMap,
		Help: "How often programs ran to sample, whether they did or not.",
	})
	StackPathLost = define(Family{
		Name: "packetscope_stack_path_lost_events_total", Type: Counter, Unit: "events", Collector: CollectorPathMap,
		Labels: []string{"cause"},
		Help:   "Sightings of sampled packets that are missing in the map: there was no room for them (full), or their functions could not be named in time (unnamed).",
	})
	StackPathLastTurn = define(Family{
		Name: "packetscope_stack_path_last_turn_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPathMap,
		Help: "When the last turn of sampling ended (Unix time); absent before the first one.",
	})
	StackPathHooks = define(Family{
		Name: "packetscope_stack_path_hooks", Type: Gauge, Unit: "hooks", Collector: CollectorPathMap,
		Labels: []string{"state"},
		Help:   "Tracepoints at which packets are seen (usable), and those that this kernel does not have as they are needed (missing).",
	})
)
