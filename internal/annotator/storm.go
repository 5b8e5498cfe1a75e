//go:build unix

package annotator

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

const (
	// stormGroup is the group of the episodes of storms. Alertmanager's begin with a brace.
	stormGroup = "packetscope-annotator/storm"
	// StormAlert is the name of the alert that sums a storm up.
	StormAlert = "PacketScopeStorm"
	// recount is how long a count of open episodes holds.
	recount = time.Second
)

// stormWatch is the last count of open episodes.
type stormWatch struct {
	sync.Mutex
	counted time.Time // zero before the first
	open    int
	top     map[string]bool
	// episode is that of the storm, nil if there is none.
	episode *store.Episode
	puts    sync.Mutex
}

// A stormCount is what is said of a storm.
type stormCount struct {
	Open     int `json:"open"`
	Critical int `json:"critical"`
	Warning  int `json:"warning"`
	// Worst are the names of the alerts of the most severe episodes.
	Worst []string `json:"worst,omitempty"`
}

// openEpisodes returns those that are open, the most severe first and of those the oldest, and
// the one of a storm. So who comes later displaces nobody but by being worse.
func (e *Engine) openEpisodes() (open []store.Episode, storm *store.Episode, err error) {
	open, err = e.Store.OpenEpisodes()
	if i := slices.IndexFunc(open, func(p store.Episode) bool { return p.Group == stormGroup }); i >= 0 {
		one := open[i]
		open = slices.Delete(open, i, i+1)
		storm = &one
	}
	slices.SortFunc(open, func(a, b store.Episode) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(a.Number, b.Number))
	})
	return open, storm, err
}

// stormy counts, at most once a second, and tells whether there is a storm. It ends when a
// fifth fewer episodes are open than it began with.
func (e *Engine) stormy() (on bool, err error) {
	w := &e.storm
	if now := e.Store.Time(); w.counted.IsZero() || now.Sub(w.counted) >= recount || now.Before(w.counted) {
		storm, err := e.Store.OpenEpisode(stormGroup)
		if err != nil {
			return false, err
		}
		worst, open, err := e.Store.Worst(e.config.Asked + 1)
		if err != nil {
			return false, err
		}
		if storm != nil {
			open--
			worst = slices.DeleteFunc(worst, func(id string) bool { return id == storm.ID })
		}
		w.counted, w.open, w.episode, w.top = now, open, storm, map[string]bool{}
		for _, id := range worst[:min(len(worst), e.config.Asked)] {
			w.top[id] = true
		}
	}
	return w.open > e.config.Storm || w.episode != nil && w.open > e.config.Storm*4/5, nil
}

// Storm tells whether there is one: so many episodes are open that a model is asked about the
// worst only.
func (e *Engine) Storm() (bool, error) {
	e.storm.Lock()
	defer e.storm.Unlock()
	return e.stormy()
}

// watched tells whether an episode is one that everybody is told of and a model is asked
// about: any, but in a storm only the most severe ones and the one of the storm.
func (e *Engine) watched(ctx context.Context, p store.Episode) (bool, error) {
	e.storm.Lock()
	on, err := e.stormy()
	top := !on || e.storm.top[p.ID] || p.Group == stormGroup
	begins := on && e.storm.episode == nil
	e.storm.Unlock()
	if err == nil && begins {
		err = e.watchStorm(ctx)
	}
	return top, err
}

// watchStorm begins the episode of a storm, tells when there are twice as many episodes
// again, and ends it.
func (e *Engine) watchStorm(ctx context.Context) error {
	w := &e.storm
	w.puts.Lock()
	defer w.puts.Unlock()
	w.Lock()
	w.counted = time.Time{}
	on, err := e.stormy()
	open, episode := w.open, w.episode
	w.Unlock()
	if err != nil || !on && episode == nil {
		return err
	}
	d, err := e.stormMessage(open, episode, on)
	if err != nil {
		return err
	}
	_, err = e.put(ctx, d)
	return err
}

