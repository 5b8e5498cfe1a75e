//go:build unix

package annotator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// mostOfAGathering is how many new handles of a kind one gathering may need: an exporter tells
// of 50 sources at most, and queries add some.
const mostOfAGathering = 66

// gather finds out who speaks for the episode and what is known of it.
func (e *Engine) gather(ctx context.Context, job store.Job) (store.Result, func(), error) {
	before, err := readOutputs(job.Outputs)
	if err != nil {
		return store.Result{}, nil, err
	}
	k := known{Serial: 1, At: e.Now().UTC(), Table: &handle.Table{}}
	if was := before.known; was != nil {
		k.Serial, k.Lead, k.Group, k.Table, k.Hosts = was.Serial+1, was.Lead, was.Group, was.Table, was.Hosts
		if x := before.explained; x != nil && x.Serial == was.Serial && x.Table != nil {
			k.Table = x.Table
		}
		// Handles keep their meaning, as long as there are some for what is new. What was said
		// with those before has its own table.
		if k.Table.Room() < mostOfAGathering {
			k.Table = &handle.Table{}
		}
	}
	if err := e.choose(job.Episode, &k); err != nil {
		return store.Result{}, nil, err
	}
	if job.Episode.Group == stormGroup {
		count, err := e.countStorm()
		if err != nil {
			return store.Result{}, nil, err
		}
		k.Storm = &count
	}
	at := k.At
	over := false
	if ended := job.Episode.Ended; !ended.IsZero() && ended.Before(at) {
		at, over = ended, true // what is so now says nothing of what is over
	}
	began := e.Store.Time()
	k.Set = evidence.Gather(ctx, e.Querier, e.about(k.Lead.Labels, over), k.Table, at, e.config.Limits)
	took := e.Store.Time().Sub(began)
	if ctx.Err() != nil {
		return store.Result{}, nil, context.Cause(ctx)
	}
	out, err := json.Marshal(k)
	return store.Result{Output: out}, func() { e.Tally.facts(k.Set, took) }, err
}

// nobody is asked if there is no Prometheus: all that could be asked is a gap.
type nobody struct{}

func (nobody) Query(context.Context, string, time.Time) ([]evidence.Sample, error) {
	return nil, errors.New("there is no Prometheus to ask")
}

// choose finds the alert that leads among those of the messages that are new, and the labels
// of the group.
func (e *Engine) choose(episode store.Episode, k *known) error {
	fires := map[string]bool{}
	for _, a := range episode.Alerts {
		fires[a.Fingerprint] = a.EndsAt.IsZero()
	}
	prefer := func(a, b webhook.Alert) int {
		return cmp.Or(
			order(!fires[a.Fingerprint], !fires[b.Fingerprint]), cmp.Compare(rank(a.Labels["severity"]), rank(b.Labels["severity"])),
			a.StartsAt.Compare(b.StartsAt), cmp.Compare(a.Fingerprint, b.Fingerprint),
		)
	}
	// The alerts of all messages that wait may be more than there is memory for.
	var best *webhook.Alert
	err := e.Store.Bodies(episode.ID, func(b store.Body) bool {
		m, err := webhook.Decode(b.Bytes)
		if err != nil {
			return true // it could be decoded when it was stored, by another version
		}
		if len(m.GroupLabels) > 0 {
			k.Group = m.GroupLabels
		}
		if one := slices.MinFunc(m.Alerts, prefer); best == nil || prefer(one, *best) < 0 {
			best = &one
		}
		k.meet(m.Alerts)
		return true
	})
	if err != nil {
		return err
	}
	if k.Lead.Fingerprint != "" && (fires[k.Lead.Fingerprint] || best == nil) {
		return nil
	}
	if best == nil {
		return errors.New("no message of the episode can be read")
	}
	if k.Lead.Fingerprint == "" || fires[best.Fingerprint] {
		k.Lead = lead{best.Fingerprint, best.Labels, best.StartsAt}
	}
	return nil
}

// mostHosts is how many hosts of an episode are remembered: with one more it is clear that
// they do not fit into the tags of an annotation.
const mostHosts = 40

// meet adds the hosts that alerts are about.
func (k *known) meet(alerts []webhook.Alert) {
	for _, a := range alerts {
		// An alert about all hosts has none, which is to be remembered too.
		if i := a.Labels["instance"]; len(k.Hosts) < mostHosts && !slices.Contains(k.Hosts, i) {
			k.Hosts = append(k.Hosts, i)
		}
	}
	slices.Sort(k.Hosts)
}

// order sorts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// rank orders severities, the worst first.
func rank(severity string) int {
	if at := slices.Index([]string{"critical", "warning", "info"}, severity); at >= 0 {
		return at
	}
	return 3
}

// mostRaw is the size of Alertmanager's message in what goes to sinks, which is kept for each
// of them. Of larger ones alerts are left out, from the end.
const mostRaw = 256 << 10

// lastBody returns the newest message of an episode, or nil if there is none.
func (e *Engine) lastBody(id string) (json.RawMessage, error) {
	last, err := e.newestBody(id)
	if err != nil {
		return nil, err
	}
	return shorten(last, mostRaw)
}

// newestBody returns the newest message in its full length.
func (e *Engine) newestBody(id string) (last []byte, err error) {
	err = e.Store.Bodies(id, func(b store.Body) bool { last = b.Bytes; return true })
	return last, err
}

func shorten(body []byte, most int) (json.RawMessage, error) {
	if len(body) <= most {
		return body, nil
	}
	var m map[string]json.RawMessage
	var alerts []json.RawMessage
	if err := errors.Join(json.Unmarshal(body, &m), json.Unmarshal(m["alerts"], &alerts)); err != nil {
		return nil, fmt.Errorf("shorten message: %w", err)
	}
	var truncated int
	_ = json.Unmarshal(m["truncatedAlerts"], &truncated)
	rest := len(body) - len(m["alerts"])
	keep := 0
	for size := rest; keep < len(alerts) && size+len(alerts[keep]) < most; keep++ {
		size += len(alerts[keep]) + 1
	}
	if keep == 0 {
		return nil, nil
	}
	var err error
	if m["alerts"], err = json.Marshal(alerts[:keep]); err != nil {
		return nil, err
	}
	m["truncatedAlerts"] = json.RawMessage(fmt.Sprint(truncated + len(alerts) - keep))
	return json.Marshal(m)
}

// stageLeft returns how much of the stage of the model is left.
func (e *Engine) stageLeft(job store.Job) time.Duration {
	return e.config.Stage - e.Store.Time().Sub(job.Since)
}
