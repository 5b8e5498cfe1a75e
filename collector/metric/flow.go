package metric

// CollectorFlows is the name of the collector that reads the table of flows.
const CollectorFlows = "flows"

// flow is the set of labels that tells flows apart.
func flow(more ...string) []string {
	return append([]string{"remote", "service_port", "protocol", "role"}, more...)
}

// Who talks to whom. These labels alone hold addresses and ports: for as many flows
// as the configuration says, and no more.
var (
	FlowBytes = define(Family{
		Name: "packetscope_flow_bytes_total", Type: Counter, Unit: "bytes", Collector: CollectorFlows,
		Labels: flow("direction"),
		Help: "Bytes of the busiest flows, and of all others under \"other\": what one service exchanged with one remote network, from the network header on, " +
			"where packets pass the transport layer. A flow is counted by itself for as long as it is listed, and under \"other\" before and after.",
	})
	FlowPackets = define(Family{
		Name: "packetscope_flow_packets_total", Type: Counter, Unit: "packets", Collector: CollectorFlows,
		Labels: flow("direction"),
		Help:   "Packets (socket buffers) of the busiest flows, and of all others under \"other\"; as packetscope_flow_bytes_total.",
	})
	FlowRetransmits = define(Family{
		Name: "packetscope_flow_tcp_retransmits_total", Type: Counter, Collector: CollectorFlows,
		Labels: flow(),
		Help:   "TCP segments that this host sent again, of those of the busiest flows that are TCP, and of all others under \"other\".",
	})
	FlowRTT = define(Family{
		Name: "packetscope_flow_rtt_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorFlows,
		Labels: flow(),
		Help: "Smoothed round-trip time of the TCP connection that sent the last sampled packet, for those of the busiest flows that are TCP. " +
			"A flow may stand for many connections.",
	})
	Flows = define(Family{
		Name: "packetscope_flows", Type: Gauge, Collector: CollectorFlows,
		Help: "Flows in the table of the kernel: those that were seen, less those that made room for others.",
	})
	FlowEvictions = define(Family{
		Name: "packetscope_flow_evictions_total", Type: Counter, Collector: CollectorFlows,
		Help: "Flows that had to leave the full table of the kernel for others. What they carried stays in the sums, and a flow that comes back begins anew.",
	})
)
