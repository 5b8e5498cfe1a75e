package guarder

import "time"

// A Status is what the agent knows, as JSON goes over the admin socket. Fields may
// be added; none is renamed or removed.
type Status struct {
	// Since is when the state was made: counters count from then on, whatever agents
	// came and went.
	Since time.Time `json:"since"`
	// Generation counts the policies that were put in force since the state was made.
	Generation uint32 `json:"generation"`
	// Applied is when the policy was put in force, from which Files.
	Applied time.Time `json:"applied"`
	Files   []string  `json:"files"`
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
	// Sets are how many entries each named set of the policy has, by its name;
	// prefixes that are within others are not counted.
	Sets map[string]int `json:"sets"`
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
	Stage string `json:"stage"`
	// Mode is the effective one, and Asks that of the policy: the ceiling of the host or
	// the trip wire makes enforce audit.
	Mode   string `json:"mode"`
	Asks   string `json:"asks"`
	Action string `json:"action"`
	// Labels are those that the policy gives to the rule, such as attack and severity.
	Labels map[string]string `json:"labels,omitempty"`
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

// Counts are packets and their bytes, with the Ethernet header.
type Counts struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}
