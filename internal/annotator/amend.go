//go:build unix

package annotator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// putFound stores what was found out about alerts of an episode, which may be "" if there is
// none yet. Sinks that pass Alertmanager's message through do so with the last one, which is to
// be about all alerts of the group; so it is that message, amended.
func (e *Engine) putFound(ctx context.Context, id string, d webhook.Delivery) error {
	if id != "" {
		last, err := e.newestBody(id)
		if err != nil {
			return err
		}
		if d.Body, err = amend(last, d); err != nil {
			return err
		}
	}
	m := toMessage(d)
	m.Partial = true
	_, err := e.putMessage(ctx, m)
	return err
}

// amend returns a message with what was found out about some of its alerts, while others of its
// group fire. What has ended and is not in it is left out, as its labels are not known any more.
// If there is no message it returns what was found out alone.
func amend(last []byte, found webhook.Delivery) ([]byte, error) {
	var m, news map[string]json.RawMessage
	var alerts, changed []json.RawMessage
	if json.Unmarshal(last, &m) != nil || m == nil || json.Unmarshal(m["alerts"], &alerts) != nil {
		return found.Body, nil
	}
	if err := errors.Join(json.Unmarshal(found.Body, &news), json.Unmarshal(news["alerts"], &changed)); err != nil {
		return nil, fmt.Errorf("amend message: %w", err)
	}
	at := map[string]int{}
	for i, raw := range alerts {
		var a struct {
			Fingerprint string
			Labels      map[string]string
		}
		if json.Unmarshal(raw, &a) == nil {
			at[cmp.Or(a.Fingerprint, webhook.Fingerprint(a.Labels))] = i
		}
	}
	var common map[string]string
	_ = json.Unmarshal(m["commonLabels"], &common)
	for i, a := range found.Alerts {
		switch at, known := at[a.Fingerprint]; {
		case known && a.Resolved:
			alerts[at] = sink.EndAlert(alerts[at], a.EndsAt)
		case known:
			alerts[at] = changed[i]
		case !a.Resolved:
			alerts = append(alerts, changed[i])
			for name, value := range common {
				if a.Labels[name] != value {
					delete(common, name)
				}
			}
		}
	}
	for name, value := range map[string]any{"status": sink.Firing, "alerts": alerts, "commonLabels": common, "truncatedAlerts": found.Truncated} {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("amend message: %w", err)
		}
		m[name] = raw
	}
	return json.Marshal(m)
}
