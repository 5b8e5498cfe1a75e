package locator

import (
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/wire"
)

// A Snapshot is what an engine knows at one moment. It and all that it points to is
// never changed.
type Snapshot struct {
	At time.Time
	// Since is when the counters stood at 0.
	Since time.Time
	// Paths are in the order of the configuration, those that were found behind them.
	Paths []Path
	// Passive is what the kernel's own connections say, by remote network, the greatest
	// first; empty without [Config.Discover].
	Passive []Passive
	Self    Self
}

// A State says how far the measurement of a destination is.
type State string

// The states.
const (
	// Unresolved: it has no address, see [Path.Error].
	Unresolved State = "unresolved"
	// Discovering: the routers are looked for.
	Discovering State = "discovering"
	// Steady: each is measured round by round.
	Steady State = "steady"
)

// States are all of them.
var States = []State{Unresolved, Discovering, Steady}

// A Path is the path to one destination.
type Path struct {
	Destination
	// Address is invalid as long as there is none. AddressFamily is its family, 4 or 6,
	// or the one that is wanted (4 if any is).
	Address       netip.Addr
	AddressFamily int
	// Place is what is known of Address.
	Place geo.Entry
	State State
	// Error is why there is no address, or why probes cannot be sent; "" if all is well.
	Error string

	// End is the destination's own series.
	End End
	// Reached tells whether the destination answers, and is unknown as long as it never
	// did and was not given up: then Known is false.
	Reached, Known bool
	// Blocked is who refuses to forward, and why, such as "communication_prohibited"; the reason
	// is "" if nobody does.
	Blocked       netip.Addr
	BlockedReason string

	// Length is the distance of the destination, 0 if it is unknown; Width the most
	// branches at one TTL; Branches whether all of them are known.
	Length, Width int
	Branches      bool
	// ID is that of the confirmed path, see [change.Detector.ID]; 0 while it is learned.
	ID uint64
	// ReverseHops is how many hops answers of the destination seem to come; 0: unknown.
	ReverseHops int
	// MTU is the largest packet that gets through in bytes, 0 if that is unknown; MTULink
	// is the TTL of the router behind which larger ones do not, 0 if that is this host or
	// unknown; MTUBlackHole is set if nobody says so.
	MTU, MTULink int
	MTUBlackHole bool

	// TTLs are in order, and Hops by TTL and then as they appeared. There is no hop of a
	// TTL that nobody answers.
	TTLs []TTL
	Hops []Hop
	// Links are between hops, with the least time from the one to the other.
	Links []Link

	// Changes counts, by the names of the levels of package change, width and flap
	// included. Events are the last ones, the newest first.
	Changes map[string]uint64
	Events  []change.Event

	ASPath []judge.ASHop
	// Translators are the NATs that were noticed.
	Translators []judge.Translator
	// Rules is what the policy says, Risk what it adds up to.
	Rules []policy.Result
	Risk  policy.Risk
}

// An End is what is known of the destination itself.
type End struct {
	Sent, Lost uint64
	// RTT are all round trips since the beginning.
	RTT Histogram
	// RTTMin, RTTMedian, Jitter and Loss are of the last 10 minutes; the times are 0 if
	// nothing was answered, and HasJitter tells whether there was a pair.
	RTTMin, RTTMedian, Jitter time.Duration
	HasJitter                 bool
	Loss                      path.Loss
	// Last is the newest round trip, 0 if the newest probe was lost.
	Last time.Duration
}

// A TTL is what is known of one distance.
type TTL struct {
	TTL           uint8
	Sent, Replies uint64
	// Loss is that of the window.
	Loss path.Loss
	// PathRTT is the least time to there and back, see [path.Path.PathRTT].
	PathRTT time.Duration
}

// A Hop is who answers at a TTL.
type Hop struct {
	TTL  uint8
	Addr netip.Addr
	// Name is by reverse DNS, or "".
	Name string
	// Final is set for the destination. Primary is set for the one at its TTL that most
	// answers of the last round came from.
	Final, Primary bool
	// Entry is what databases and overrides know of it.
	Entry geo.Entry
	// Times are of all answers since it appeared; the quantiles of the newest ones.
	Times         path.Stats
	P50, P95, P99 time.Duration
	// Last is the newest of a round, 0 if the flows of the rounds pass it no more.
	Last     time.Duration
	LastSeen time.Time
	// Labels are the newest MPLS labels that the probe arrived with, the top first.
	Labels []wire.Label
	// Interface is the name that the router gives to where the probe came in, or "".
	Interface string
	// ReverseHops is how many hops its answers seem to come; 0: unknown.
	ReverseHops int
	// Rewritten are the fields of probes that it quotes differently from how they were
	// sent, and QuotedTTL what was left of the TTL: 1 from an honest router; 0 also if that
	// is not seen, as without privileges.
	Rewritten wire.Rewrites
	QuotedTTL uint8
	// Plausibility says whether it can be where a database has it.
	Plausibility judge.Plausibility
	// Blocklisted says whether a list has its address or its AS, and Reference the
	// list's name for it.
	Blocklisted geo.State
	Reference   string
}

// A Link is between who answers one flow at a TTL and at the next that answers.
type Link struct {
	From, To       netip.Addr
	FromTTL, ToTTL uint8
	// Delay is the least time from the one to the other and back, never negative.
	Delay time.Duration
}

// Passive is what the kernel measures of connections to one remote network.
type Passive struct {
	Network netip.Prefix
	// Address is the remote one with most bytes.
	Address netip.Addr
	// Dest is the destination that measures the same network, or "".
	Dest        string
	Connections int
	// Received and Sent are the bytes of the last interval.
	Received, Sent uint64
	// RTT is the median of the connections' smoothed ones, RTTMin the least of all.
	RTT, RTTMin time.Duration
	// Retransmitted is the part of the segments of the last interval that was sent
	// again; HasRetransmitted tells whether there were any.
	Retransmitted    float64
	HasRetransmitted bool
}

// Self is how the engine itself does.
type Self struct {
	// Way is how packets are sent: "raw" or "queue" (without privileges), and Reason why
	// not in a better way.
	Way, Reason string
	// Sent counts probes by purpose, Skipped those that a budget left out by its name.
	Sent, Skipped map[string]uint64
	// Shared counts probes that were saved as others counted for them.
	Shared uint64
	Lag    time.Duration
	// Interval is the time from round to round, which grows if the budget is too small.
	Interval time.Duration
	// Late, Duplicates, Unmatched and Dropped count answers: after the timeout, more than
	// one to a probe, to none of ours, and lost for want of room.
	Late, Duplicates, Unmatched, Dropped uint64
	// KernelSent and KernelReceived, UserSent and UserReceived count times by the clock
	// that took them.
	KernelSent, KernelReceived, UserSent, UserReceived uint64
	// Refused counts destinations that found no room.
	Refused uint64
	// Files are the databases, overrides and blocklists.
	Files []geo.Status
	// History tells about the history; nil if none is kept.
	History *HistoryStatus
	// PositionKnown tells whether the host's own position is known, which plausibility
	// takes.
	PositionKnown bool
}

// HistoryStatus tells how the history does.
type HistoryStatus struct {
	Bytes            int64
	Records, Dropped uint64
	// Err is why the newest record was not written; "" if it was.
	Err string
}
