//go:build unix

package annotator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/geo"
)

// Exporters tell of hosts what Prometheus has no labels for. They are named by the label
// instance of alerts, of which strangers may have written any: who implements it asks none
// that the operator has not named.
type Exporters interface {
	// Offenders returns whom rules of Guarder hit now.
	Offenders(ctx context.Context, instance string) (evidence.Offenders, error)
	// Flows returns all that the host and some networks have sent each other.
	Flows(ctx context.Context, instance string, with []netip.Prefix) ([]propose.Flow, error)
}

// about returns what is to be gathered about an alert. Of one that is over exporters cannot
// tell any more.
func (e *Engine) about(labels map[string]string, over bool) evidence.Alert {
	a := evidence.Alert{Labels: labels, Place: e.placeOf}
	switch {
	case e.Exporters == nil:
	case over:
		a.Offenders = func(context.Context) (evidence.Offenders, error) { return evidence.Offenders{}, evidence.ErrOver }
	default:
		a.Offenders = func(ctx context.Context) (evidence.Offenders, error) {
			found, err := e.Exporters.Offenders(ctx, labels["instance"])
			if err != nil && ctx.Err() == nil {
				e.Logger.Warn("sources not known", "instance", labels["instance"], "err", err)
			}
			return found, err
		}
	}
	return a
}

// placeOf tells where an address belongs.
func (e *Engine) placeOf(a netip.Addr) evidence.Place {
	p := evidence.Place{Kind: geo.KindOf(a).String()}
	if e.Place != nil {
		p = e.Place(a)
	}
	if slices.ContainsFunc(e.config.Suggest.Protected, func(own netip.Prefix) bool { return own.Contains(a) }) {
		p.Kind = evidence.Protected
	}
	return p
}

// A drafted is a rule that is fit to be shown, with what was found out about it.
type drafted struct {
	propose.Proposal
	// share is as MatchedShare of a [Proposal].
	share *float64
}

// draft makes a rule of what an answer proposes, false if nothing is proposed or it is not
// fit to be shown to a person. Before, it is held against the flows of the host: one that
// would take packets of established traffic away only counts.
func (e *Engine) draft(ctx context.Context, episode, instance string, g answer.Ground, a answer.Answer) (drafted, bool) {
	if a.Rule == nil || e.config.Suggest.MostSources == 0 {
		return drafted{}, false
	}
	p, code := e.config.Suggest.Make(*a.Rule, a.Confidence, g.Table, episode)
	d := drafted{Proposal: p}
	if code == propose.OK {
		d.share = e.matchedShare(ctx, instance, p)
		d.Proposal, code = e.config.Suggest.Rehearsed(p, d.share)
	}
	if code != propose.OK {
		e.Tally.refuse(string(code))
	}
	return d, code == propose.OK
}

// matchedShare asks the exporter of a host what a rule would match there, nil if it does not
// tell.
func (e *Engine) matchedShare(ctx context.Context, instance string, p propose.Proposal) *float64 {
	if e.Exporters == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.config.Limits.Total)
	defer cancel()
	flows, err := e.Exporters.Flows(ctx, instance, p.Sources)
	if err != nil {
		e.Logger.Warn("rule not held against flows", "instance", instance, "err", err)
		return nil
	}
	share := p.MatchedShare(flows)
	return &share
}

// detail is what the audit log says of a rule that is proposed.
func (d drafted) detail() string {
	text := string(d.Action)
	if d.Asked != "" {
		text += fmt.Sprintf(" in place of %s, as %s", d.Asked, d.Only)
	}
	if d.share != nil {
		text += fmt.Sprintf(", matched share %.4g", *d.share)
	}
	return text
}
