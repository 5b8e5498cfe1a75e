package evidence

import (
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
)

const (
	five    = 5 * time.Minute
	quarter = 15 * time.Minute
)

// What several alerts ask for.
var (
	lossShare = Query{Name: "loss_share", Says: "the share of packets that this host loses",
		Expr: `instance:packetscope_drops_loss:ratio_rate5m{$host}`, Unit: fact.Ratio, Window: five}
	lossByReason = Query{Name: "loss_by_reason", Says: "the reasons for which packets are lost", MayBeEmpty: true,
		Expr: `topk(3, sum by (reason) (instance_reason_severity:packetscope_drops:rate5m{$host,severity="loss"}))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"reason"}}
	traffic = Query{Name: "traffic", Says: "the packets that this host handles",
		Expr: `instance:packetscope_packets:rate5m{$host}`, Unit: fact.PacketsPerSec, Window: five}
	deviceDrops = Query{Name: "device_drops", Says: "what network devices drop",
		Expr: `topk(3, max by (device, direction) (instance_device_direction:packetscope_device_drops:max_rate5m{$host}))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"device", "direction"}}
	deviceErrors = Query{Name: "device_errors", Says: "damaged frames",
		Expr: `sum(rate(packetscope_device_drops_total{$host,kind=~"crc|frame|length|carrier|aborted|heartbeat|window"}[5m]))`, Unit: fact.PerSecond, Window: five}
	policyDrops = Query{Name: "policy_drops", Says: "what the rules of the host drop",
		Expr: `sum(instance_severity:packetscope_drops:rate5m{$host,severity="policy"})`, Unit: fact.PacketsPerSec, Window: five}
	overflows = Query{Name: "socket_overflows", Says: "what full sockets throw away",
		Expr: `sum(instance_kind:packetscope_socket_overflows:rate5m{$host})`, Unit: fact.PacketsPerSec, Window: five}
	pollsFull = Query{Name: "polls_full", Says: "the share of polls that leave packets behind",
		Expr: `max(instance_device:packetscope_napi_budget_exhausted:ratio_rate5m{$host})`, Unit: fact.Ratio, Window: five}
	softirqWait = Query{Name: "softirq_wait", Says: "how long network softirqs wait for a CPU",
		Expr: `max(instance_vector:packetscope_softirq_wait_seconds:p99_rate5m{$host})`, Unit: fact.Seconds, Window: five}
	retransmits = Query{Name: "retransmits", Says: "the share of TCP segments that are sent again",
		Expr: `instance:packetscope_tcp_retransmits:ratio_rate5m{$host}`, Unit: fact.Ratio, Window: five}
	outOfOrder = Query{Name: "out_of_order", Says: "the share of TCP segments that arrive out of order",
		Expr: `instance:packetscope_tcp_out_of_order_segments:ratio_rate5m{$host}`, Unit: fact.Ratio, Window: five}
	roundTrip = Query{Name: "tcp_round_trip", Says: "the round trip time of TCP",
		Expr: `instance:packetscope_tcp_rtt_seconds:p50_rate5m{$host}`, Unit: fact.Seconds, Window: five}
	readWait = Query{Name: "read_wait", Says: "how long data waits for applications",
		Expr: `max(instance_protocol:packetscope_socket_read_wait_seconds:p99_rate5m{$host})`, Unit: fact.Seconds, Window: five}
	queueFill = Query{Name: "accept_queue_fill", Says: "how full the fullest accept queue is",
		Expr: `instance:packetscope_tcp_accept_queue_length:max_ratio{$host}`, Unit: fact.Ratio}
	topSenders = Query{Name: "top_senders", Says: "who sends most packets",
		Expr: `topk(3, sum by (remote) (rate(packetscope_flow_packets_total{$host,direction="receive"}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"remote"}}
	topShare = Query{Name: "top_sender_share", Says: "the share of the busiest sender in what arrives",
		Expr: `max(sum by (remote) (rate(packetscope_flow_packets_total{$host,direction="receive",remote!="other"}[5m]))) / (sum(rate(packetscope_flow_packets_total{$host,direction="receive"}[5m])) > 0)`,
		Unit: fact.Ratio, Window: five}
	noSocket = Query{Name: "resets_without_socket", Says: "the resets that answer packets to ports where nobody listens",
		Expr: `sum(rate(packetscope_tcp_resets_total{$host,direction="transmit",reason="NO_SOCKET"}[5m]))`, Unit: fact.PerSecond, Window: five}
	cookiesBack = Query{Name: "cookies_back", Says: "the share of SYN cookies that come back",
		Expr: `sum(rate(packetscope_tcp_syn_cookies_total{$host,event="received"}[5m])) / (sum(rate(packetscope_tcp_syn_cookies_total{$host,event="sent"}[5m])) > 0)`, Unit: fact.Ratio, Window: five}
	evictions = Query{Name: "flow_evictions", Says: "the flows that leave the full table",
		Expr: `sum(rate(packetscope_flow_evictions_total{$host}[5m]))`, Unit: fact.PerSecond, Window: five}
	guardDrops = Query{Name: "guard_drops", Says: "what Guarder drops",
		Expr: `sum(instance_verdict:packetscope_guarder_packets:rate5m{$host,verdict="drop"})`, Unit: fact.PacketsPerSec, Window: five}
	guardPasses = Query{Name: "guard_passes", Says: "what Guarder lets pass",
		Expr: `sum(instance_verdict:packetscope_guarder_packets:rate5m{$host,verdict="pass"})`, Unit: fact.PacketsPerSec, Window: five}
	wouldDrop = Query{Name: "would_drop", Says: "what audited rules would drop",
		Expr: `instance:packetscope_guarder_would_drop_packets:rate5m{$host}`, Unit: fact.PacketsPerSec, Window: five}
	clamped = Query{Name: "clamped_rules", Says: "the rules that ask to be enforced and are only audited",
		Expr: `packetscope_guarder_clamped_rules{$host}`}
	applyAge = Query{Name: "policy_age", Says: "since when the policy is in force",
		Expr: `time() - packetscope_guarder_applied_timestamp_seconds{$host}`, Unit: fact.Seconds}
	tripped = Query{Name: "tripped", Says: "whether the trip wire has tripped",
		Expr: `packetscope_guarder_tripped{$host}`, Unit: fact.State}
	scrapeUp = Query{Name: "scrape_up", Says: "whether the exporter answers",
		Expr: `up{$host}`, Unit: fact.State}
	exporterAge = Query{Name: "exporter_age", Says: "since when the exporter runs",
		Expr: `time() - process_start_time_seconds{$host}`, Unit: fact.Seconds}
	exporterCPU = Query{Name: "exporter_cpu", Says: "the CPU time of the exporter",
		Expr: `rate(process_cpu_seconds_total{$host}[5m])`, Unit: fact.CPUs, Window: five}
	exporterMemory = Query{Name: "exporter_memory", Says: "the memory of the exporter",
		Expr: `process_resident_memory_bytes{$host}`, Unit: fact.Bytes}
)
