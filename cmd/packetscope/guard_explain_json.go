package main

import (
	"encoding/json"
	"io"
	"time"

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
	// Feeds are those that list the source, up to the one that ends the search; they come
	// before the rules of the policy stage.
	Feeds []explainedFeed `json:"feeds,omitempty"`
}

// An explainedFeed is what a feed does.
type explainedFeed struct {
	Feed  string `json:"feed"`
	Place string `json:"place"`
	// Effect is "drop", "would_drop", "count", or "kept" if it drops, but not this packet.
	Effect string `json:"effect"`
}

// An explainedStep is what one rule does, up to the one that ends the search.
type explainedStep struct {
	Rule  string `json:"rule"`
	Place string `json:"place"`
	// Ban says whom the rule bans when, in words.
	Ban string `json:"ban,omitempty"`
	// Until is when the rule ends; nil if it stays.
	Until   *time.Time `json:"until,omitempty"`
	Matched bool       `json:"matched"`
	// Effect is what a rule that matches does: "pass", "drop", "would_drop", "count" or
	// "sample"; "kept" if it drops, but not this packet.
	Effect string `json:"effect,omitempty"`
	// Why is which condition does not hold.
	Why string `json:"why,omitempty"`
}

// explainInJSON writes one line about a packet, of which x knows the number and size.
func explainInJSON(w io.Writer, j *judged, pkt *packet.Packet, environment *policy.Env, x explained) error {
	steps, o := j.explain(pkt, environment)
	x.Device, x.Text, x.Steps = environment.Interface, policy.InWords(pkt), []explainedStep{}
	x.replayVerdict = j.verdict(o)
	for _, step := range steps {
		r := step.Rule
		s := explainedStep{Rule: r.Group + "/" + r.Name, Place: r.At.String(), Matched: step.Matched, Why: step.Why}
		if r.Ban != nil {
			s.Ban = r.Ban.String()
		}
		if !r.Until.IsZero() {
			s.Until = &r.Until
		}
		switch {
		case step.Within:
			s.Effect = "within"
		case step.Kept:
			s.Effect = "kept"
		case step.Matched && r.Action == policy.Drop && r.Mode == policy.Audit:
			s.Effect = "would_drop"
		case step.Matched:
			s.Effect = r.Action.String()
		}
		x.Steps = append(x.Steps, s)
	}
	for _, step := range j.ExplainFeeds(pkt, environment, o.Judgement) {
		x.Feeds = append(x.Feeds, explainedFeed{step.Feed.Name, step.Feed.At.String(), feedEffect(step)})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(x)
}
