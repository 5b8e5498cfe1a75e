package bpf

// The structs of include/abi.h, whose comments document them.
type (
	// Traffic is the value of the maps traffic and watched_traffic.
	Traffic = abiTraffic
	// Latency is the value of the maps latency and watched_latency.
	Latency = abiLatency
	// WatchedStation is the key of the map watched_traffic.
	WatchedStation = abiWatchedStation
	// WatchedEntry is the key of the map watched_latency.
	WatchedEntry = abiWatchedEntry
	// Watch is the value of the map watches.
	Watch = abiWatch
	// Polls is the value of the map polls.
	Polls = abiPolls
	// FlowKey is the key of the map flows.
	FlowKey = abiFlowKey
	// FlowCounts is a part of FlowEntry and FlowTotals.
	FlowCounts = abiFlowCounts
	// FlowEntry is the value of the map flows.
	FlowEntry = abiFlowEntry
	// FlowTotals is the value of the map flow_totals.
	FlowTotals = abiFlowTotals
	// SocketRecord is what the socket iterators write for each socket.
	SocketRecord = abiSocketRecord
	// Station numbers the places where packets are counted.
	Station = abiStation
	// Span numbers the ways between stations.
	Span = abiSpan
	// Loss numbers the places where an update can be lost.
	Loss = abiLoss
	// DropPlace is the key of the map drops.
	DropPlace = abiDropPlace
	// DropEvent is a record of the ring buffer drop_events.
	DropEvent = abiDropEvent
	// DropFate numbers the entries of the map fates.
	DropFate = abiDropFate
	// Overflow numbers the entries of the map overflows.
	Overflow = abiOverflow
)

// The stations of a packet, and the reads and writes of sockets.
const (
	LinkReceive       = abiStationSTATION_LINK_RECEIVE
	NetworkReceive    = abiStationSTATION_NETWORK_RECEIVE
	TransportReceive  = abiStationSTATION_TRANSPORT_RECEIVE
	NetworkForward    = abiStationSTATION_NETWORK_FORWARD
	TransportTransmit = abiStationSTATION_TRANSPORT_TRANSMIT
	NetworkTransmit   = abiStationSTATION_NETWORK_TRANSMIT
	QdiscTransmit     = abiStationSTATION_QDISC_TRANSMIT
	DriverTransmit    = abiStationSTATION_DRIVER_TRANSMIT
	SocketRead        = abiStationSTATION_SOCKET_READ
	SocketWrite       = abiStationSTATION_SOCKET_WRITE
)

// The spans between stations.
const (
	ReceiveLinkNetwork       = abiSpanSPAN_RECEIVE_LINK_NETWORK
	ReceiveNetworkTransport  = abiSpanSPAN_RECEIVE_NETWORK_TRANSPORT
	ReceiveLinkTransport     = abiSpanSPAN_RECEIVE_LINK_TRANSPORT
	ReceiveTransportSocket   = abiSpanSPAN_RECEIVE_TRANSPORT_SOCKET
	ForwardLinkNetwork       = abiSpanSPAN_FORWARD_LINK_NETWORK
	ForwardNetworkQdisc      = abiSpanSPAN_FORWARD_NETWORK_QDISC
	ForwardLinkQdisc         = abiSpanSPAN_FORWARD_LINK_QDISC
	TransmitTransportNetwork = abiSpanSPAN_TRANSMIT_TRANSPORT_NETWORK
	TransmitNetworkQdisc     = abiSpanSPAN_TRANSMIT_NETWORK_QDISC
	TransmitQdiscDriver      = abiSpanSPAN_TRANSMIT_QDISC_DRIVER
	TransmitTransportDriver  = abiSpanSPAN_TRANSMIT_TRANSPORT_DRIVER
	TransmitTransportQdisc   = abiSpanSPAN_TRANSMIT_TRANSPORT_QDISC
)

// How packets come to a station; see enum way. A smaller number is the station
// where the path began.
const (
	WaySpan          = int(abiWayWAY_SPAN)
	WayWholeReceive  = int(abiWayWAY_WHOLE_RECEIVE)
	WayWholeTransmit = int(abiWayWAY_WHOLE_TRANSMIT)
	Ways             = int(abiWayWAYS)
)

// TrafficEntries is how many entries one bank of the map traffic has.
const TrafficEntries = Ways * Kinds * Classes

// The sizes of the tables.
const (
	Stations      = int(abiStationSTATIONS)
	Spans         = int(abiSpanSPANS)
	Kinds         = int(abiKindKINDS)
	IPKinds       = int(abiKindKIND_NON_IP)
	Classes       = int(abiDeviceClassCLASSES)
	FlowRoles     = int(abiFlowRoleFLOW_ROLES)
	Layers        = int(abiLayerLAYERS)
	Directions    = int(abiDirectionDIRECTIONS)
	Causes        = int(abiCauseCAUSES)
	Losses        = int(abiLossLOSSES)
	DurationSlots = len(Latency{}.Slots)
	PollSlots     = len(Polls{}.Slots)
)

