package stack

// A TCP is how TCP fared since the probes were attached, in all network namespaces
// unless [Config.OwnNamespaceOnly] is set.
//
// What can only be one of a few things is listed at zero too if its probe is
// attached, so that a rate can tell none from unknown. Families are "ipv4" and
// "ipv6"; an IPv6 socket with an IPv4 peer is of "ipv4".
type TCP struct {
	Retransmits []Retransmit
	Resets      []Reset
	// RoundTrips is by family: the smoothed round trip time, once per segment
	// received on an established connection, of one segment in Self.SampleEvery.
	RoundTrips map[string]Histogram
	Connects   []Connect
	// ZeroWindows and ZeroWindowTimes are by side, "local" or "peer": how often
	// that side of an established connection announced a window of zero, and for how
	// long it lasted. It is counted as it begins and timed as it ends.
	ZeroWindows     map[string]uint64
	ZeroWindowTimes map[string]Histogram
	// Congestion is by state: "open", "disorder", "cwr", "recovery" or "loss". It
	// counts the sockets that entered it; the kernel sets the first state of a
	// connection without its tracepoint.
	Congestion map[string]uint64
	// DuplicateAcks is by family: acknowledgements received without data that
	// acknowledge nothing new while data is under way, with the window of the segment
	// before (RFC 5681) or with selective acknowledgements (RFC 6675).
	DuplicateAcks map[string]uint64
	// BadChecksums is by family, of segments received.
	BadChecksums map[string]uint64
	// Counters are the kernel's own.
	Counters TCPCounters
	// AcceptQueues is in the order of the ports; nil if the kernel has no
	// sock_diag for TCP.
	AcceptQueues []AcceptQueue
	// NamespacesRead and NamespacesUnread count the network namespaces that
	// Counters and AcceptQueues are of, and those that could not be entered.
	NamespacesRead, NamespacesUnread int
}

// A Retransmit counts segments that were sent again.
type Retransmit struct {
	Family string
	// Kind is "fast" (in fast recovery), "rto" (after the timeout and in the
	// recovery from it), "tlp" (a tail loss probe that repeats data), "syn",
	// "synack" or "other".
	Kind     string
	Segments uint64
}

// A Reset counts resets (RST).
type Reset struct {
	Family string
	// Direction is Transmit or Receive. A reset that is received counts if there is a
	// connection that it resets.
	Direction Direction
	// Reason is the kernel's name without its prefix, such as "NO_SOCKET"; "" on
	// receive, and on transmit before Linux 6.10. Before that, resets for which
	// there is no socket are not counted.
	Reason   string
	Segments uint64
}

// A Connect is how long connects took.
type Connect struct {
	Family string
	// Role is "active", timed from the connect call, or "passive", timed from the
	// first SYN-ACK. A passive one that fails has no socket and is not counted, one
	// by SYN cookie has no SYN-ACK that the kernel remembers.
	Role string
	// Result is "established", "refused", "timeout", "unreachable" or "aborted": given
	// up by the application or failed for another reason.
	Result string
	Histogram
}

// TCPCounters are the kernel's own counters of /proc/net/netstat, added up over
// network namespaces. They count since the engine was opened, or since the namespace
// came into being. What a namespace counts between the last reading and its end is
// lost.
type TCPCounters struct {
	// OutOfOrder counts segments that were queued because others were missing
	// before them (TCPOFOQueue).
	OutOfOrder uint64
	// ListenOverflows counts connections dropped because the accept queue was full
	// (ListenOverflows), ListenDrops those dropped for any reason (ListenDrops).
	ListenOverflows, ListenDrops uint64
	// SYN cookies that were sent, and that came back valid and invalid
	// (SyncookiesSent, SyncookiesRecv, SyncookiesFailed).
	CookiesSent, CookiesReceived, CookiesFailed uint64
	// ChallengeAcks counts those sent (TCPChallengeACK, RFC 5961).
	ChallengeAcks uint64
}

// An AcceptQueue is what waits for an application to accept, added up over the
// sockets that listen on a port.
type AcceptQueue struct {
	// Port is 0 for the sum of the ports that are beyond MaxAcceptQueues.
	Port uint16
	// Length and Limit are connections; a queue is full when Length exceeds Limit.
	Length, Limit uint64
}

// MaxAcceptQueues is how many ports have an [AcceptQueue] of their own: the ones
// with the lowest numbers.
const MaxAcceptQueues = 256

// The label values, in the order of the C enums in bpf/include/abi.h.
var (
	tcpFamilies      = []string{"ipv4", "ipv6"}
	retransmitNames  = []string{"fast", "rto", "tlp", "syn", "synack", "other"}
	roleNames        = []string{"active", "passive"}
	resultNames      = []string{"established", "refused", "timeout", "unreachable", "aborted"}
	sideNames        = []string{"local", "peer"}
	congestionStates = []string{"open", "disorder", "cwr", "recovery", "loss"}
)
