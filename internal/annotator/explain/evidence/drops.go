package evidence

import "github.com/packetscope/packetscope/internal/annotator/explain/fact"

var ofDrops = map[string][]Query{
	"PacketScopePacketLoss": {with(lossShare), lossByReason, deviceDrops, overflows, pollsFull, with(traffic)},
	"PacketScopeLossRateHigh": {
		with(Query{Name: "loss_for_reason", Says: "what is lost for this reason",
			Expr: `sum(instance_reason_severity:packetscope_drops:rate5m{$host,$reason,severity="loss"})`, Unit: fact.PacketsPerSec, Window: five}),
		{Name: "drop_functions", Says: "where the kernel drops for this reason",
			Expr: `topk(3, sum by (reason, function) (rate(packetscope_drop_locations_total{$host,$reason}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"function"}},
		lossShare, overflows, with(traffic),
	},
	"PacketScopePolicyDropsHigh": {
		with(policyDrops), topSenders, topShare,
		{Name: "drops_by_hook", Says: "the hooks of the firewall that drop",
			Expr: `topk(3, sum by (family, hook) (rate(packetscope_netfilter_dropped_packets_total{$host}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"family", "hook"}},
		noSocket, traffic,
	},
	"PacketScopeDeviceDrops": {
		with(Query{Name: "drops_of_device", Says: "what this device drops",
			Expr: `max(instance_device_direction:packetscope_device_drops:max_rate5m{$host,$device,$direction})`, Unit: fact.PacketsPerSec, Window: five}),
		{Name: "drops_by_kind", Says: "the counters of the device that rise",
			Expr: `topk(3, sum by (kind) (rate(packetscope_device_drops_total{$host,$device,$direction}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"kind"}},
		{Name: "device_polls_full", Says: "the share of polls of the device that leave packets behind",
			Expr: `instance_device:packetscope_napi_budget_exhausted:ratio_rate5m{$host,$device}`, Unit: fact.Ratio, Window: five},
		softirqWait, with(traffic),
	},
	"PacketScopeDeviceErrors": {
		with(Query{Name: "errors_of_device", Says: "the errors of this kind on the device",
			Expr: `sum(rate(packetscope_device_drops_total{$host,$device,$kind}[5m]))`, Unit: fact.PerSecond, Window: five}),
		{Name: "drops_by_kind", Says: "the counters of the device that rise",
			Expr: `topk(3, sum by (kind) (rate(packetscope_device_drops_total{$host,$device}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"kind"}},
		retransmits, traffic,
	},
	"PacketScopeNeighborFailures": {
		with(Query{Name: "neighbor_failures", Says: "the neighbours that are not found",
			Expr: `sum(instance_family:packetscope_neighbor_failures:rate5m{$host,$family})`, Unit: fact.PerSecond, Window: five}),
		{Name: "neighbor_losses", Says: "what is lost as a neighbour is not found",
			Expr: `sum(instance_reason_severity:packetscope_drops:rate5m{$host,reason=~"NEIGH_.*"})`, Unit: fact.PacketsPerSec, Window: five},
		{Name: "route_failures", Says: "packets without a route",
			Expr: `sum(instance_family:packetscope_route_lookup_failures:rate5m{$host,$family})`, Unit: fact.PacketsPerSec, Window: five},
		traffic,
	},
	"PacketScopeRouteFailures": {
		with(Query{Name: "route_failures", Says: "packets without a route",
			Expr: `sum(instance_family:packetscope_route_lookup_failures:rate5m{$host,$family})`, Unit: fact.PacketsPerSec, Window: five}),
		{Name: "neighbor_failures", Says: "the neighbours that are not found",
			Expr: `sum(instance_family:packetscope_neighbor_failures:rate5m{$host,$family})`, Unit: fact.PerSecond, Window: five},
		{Name: "connects_unreachable", Says: "the connects that end as unreachable",
			Expr: `sum(instance_role_result:packetscope_tcp_connect_duration_seconds_count:rate5m{$host,role="active",result="unreachable"})`, Unit: fact.ConnectionsPerS, Window: five},
		traffic,
	},
	"PacketScopeICMPErrorsBurst": {
		with(Query{Name: "icmp_errors", Says: "the ICMP errors of this kind that this host sends",
			Expr: `sum(instance_type_code:packetscope_icmp_errors_sent:rate5m{$host,$type,$code})`, Unit: fact.PerSecond, Window: five}),
		topSenders, topShare, noSocket, evictions, traffic,
	},
}

var ofFlows = map[string][]Query{
	"PacketScopeFlowTableEvicting": {
		with(evictions),
		{Name: "flows", Says: "the flows in the table", Expr: `packetscope_flows{$host}`},
		{Name: "flow_bytes_other", Says: "the share of bytes that belongs to no single flow",
			Expr: `instance:packetscope_flow_bytes_other:ratio_rate5m{$host}`, Unit: fact.Ratio, Window: five},
		with(traffic), topShare, noSocket,
	},
}

var ofSockets = map[string][]Query{
	"PacketScopeSocketOverflow": {
		with(Query{Name: "overflows_of_kind", Says: "what full sockets throw away",
			Expr: `sum(instance_kind:packetscope_socket_overflows:rate5m{$host,$kind})`, Unit: fact.PacketsPerSec, Window: five}),
		readWait,
		{Name: "receive_queues", Says: "the memory of what waits to be read",
			Expr: `sum(packetscope_socket_queue_bytes{$host,queue="receive"})`, Unit: fact.Bytes},
		softirqWait, with(traffic),
	},
	"PacketScopeSocketMemoryExhausted": {
		with(Query{Name: "overflows_of_kind", Says: "what is refused for want of memory",
			Expr: `sum(instance_kind:packetscope_socket_overflows:rate5m{$host,$kind})`, Unit: fact.PerSecond, Window: five}),
		with(Query{Name: "receive_queues", Says: "the memory of what waits to be read",
			Expr: `sum(packetscope_socket_queue_bytes{$host,queue="receive"})`, Unit: fact.Bytes}),
		{Name: "transmit_queues", Says: "the memory of what waits to be sent",
			Expr: `sum(packetscope_socket_queue_bytes{$host,queue="transmit"})`, Unit: fact.Bytes},
		{Name: "sockets", Says: "the number of sockets", Expr: `sum(instance_protocol:packetscope_sockets:sum{$host})`},
	},
	"PacketScopeReadWaitHigh": {
		with(Query{Name: "read_wait_of_protocol", Says: "how long data waits for applications",
			Expr: `instance_protocol:packetscope_socket_read_wait_seconds:p99_rate5m{$host,$protocol}`, Unit: fact.Seconds, Window: five}),
		overflows,
		{Name: "receive_queues", Says: "the memory of what waits to be read",
			Expr: `sum(packetscope_socket_queue_bytes{$host,queue="receive"})`, Unit: fact.Bytes},
		softirqWait, with(traffic),
	},
	"PacketScopeCloseWaitPiling": {
		with(Query{Name: "close_wait", Says: "the connections that the application has not closed",
			Expr: `sum(packetscope_sockets{$host,state="close_wait"})`, Unit: fact.Connections}),
		{Name: "established", Says: "the established connections",
			Expr: `sum(packetscope_sockets{$host,state="established"})`, Unit: fact.Connections},
		readWait,
	},
}