// Where each part of the map latency begins; see enum latency_entry.
const (
	LatencySpan        = int(abiLatencyEntryLATENCY_SPAN)
	LatencyReadWait    = int(abiLatencyEntryLATENCY_READ_WAIT)
	LatencyQdiscWait   = int(abiLatencyEntryLATENCY_QDISC_WAIT)
	LatencyDriverXmit  = int(abiLatencyEntryLATENCY_DRIVER_XMIT)
	LatencySoftirqWait = int(abiLatencyEntryLATENCY_SOFTIRQ_WAIT)
	LatencySoftirqRun  = int(abiLatencyEntryLATENCY_SOFTIRQ_RUN)
	LatencyNetfilter   = int(abiLatencyEntryLATENCY_NETFILTER)
	LatencyEntries     = int(abiLatencyEntryLATENCY_ENTRIES)
)

// DeviceSlots is how many devices have histograms of their own; slot 0 is for
// the others.
const DeviceSlots = LatencyDriverXmit - LatencyQdiscWait - 1

// BacklogPolls is the entry of the map polls for polls without a device.
const BacklogPolls = DeviceSlots + 1

// MaxWatches is how many filters one bank of the map watches holds.
const MaxWatches = 64

// The keys of the map losses.
const (
	LossWatchedTraffic = abiLossLOSS_WATCHED_TRAFFIC
	LossWatchedLatency = abiLossLOSS_WATCHED_LATENCY
	LossSocketsReady   = abiLossLOSS_SOCKETS_READY
	LossFlows          = abiLossLOSS_FLOWS
	LossTCPSockets     = abiLossLOSS_TCP_SOCKETS
	LossDrops          = abiLossLOSS_DROPS
)

// The sizes of the tables of TCP; an IP version is 0 for IPv4 and 1 for IPv6.
const (
	Retransmits  = int(abiRetransmitRETRANSMITS)
	Roles        = int(abiRoleROLES)
	Results      = int(abiResultRESULTS)
	Sides        = int(abiSideSIDES)
	Congestions  = int(abiCongestionCONGESTIONS)
	ResetReasons = (TCPCountResetReceived - TCPCountResetSent) / 2
)

// Where each part of the map tcp_counts begins; see enum tcp_count.
const (
	TCPCountRetransmit    = int(abiTcpCountTCP_COUNT_RETRANSMIT)
	TCPCountResetSent     = int(abiTcpCountTCP_COUNT_RESET_SENT)
	TCPCountResetReceived = int(abiTcpCountTCP_COUNT_RESET_RECEIVED)
	TCPCountZeroWindow    = int(abiTcpCountTCP_COUNT_ZERO_WINDOW)
	TCPCountCongestion    = int(abiTcpCountTCP_COUNT_CONGESTION)
	TCPCountDuplicateAck  = int(abiTcpCountTCP_COUNT_DUPLICATE_ACK)
	TCPCountBadChecksum   = int(abiTcpCountTCP_COUNT_BAD_CHECKSUM)
	TCPCounts             = int(abiTcpCountTCP_COUNTS)
)

// Where each part of the map tcp_durations begins; see enum tcp_duration.
const (
	TCPDurationRTT        = int(abiTcpDurationTCP_DURATION_RTT)
	TCPDurationConnect    = int(abiTcpDurationTCP_DURATION_CONNECT)
	TCPDurationZeroWindow = int(abiTcpDurationTCP_DURATION_ZERO_WINDOW)
	TCPDurations          = int(abiTcpDurationTCP_DURATIONS)
)

// What became of a drop that a program with a ring buffer saw.
const (
	FateSeen     = abiDropFateFATE_SEEN
	FateUnwanted = abiDropFateFATE_UNWANTED
	FateLimited  = abiDropFateFATE_LIMITED
	FateLost     = abiDropFateFATE_LOST
)

// The keys of the map overflows.
const (
	OverflowReceiveQueue = abiOverflowOVERFLOW_RECEIVE_QUEUE
	OverflowUDPBuffer    = abiOverflowOVERFLOW_UDP_BUFFER
	OverflowUDPMemory    = abiOverflowOVERFLOW_UDP_MEMORY
	OverflowMemoryLimit  = abiOverflowOVERFLOW_MEMORY_LIMIT
)

// Overflows is how many kinds of overflow there are.
const Overflows = int(abiOverflowOVERFLOWS)

// ICMPCodes is how many codes each type has in the map icmp_errors, whose last entry
// is for what does not fit in; see ICMP_ENTRIES.
const ICMPCodes = 16

// UnknownDirection is the direction of a drop that the packet does not tell.
const UnknownDirection = uint8(Directions)
