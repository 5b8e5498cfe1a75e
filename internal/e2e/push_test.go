//go:build e2e && linux

package e2e

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/servers"
)

// pushed is the alert of pushedPolicy, whose times are those of the ready-made ones at a
// faster pace. One packet matches both rules.
const (
	pushed       = "GuarderPmtuPoison"
	pushedPolicy = `version: 1
defaults:
  labels: {severity: warning, attack: pmtu_poison}
groups:
- name: forged
  rules:
  - rule: seen
    match: {family: ipv4, icmp: {class: packet-too-big}}
    action: sample
    alert: &alert {when: {packets: 2, over: 10s}, for: 2s, keep_firing_for: 5s}
  - rule: dropped
    mode: enforce
    match: {family: ipv4, icmp: {class: packet-too-big, inner: {df: false, later_fragment: false}}}
    action: drop
    alert: *alert
`
)

// A pushWorld is Guarder, an exporter that pushes its alerts, and a real Alertmanager,
// without Prometheus. The exporter is told of another Alertmanager, which is dead.
type pushWorld struct {
	guard        *guard
	inbox        *servers.Inbox
	alertmanager *servers.Alertmanager
	address      string
	exporter     *servers.Process
	config       string
}

func newPushWorld(t *testing.T) *pushWorld {
	t.Helper()
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(pushedPolicy), 0o644); err != nil {
		t.Fatal(err)
	}
	w := &pushWorld{guard: newGuard(t, policy), inbox: servers.NewInbox(t), address: servers.FreeAddress(t), config: filepath.Join(dir, "packetscope.yml")}
	w.alertmanager = servers.StartAlertmanager(t, found.Tools, routes(t, w.inbox, pace))
	text := fmt.Sprintf(`
stack: {scope: own}
alerting:
  alertmanagers: [{url: "http://%s"}, {url: "http://%s"}]
  instance: host
  state: %s
  interval: 1s
  resend_delay: 10s
`, servers.FreeAddress(t), w.alertmanager.Address, filepath.Join(dir, "alerts.json"))
	if err := os.WriteFile(w.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	return w
}

func (w *pushWorld) start(t *testing.T) {
	t.Helper()
	w.exporter = servers.Start(t, found.Exporter, "--config.file="+w.config, "--web.listen-address="+w.address, "--guarder.socket="+w.guard.socket)
	if err := w.exporter.Ready(t.Context(), "http://"+w.address+"/-/ready"); err != nil {
		t.Fatal(err)
	}
}

// identities are what tells the active alerts apart, by their rule, if both were sent since
// a time.
func (w *pushWorld) identities(since time.Time) (map[string]string, error) {
	active, err := w.alertmanager.Active(pushed)
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	for _, a := range active {
		if a.UpdatedAt.Before(since) {
			return nil, fmt.Errorf("%v was sent last at %v", a.Labels, a.UpdatedAt)
		}
		of[a.Labels["rule"]] += a.Fingerprint + " " + a.StartsAt.UTC().String()
	}
	if diff := cmp.Diff([]string{"dropped", "seen"}, slices.Sorted(maps.Keys(of))); diff != "" {
		return nil, fmt.Errorf("active alerts of rules (-want +got):\n%s", diff)
	}
	return of, nil
}

// TestPushedAlertsSurviveEverybodysDeath: Alertmanager is killed and started again, and so
// is the exporter, and then both, while an attack goes on. Nothing is lost, and nothing doubled: there is
// one alert of each rule, with one start, until it is resolved.
func TestPushedAlertsSurviveEverybodysDeath(t *testing.T) {
	w := newPushWorld(t)
	end := w.attacks(t)
	var first map[string]string
	servers.Eventually(t, soon, func() (err error) {
		first, err = w.identities(time.Time{})
		return err
	})
	servers.Eventually(t, soon, func() error { return w.grouped("firing") })

	same := func(what string, since time.Time) {
		t.Helper()
		var got map[string]string
		servers.Eventually(t, soon, func() (err error) {
			got, err = w.identities(since)
			return err
		})
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s (-before +after):\n%s", what, diff)
		}
	}
	same("told again", time.Now())
	w.alertmanager.Kill()
	w.alertmanager.Restart(t)
	same("after the death of Alertmanager", time.Now())
	w.exporter.Kill()
	w.start(t)
	same("after the death of the exporter", time.Now())
	// Alertmanager knows the beginning of what it still has, whatever it is told. With both
	// dead, the exporter alone remembers it.
	w.alertmanager.Kill()
	w.exporter.Kill()
	w.alertmanager.Restart(t)
	w.start(t)
	same("after the death of both", time.Now())

	end()
	servers.Eventually(t, soon, func() error { return w.grouped("resolved") })
	if active, err := w.alertmanager.Active(pushed); err != nil || len(active) > 0 {
		t.Errorf("active after the end: %v, %v", active, err)
	}
	w.checkStory(t, first)
}

// attacks sends a packet each second until it is told to end.
func (w *pushWorld) attacks(t *testing.T) (end func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticks.C:
				w.guard.attack(t)
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// grouped returns an error until one message has told that both alerts have a status.
func (w *pushWorld) grouped(status string) error {
	for _, m := range w.inbox.Messages("warning") {
		n := 0
		for _, a := range m.Alerts {
			if a.Labels["alertname"] == pushed && a.Status == status {
				n++
			}
		}
		if n == 2 {
			return nil
		}
	}
	return errors.New("no message tells that both alerts are " + status)
}

// checkStory looks at everything that people were told.
func (w *pushWorld) checkStory(t *testing.T, first map[string]string) {
	resolved := map[string]bool{}
	for _, a := range w.inbox.Alerts("warning", pushed) {
		rule := a.Labels["rule"]
		if got := a.Fingerprint + " " + a.StartsAt.UTC().String(); got != first[rule] {
			t.Errorf("told of %s, want %s", got, first[rule])
		}
		if a.Status == "firing" && resolved[rule] {
			t.Errorf("%s fires after it was resolved", rule)
		}
		resolved[rule] = a.Status == "resolved"
		want := map[string]string{
			"alertname": pushed, "area": "guarder", "attack": "pmtu_poison", "group": "forged", "instance": "host", "rule": rule, "severity": "warning",
			"mode": map[string]string{"seen": "audit", "dropped": "enforce"}[rule],
		}
		if diff := cmp.Diff(want, a.Labels); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		if !strings.HasPrefix(a.Annotations["sources"], source+" (") {
			t.Errorf("sources are %q, want %s", a.Annotations["sources"], source)
		}
		// Ethernet to everybody, with IPv4 of ICMP behind it.
		if sample := a.Annotations["sample"]; rule == "seen" && (!strings.HasPrefix(sample, "ffffffffffff") || len(sample) != 128) {
			t.Errorf("the packet is %q", sample)
		}
	}
}
