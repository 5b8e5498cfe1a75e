package guarder

import (
	"net/netip"
	"time"
)

// A Status is what the agent knows, as JSON goes over the admin socket. Fields may
// be added; none is renamed or removed.
type Status struct {
	// Since is when the state was made: counters count from then on, whatever agents
	// came and went.
	Since time.Time `json:"since"`
	// AgentSince is when the agent started: what it counts itself begins then.
	AgentSince time.Time `json:"agent_since"`
	// Generation counts the policies that were put in force since the state was made.
	Generation uint32 `json:"generation"`
	// Applied is when the policy was put in force, from which Files.
	Applied time.Time `json:"applied"`
	Files   []string  `json:"files"`
	// Folders are those among Files, absolute, as the agent sees them: a policy file that
	// comes there is read when the policy is applied again.
	Folders []string `json:"folders,omitempty"`
	// Ceiling is the strongest mode that this host allows: off, audit or enforce.
	Ceiling string `json:"ceiling"`
	// Tripped tells that the policy dropped too much and audits since.
	Tripped bool `json:"tripped"`
	// ConfirmBy is when the policy is taken back unless it is confirmed; nil if it
	// needs none.
	ConfirmBy *time.Time     `json:"confirm_by,omitempty"`
	Devices   []DeviceStatus `json:"devices"`
	Rules     []RuleStatus   `json:"rules"`
	// Verdicts are all packets that were judged: "pass" and "drop". They are more than
	// those of Devices together if some of them came from other devices: from such that
	// Guarder was taken off since, or whose index is so large that they are not told
	// apart.
	Verdicts map[string]Counts `json:"verdicts"`
	// WouldDrop are packets that an audited rule would have dropped, whatever became of
	// them. Unmatched are those that passed because no rule ended the search.
	WouldDrop Counts `json:"would_drop"`
	Unmatched Counts `json:"unmatched"`
	// Unparsable are those that could not be read, by reason.
	Unparsable map[string]Counts `json:"unparsable"`
	// Sockets are packets whose socket a rule asked for, by what was found, in the words
	// of the policy language: "none", "listen" and so on, or "unknown".
	Sockets map[string]Counts `json:"sockets"`
	// LimitsFull are packets for whose bucket there was no room, of rules with a limit: they
	// were counted with others of their network, or passed (when_full).
	LimitsFull Counts `json:"limits_full"`
	// ApplyFailed tells that the last attempt to put a policy in force failed; the
	// one before it is in force.
	ApplyFailed bool `json:"apply_failed"`
	// InForce tells whose policy is in force: InForcePolicy, InForceEarlier or
	// InForceNothing.
	InForce string `json:"in_force"`
	// Kept are the packets that a rule of the policy stage would have dropped, but for
	// their connection, or the peer that they come from, being kept.
	Kept Counts `json:"kept"`
	// KeptConnections are those that are kept now; NotKept found no room.
	KeptConnections int `json:"kept_connections"`
	NotKept         int `json:"not_kept,omitempty"`
	// ProtectedUntil is when the peer that put the policy in force is not protected any
	// more; nil if it is not.
	ProtectedUntil *time.Time `json:"protected_until,omitempty"`
	// Trips counts how often the trip wire tripped since the agent started.
	Trips uint64 `json:"trips"`
	// RulesExpired counts the temporary rules that agents took out when they were over,
	// since the state was made.
	RulesExpired uint64 `json:"rules_expired,omitempty"`
	// Sets are how many entries each named set of the policy has, by its name;
	// prefixes that are within others are not counted.
	Sets map[string]int `json:"sets"`
	// Feeds are those of the policy, in their order. FeedMemory is how many bytes of the
	// kernel their table takes; 0 if there is none, or an agent before has made it.
	Feeds      []FeedStatus `json:"feeds,omitempty"`
	FeedMemory uint64       `json:"feed_memory,omitempty"`
	// Bans are what bans do, by origin, and BanEvents what became of them.
	Bans      []BanCount  `json:"bans,omitempty"`
	BanEvents []BanEvents `json:"ban_events,omitempty"`
	// Connections are those that limits on connections count; nil if the policy has none.
	Connections *ConnectionStatus `json:"connections,omitempty"`
	// Learning are the sets of the policy that learn, by name.
	Learning []LearningStatus `json:"learning,omitempty"`
	// Floods are the rules that answer SYNs, in their order.
	Floods []FloodStatus `json:"floods,omitempty"`
	// Maps are the tables of the kernel that can fill up.
	Maps []MapStatus `json:"maps"`
	// Sources is how many pairs of a source and a rule the table of sources holds.
	Sources int `json:"sources"`
	// Services are the ports that dropped packets were for, or packets that an audited
	// rule would have dropped.
	Services []ServiceStatus `json:"services"`
	// Program is what the programs in the kernel took.
	Program ProgramStatus `json:"program"`
	// Samples are the packets that rules had copied.
	Samples SampleStatus `json:"samples"`
	// ICMP are messages that arrived and could be read, by type; what never arrived
	// is absent. Quoted are the errors among them.
	ICMP   []ICMPStatus   `json:"icmp"`
	Quoted []QuotedStatus `json:"quoted"`
}

