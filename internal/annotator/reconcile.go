//go:build unix

package annotator

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// An AlertLister lists the alerts that Alertmanager holds for active and that are of the
// receiver which is this annotator.
type AlertLister interface {
	Active(ctx context.Context) ([]ActiveAlert, error)
}

// An ActiveAlert is one that fires.
type ActiveAlert struct {
	Fingerprint string
	Labels      map[string]string
	StartsAt    time.Time
	// Muted tells that nobody is told of it, as it is silenced or inhibited: its episode goes
	// on, but none is opened for it.
	Muted bool
}

// settled is how long an alert must be off the list before it is taken for over, and how old
// what is known of it must be. Messages and lists are made at different times, and an
// Alertmanager that was started anew knows of no alert until Prometheus has sent it again,
// each minute and an evaluation (rules.alert.resend-delay).
const settled = 2 * time.Minute

// foundGroup is the beginning of the group of an episode of which no message came.
const foundGroup = "packetscope-annotator/found:"

// missed is what the lists so far have shown.
type missed struct {
	// unknown are alerts that were active and in no episode at the last look. What is so twice
	// is opened: until then a message may be on its way.
	unknown map[string]bool
	// gone is since when an alert is not on the list that its episode says fires.
	gone map[string]time.Time
}

// reconcile compares the open episodes with the active alerts. It ends what is over though no
// message said so, and opens what fires though none came.
func (e *Engine) reconcile(ctx context.Context) {
	if e.Alerts == nil {
		return
	}
	began := e.Store.Time()
	active, err := e.Alerts.Active(ctx)
	if err == nil {
		err = e.compare(ctx, began, active)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		e.Tally.reconcile("failed")
		e.Logger.Warn("alerts not reconciled", "err", err)
	default:
		e.Tally.reconcile("done")
	}
}

func (e *Engine) compare(ctx context.Context, began time.Time, active []ActiveAlert) error {
	open, _, err := e.openEpisodes()
	if err != nil {
		return err
	}
	fires := map[string]bool{}
	for _, a := range active {
		fires[a.Fingerprint] = true
	}
	owner := map[string]store.Episode{}
	for _, p := range open {
		for _, a := range p.Alerts {
			if was, ok := owner[a.Fingerprint]; a.EndsAt.IsZero() && (!ok || strings.HasPrefix(was.Group, foundGroup)) {
				owner[a.Fingerprint] = p
			}
		}
	}
	e.miss(began, fires, owner)
	var faults []error
	for _, p := range open {
		faults = append(faults, e.end(ctx, p, began, owner))
	}
	return errors.Join(append(faults, e.open(ctx, open, owner, active))...)
}

// miss notes since when alerts are gone.
func (e *Engine) miss(began time.Time, fires map[string]bool, owner map[string]store.Episode) {
	gone := map[string]time.Time{}
	for fingerprint := range owner {
		if fires[fingerprint] {
			continue
		}
		since, known := e.missed.gone[fingerprint]
		if !known {
			since = began
		}
		gone[fingerprint] = since
	}
	e.missed.gone = gone
}

// over tells whether an alert has been off the list for so long that it has ended.
func (m missed) over(a store.Alert, began time.Time) bool {
	since, gone := m.gone[a.Fingerprint]
	return gone && began.Sub(since) >= settled && began.Sub(a.Changed) >= settled
}

// end ends alerts of an episode that are not active any more.
func (e *Engine) end(ctx context.Context, p store.Episode, began time.Time, owner map[string]store.Episode) error {
	var over []store.Alert
	firing, others := 0, 0
	for _, a := range p.Alerts {
		switch {
		case !a.EndsAt.IsZero():
			continue
		case owner[a.Fingerprint].ID != p.ID:
			others++ // the real message came after all, in another group
		case e.missed.over(a, began):
			over = append(over, a)
			continue
		}
		firing++
	}
	switch {
	case firing == others && (len(over) > 0 || others > 0):
		// With alerts that were kept back nobody knows of more, and those that are active
		// are opened below.
		e.Tally.reconcile("closed")
		e.Logger.Info("episode closed without a message", "episode", p.ID)
		if err := e.Store.CloseEpisode(p.ID); err != nil {
			return err
		}
		e.asking.interrupt(p.ID)
		return nil
	case len(over) == 0:
		return nil
	}
	o, err := e.outputsOf(p.ID)
	if err != nil {
		return err
	}
	var alerts []webhook.Alert
	for _, a := range over {
		alerts = append(alerts, webhook.Alert{
			Fingerprint: a.Fingerprint, Labels: o.labels(a.Fingerprint), StartsAt: a.StartsAt,
			Resolved: true, EndsAt: latest(e.Now().UTC().Truncate(time.Millisecond), a.StartsAt),
		})
	}
	d, err := synthesize(p.Group, o.group(), alerts)
	if err != nil {
		return err
	}
	d.Resolved, d.Truncated = false, p.Truncated // the rest of the group fires
	e.Tally.reconcile("ended")
	return e.putFound(ctx, p.ID, d)
}

