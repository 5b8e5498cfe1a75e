package answer

// An Answer explains an alert. Texts hold handles in place of names, see package handle.
type Answer struct {
	Findings   []Finding  `json:"findings"`
	Verdict    Verdict    `json:"verdict"`
	Confidence Confidence `json:"confidence"`
	// Summary says what it means.
	Summary string  `json:"summary"`
	Checks  []Check `json:"checks"`
	// Steps are what to do, in order.
	Steps []string `json:"steps"`
	// Rule is a rule for the packet filter that is proposed, or nil.
	Rule *Rule `json:"rule"`
}

// A Finding is something that speaks for the verdict or against it.
type Finding struct {
	Text   string `json:"text"`
	Weighs Weight `json:"weighs"`
	// Facts are the IDs of the facts that it rests on, at least one.
	Facts []string `json:"facts"`
}

// A Check is what to look at next.
type Check struct {
	Text string `json:"text"`
	// Query is the handle of a query (Q1) or of a command (C1) that shows it.
	Query string `json:"query"`
}

// A Rule is the form of a rule for the packet filter, see package propose.
type Rule struct {
	Action Action `json:"action"`
	// Sources are handles of addresses or networks.
	Sources []string `json:"sources"`
	// Target is the handle of the port that is protected, or nil for all.
	Target *string `json:"target"`
	Proto  Proto   `json:"proto"`
	// RatePPS is how many packets per second ratelimit lets pass, else nil.
	RatePPS    *int   `json:"rate_pps"`
	TTLMinutes int    `json:"ttl_minutes"`
	Why        string `json:"why"`
}

// A Verdict is what kind of thing happened.
type Verdict string

// The verdicts.
const (
	VolumetricAttack Verdict = "volumetric_attack"
	Reconnaissance   Verdict = "reconnaissance"
	TargetedAttack   Verdict = "targeted_attack" // forged, spoofed or aimed at a weakness
	Overload         Verdict = "overload"        // real work that is more than there is room for
	HostFault        Verdict = "host_fault"      // this host, or an application on it
	NetworkFault     Verdict = "network_fault"   // cables, devices, paths
	Misconfiguration Verdict = "misconfiguration"
	MonitoringFault  Verdict = "monitoring_fault" // PacketScope itself
	Unknown          Verdict = "unknown"
	// Inconspicuous says that nothing stands out. It is only of a host that no alert is
	// about: whoever could make an alert be called so would have silenced it.
	Inconspicuous Verdict = "inconspicuous"
)

// Confidence says how sure a verdict is.
type Confidence string

// The steps of confidence.
const (
	Low    Confidence = "low"
	Medium Confidence = "medium"
	High   Confidence = "high"
)

// Weight says on which side a finding is.
type Weight string

// The sides.
const (
	For     Weight = "for"
	Against Weight = "against"
)

// Action is what a proposed rule does with packets.
type Action string

// The actions, from the weakest.
const (
	Monitor   Action = "monitor" // count what would be dropped
	RateLimit Action = "ratelimit"
	Drop      Action = "drop"
)

// Proto is the protocol of a proposed rule.
type Proto string

// The protocols.
const (
	AnyProto Proto = "any"
	TCP      Proto = "tcp"
	UDP      Proto = "udp"
	ICMP     Proto = "icmp"
)

// The most of everything; texts are in bytes.
const (
	MostBytes    = 32 << 10 // of a whole answer
	MostFindings = 5
	MostFinding  = 300
	MostSummary  = 400
	MostChecks   = 5
	MostCheck    = 200
	MostSteps    = 4
	MostStep     = 200
	MostSources  = 20 // that may be written; fewer may be proposed
	MostWhy      = 200
)
