//go:build e2e && linux

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/servers"
)

// idle is for how long nothing may happen: an hour at the pace, in which the slowest
// alert would fire.
const idle = time.Hour / time.Duration(pace)

// TestAlertsFromTheKernelToTheReceiver tells one story, because each chapter needs
// what the one before has left: a healthy host, a fault that begins and ends, an
// attack, and the deaths of Guarder's agent and of the exporter.
func TestAlertsFromTheKernelToTheReceiver(t *testing.T) {
	w := newWorld(t)
	for _, chapter := range []struct {
		name string
		read func(*testing.T)
	}{
		{"all targets are up and all rules are evaluated", w.works},
		{"nothing fires on an idle host", w.staysQuiet},
		{"a full receive buffer is told and resolved", w.tellsOverflow},
		{"a forged ICMP error is kept away and told", w.tellsAttack},
		{"the death of Guarder's agent is told", w.tellsLossOfAgent},
		{"the death of the exporter is told", w.tellsDeath},
	} {
		if !t.Run(chapter.name, chapter.read) {
			t.FailNow()
		}
	}
}

// works also waits until the absence of the exporter is over: the first evaluation
// comes before the first scrape.
func (w *world) works(t *testing.T) {
	servers.Eventually(t, soon, func() error {
		alerts, err := w.prometheus.Alerts()
		if err == nil && len(alerts) > 0 {
			err = fmt.Errorf("there are alerts: %v", alerts)
		}
		return errors.Join(err, w.healthy())
	})
}

// healthy returns what is not: a target that is down, or a rule that fails.
func (w *world) healthy() error {
	targets, err := w.prometheus.Targets()
	if err != nil {
		return err
	}
	if len(targets) != 3 {
		return fmt.Errorf("%d targets, want the exporter, Prometheus and Alertmanager", len(targets))
	}
	for _, target := range targets {
		if target.Health != "up" {
			return fmt.Errorf("target %v is %s: %s", target.Labels, target.Health, target.LastError)
		}
	}
	groups, err := w.prometheus.RuleGroups()
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return errors.New("no rules")
	}
	for _, group := range groups {
		for _, rule := range group.Rules {
			if rule.Health != "ok" {
				return fmt.Errorf("rule %s of %s is %s: %s", rule.Name, group.Name, rule.Health, rule.LastError)
			}
		}
	}
	return nil
}

// staysQuiet watches for the whole time, not only at its end: an alert may come and
// go. A scrape may fail once, as for half a second the machine does something else; if that
// lasts the alert fires.
func (w *world) staysQuiet(t *testing.T) {
	for began := time.Now(); time.Since(began) < idle; time.Sleep(interval) {
		alerts, err := w.prometheus.Alerts()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range alerts {
			if a.Labels["alertname"] == "PacketScopeDown" && a.State == "pending" {
				continue
			}
			t.Errorf("%v after the beginning %s is %s with %s: %v", time.Since(began).Round(time.Second), a.Labels["alertname"], a.State, a.Value, a.Labels)
		}
		if w.healthy() != nil {
			time.Sleep(2 * interval)
			if err := w.healthy(); err != nil {
				t.Error(err)
			}
		}
		if t.Failed() {
			return
		}
	}
	for _, receiver := range receivers {
		if m := w.inbox.Messages(receiver); len(m) > 0 {
			t.Errorf("%s was told %+v", receiver, m)
		}
	}
}

func (w *world) tellsOverflow(t *testing.T) {
	end := overflow(t)
	// By the rules, this much loss is critical too, so that the warning of the same
	// name is left out.
	const full, loss = "PacketScopeSocketOverflow", "PacketScopePacketLoss"
	servers.Eventually(t, soon, func() error {
		return errors.Join(w.told("warning", full, "firing"), w.told("annotator", full, "firing"), w.told("critical", loss, "firing"))
	})
	w.checkMessage(t, "warning", full)
	w.checkMessage(t, "annotator", full)
	w.checkMessage(t, "critical", loss)
	end()
	servers.Eventually(t, soon, func() error {
		return errors.Join(w.told("warning", full, "resolved"), w.told("annotator", full, "resolved"), w.told("critical", loss, "resolved"))
	})
	for _, receiver := range []string{"critical", "info"} {
		if alerts := w.inbox.Alerts(receiver, full); len(alerts) > 0 {
			t.Errorf("%s was told of a warning: %+v", receiver, alerts)
		}
	}
}

// told returns nil if the last that a receiver heard of an alert is the status.
func (w *world) told(receiver, name, status string) error {
	alerts := w.inbox.Alerts(receiver, name)
	if len(alerts) == 0 {
		return fmt.Errorf("%s has heard nothing of %s", receiver, name)
	}
	if last := alerts[len(alerts)-1]; last.Status != status {
		return fmt.Errorf("%s has last heard that %s is %s, want %s", receiver, name, last.Status, status)
	}
	return nil
}

// checkMessage holds the first message of an alert against what receivers rely on.
func (w *world) checkMessage(t *testing.T, receiver, name string) {
	t.Helper()
	for _, m := range w.inbox.Messages(receiver) {
		if m.GroupLabels["alertname"] != name {
			continue
		}
		for _, label := range []string{"alertname", "severity", "area", "job", "instance"} {
			if m.Alerts[0].Labels[label] == "" {
				t.Errorf("%s: %s has no label %s: %v", receiver, name, label, m.Alerts[0].Labels)
			}
		}
		if got := m.Alerts[0].Labels["instance"]; got != "localhost" {
			t.Errorf("%s: %s is of instance %q", receiver, name, got)
		}
		for key, value := range m.Alerts[0].Annotations {
			if strings.Contains(value, "<no value>") || strings.Contains(value, "{{") {
				t.Errorf("%s: %s has %s: %s", receiver, name, key, value)
			}
		}
		for key, prefix := range map[string]string{
			"summary": "", "description": "", "dashboard": "/d/packetscope-",
			"runbook_url": "https://github.com/packetscope/packetscope/blob/main/rules/README.md#" + strings.ToLower(name),
		} {
			if got := m.Alerts[0].Annotations[key]; got == "" || !strings.HasPrefix(got, prefix) {
				t.Errorf("%s: %s has %s %q, want %q", receiver, name, key, got, prefix)
			}
		}
		if a := m.Alerts[0]; a.StartsAt.IsZero() || a.Fingerprint == "" || !strings.HasPrefix(a.GeneratorURL, "http") {
			t.Errorf("%s: %s is %+v", receiver, name, a)
		}
		return
	}
	t.Errorf("%s got no message about %s", receiver, name)
}

func (w *world) tellsDeath(t *testing.T) {
	const down = "PacketScopeDown"
	w.exporter.Kill()
	servers.Eventually(t, soon, func() error {
		return errors.Join(w.told("warning", down, "firing"), w.told("annotator", down, "firing"))
	})
	w.checkMessage(t, "warning", down)
	w.startExporter(t)
	servers.Eventually(t, soon, func() error {
		return errors.Join(w.told("annotator", down, "resolved"), w.healthy())
	})
}