// A MapStatus is a table in the kernel with how many entries it has, of at most Room.
type MapStatus struct {
	Name    string `json:"name"`
	Entries uint64 `json:"entries"`
	Room    uint64 `json:"room"`
}

// A ProgramStatus is how often Guarder's programs ran, and how long in all, since the
// state was made. The kernel only counts while somebody has it account for run time
// (sysctl kernel.bpf_stats_enabled, or another program that asks for it).
type ProgramStatus struct {
	Runs    uint64  `json:"runs"`
	Seconds float64 `json:"seconds"`
}

// An ICMPStatus is a type of ICMP (family 4) or ICMPv6 (family 6). Name is the word of
// the policy language for it, or its number.
type ICMPStatus struct {
	Family  uint8  `json:"family"`
	Type    uint8  `json:"type"`
	Name    string `json:"name"`
	Packets uint64 `json:"packets"`
}

// A QuotedStatus is a class of ICMP errors, in the words of the policy language, by
// the protocol of the packet that they quote: "tcp", "udp", "icmp", "other", or "none"
// if there is none that can be read. Redirects of ICMPv6 are not looked into.
type QuotedStatus struct {
	Family   uint8  `json:"family"`
	Class    string `json:"class"`
	Protocol string `json:"protocol"`
	Packets  uint64 `json:"packets"`
}

// What is in force.
const (
	// InForcePolicy is the policy of the files, or what a trial went back to.
	InForcePolicy = "policy"
	// InForceEarlier is the policy of an agent before, whose rules are not known.
	InForceEarlier = "earlier"
	// InForceNothing lets all packets pass.
	InForceNothing = "nothing"
)

// A Hook is how the entry program hangs on a device.
type Hook string

// The hooks, by what they cost.
const (
	// Native runs in the driver, before a socket buffer is made.
	Native Hook = "native"
	// Generic runs on any device, after one was made.
	Generic Hook = "generic"
	// None is that of a device that has no program, although the policy is for it: it is
	// gone, or runs another program.
	None Hook = "none"
)

// A DeviceStatus is a device with the entry program.
type DeviceStatus struct {
	Name string `json:"name"`
	Hook Hook   `json:"hook"`
	// Why is why the hook is not native, or "".
	Why string `json:"why,omitempty"`
	// Verdicts are the packets of this device that were judged: "pass" and "drop". It is
	// absent if its index is too large for counters of its own.
	Verdicts map[string]Counts `json:"verdicts,omitempty"`
}

// A RuleStatus is a rule with its counters since the state was made.
type RuleStatus struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
	// Number is that of the rule in a [HitList]; nil if the agent is older than this field.
	Number *uint32 `json:"number,omitempty"`
	Stage  string  `json:"stage"`
	// Mode is the effective one, and Asks that of the policy: the ceiling of the host or
	// the trip wire makes enforce audit.
	Mode   string `json:"mode"`
	Asks   string `json:"asks"`
	Action string `json:"action"`
	// Labels are those that the policy gives to the rule, such as attack and severity.
	Labels map[string]string `json:"labels,omitempty"`
	// Limit is what the rule counts before it does anything, "packets", different "ports" or
	// "connections", so that Counts are what was beyond; "" if it has no limit.
	Limit string `json:"limit,omitempty"`
	// Connections are those of whom the rule may refuse; nil if it does not ask for any.
	Connections *RuleConnections `json:"connections,omitempty"`
	// Alert says when somebody is to be told that the rule matches; nil means never.
	Alert *AlertStatus `json:"alert,omitempty"`
	// Until is when the rule ends, as its file is temporary; nil if it stays.
	Until *time.Time `json:"until,omitempty"`
	// Place is file:line of the rule.
	Place string `json:"place"`
	// Counts by what happened: "pass", "drop", "would_drop", "count", "sample".
	// What never happened is absent.
	Counts map[string]Counts `json:"counts,omitempty"`
	// LastMatch is when the agent last saw that the rule had been credited since it
	// looked before, which it does at least every ten seconds; nil if not since the
	// agent started.
	LastMatch *time.Time `json:"last_match,omitempty"`
}

