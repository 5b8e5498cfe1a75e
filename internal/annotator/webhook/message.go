package webhook

import (
	"encoding/json"
	"time"
)

// A Message is what Alertmanager says about a group of alerts. All text in it is a stranger's.
type Message struct {
	Receiver string
	// Group is the groupKey, which is the same for all messages about a group.
	Group string
	// Resolved tells that no alert in the message fires.
	Resolved bool
	// Alerts are the good ones, in the order of the message, at least one.
	Alerts []Alert
	// Bad are alerts that cannot be understood.
	Bad []BadAlert
	// Truncated is how many alerts the group has beyond max_alerts. If it is not 0 nothing
	// is known of those, neither that they fire nor that they do not.
	Truncated int

	GroupLabels, CommonLabels, CommonAnnotations map[string]string
	// RouteLabels are of the route that matched, and Reason is why the group is told of
	// (notification_reason, since Alertmanager 0.32). Both are empty from older ones.
	RouteLabels map[string]string
	Reason      string
	// ExternalURL is where Alertmanager says that it is. It must never be fetched.
	ExternalURL string
}

// An Alert is one of a message.
type Alert struct {
	// Fingerprint names the labels: 16 hexadecimal digits.
	Fingerprint         string
	Resolved            bool
	Labels, Annotations map[string]string
	// StartsAt is never zero. EndsAt is zero while the alert fires.
	StartsAt, EndsAt time.Time
	// GeneratorURL must never be fetched.
	GeneratorURL string
}

// A BadAlert is an alert that cannot be understood.
type BadAlert struct {
	Index int // in the message, from 0
	Fault string
	Raw   json.RawMessage
}

// Started returns when the first of the alerts started.
func (m Message) Started() time.Time {
	first := m.Alerts[0].StartsAt
	for _, a := range m.Alerts[1:] {
		if a.StartsAt.Before(first) {
			first = a.StartsAt
		}
	}
	return first
}

// Severity returns the worst severity that alerts of the message have as a label: critical,
// warning, info, or "" if none has one of these. Those that fire count, if any does.
func (m Message) Severity() string {
	for _, severity := range []string{"critical", "warning", "info"} {
		for _, a := range m.Alerts {
			if a.Resolved == m.Resolved && a.Labels["severity"] == severity {
				return severity
			}
		}
	}
	return ""
}
