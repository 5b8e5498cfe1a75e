package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrNotV4 is of a body that is no message of version 4.
var ErrNotV4 = errors.New("not an Alertmanager webhook message of version 4")

// ErrTooMany is of a message with more alerts than are decoded.
var ErrTooMany = errors.New("too many alerts in a message")

// mostAlerts is how many alerts a message may have: twenty times the max_alerts of the
// configuration that is shipped, and five times what is remembered of an episode. An alert
// takes more memory than its text: 70 bytes of JSON are half a kilobyte and more.
const mostAlerts = 10_000

// envelope is a message as it comes. Fields that newer versions may write otherwise than
// known are decoded apart, so that they cannot take a message down.
type envelope struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	Status            string            `json:"status"`
	Alerts            []json.RawMessage `json:"alerts"`
	Receiver          json.RawMessage   `json:"receiver"`
	Truncated         json.RawMessage   `json:"truncatedAlerts"`
	GroupLabels       json.RawMessage   `json:"groupLabels"`
	CommonLabels      json.RawMessage   `json:"commonLabels"`
	CommonAnnotations json.RawMessage   `json:"commonAnnotations"`
	RouteLabels       json.RawMessage   `json:"routeLabels"`
	Reason            json.RawMessage   `json:"notification_reason"`
	ExternalURL       json.RawMessage   `json:"externalURL"`
}

type rawAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  json.RawMessage   `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL json.RawMessage   `json:"generatorURL"`
	Fingerprint  json.RawMessage   `json:"fingerprint"`
}

// Decode reads a message. Fields that it does not know are passed over. An alert that
// cannot be understood is among [Message.Bad]; if none can, the error is of the first one.
//
// Errors are [ErrNotV4], with what is wrong and what to look at, and [ErrTooMany].
func Decode(body []byte) (Message, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Message{}, fmt.Errorf("%w: %v (is it sent to the right URL, without a payload of its own?)", ErrNotV4, err)
	}
	switch {
	case e.Version != "4":
		return Message{}, fmt.Errorf("%w: version is %.20q", ErrNotV4, e.Version)
	case e.GroupKey == "":
		return Message{}, fmt.Errorf("%w: no groupKey", ErrNotV4)
	case e.Status != "firing" && e.Status != "resolved":
		return Message{}, fmt.Errorf("%w: status is %.20q, neither firing nor resolved", ErrNotV4, e.Status)
	case len(e.Alerts) == 0:
		return Message{}, fmt.Errorf("%w: no alerts", ErrNotV4)
	case len(e.Alerts) > mostAlerts:
		return Message{}, fmt.Errorf("%w: %d", ErrTooMany, len(e.Alerts))
	}
	m := Message{
		Receiver:          lenient[string](e.Receiver),
		Group:             e.GroupKey,
		Resolved:          e.Status == "resolved",
		Truncated:         max(lenient[int](e.Truncated), 0),
		GroupLabels:       lenient[map[string]string](e.GroupLabels),
		CommonLabels:      lenient[map[string]string](e.CommonLabels),
		CommonAnnotations: lenient[map[string]string](e.CommonAnnotations),
		RouteLabels:       lenient[map[string]string](e.RouteLabels),
		Reason:            lenient[string](e.Reason),
		ExternalURL:       lenient[string](e.ExternalURL),
	}
	for i, raw := range e.Alerts {
		alert, err := decodeAlert(raw)
		if err != nil {
			m.Bad = append(m.Bad, BadAlert{i, err.Error(), bytes.Clone(raw)})
			continue
		}
		m.Alerts = append(m.Alerts, alert)
		m.Resolved = m.Resolved && alert.Resolved
	}
	if len(m.Alerts) == 0 {
		return Message{}, fmt.Errorf("%w: no alert can be understood, alert 0: %s", ErrNotV4, m.Bad[0].Fault)
	}
	return m, nil
}

func decodeAlert(raw json.RawMessage) (Alert, error) {
	var a rawAlert
	if err := json.Unmarshal(raw, &a); err != nil {
		return Alert{}, err
	}
	resolved := a.Status == "resolved"
	switch {
	case !resolved && a.Status != "firing":
		return Alert{}, fmt.Errorf("status is %.20q, neither firing nor resolved", a.Status)
	case len(a.Labels) == 0:
		return Alert{}, errors.New("no labels")
	case a.StartsAt.IsZero():
		return Alert{}, errors.New("no startsAt")
	case resolved && a.EndsAt.IsZero():
		return Alert{}, errors.New("resolved, but no endsAt")
	}
	alert := Alert{
		Fingerprint:  lenient[string](a.Fingerprint),
		Resolved:     resolved,
		Labels:       a.Labels,
		Annotations:  lenient[map[string]string](a.Annotations),
		StartsAt:     a.StartsAt.UTC(),
		GeneratorURL: lenient[string](a.GeneratorURL),
	}
	if resolved {
		// Alerts that fire may have an end in the future: when they would be forgotten.
		alert.EndsAt = a.EndsAt.UTC()
	}
	if !isFingerprint(alert.Fingerprint) {
		alert.Fingerprint = Fingerprint(a.Labels)
	}
	return alert, nil
}

// lenient returns a field, or its zero value if it is missing or of another type.
func lenient[T any](raw json.RawMessage) T {
	var value T
	if json.Unmarshal(raw, &value) != nil {
		var zero T // what was decoded up to the fault is not meant
		return zero
	}
	return value
}
