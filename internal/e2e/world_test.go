//go:build e2e && linux

package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/packetscope/packetscope/alertmanager"
	"github.com/packetscope/packetscope/internal/servers"
	"github.com/packetscope/packetscope/rules"
)

const (
	// pace makes 5 minutes 5 seconds.
	pace = servers.Pace(60)
	// interval is of scrapes and evaluations. At the pace it would be 250 ms; half as
	// many are enough, and leave the machine idle.
	interval = 500 * time.Millisecond
	// soon bounds what takes a window, a "for", a "keep_firing_for" and an interval
	// of a group, on a busy machine.
	soon = time.Minute
)

// scrapeConfig is what we ship.
const scrapeConfig = "../../rules/prometheus/prometheus.yml"

// receivers are those of alertmanager.yml.
var receivers = []string{"annotator", "critical", "warning", "info"}

// A world is everything that runs.
type world struct {
	address      string // of the exporter
	exporter     *servers.Process
	guard        *guard
	alertmanager *servers.Alertmanager
	prometheus   *servers.Prometheus
	inbox        *servers.Inbox
}

// newWorld starts everything but the exporter's traffic.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{address: servers.FreeAddress(t), inbox: servers.NewInbox(t), guard: newGuard(t)}
	w.startExporter(t)
	w.alertmanager = servers.StartAlertmanager(t, found.Tools, routes(t, w.inbox, pace))
	w.startPrometheus(t, w.alertmanager.Address)
	return w
}

// startPrometheus starts a server that tells the Alertmanagers, and scrapes the first of
// them.
func (w *world) startPrometheus(t *testing.T, alertmanagers ...string) {
	t.Helper()
	config, err := servers.ReadPrometheus(scrapeConfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Every(interval, interval)
	config.Alertmanagers(alertmanagers...)
	for job, address := range map[string]string{"packetscope": w.address, "alertmanager": alertmanagers[0]} {
		if err := config.Target(job, address); err != nil {
			t.Fatal(err)
		}
	}
	files, err := pace.RuleFiles(rules.Files())
	if err != nil {
		t.Fatal(err)
	}
	w.prometheus = servers.StartPrometheus(t, found.Tools, config, files, "--rules.alert.resend-delay=1s")
}

// config of the exporter: what other namespaces of the machine do is their business. The
// annotator asks it for what no metric tells.
const config = "stack: {scope: own}\nguarder: {api: true}\nflows: {api: true}\n"

func (w *world) startExporter(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "packetscope.yml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	w.exporter = servers.Start(t, found.Exporter, "--config.file="+file, "--web.listen-address="+w.address, "--guarder.socket="+w.guard.socket)
	if err := w.exporter.Ready(t.Context(), "http://"+w.address+"/-/ready"); err != nil {
		t.Fatal(err)
	}
}

// routes is our alertmanager.yml with the annotator switched on, and the test in the
// place of all receivers.
func routes(t *testing.T, inbox *servers.Inbox, p servers.Pace) *servers.AlertmanagerConfig {
	t.Helper()
	text, err := alertmanager.Enable("annotator")
	if err != nil {
		t.Fatal(err)
	}
	config, err := servers.ReadAlertmanager([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := config.At(p); err != nil {
		t.Fatal(err)
	}
	config.Tokens(tokenFile(t, ingestToken))
	for _, receiver := range receivers {
		if err := config.Call(receiver, inbox.URL(receiver)); err != nil {
			t.Fatal(err)
		}
	}
	return config
}