// stormMessage has an alert for each time that the count doubled.
func (e *Engine) stormMessage(open int, episode *store.Episode, on bool) (webhook.Delivery, error) {
	now := e.Now().UTC().Truncate(time.Millisecond)
	started := map[string]time.Time{}
	if episode != nil {
		for _, a := range episode.Alerts {
			started[a.Fingerprint] = a.StartsAt
		}
	}
	var alerts []webhook.Alert
	for level := e.config.Storm; level == e.config.Storm || level < open || started[levelOf(level)] != (time.Time{}); level *= 2 {
		a := webhook.Alert{Fingerprint: levelOf(level), StartsAt: now, Resolved: !on, Labels: map[string]string{
			"alertname": StormAlert, "severity": "critical", "open": strconv.Itoa(level),
		}}
		if at, ok := started[a.Fingerprint]; ok {
			a.StartsAt = at
		}
		if !on {
			a.EndsAt = now
		}
		alerts = append(alerts, a)
	}
	return synthesize(stormGroup, nil, alerts)
}

func levelOf(level int) string {
	return webhook.Fingerprint(map[string]string{"alertname": StormAlert, "open": strconv.Itoa(level)})
}

// countStorm counts for people.
func (e *Engine) countStorm() (stormCount, error) {
	open, _, err := e.openEpisodes()
	c := stormCount{Open: len(open)}
	for i, p := range open {
		switch p.Severity {
		case "critical":
			c.Critical++
		case "warning":
			c.Warning++
		}
		if i >= e.config.Asked || err != nil {
			continue
		}
		raw, fault := e.Store.Outputs(p.ID)
		if fault != nil {
			return c, fault
		}
		o, fault := readOutputs(raw)
		if fault == nil && o.known != nil && o.known.Set.Alert.Name != "" {
			c.Worst = append(c.Worst, clean.Line(o.known.Set.Alert.Name, 80))
		}
	}
	slices.Sort(c.Worst)
	c.Worst = slices.Compact(c.Worst)
	return c, err
}

// explain sums a storm up.
func (c stormCount) explain() answer.Answer {
	summary := fmt.Sprintf("A storm of alerts: %d episodes are open, %d of them critical and %d warnings.", c.Open, c.Critical, c.Warning)
	if len(c.Worst) > 0 {
		summary += " Among the most severe:"
		for i, name := range c.Worst {
			if i > 0 {
				summary += ","
			}
			summary += " " + name
		}
		summary += "."
	}
	return answer.Answer{
		Findings: []answer.Finding{}, Verdict: answer.Unknown, Confidence: answer.Low, Summary: summary, Checks: []answer.Check{},
		Steps: []string{"Look for one cause of all: a network, a host or a change that they share.", "Each episode is still explained; a model is asked about the most severe ones only."},
	}
}

// synthesize makes a message as Alertmanager would have sent it.
func synthesize(group string, groupLabels map[string]string, alerts []webhook.Alert) (webhook.Delivery, error) {
	type alert struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    time.Time         `json:"startsAt"`
		EndsAt      time.Time         `json:"endsAt"`
		Fingerprint string            `json:"fingerprint"`
	}
	status := "resolved"
	list := []alert{}
	for _, a := range alerts {
		one := alert{"firing", a.Labels, map[string]string{}, a.StartsAt, a.EndsAt, a.Fingerprint}
		if a.Resolved {
			one.Status = "resolved"
		} else {
			status = "firing"
		}
		list = append(list, one)
	}
	if groupLabels == nil {
		groupLabels = map[string]string{}
	}
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": group, "status": status, "receiver": "packetscope-annotator", "alerts": list,
		"groupLabels": groupLabels, "commonLabels": groupLabels, "commonAnnotations": map[string]string{}, "externalURL": "", "truncatedAlerts": 0,
	})
	if err != nil {
		return webhook.Delivery{}, err
	}
	m, err := webhook.Decode(body)
	return webhook.Delivery{Message: m, Body: body}, err
}

// shortHash names something by what it is: 12 hexadecimal digits.
func shortHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
