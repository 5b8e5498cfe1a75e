package guarder

import "time"

// A Sample is a packet that was copied to user space because a rule asked for it.
type Sample struct {
	Time   time.Time `json:"time"`
	Device string    `json:"device"`
	// Group and Rule name the rule, and Place is its file:line:column; all are "" if
	// the packet could not be read to its end.
	Group string `json:"group,omitempty"`
	Rule  string `json:"rule,omitempty"`
	Place string `json:"place,omitempty"`
	// Effect is what the rule did: "pass", "drop", "would_drop", "count" or "sample".
	// Of packets that could not be read it is what the policy does with those.
	Effect string `json:"effect"`
	// Verdict is what became of the packet, perhaps by another rule: "pass" or "drop".
	Verdict string `json:"verdict"`
	// Reason is why it could not be read, or "".
	Reason string `json:"reason,omitempty"`
	// Length is that of the frame, of which Frame are the first bytes.
	Length int    `json:"length"`
	Frame  []byte `json:"frame"`
	// Text describes the packet in one line, in the language of guard explain.
	Text string `json:"text"`
}

// Comment returns what a capture notes about the packet.
func (s Sample) Comment() string {
	by := "as it cannot be read: " + s.Reason
	if s.Rule != "" {
		by = "by " + s.Group + "/" + s.Rule + " (" + s.Place + ")"
	}
	if s.Effect == s.Verdict {
		return s.Effect + " " + by
	}
	return s.Effect + " " + by + "; verdict " + s.Verdict
}

// A SampleStatus is how many packets were copied to user space since the state was
// made, and how many should have been but were not: because the agent was too slow or
// gone, or because all rules together asked for more than the agent allows.
type SampleStatus struct {
	Taken uint64 `json:"taken"`
	Lost  uint64 `json:"lost"`
}
