package main

import (
	"encoding/json"
	"io"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// An explained packet is the JSON of guard explain. Fields may be added to it; none is
// renamed or removed.
type explained struct {
	Packet int    `json:"packet"`
	Device string `json:"device,omitempty"`
	// Length is that on the wire; Captured is how much of it there is.
	Length   int `json:"length"`
	Captured int `json:"captured"`
	*replayVerdict
	Text  string          `json:"text"`
	Steps []explainedStep `json:"steps"`
}

// An explainedStep is what one rule does, up to the one that ends the search.
type explainedStep struct {
	Rule    string `json:"rule"`
	Place   string `json:"place"`
	Matched bool   `json:"matched"`
	// Effect is what a rule that matches does: "pass", "drop", "would_drop", "count" or
	// "sample"; "kept" if it drops, but not this packet.
	Effect string `json:"effect,omitempty"`
	// Why is which condition does not hold.
	Why string `json:"why,omitempty"`
}

// explainInJSON writes one line about a packet, of which x knows the number and size.
func explainInJSON(w io.Writer, p *policy.Policy, pkt *packet.Packet, environment *policy.Env, x explained) error {
	steps, judgement := p.Explain(pkt, environment)
	x.Device, x.Text, x.Steps = environment.Interface, policy.InWords(pkt), []explainedStep{}
	x.replayVerdict = (&judged{Policy: p}).verdict(judgement)
	for _, step := range steps {
		r := step.Rule
		s := explainedStep{Rule: r.Group + "/" + r.Name, Place: r.At.String(), Matched: step.Matched, Why: step.Why}
		switch {
		case step.Kept:
			s.Effect = "kept"
		case step.Matched && r.Action == policy.Drop && r.Mode == policy.Audit:
			s.Effect = "would_drop"
		case step.Matched:
			s.Effect = r.Action.String()
		}
		x.Steps = append(x.Steps, s)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(x)
}
