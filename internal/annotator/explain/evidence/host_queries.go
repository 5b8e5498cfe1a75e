package evidence

import "github.com/packetscope/packetscope/internal/annotator/explain/fact"

// window is the Window of queries about a host, until that is chosen.
const window = quarter

// over returns a query over the window that has no result where there is nothing of it.
func over(name, says string, unit fact.Unit, expr string, by ...string) Query {
	return Query{Name: name, Says: says, Unit: unit, Expr: expr, Window: window, By: by, MayBeEmpty: true}
}

// surely makes it a gap that there is no result: the exporter always has the series.
func surely(q Query) Query {
	q.MayBeEmpty = false
	return q
}

// ofHost are the queries about a host. What a collector that can be off has may be empty;
// what every host has is a gap if it is missing.
var ofHost = map[Scope][]Query{
	Stats: {
		over("alerts", "the alerts that fired", fact.None, `count by (severity) (max_over_time(ALERTS{$host,alertstate="firing"}[$window]))`, "severity"),
		surely(over("answered", "whether the exporter answered all the time", fact.State, `min_over_time(up{$host}[$window])`)),
		with(surely(over("traffic", "the packets that the host handles", fact.PacketsPerSec, `avg_over_time(instance:packetscope_packets:rate5m{$host}[$window])`))),
		over("bytes", "the bytes that the host receives and sends", fact.BytesPerSecond,
			`sum by (direction) (avg_over_time(instance_direction:packetscope_flow_bytes:rate5m{$host}[$window]))`, "direction"),
		with(surely(over("loss_share", "the share of packets that the host loses", fact.Ratio, `avg_over_time(instance:packetscope_drops_loss:ratio_rate5m{$host}[$window])`))),
		over("loss_by_reason", "the reasons for which packets are lost", fact.PacketsPerSec,
			`topk(3, sum by (reason) (avg_over_time(instance_reason_severity:packetscope_drops:rate5m{$host,severity="loss"}[$window])) > 0)`, "reason"),
		over("device_drops", "what network devices drop", fact.PacketsPerSec,
			`topk(3, max by (device, direction) (avg_over_time(instance_device_direction:packetscope_device_drops:max_rate5m{$host}[$window])) > 0)`, "device", "direction"),
		over("device_errors", "damaged frames", fact.PerSecond,
			`sum(rate(packetscope_device_drops_total{$host,kind=~"crc|frame|length|carrier|aborted|heartbeat|window"}[$window]))`),
		with(over("policy_drops", "what the rules of the host drop", fact.PacketsPerSec,
			`sum(avg_over_time(instance_severity:packetscope_drops:rate5m{$host,severity="policy"}[$window]))`)),
		with(over("guard_drops", "what Guarder drops", fact.PacketsPerSec,
			`sum(avg_over_time(instance_verdict:packetscope_guarder_packets:rate5m{$host,verdict="drop"}[$window]))`)),
		over("attacks", "the attacks that rules of Guarder match", fact.PacketsPerSec,
			`topk(3, sum by (attack) (avg_over_time(instance_attack_severity_verdict:packetscope_guarder_rule_packets:rate5m{$host}[$window])) > 0)`, "attack"),
		over("top_senders", "who sends most packets", fact.PacketsPerSec,
			`topk(3, sum by (remote) (rate(packetscope_flow_packets_total{$host,direction="receive"}[$window])))`, "remote"),
		over("top_flows", "the busiest flows", fact.PacketsPerSec,
			`topk(5, sum by (remote, service_port, protocol) (rate(packetscope_flow_packets_total{$host,remote!="other"}[$window])))`, "remote", "service_port", "protocol"),
		over("malformed", "the packets that cannot be read", fact.PacketsPerSec,
			`topk(3, sum by (reason) (rate(packetscope_guarder_unparsable_packets_total{$host}[$window])) > 0)`, "reason"),
		over("top_sender_share", "the share of the busiest sender in what arrives", fact.Ratio,
			`max(sum by (remote) (rate(packetscope_flow_packets_total{$host,direction="receive",remote!="other"}[$window]))) / (sum(rate(packetscope_flow_packets_total{$host,direction="receive"}[$window])) > 0)`),
		with(over("socket_overflows", "what full sockets throw away", fact.PacketsPerSec,
			`sum(avg_over_time(instance_kind:packetscope_socket_overflows:rate5m{$host}[$window]))`)),
		over("polls_full", "the share of polls that leave packets behind", fact.Ratio,
			`max(avg_over_time(instance_device:packetscope_napi_budget_exhausted:ratio_rate5m{$host}[$window]))`),
		with(over("softirq_wait", "how long network softirqs wait for a CPU", fact.Seconds,
			`max(avg_over_time(instance_vector:packetscope_softirq_wait_seconds:p99_rate5m{$host}[$window]))`)),
	},
	TCP: {
		with(over("retransmits", "the share of TCP segments that are sent again", fact.Ratio, `avg_over_time(instance:packetscope_tcp_retransmits:ratio_rate5m{$host}[$window])`)),
		over("out_of_order", "the share of TCP segments that arrive out of order", fact.Ratio, `avg_over_time(instance:packetscope_tcp_out_of_order_segments:ratio_rate5m{$host}[$window])`),
		with(over("tcp_round_trip", "the round trip time of TCP", fact.Seconds, `avg_over_time(instance:packetscope_tcp_rtt_seconds:p50_rate5m{$host}[$window])`)),
		with(over("accepted", "the connections that are made to the host", fact.ConnectionsPerS,
			`sum(rate(packetscope_tcp_connect_duration_seconds_count{$host,role="passive",result="established"}[$window]))`)),
		over("established", "the TCP connections that are established", fact.Connections,
			`sum(avg_over_time(packetscope_sockets{$host,protocol="tcp",state="established"}[$window]))`),
		over("failed_connects", "the share of connects that fail", fact.Ratio,
			`sum(rate(packetscope_tcp_connect_duration_seconds_count{$host,role="active",result!="established"}[$window])) / (sum(rate(packetscope_tcp_connect_duration_seconds_count{$host,role="active"}[$window])) > 0)`),
		with(over("resets", "the TCP resets", fact.PerSecond, `sum(rate(packetscope_tcp_resets_total{$host}[$window]))`)),
		over("resets_without_socket", "the resets that answer packets to ports where nobody listens", fact.PerSecond,
			`sum(rate(packetscope_tcp_resets_total{$host,direction="transmit",reason="NO_SOCKET"}[$window]))`),
		over("duplicate_acks", "the duplicate acknowledgements of TCP", fact.PerSecond, `sum(rate(packetscope_tcp_duplicate_acks_total{$host}[$window]))`),
		over("bad_checksums", "the TCP segments with a wrong checksum", fact.PerSecond, `sum(rate(packetscope_tcp_bad_checksums_total{$host}[$window]))`),
		over("cookies_sent", "the SYN cookies that are sent", fact.PerSecond, `sum(rate(packetscope_tcp_syn_cookies_total{$host,event="sent"}[$window]))`),
		over("cookies_back", "the share of SYN cookies that come back", fact.Ratio,
			`sum(rate(packetscope_tcp_syn_cookies_total{$host,event="received"}[$window])) / (sum(rate(packetscope_tcp_syn_cookies_total{$host,event="sent"}[$window])) > 0)`),
		over("listen_overflows", "the connections that are turned away", fact.ConnectionsPerS, `sum(rate(packetscope_tcp_listen_overflows_total{$host}[$window]))`),
		over("accept_queue_fill", "how full the fullest accept queue was", fact.Ratio, `max_over_time(instance:packetscope_tcp_accept_queue_length:max_ratio{$host}[$window])`),
		over("stalled", "the connections that stand still", fact.Connections, `sum(avg_over_time(instance_side:packetscope_tcp_zero_window_seconds:rate5m{$host}[$window]))`),
		over("tcp_read_wait", "how long data of TCP waits for applications", fact.Seconds,
			`max(avg_over_time(instance_protocol:packetscope_socket_read_wait_seconds:p99_rate5m{$host,protocol="tcp"}[$window]))`),
	},
	UDP: {
		with(over("udp_received", "the packets of UDP that arrive", fact.PacketsPerSec,
			`sum(rate(packetscope_packets_total{$host,layer="transport",direction="receive",protocol="udp"}[$window]))`)),
		with(over("udp_sent", "the packets of UDP that the host sends", fact.PacketsPerSec,
			`sum(rate(packetscope_packets_total{$host,layer="transport",direction="transmit",protocol="udp"}[$window]))`)),
		over("udp_overflows", "what full sockets of UDP throw away", fact.PacketsPerSec, `sum(rate(packetscope_socket_overflows_total{$host,kind=~"udp_buffer|udp_memory"}[$window]))`),
		over("udp_senders", "who sends most packets of UDP", fact.PacketsPerSec,
			`topk(3, sum by (remote) (rate(packetscope_flow_packets_total{$host,direction="receive",protocol="udp"}[$window])))`, "remote"),
		over("udp_read_wait", "how long data of UDP waits for applications", fact.Seconds,
			`max(avg_over_time(instance_protocol:packetscope_socket_read_wait_seconds:p99_rate5m{$host,protocol="udp"}[$window]))`),
	},
	ICMP: {
		with(over("icmp_received", "the packets of ICMP that arrive", fact.PacketsPerSec,
			`sum(rate(packetscope_packets_total{$host,layer="network",direction="receive",protocol=~"icmp|icmpv6"}[$window]))`)),
		with(over("icmp_errors", "the ICMP errors that the host sends", fact.PerSecond, `sum(rate(packetscope_icmp_errors_sent_total{$host}[$window]))`)),
		over("icmp_errors_by_type", "the ICMP errors that it sends most", fact.PerSecond,
			`topk(3, sum by (type, code) (rate(packetscope_icmp_errors_sent_total{$host}[$window])) > 0)`, "type", "code"),
		over("icmp_messages", "the ICMP messages that arrive most", fact.PacketsPerSec,
			`topk(3, sum by (family, type) (rate(packetscope_guarder_icmp_packets_total{$host}[$window])) > 0)`, "family", "type"),
	},
}
