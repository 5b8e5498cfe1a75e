package metric

// The names of the collectors that read the Analyzer.
const (
	CollectorStack     = "stack"
	CollectorSocket    = "socket"
	CollectorDevice    = "device"
	CollectorSoftirq   = "softirq"
	CollectorNetfilter = "netfilter"
)

// traffic is the set of labels that counters of packets share. Family, protocol
// and watch come last so that they read alike everywhere.
var traffic = []string{"family", "protocol", "device_class", "watch"}

// by returns names followed by the labels in traffic.
func by(names ...string) []string { return append(names, traffic...) }

// What the layers handle.
var (
	Packets = define(Family{
		Name: "packetscope_packets_total", Type: Counter, Unit: "packets", Collector: CollectorStack,
		Labels: by("layer", "direction"),
		Help: "Packets that a layer of the network stack handled. A packet is a socket buffer (skb), which stands for many packets " +
			"on the wire if the kernel merged (GRO) or has yet to cut (GSO) them; at the socket layer it is one read or write that moved data.",
	})
	Bytes = define(Family{
		Name: "packetscope_bytes_total", Type: Counter, Unit: "bytes", Collector: CollectorStack,
		Labels: by("layer", "direction"),
		Help: "Bytes in the packets that a layer of the network stack handled: the length of the socket buffer (skb) as that layer " +
			"sees it, with the headers it has not stripped or has already added; at the socket layer the data that the application read or wrote.",
	})
	WirePackets = define(Family{
		Name: "packetscope_wire_packets_total", Type: Counter, Unit: "packets", Collector: CollectorStack,
		Labels: by("direction"),
		Help: "Packets as they are on the wire: on receive the segments that GRO merged, counted at the link layer, and on transmit the segments " +
			"that GSO will cut, counted at the driver. Divided by packetscope_packets_total of that layer it is the segments per socket buffer.",
	})
)

// How packets move between the layers.
var (
	LayerCrossings = define(Family{
		Name: "packetscope_layer_crossings_total", Type: Counter, Unit: "crossings", Collector: CollectorStack,
		Labels: by("direction", "from", "to"),
		Help: "Packets (socket buffers) that were seen to enter one layer of the network stack and then the next one. " +
			"Every packet is counted, also when only some of them are timed.",
	})
	UnmatchedStages = define(Family{
		Name: "packetscope_unmatched_stages_total", Type: Counter, Unit: "stages", Collector: CollectorStack,
		Labels: []string{"direction", "from", "to", "cause"},
		Help: "Packets (socket buffers) that were seen in only one of two neighbouring layers, by cause: dropped (freed as a drop in between), " +
			"departed (went somewhere that is not probed, or merged), missed (not seen before, such as a new segment or another CPU), stale or clock (implausible time).",
	})
	StageDuration = define(Family{
		Name: "packetscope_stage_duration_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorStack,
		Labels: []string{"direction", "from", "to", "protocol", "device_class", "watch"}, Scale: Stages,
		Help: "Time that packets (socket buffers) took from entering one layer of the network stack to entering the next one. " +
			"One in so many packets is timed, see packetscope_sampling_ratio.",
	})
	LostEvents = define(Family{
		Name: "packetscope_lost_events_total", Type: Counter, Unit: "events", Collector: CollectorStack,
		Labels: []string{"source"},
		Help:   "Observations that are missing from the other metrics because a BPF map was full, by the name of the map.",
	})
)

// How long data waits.
var (
	SocketReadWait = define(Family{
		Name: "packetscope_socket_read_wait_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorSocket,
		Labels: []string{"protocol", "family", "watch"}, Scale: Durations,
		Help: "Time from data becoming readable in a socket that had none to the application reading it, by socket: one observation per read that finds " +
			"such data, not per packet. It is long if the application is busy, stopped or starved of CPU.",
	})
	QdiscWait = define(Family{
		Name: "packetscope_qdisc_wait_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorDevice,
		Labels: []string{"device"}, Scale: Durations,
		Help: "Time that packets (socket buffers) waited in the queueing discipline of a device before they were handed to its driver. " +
			"Packets that found the queue empty and bypassed it are not observed.",
	})
	DriverXmit = define(Family{
		Name: "packetscope_driver_xmit_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorDevice,
		Labels: []string{"device"}, Scale: Stages,
		Help: "Time that the driver of a device took to accept one packet (socket buffer) for transmission. " +
			"It is not the time to the wire: a network card sends what it accepted later.",
	})
	NAPIPollPackets = define(Family{
		Name: "packetscope_napi_poll_packets", Type: Histogram, Unit: "packets", Collector: CollectorDevice,
		Labels: []string{"device"}, Scale: PollSizes,
		Help: "Packets that one NAPI poll of a device took from its receive queue, before GRO. The count is that of polls; " +
			"loopback and virtual devices that use the per-CPU backlog are under the device \"backlog\".",
	})
	NAPIBudgetExhausted = define(Family{
		Name: "packetscope_napi_budget_exhausted_total", Type: Counter, Collector: CollectorDevice,
		Labels: []string{"device"},
		Help:   "NAPI polls of a device that used up their budget of packets, so that more were probably waiting.",
	})
	SoftirqWait = define(Family{
		Name: "packetscope_softirq_wait_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorSoftirq,
		Labels: []string{"vector"}, Scale: Stages,
		Help: "Time from a network softirq (net_rx, net_tx) being raised on a CPU to its handler starting there.",
	})
	SoftirqRun = define(Family{
		Name: "packetscope_softirq_run_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorSoftirq,
		Labels: []string{"vector"}, Scale: Stages,
		Help: "Time that one run of the handler of a network softirq (net_rx, net_tx) took; a run handles many packets.",
	})
	NetfilterHookDuration = define(Family{
		Name: "packetscope_netfilter_hook_duration_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorNetfilter,
		Labels: []string{"family", "hook"}, Scale: Stages,
		Help: "Time that packets (socket buffers) spent in everything registered at one netfilter hook: rules, connection tracking, address translation. " +
			"Packets that were dropped or stolen there are not observed.",
	})
)
