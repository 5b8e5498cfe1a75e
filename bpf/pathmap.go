package bpf

// The structs of include/pathmap_abi.h, whose comments document them.
type (
	// PathHook numbers the places where packets are seen.
	PathHook = abiPathHook
	// PathTurn is the value of the map path_turns.
	PathTurn = abiPathTurn
	// PathCount is the value of the map path_counts.
	PathCount = abiPathCount
	// PathEvent is a record of the ring buffer path_events.
	PathEvent = abiPathEvent
	// PathSpent is a record of the ring buffer path_events that ends a turn.
	PathSpent = abiPathSpent
)

// Where packets are seen.
const (
	PathNapiGROReceiveEntry = abiPathHookPATH_NAPI_GRO_RECEIVE_ENTRY
	PathNetifRx             = abiPathHookPATH_NETIF_RX
	PathNetifReceiveSkb     = abiPathHookPATH_NETIF_RECEIVE_SKB
	PathNetDevQueue         = abiPathHookPATH_NET_DEV_QUEUE
	PathQdiscEnqueue        = abiPathHookPATH_QDISC_ENQUEUE
	PathQdiscDequeue        = abiPathHookPATH_QDISC_DEQUEUE
	PathNetDevStartXmit     = abiPathHookPATH_NET_DEV_START_XMIT
	PathNetDevXmit          = abiPathHookPATH_NET_DEV_XMIT
	PathTCPProbe            = abiPathHookPATH_TCP_PROBE
	PathSkDataReady         = abiPathHookPATH_SK_DATA_READY
	PathSkbCopyDatagram     = abiPathHookPATH_SKB_COPY_DATAGRAM_IOVEC
	PathConsumeSkb          = abiPathHookPATH_CONSUME_SKB
	PathKfreeSkb            = abiPathHookPATH_KFREE_SKB
)
