//go:build unix

package store

import (
	"cmp"
	"slices"
	"time"
)

const (
	// twin is how long after the news that an alert has ended an older message that it
	// fires may come: from another Alertmanager of a cluster, which waits 15 s for each peer
	// before it (cluster.peer-timeout), or by a retry. What comes later fires again. It is less
	// than the minute until the next message of a group (group_interval in the configuration
	// that is shipped), which may come a little early and is not said again for a day.
	twin = 45 * time.Second
	// mostAlerts is how many alerts of an episode are remembered. It is four times the
	// max_alerts of the configuration that is shipped.
	mostAlerts = 2000
)

// merge adds the news of a message to an episode and reports whether any were.
//
// It closes the episode if nothing of it fires, and opens it again if something does. While
// Alertmanager keeps alerts back (truncated) nothing closes it: nobody knows of those.
func (e *Episode) merge(m Message, now, wall time.Time) (changed bool) {
	if len(e.Alerts) > mostAlerts/2 {
		e.Alerts = slices.DeleteFunc(e.Alerts, func(a Alert) bool { return !a.EndsAt.IsZero() && now.Sub(a.Changed) >= twin })
	}
	byName := make(map[string]int, len(e.Alerts))
	for i, a := range e.Alerts {
		byName[a.Fingerprint] = i
	}
	hidden := m.Truncated
	for _, news := range m.Alerts {
		news.Changed = now
		i, known := byName[news.Fingerprint]
		switch {
		case known && supersedes(news, e.Alerts[i]):
			e.Alerts[i] = news
		case known:
			continue
		case len(e.Alerts) < mostAlerts:
			byName[news.Fingerprint] = len(e.Alerts)
			e.Alerts = append(e.Alerts, news)
		case news.EndsAt.IsZero():
			hidden++
			continue
		}
		changed = true
	}
	if e.Truncated != hidden {
		e.Truncated, changed = hidden, true
	}
	if m.Resolved && hidden == 0 {
		changed = e.endOthers(m, now) || changed
	}
	slices.SortFunc(e.Alerts, func(a, b Alert) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	e.Started = earliest(e.Started, m.Started)
	e.settle(wall)
	return changed
}

// endOthers ends the alerts that a message which says that its group has ended does not
// name: their own end was missed, or they are silenced. What started behind the last end of
// the message is newer than it. It reports whether there were any.
func (e *Episode) endOthers(m Message, now time.Time) (changed bool) {
	named := make(map[string]bool, len(m.Alerts))
	var end time.Time
	for _, a := range m.Alerts {
		named[a.Fingerprint] = true
		end = latest(end, a.EndsAt)
	}
	for i, a := range e.Alerts {
		if a.EndsAt.IsZero() && !named[a.Fingerprint] && !a.StartsAt.After(end) {
			e.Alerts[i].EndsAt, e.Alerts[i].Changed = end, now
			changed = true
		}
	}
	return changed
}

// settle closes an episode of which nothing fires, and opens one of which something does.
func (e *Episode) settle(wall time.Time) {
	switch over := e.Truncated == 0 && !e.fires(); {
	case !over:
		e.Closed, e.Ended = time.Time{}, time.Time{}
	case e.Closed.IsZero():
		e.Closed = wall
		fallthrough
	default:
		for _, a := range e.Alerts {
			e.Ended = latest(e.Ended, a.EndsAt)
		}
	}
}

// supersedes tells whether news say more than what is known of the same alert.
func supersedes(news, known Alert) bool {
	if order := news.StartsAt.Compare(known.StartsAt); order != 0 {
		return order > 0
	}
	if news.EndsAt.IsZero() {
		return !known.EndsAt.IsZero() && news.Changed.Sub(known.Changed) >= twin
	}
	return news.EndsAt.After(known.EndsAt)
}

func (e *Episode) fires() bool {
	return slices.ContainsFunc(e.Alerts, func(a Alert) bool { return a.EndsAt.IsZero() })
}
