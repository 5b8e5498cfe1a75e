package bpf

// The structs of include/trace_abi.h, whose comments document them.
type (
	// TraceScratch is what a filter of packets looks at.
	TraceScratch = abiTraceScratch
	// TraceEvent is a record of the ring buffer trace_events.
	TraceEvent = abiTraceEvent
	// TraceHook numbers the places where packets are seen.
	TraceHook = abiTraceHook
	// TraceCount numbers the entries of the map trace_counts.
	TraceCount = abiTraceCount
)

// Where a packet was seen.
const (
	TraceNapiGROReceiveEntry = abiTraceHookTRACE_NAPI_GRO_RECEIVE_ENTRY
	TraceNetifRx             = abiTraceHookTRACE_NETIF_RX
	TraceNetifReceiveSkb     = abiTraceHookTRACE_NETIF_RECEIVE_SKB
	TraceNetDevQueue         = abiTraceHookTRACE_NET_DEV_QUEUE
	TraceQdiscEnqueue        = abiTraceHookTRACE_QDISC_ENQUEUE
	TraceQdiscDequeue        = abiTraceHookTRACE_QDISC_DEQUEUE
	TraceNetDevStartXmit     = abiTraceHookTRACE_NET_DEV_START_XMIT
	TraceNetDevXmit          = abiTraceHookTRACE_NET_DEV_XMIT
	TraceSkbCopyDatagram     = abiTraceHookTRACE_SKB_COPY_DATAGRAM_IOVEC
	TraceTCPProbe            = abiTraceHookTRACE_TCP_PROBE
	TraceTCPRetransmitSkb    = abiTraceHookTRACE_TCP_RETRANSMIT_SKB
	TraceTCPSendReset        = abiTraceHookTRACE_TCP_SEND_RESET
	TraceTCPBadChecksum      = abiTraceHookTRACE_TCP_BAD_CSUM
	TraceUDPFailQueue        = abiTraceHookTRACE_UDP_FAIL_QUEUE_RCV_SKB
	TraceSkDataReady         = abiTraceHookTRACE_SK_DATA_READY
	TraceICMPSend            = abiTraceHookTRACE_ICMP_SEND
	TraceConsumeSkb          = abiTraceHookTRACE_CONSUME_SKB
	TraceKfreeSkb            = abiTraceHookTRACE_KFREE_SKB
	TraceFunction            = abiTraceHookTRACE_FUNCTION
)

// TraceFrames is how many functions the stack of an event has at most.
const TraceFrames = abiTraceLimitTRACE_FRAMES

// Entries of the map trace_counts.
const (
	TraceCountSeen   = abiTraceCountTRACE_COUNT_SEEN
	TraceCountChosen = abiTraceCountTRACE_COUNT_CHOSEN
	TraceCountLost   = abiTraceCountTRACE_COUNT_LOST
	TraceCountMissed = abiTraceCountTRACE_COUNT_MISSED
)
