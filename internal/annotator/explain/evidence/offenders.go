package evidence

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// Offenders are whom rules of Guarder hit on one host, as its exporter tells.
type Offenders struct {
	// Sources are those of which most is dropped, or would be, the first one first.
	Sources []Offender
	// Over is the time that rates are over.
	Over time.Duration
	// Drops and Rate are as of an [Offender], over all sources, listed or not.
	Drops uint64
	Rate  float64
}

// An Offender is a source whose packets rules drop, or would drop if they were enforced. All
// numbers are estimates under a flood.
type Offender struct {
	Source netip.Prefix
	// Drops are all such packets since the source is known, and Rate those of a second now.
	Drops uint64
	Rate  float64
	// Dropped tells that rules drop them; else they only would.
	Dropped bool
	// Group and Rule name the rule that hits it most; either may be "".
	Group, Rule string
}

// A Place is where an address belongs. What is not known is "" or 0.
type Place struct {
	// Kind is a word such as public or private, or [Protected].
	Kind    string
	Country string
	ASN     uint32
}

// Protected is the kind of an address that the operator wants in no rule.
const Protected = "protected"

// Errors that whoever asks an exporter may wrap. Any other is one that did not answer.
var (
	ErrUnlisted = errors.New("the exporter of this host is not listed")
	ErrOff      = errors.New("the exporter does not tell it")
	ErrOver     = errors.New("the alert is over")
)

// The facts about offenders.
const (
	OffenderRate   = "offenders"
	OffenderShare  = "offender_share"
	OffenderDrops  = "offender_drops"
	OffenderInside = "offenders_inside"
)

var offenderNames = []string{OffenderRate, OffenderShare, OffenderDrops, OffenderInside}

// OffenderFacts says of each fact about offenders what it is. No query of Prometheus gives
// it, so there is no expression.
var OffenderFacts = []Query{
	{Name: OffenderRate, Says: "the sources of which Guarder drops, or would drop, most", Unit: fact.PacketsPerSec,
		By: []string{"remote", "kind", "country", "asn", "group", "rule", "verdict"}},
	{Name: OffenderShare, Says: "their share in all that Guarder drops or would drop", Unit: fact.Ratio, By: []string{"remote"}},
	{Name: OffenderDrops, Says: "the packets of theirs that Guarder dropped, or would have", By: []string{"remote"}},
	{Name: OffenderInside, Says: "how many of them are of own, private or protected networks"},
}

// ofOffenders are the alerts for which whom rules hit is a part of what is to be known: true
// if it is missed, false if it is but welcome, as Guarder need not be there at all.
var ofOffenders = map[string]bool{
	"PacketScopeGuardTripped": true, "PacketScopeGuardDropsJump": true, "PacketScopeGuardWouldCutService": true,
	"PacketScopeGuardOnlyAudits": true, "PacketScopeGuardUnparsable": true, "PacketScopeGuardForgedICMP": true,
	"PacketScopeGuardRedirects": true, "PacketScopeGuardNeighborSpoofing": true, "PacketScopeGuardControllerWrite": true,
	"PacketScopeGuardAttack": true, "PacketScopeGuardExhaustion": true, "PacketScopeGuardScan": true,

	"PacketScopePolicyDropsHigh": false, "PacketScopeSYNFlood": false, "PacketScopeICMPErrorsBurst": false, "PacketScopeResetsBurst": false,
}

// AsksOffenders tells whether an exporter is asked about an alert.
func AsksOffenders(alert string) bool {
	_, asks := ofOffenders[alert]
	return asks
}

// told is what an exporter told.
type told struct {
	Offenders
	why fact.Why
}

