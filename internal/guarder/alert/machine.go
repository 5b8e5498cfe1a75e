package alert

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
)

// The times of Prometheus.
const (
	// DefaultResendDelay is --rules.alert.resend-delay.
	DefaultResendDelay = time.Minute
	// retention is for how long a resolved alert is told, resolvedRetention of
	// rules/alerting.go.
	retention = 15 * time.Minute
	// validFor is how many resend delays an alert holds that is not told again.
	validFor = 4
)

// longestGap is for how long nobody may have looked at a counter for what it counted
// meanwhile to be taken as counted now. After a longer time it begins anew: what was long
// ago is no reason to wake somebody up. A condition over a longer time allows that much.
const longestGap = 5 * time.Minute

// A State is that of an alert.
type State string

// The states. An alert whose condition does not hold is none, until it has fired.
const (
	Pending  State = "pending"
	Firing   State = "firing"
	Resolved State = "resolved"
)

// An Alert is one that is pending, fires, or has fired. Of its times those that are not
// yet are zero.
type Alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	State       State             `json:"state"`
	// ActiveAt is since when the condition holds, FiredAt since when the alert fires.
	ActiveAt time.Time `json:"active_at"`
	FiredAt  time.Time `json:"fired_at,omitzero"`
	// KeepSince is since when it fires although its condition does not hold.
	KeepSince  time.Time `json:"keep_since,omitzero"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	// SentAt is when it was told last, and ValidUntil when it ends if it is not told again.
	SentAt     time.Time `json:"sent_at,omitzero"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
	// Packets are those of the window when the condition held last.
	Packets uint64 `json:"packets"`
}

// Identity are the labels that all alerts of an agent have.
type Identity struct {
	// Instance is the label of that name: the name of the host, or what Prometheus calls
	// the exporter, for the two to fit together.
	Instance string
	// External are labels that are added where there is no other of that name.
	External map[string]string
}

// A Machine knows the alerts of a host. It is not for several goroutines.
type Machine struct {
	of     Identity
	resend time.Duration
	alerts map[string]*Alert
	// rules are those with an alert, as they were known last, without their counters; of
	// each there is a window, by "group/rule".
	rules   []guarder.RuleStatus
	windows map[string]*window
	// seen is when the counters were last known.
	seen time.Time
}

// NewMachine returns one without alerts. An alert that fires is told again after a delay, and
// ends by itself when four of those have passed without.
func NewMachine(of Identity, resend time.Duration) *Machine {
	return &Machine{of: of, resend: resend, alerts: map[string]*Alert{}, windows: map[string]*window{}}
}

// A Tell returns the annotations of an alert that is to be told.
type Tell func(r *guarder.RuleStatus, a *Alert) map[string]string

// Eval looks at the counters of all rules, and returns what is to be told now: alerts that
// fire or were resolved. Rules without an alert are passed by; what a rule that is there no
// more has raised is resolved.
//
// If rules is nil nobody knows the counters: what was counted passes out of the windows, as
// it does in Prometheus, and otherwise all stays.
func (m *Machine) Eval(now time.Time, rules []guarder.RuleStatus, tell Tell) []Alert {
	now = now.Round(0).Truncate(time.Millisecond) // as Alertmanager's API shows times
	m.notAfter(now)
	if rules != nil {
		m.read(now, rules)
	}
	of := make(map[string]*guarder.RuleStatus, len(m.rules))
	for i := range m.rules {
		r := &m.rules[i]
		labels := m.labels(r)
		key := keyOf(labels)
		of[key] = r
		m.step(now, key, labels, r)
	}
	for key, a := range m.alerts {
		if of[key] == nil {
			m.ends(now, key, a)
		}
	}
	var due []Alert
	for _, key := range slices.Sorted(maps.Keys(m.alerts)) {
		a := m.alerts[key]
		if !a.due(now, m.resend) {
			continue
		}
		if r := of[key]; r != nil && a.State == Firing {
			a.Annotations = tell(r, a)
		}
		a.SentAt, a.ValidUntil = now, now.Add(validFor*m.resend)
		due = append(due, *a)
	}
	return due
}

