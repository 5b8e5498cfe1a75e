package builtin

import (
	"slices"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
)

// alone names the source that makes most of what rules drop, or would.
func alone() weigh {
	return above(evidence.OffenderShare, 0.5, "{remote} alone makes {} of what rules drop or would drop.")
}

// busiest names the one that sends most now of what any rule drops, or would, which need not
// be what the alert is about.
func busiest() weigh {
	return above(evidence.OffenderRate, 0, "Of all senders whose packets rules drop or would drop, {remote} is the busiest: {}, mainly by the rule {rule} of the group {group}.")
}

// belongs tells where the busiest belongs, if that is known.
func belongs() weigh {
	return above(evidence.OffenderRate, 0, "That address is of AS {asn} in {country}.")
}

// inside speaks against an attack from outside.
func inside() weigh {
	return above(evidence.OffenderInside, 0, "Sources of own, private or protected networks are among those that rules hit most, {} in number: they may be clients of yours.").but()
}

// propose asks to watch one sender that the verdict calls an attacker: the one that makes
// most of what rules drop, else the busiest of all, if it sends most of what arrives.
func (w *writer) propose() {
	if !w.e.propose || w.a.Confidence == answer.Low {
		return
	}
	attack := w.a.Verdict == answer.VolumetricAttack || w.a.Verdict == answer.Reconnaissance || w.a.Verdict == answer.TargetedAttack
	if !attack {
		return
	}
	remote, why := w.offender(), "Most of what rules drop, or would, comes from it; counting what a rule against it would drop shows what else it sends."
	if remote == "" {
		remote, why = w.sender(), "It is the busiest sender by far; counting what a rule would drop shows whether others suffer from it."
	}
	if remote == "" {
		return
	}
	w.a.Rule = &answer.Rule{Action: answer.Monitor, Sources: []string{remote}, Proto: answer.AnyProto, TTLMinutes: 60, Why: why}
}

// offender returns the handle of the source that makes more than half of what the rules that
// the alert is about drop, or would, or "". One of an own, private or protected network is
// never proposed, and neither is another in its place.
func (w *writer) offender() string {
	all := w.g.Set.Now(evidence.OffenderRate)
	rules := w.rules()
	if rules != nil {
		all = slices.DeleteFunc(all, func(f fact.Fact) bool { return !slices.Contains(rules, ruleOf(f.Of)) })
	}
	shares := map[string]float64{}
	for _, f := range w.g.Set.Now(evidence.OffenderShare) {
		shares[f.Get("remote")] = f.Value
	}
	var first fact.Fact
	most, sum := 0., 0.
	for _, f := range all {
		// Shares are of what is dropped now or, if that is nothing, of all that was.
		share := shares[f.Get("remote")]
		if sum += share; share > most {
			first, most = f, share
		}
	}
	if rules == nil {
		sum = 1 // the alert is about all that is dropped, by those that are not listed, too
	}
	if most <= sum/2 || evidence.Inside(first.Get("kind")) {
		return ""
	}
	return first.Get("remote")
}

// rule is the name of one.
type rule struct{ group, name string }

func ruleOf(labels []fact.Label) (r rule) {
	for _, l := range labels {
		switch l.Name {
		case "group":
			r.group = l.Value
		case "rule":
			r.name = l.Value
		}
	}
	return r
}

// rules returns those that the alert is about, nil if it names none.
func (w *writer) rules() (all []rule) {
	if r := ruleOf(w.g.Set.Alert.Labels); r.name != "" {
		all = append(all, r)
	}
	for _, f := range w.g.Set.Now("attack_rules") {
		all = append(all, ruleOf(f.Of))
	}
	return all
}

// sender returns the handle of the busiest sender if it sends most of what arrives, or "".
func (w *writer) sender() string {
	share, senders := w.g.Set.Now("top_sender_share"), w.g.Set.Now("top_senders")
	senders = slices.DeleteFunc(senders, func(f fact.Fact) bool {
		_, _, ok := w.g.Table.Value(f.Get("remote"))
		return !ok
	})
	if len(share) == 0 || share[0].Value <= 0.5 || len(senders) == 0 {
		return ""
	}
	return senders[0].Get("remote")
}
