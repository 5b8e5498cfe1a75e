package metric

// CollectorSockets is the name of the collector that counts sockets.
const CollectorSockets = "sockets"

// What sockets there are. The values of family, protocol and state are the names
// in package sockets.
var (
	Sockets = define(Family{
		Name: "packetscope_sockets", Type: Gauge, Unit: "sockets", Collector: CollectorSockets,
		Labels: []string{"family", "protocol", "state"},
		Help: "Sockets in all network namespaces in sight, as ss counts them: TCP by the state of the connection (also those without a process, such as time_wait), " +
			"others by whether they are connected. The protocol icmp is that of unprivileged ping.",
	})
	SocketQueueBytes = define(Family{
		Name: "packetscope_socket_queue_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorSockets,
		Labels: []string{"family", "protocol", "queue"},
		Help: "Kernel memory of what waits in sockets: in the queue receive to be read by the application, in transmit to be sent or acknowledged. " +
			"It includes the overhead of socket buffers.",
	})
	SocketNamespaces = define(Family{
		Name: "packetscope_socket_namespaces", Type: Gauge, Unit: "namespaces", Collector: CollectorSockets,
		Labels: []string{"state"},
		Help: "Network namespaces whose sockets are counted (covered) and that were found but could not be entered (uncovered). " +
			"Without CAP_SYS_PTRACE those of other users' processes are not even found.",
	})
	ListenerConnections = define(Family{
		Name: "packetscope_listener_connections", Type: Gauge, Unit: "connections", Collector: CollectorSockets,
		Labels: []string{"port"},
		Help: "Established TCP connections whose local port is listened on in the same network namespace, by port: 256 ports at the most, the others under \"other\". " +
			"A connection counts whether the application has accepted it or not.",
	})
	ListenerQueueBytes = define(Family{
		Name: "packetscope_listener_queue_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorSockets,
		Labels: []string{"port", "queue"},
		Help:   "Kernel memory of what waits in the TCP connections of a port that is listened on, as packetscope_socket_queue_bytes; the ports are those of packetscope_listener_connections.",
	})
)
