package metric

// CollectorDrops is the name of the collector of what is lost.
const CollectorDrops = "drops"

// mostLocations bounds the series of DropLocations: functions are many, and those that
// drop something on one host are few.
const mostLocations = 256

// What is lost.
var (
	Drops = define(Family{
		Name: "packetscope_drops_total", Type: Counter, Collector: CollectorDrops,
		Labels: []string{"reason", "layer", "direction", "family", "protocol", "severity"},
		Help: "Packets (socket buffers) that the kernel dropped, by the reason it gives (reason_<n> for one that has no name, NOT_SPECIFIED if it gives none). " +
			"Severity is loss if somebody misses the packet, policy if the host was told to drop it, and benign if nobody misses it.",
	})
	DropLocations = define(Family{
		Name: "packetscope_drop_locations_total", Type: Counter, Collector: CollectorDrops, MostSeries: mostLocations,
		Labels: []string{"function", "reason"},
		Help: "Packets (socket buffers) that the kernel dropped, by the kernel function that dropped them. " +
			"The function is unknown if the exporter was started without CAP_SYSLOG.",
	})
	NetfilterDrops = define(Family{
		Name: "packetscope_netfilter_dropped_packets_total", Type: Counter, Unit: "packets", Collector: CollectorDrops,
		Labels: []string{"family", "hook"},
		Help: "Packets (socket buffers) that the rules of a netfilter hook dropped. A dropped packet does not tell its hook, so this takes programs " +
			"around the rules: it is there only if the netfilter hooks are timed (--collector.netfilter).",
	})
	DeviceDrops = define(Family{
		Name: "packetscope_device_drops_total", Type: Counter, Collector: CollectorDrops,
		Labels: []string{"device", "direction", "kind"},
		Help: "Packets that a network device or its driver lost, since the device was made, by the kernel's name for the counter; what dropped, missed and fifo " +
			"count depends on the driver, and may overlap. Devices of the exporter's own network namespace.",
	})
	SocketOverflows = define(Family{
		Name: "packetscope_socket_overflows_total", Type: Counter, Collector: CollectorDrops,
		Labels: []string{"kind"},
		Help: "Packets or writes for which a socket had no room: receive_queue and udp_buffer (the application does not read fast enough), " +
			"udp_memory and memory_limit (the memory of the protocol is used up), backlog (packets came faster than the socket was let go of).",
	})
	ICMPErrorsSent = define(Family{
		Name: "packetscope_icmp_errors_sent_total", Type: Counter, Collector: CollectorDrops,
		Labels: []string{"type", "code"},
		Help: "ICMP errors (IPv4) that this host sent about packets that it could not deliver or forward, by type and code (RFC 792), " +
			"such as 3 and 3 for a closed port, or 11 and 0 for an expired TTL.",
	})
	RouteLookupFailures = define(Family{
		Name: "packetscope_route_lookup_failures_total", Type: Counter, Collector: CollectorDrops,
		Labels: []string{"family"},
		Help:   "Packets to send or to forward for which there was no route, by the kernel's own counters since the exporter's network namespace was made.",
	})
	NeighborFailures = define(Family{
		Name: "packetscope_neighbor_failures_total", Type: Counter, Collector: CollectorDrops,
		Labels: []string{"family"},
		Help:   "Neighbours (next hops) whose hardware address could not be found: they did not answer ARP (IPv4) or neighbour discovery (IPv6).",
	})
)
