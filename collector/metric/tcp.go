package metric

// CollectorTCP is the name of the collector that reports how TCP fares.
const CollectorTCP = "tcp"

// How TCP fares.
var (
	TCPRetransmits = define(Family{
		Name: "packetscope_tcp_retransmits_total", Type: Counter, Collector: CollectorTCP,
		Labels: []string{"family", "kind"},
		Help: "TCP segments that were sent again (tracepoints tcp_retransmit_skb and tcp_retransmit_synack), by kind: fast (in fast recovery), rto (after the timeout and " +
			"in the recovery from it), tlp (tail loss probes that repeat data), syn, synack, other.",
	})
	TCPResets = define(Family{
		Name: "packetscope_tcp_resets_total", Type: Counter, Collector: CollectorTCP,
		Labels: []string{"direction", "reason", "family"},
		Help: "TCP resets sent (tracepoint tcp_send_reset) with the kernel's name of the reason, and received for a connection (tcp_receive_reset), without one. " +
			"Before Linux 6.10 there are no reasons, and resets for which there is no socket are not counted.",
	})
	TCPRoundTrip = define(Family{
		Name: "packetscope_tcp_rtt_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorTCP,
		Labels: []string{"family"}, Scale: Durations,
		Help: "Smoothed round trip time of established TCP connections, once per segment received (tracepoint tcp_probe), of the share of segments in packetscope_sampling_ratio. " +
			"Busy connections count more than idle ones.",
	})
	TCPConnectDuration = define(Family{
		Name: "packetscope_tcp_connect_duration_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorTCP,
		Labels: []string{"family", "role", "result"}, Scale: Durations,
		Help: "Time that TCP connects took (tracepoint inet_sock_set_state): active from the connect call to its result, passive from the first SYN-ACK to the acknowledgement that completes it. " +
			"A passive connect that fails has no socket and is not observed, nor is one by SYN cookie.",
	})
	TCPZeroWindowEvents = define(Family{
		Name: "packetscope_tcp_zero_window_events_total", Type: Counter, Unit: "events", Collector: CollectorTCP,
		Labels: []string{"side"},
		Help: "Times that an established TCP connection was told to stop sending: a window of zero announced by this host, whose application does not read (local), " +
			"or by the other one (peer). Seen in tracepoints tcp_probe and tcp_rcv_space_adjust.",
	})
	TCPZeroWindow = define(Family{
		Name: "packetscope_tcp_zero_window_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorTCP,
		Labels: []string{"side"}, Scale: Durations,
		Help: "Time for which an established TCP connection had a window of zero, by the side that announced it, observed when it opens again or the connection ends.",
	})
	TCPCongestion = define(Family{
		Name: "packetscope_tcp_congestion_transitions_total", Type: Counter, Unit: "transitions", Collector: CollectorTCP,
		Labels: []string{"state"},
		Help: "TCP connections that entered a congestion state (open, disorder, cwr, recovery, loss; tracepoint tcp_cong_state_set). " +
			"The kernel sets the first state of a connection without that tracepoint.",
	})
	TCPDuplicateAcks = define(Family{
		Name: "packetscope_tcp_duplicate_acks_total", Type: Counter, Unit: "acks", Collector: CollectorTCP,
		Labels: []string{"family"},
		Help: "Duplicate acknowledgements that were received on established TCP connections (tracepoint tcp_probe): without data, acknowledging nothing new while data is under way, " +
			"and with the window of the segment before (RFC 5681) or with selective acknowledgements (RFC 6675).",
	})
	TCPBadChecksums = define(Family{
		Name: "packetscope_tcp_bad_checksums_total", Type: Counter, Unit: "checksums", Collector: CollectorTCP,
		Labels: []string{"family"},
		Help:   "TCP segments that were dropped because of a wrong checksum (tracepoint tcp_bad_csum).",
	})
)

// fromNetstat completes the help of the kernel's own counters.
const fromNetstat = " of /proc/net/netstat, added up over the network namespaces that can be entered, since the start. What a namespace counted after the last scrape before its end is lost."

// What the kernel itself counts and keeps.
var (
	TCPOutOfOrder = define(Family{
		Name: "packetscope_tcp_out_of_order_segments_total", Type: Counter, Unit: "segments", Collector: CollectorTCP,
		Help: "TCP segments that were received while others before them were missing: TCPOFOQueue" + fromNetstat,
	})
	TCPListenOverflows = define(Family{
		Name: "packetscope_tcp_listen_overflows_total", Type: Counter, Unit: "overflows", Collector: CollectorTCP,
		Help: "TCP connections that were dropped because the accept queue of the listening socket was full: ListenOverflows" + fromNetstat,
	})
	TCPListenDrops = define(Family{
		Name: "packetscope_tcp_listen_drops_total", Type: Counter, Unit: "drops", Collector: CollectorTCP,
		Help: "TCP connections that a listening socket dropped for any reason, overflows included: ListenDrops" + fromNetstat,
	})
	TCPSYNCookies = define(Family{
		Name: "packetscope_tcp_syn_cookies_total", Type: Counter, Unit: "cookies", Collector: CollectorTCP,
		Labels: []string{"event"},
		Help:   "SYN cookies that were sent because a queue of connection requests was full, and that came back valid (received) and invalid (failed): SyncookiesSent, SyncookiesRecv and SyncookiesFailed" + fromNetstat,
	})
	TCPChallengeAcks = define(Family{
		Name: "packetscope_tcp_challenge_acks_total", Type: Counter, Unit: "acks", Collector: CollectorTCP,
		Help: "Challenge acknowledgements (RFC 5961) that answered a suspicious SYN or RST: TCPChallengeACK" + fromNetstat,
	})
	TCPAcceptQueueLength = define(Family{
		Name: "packetscope_tcp_accept_queue_length", Type: Gauge, Collector: CollectorTCP,
		Labels: []string{"port"},
		Help: "Connections that wait for an application to accept them, by listening port, added up over its sockets in the network namespaces that can be entered (sock_diag). " +
			"Beyond 256 ports, those with the highest numbers are under \"other\".",
	})
	TCPAcceptQueueLimit = define(Family{
		Name: "packetscope_tcp_accept_queue_limit", Type: Gauge, Collector: CollectorTCP,
		Labels: []string{"port"},
		Help:   "Connections that may wait at most (the backlog of listen), by listening port; the queue overflows when packetscope_tcp_accept_queue_length exceeds it.",
	})
	TCPNetworkNamespaces = define(Family{
		Name: "packetscope_tcp_network_namespaces", Type: Gauge, Unit: "namespaces", Collector: CollectorTCP,
		Labels: []string{"state"},
		Help: "Network namespaces whose counters and listening sockets were read (covered) and that could not be entered (uncovered); " +
			"those of other users' processes are found only with CAP_SYS_PTRACE.",
	})
)