// ask asks the exporter beside the queries, and gives one answer in time; nil if there is
// nothing to be asked.
func (a Alert) ask(ctx context.Context, limits Limits) <-chan told {
	missed, asks := ofOffenders[a.Labels["alertname"]]
	if a.Offenders == nil || !asks {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limits.Total)
	answer, out := make(chan told, 1), make(chan told, 1)
	go func() {
		all, err := a.Offenders(ctx)
		answer <- told{all, whyNot(err, missed)}
	}()
	go func() {
		defer cancel()
		select {
		case t := <-answer:
			out <- t
		case <-ctx.Done(): // who does not heed it is left behind
			out <- told{why: fact.NoAnswer}
		}
	}()
	return out
}

// nothing stands for a reason that is none: there may be no Guarder.
const nothing fact.Why = "-"

// whyNot returns why nothing is known. That an exporter is slow is not told apart from other
// silence: "timed out" is what Prometheus is watched by.
func whyNot(err error, missed bool) fact.Why {
	why := fact.NoAnswer
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrUnlisted):
		why = fact.Unlisted
	case errors.Is(err, ErrOff):
		why = fact.Off
	case errors.Is(err, ErrOver):
		why = fact.Over
	}
	if !missed && why != fact.NoAnswer {
		return nothing
	}
	return why
}

// mostShares is of how many sources the share and the sum are facts, too.
const mostShares = 5

// into adds what was told as facts, or as a gap. That nobody is hit is neither.
func (o told) into(set *fact.Set, t *handle.Table, place func(netip.Addr) Place) {
	gap := func(why fact.Why) { set.Gaps = append(set.Gaps, fact.Gap{Name: OffenderRate, Why: why}) }
	switch o.why {
	case "":
	case nothing:
		return
	default:
		gap(o.why)
		return
	}
	inside, found := 0, 0
	for _, s := range o.Sources {
		if s.Drops == 0 {
			continue // a rule counts it, which says nothing against it
		}
		var p Place
		if place != nil {
			p = place(s.Source.Addr())
		}
		labels := set.Show(t, s.labels(p))
		i := slices.IndexFunc(labels, func(l fact.Label) bool { return l.Name == "remote" })
		if i < 0 {
			gap(fact.LeftOut) // there is no handle left
			break
		}
		remote := labels[i : i+1 : i+1]
		set.Facts = append(set.Facts, fact.Fact{Name: OffenderRate, Value: s.Rate, Unit: fact.PacketsPerSec, Window: o.Over, Of: labels})
		if Inside(p.Kind) {
			inside++
		}
		if found++; found > mostShares {
			continue
		}
		set.Facts = append(set.Facts, fact.Fact{Name: OffenderDrops, Value: float64(s.Drops), Of: remote})
		if share, ok := o.share(s); ok {
			set.Facts = append(set.Facts, fact.Fact{Name: OffenderShare, Value: share, Unit: fact.Ratio, Of: remote})
		}
	}
	if found > 0 && place != nil {
		set.Facts = append(set.Facts, fact.Fact{Name: OffenderInside, Value: float64(inside)})
	}
}

// share is of what is dropped now or, if that is nothing, of all that was.
func (o Offenders) share(s Offender) (float64, bool) {
	switch {
	case o.Rate > 0:
		return s.Rate / o.Rate, true
	case o.Drops > 0:
		return float64(s.Drops) / float64(o.Drops), true
	}
	return 0, false
}

func (s Offender) labels(p Place) map[string]string {
	remote := s.Source.String()
	if s.Source.IsSingleIP() {
		remote = s.Source.Addr().String()
	}
	l := map[string]string{"remote": remote, "kind": p.Kind, "country": p.Country, "group": s.Group, "rule": s.Rule, "verdict": "would_drop"}
	if p.ASN != 0 {
		l["asn"] = strconv.FormatUint(uint64(p.ASN), 10)
	}
	if s.Dropped {
		l["verdict"] = "drop"
	}
	return l
}

// Inside tells whether addresses of a kind are own, private or protected, or of no single
// host: no rule is proposed against them. Those of documentation and of benchmarks are of
// somebody else, as far as a host can tell.
func Inside(kind string) bool {
	return !slices.Contains([]string{"public", "documentation", "benchmark"}, kind)
}