// notAfter has nothing be in the future, if the clock was set back, as happens when a host
// that had started with a wrong one learns the time: or else packets would stay in their
// window until then, and be counted with all that come, and an alert would not be told
// any more.
func (m *Machine) notAfter(now time.Time) {
	for _, w := range m.windows {
		w.notAfter(now)
	}
	for _, a := range m.alerts {
		if a.SentAt.After(now) {
			a.SentAt = time.Time{} // it is told at once, with an end that others see as near
		}
		for _, at := range []*time.Time{&a.ActiveAt, &a.FiredAt, &a.KeepSince, &a.ResolvedAt} {
			if at.After(now) {
				*at = now
			}
		}
	}
	if m.seen.After(now) {
		m.seen = now
	}
}

// read takes the rules and their counters.
func (m *Machine) read(now time.Time, rules []guarder.RuleStatus) {
	windows := map[string]*window{}
	m.rules = nil
	for _, r := range rules {
		if r.Alert == nil {
			continue
		}
		var counter uint64
		for _, n := range r.Counts {
			counter += n.Packets
		}
		over := r.Alert.Over()
		w := m.windows[nameOf(&r)]
		if w == nil || now.Sub(m.seen) > max(longestGap, over) {
			w = begin(now, counter)
		}
		w.see(now, counter, over)
		windows[nameOf(&r)] = w
		r.Counts, r.LastMatch = nil, nil
		m.rules = append(m.rules, r)
	}
	m.windows, m.seen = windows, now
}

func nameOf(r *guarder.RuleStatus) string { return r.Group + "/" + r.Rule }

// step does for one rule what Eval of rules/alerting.go does for one series.
func (m *Machine) step(now time.Time, key string, labels map[string]string, r *guarder.RuleStatus) {
	var packets uint64
	if w := m.windows[nameOf(r)]; w != nil {
		packets = w.count(now, r.Alert.Over())
	}
	a := m.alerts[key]
	if float64(packets) < r.Alert.Packets {
		if a != nil && !a.keeps(now, r.Alert.KeepFiring()) {
			m.ends(now, key, a)
		}
		return
	}
	if a == nil || a.State == Resolved {
		a = &Alert{Labels: labels, State: Pending, ActiveAt: now}
		m.alerts[key] = a
	}
	a.Packets, a.KeepSince = packets, time.Time{}
	if a.State == Pending && now.Sub(a.ActiveAt) >= r.Alert.For() {
		a.State, a.FiredAt = Firing, now
	}
}

// keeps tells whether an alert goes on although its condition does not hold.
func (a *Alert) keeps(now time.Time, keep time.Duration) bool {
	if a.State != Firing || keep == 0 {
		return false
	}
	if a.KeepSince.IsZero() {
		a.KeepSince = now
	}
	return now.Sub(a.KeepSince) < keep
}

// ends is for an alert whose condition does not hold, and that does not go on.
func (m *Machine) ends(now time.Time, key string, a *Alert) {
	switch {
	case a.State == Pending, a.State == Resolved && now.Sub(a.ResolvedAt) > retention:
		delete(m.alerts, key)
	case a.State == Firing:
		a.State, a.ResolvedAt = Resolved, now
	}
}

// due tells whether an alert is to be told, as needsSending of rules/alerting.go.
func (a *Alert) due(now time.Time, resend time.Duration) bool {
	switch {
	case a.State == Pending:
		return false
	case a.ResolvedAt.After(a.SentAt): // not told yet
		return true
	}
	return !a.SentAt.Add(resend).After(now)
}

// labels returns those that an alert of the rule has.
func (m *Machine) labels(r *guarder.RuleStatus) map[string]string {
	all := map[string]string{"area": "guarder"}
	maps.Copy(all, m.of.External)
	for _, name := range []string{"attack", "severity"} {
		if value := r.Labels[name]; value != "" {
			all[name] = value
		}
	}
	maps.Copy(all, r.Alert.Labels)
	maps.Copy(all, map[string]string{
		"alertname": r.Alert.Name, "instance": m.of.Instance, "group": r.Group, "rule": r.Rule, "mode": r.Mode, "device": r.Alert.Device,
	})
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" }) // that is no label
	return all
}

// keyOf returns a text that tells sets of labels apart.
func keyOf(labels map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString(name + "\x00" + labels[name] + "\x00")
	}
	return b.String()
}

// Alerts returns how many there are by state.
func (m *Machine) Alerts() map[State]int {
	n := map[State]int{Pending: 0, Firing: 0, Resolved: 0}
	for _, a := range m.alerts {
		n[a.State]++
	}
	return n
}
