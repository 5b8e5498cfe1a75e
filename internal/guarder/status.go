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
	// Verdicts are all packets that were judged: "pass" and "drop".
	Verdicts map[string]Counts `json:"verdicts"`
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
}

// A RuleStatus is a rule with its counters since the state was made.
type RuleStatus struct {
	Group  string `json:"group"`
	Rule   string `json:"rule"`
	Stage  string `json:"stage"`
	Mode   string `json:"mode"`
	Action string `json:"action"`
	// Place is file:line of the rule.
	Place string `json:"place"`
	// Counts by what happened: "pass", "drop", "would_drop", "count", "sample".
	// What never happened is absent.
	Counts map[string]Counts `json:"counts,omitempty"`
}

// Counts are packets and their bytes, with the Ethernet header.
type Counts struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}
