package policy

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// FailsafeGroup is the group of the rules under failsafe.allow.
const FailsafeGroup = "failsafe"

// failsafeFrom reads "failsafe:". Each file may add to what is allowed; how the
// policy is put in force stands in one of them.
func (r *reader) failsafeFrom(n *yaml.Node) {
	if !r.permanent(n, "failsafe") {
		return
	}
	r.in = FailsafeGroup
	r.mapping(n, "failsafe", r.failsafeFields())
	r.in = ""
}

func (r *reader) failsafeFields() []field {
	life := &r.policy.Life
	return []field{
		{"allow", "Traffic that passes whatever the policy stage says. Each entry has a name, and the keys of a match.", listOf(refer("allow")), func(n *yaml.Node) {
			for _, e := range r.sequence(n, "allow") {
				r.allow(e)
			}
		}},
		{"established", "keep: connections that are established when the policy is put in force are not cut by it.", words("keep", "judge"), func(n *yaml.Node) {
			if i := r.word(n, "word", []string{"keep", "judge"}); i >= 0 && r.once(n, "established", "established") {
				life.KeepEstablished = i == 0
			}
		}},
		{"protect_applier", "For how long the peer that put the policy in force is not dropped.", plain("string"), func(n *yaml.Node) {
			if r.once(n, "protect_applier", "protect_applier") {
				life.ProtectApplier = r.duration(n, "protect_applier")
			}
		}},
		{"confirm_within", "The time after which the policy is taken back unless it was confirmed.", plain("string"), func(n *yaml.Node) {
			if r.once(n, "confirm_within", "confirm_within") {
				life.ConfirmWithin = r.duration(n, "confirm_within")
			}
		}},
		{"trip_wire", "Makes the whole policy audit when it drops too much.", refer("trip_wire"), func(n *yaml.Node) {
			if r.once(n, "trip_wire", "trip_wire") {
				life.TripWire = r.tripWire(n)
			}
		}},
	}
}

func (r *reader) allow(n *yaml.Node) {
	rule := Rule{Group: FailsafeGroup, Stage: Failsafe, Mode: Enforce, Asks: Enforce, Action: Pass, At: r.position(n)}
	r.in = FailsafeGroup
	faults := len(r.faults)
	r.matchesUnknown = false
	rule.Match = r.match(n, &rule)
	switch {
	case n.Kind != yaml.MappingNode || len(r.faults) > faults && Failed(r.faults[faults:]):
	case rule.Name == "" && has(n, "name"):
	case rule.Name == "":
		r.fault(n, missingKey, "add name:", "the entry has no name")
	case r.once(n, "rule "+r.in, fmt.Sprintf("entry %q", rule.Name)):
		r.loader.failsafe = append(r.loader.failsafe, rule)
	}
	r.in = FailsafeGroup
}

func (r *reader) tripWire(n *yaml.Node) *TripWire {
	w := &TripWire{}
	r.mapping(n, "trip_wire", r.tripWireFields(w))
	if w.DroppedRatio == 0 || w.Over == 0 {
		r.fault(n, missingKey, "have dropped_ratio: and over:", "the trip wire is incomplete")
	}
	return w
}

func (r *reader) tripWireFields(w *TripWire) []field {
	return []field{
		{"dropped_ratio", "Which part of the packets may be dropped, from 0 to 1.", plain("number"), func(n *yaml.Node) { w.DroppedRatio = r.ratio(n, "dropped_ratio") }},
		{"min_rate", "Below this rate of packets it does not fall.", plain("string"), func(n *yaml.Node) { w.MinRate = r.rate(n, "min_rate") }},
		{"over", "For how long.", plain("string"), func(n *yaml.Node) { w.Over = r.duration(n, "over") }},
		{"then", "What the policy becomes: audit.", words("audit"), func(n *yaml.Node) { r.word(n, "mode", []string{"audit"}) }},
	}
}