// RuleConnections are how many connections one source has open, of the one that has most,
// when they were compared last. The rule matches those with more than Above.
type RuleConnections struct {
	Most  int `json:"most"`
	Above int `json:"above"`
}

// A ConnectionStatus is how many connections others have open to this host, when they were
// compared last.
type ConnectionStatus struct {
	Open int `json:"open"`
	// Uncounted found no room since the policy was put in force: no limit knows of them
	// until they are compared.
	Uncounted uint64 `json:"uncounted"`
	// Corrected were wrong in the kernel's counts, and put right.
	Corrected uint64 `json:"corrected"`
}

// A FeedStatus is a feed with its list, and what it did since the state was made.
type FeedStatus struct {
	Feed string `json:"feed"`
	// Source is where the list comes from, without what stands behind a question mark.
	Source string `json:"source"`
	Format string `json:"format"`
	Action string `json:"action"`
	// Mode, Asks, Labels and Place are as those of a rule.
	Mode   string            `json:"mode"`
	Asks   string            `json:"asks"`
	Labels map[string]string `json:"labels,omitempty"`
	Place  string            `json:"place"`
	// Entries are those of the last good list, and Excluded those of them that are not in
	// force, in whole or in part, as they must not be listed.
	Entries  int `json:"entries"`
	Excluded int `json:"excluded,omitempty"`
	// InForce tells that the last good list is in force, or that of an agent before: it
	// takes a moment.
	InForce bool `json:"in_force"`
	// Fetched is when the last good list came, and Checked when its source last said that
	// it is still the same; nil if there is none.
	Fetched *time.Time `json:"fetched,omitempty"`
	Checked *time.Time `json:"checked,omitempty"`
	// StaleAfter is the age in seconds, by Checked, from which on the list is old.
	StaleAfter float64 `json:"stale_after_seconds"`
	Stale      bool    `json:"stale,omitempty"`
	// Reason and Refusal are why the last attempt failed, or "". Refusals count attempts
	// that failed since the agent started, by reason.
	Reason   string            `json:"reason,omitempty"`
	Refusal  string            `json:"refusal,omitempty"`
	Refusals map[string]uint64 `json:"refusals,omitempty"`
	// Origins counts entries by who added them, if the list tells.
	Origins map[string]int `json:"origins,omitempty"`
	// Counts are as those of a rule: "drop", "would_drop" and "count".
	Counts map[string]Counts `json:"counts,omitempty"`
}

// A LearningStatus is a set that learns which MAC addresses its IP addresses have.
type LearningStatus struct {
	Set string `json:"set"`
	// Bound was learnt and is locked, and Waiting are addresses that nothing was learnt for
	// yet.
	Bound   []BindingStatus `json:"bound,omitempty"`
	Waiting []netip.Addr    `json:"waiting,omitempty"`
	// Changes counts, since the agent started, how often the neighbour table of the kernel
	// got another MAC address for an address that is bound.
	Changes uint64 `json:"changes,omitempty"`
}

// A BindingStatus is what was learnt of an address on a device.
type BindingStatus struct {
	IP     netip.Addr `json:"ip"`
	Device string     `json:"device"`
	MAC    MAC        `json:"mac"`
	Since  time.Time  `json:"since"`
	// Other is the MAC address that the neighbour table has instead, since OtherSince; nil
	// if it has the right one.
	Other      *MAC       `json:"other,omitempty"`
	OtherSince *time.Time `json:"other_since,omitempty"`
}

// A FloodStatus is a rule that answers SYNs, and what became of them since the state was
// made.
type FloodStatus struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
	Mode  string `json:"mode"`
	// OnAbove and OffBelow are its rates, in SYNs per second.
	OnAbove  uint64 `json:"on_above"`
	OffBelow uint64 `json:"off_below"`
	// Active tells that there is a flood, whose SYNs are answered if the rule is enforced.
	Active bool `json:"active"`
	// Sent counts SYNs that were answered with a cookie, Left those of a flood that were
	// left to the kernel, as it made none: it had room for them, or nobody listens.
	Sent uint64 `json:"sent"`
	Left uint64 `json:"left"`
	// Valid counts ACKs with a cookie that came during a flood, Invalid those to a listener
	// that belong to no connection and have none: they were dropped, if the rule is
	// enforced.
	Valid   uint64 `json:"valid"`
	Invalid uint64 `json:"invalid"`
}

// Counts are packets and their bytes, with the Ethernet header.
type Counts struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// SocketNames are what can be found of the socket of a packet, in the order of the C enum
// guard_socket.
var SocketNames = [...]string{"none", "listen", "syn_sent", "syn_recv", "established", "time_wait", "unknown"}