// open opens what is active and in no episode for the second time: in the episode of its
// group if that is open, else in one of its own.
func (e *Engine) open(ctx context.Context, open []store.Episode, owner map[string]store.Episode, active []ActiveAlert) error {
	before := e.missed.unknown
	now := map[string]bool{}
	var found []ActiveAlert
	for _, a := range active {
		if _, known := owner[a.Fingerprint]; known || a.Muted || len(a.Labels) == 0 || a.StartsAt.IsZero() {
			continue
		}
		now[a.Fingerprint] = true
		if before[a.Fingerprint] {
			found = append(found, a)
		}
	}
	e.missed.unknown = now
	if len(found) == 0 {
		return nil
	}
	groups, err := e.groupsOf(open)
	if err != nil {
		return err
	}
	// Alerts of a group go together, since each message has all of before in it.
	joined := map[string][]webhook.Alert{}
	var faults []error
	for _, a := range found {
		g := groupFor(groups, a)
		if one := (webhook.Alert{Fingerprint: a.Fingerprint, Labels: a.Labels, StartsAt: a.StartsAt}); g.episode != "" {
			joined[g.key] = append(joined[g.key], one)
		} else {
			faults = append(faults, e.openIn(ctx, g, []webhook.Alert{one}))
		}
	}
	for _, g := range groups {
		if alerts := joined[g.key]; alerts != nil {
			faults = append(faults, e.openIn(ctx, g, alerts[:min(len(alerts), mostFound)]))
		}
	}
	return errors.Join(faults...)
}

// mostFound is how many alerts a group is joined by at a look. The others come at the next one.
const mostFound = 1000

// openIn adds alerts that fire to a group.
func (e *Engine) openIn(ctx context.Context, g group, alerts []webhook.Alert) error {
	d, err := synthesize(g.key, g.labels, alerts)
	if err != nil {
		return err
	}
	if err := e.putFound(ctx, g.episode, d); err != nil {
		return err
	}
	for range alerts {
		e.Tally.reconcile("opened")
	}
	return nil
}

// A group is that of an open episode, or of one that is to be opened: then episode is "".
type group struct {
	key, episode string
	labels       map[string]string
}

// groupsOf returns the groups of episodes that Alertmanager has told of, those with the most
// labels first.
func (e *Engine) groupsOf(open []store.Episode) ([]group, error) {
	var groups []group
	for _, p := range open {
		if strings.HasPrefix(p.Group, foundGroup) {
			continue
		}
		o, err := e.outputsOf(p.ID)
		if err != nil {
			return nil, err
		}
		if labels := o.group(); len(labels) > 0 {
			groups = append(groups, group{p.Group, p.ID, labels})
		}
	}
	slices.SortStableFunc(groups, func(a, b group) int { return len(b.labels) - len(a.labels) })
	return groups, nil
}

// groupFor returns the first group whose labels an alert has, or one of its own.
func groupFor(groups []group, a ActiveAlert) group {
	for _, g := range groups {
		other := func(name string) bool { return a.Labels[name] != g.labels[name] }
		if !slices.ContainsFunc(slices.Collect(maps.Keys(g.labels)), other) {
			return g
		}
	}
	return group{key: foundGroup + a.Fingerprint}
}

func (e *Engine) outputsOf(id string) (outputs, error) {
	raw, err := e.Store.Outputs(id)
	if err != nil {
		return outputs{}, err
	}
	return readOutputs(raw)
}

// labels returns those of an alert, as far as they are known: those of the group, if it does
// not lead.
func (o outputs) labels(fingerprint string) map[string]string {
	switch {
	case o.known == nil:
		return map[string]string{"alertname": "unknown"}
	case o.known.Lead.Fingerprint == fingerprint || len(o.known.Group) == 0:
		return o.known.Lead.Labels
	}
	return o.known.Group
}

func (o outputs) group() map[string]string {
	if o.known == nil {
		return nil
	}
	return o.known.Group
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
