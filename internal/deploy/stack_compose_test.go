//go:build compose && linux

package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStack builds the images with the Dockerfile, brings compose.yaml up with and
// without the demo, and looks whether numbers arrive. What a registry would deliver
// is replaced by stand-ins of the same names; everything of this tree is real.
func TestStack(t *testing.T) {
	e := startEngine(t)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.mod"))[1]
	golang(t).load(t, e, "golang:"+version+"-bookworm")
	s := &stack{engine: e, files: []string{"compose.yaml", override(t)}}
	here, other := runtime.GOARCH, "arm64"
	if here == other {
		other = "amd64"
	}
	s.build(t, "packetscope", "packetscope/packetscope:dev", here)
	s.build(t, "annotator", "packetscope/packetscope-annotator:dev", here)
	s.build(t, "demo", "packetscope/packetscope-demo:dev", here)
	t.Run("the images", func(t *testing.T) {
		s.build(t, "packetscope", "packetscope/packetscope:other", other)
		if got := s.inspect(t, "packetscope/packetscope:other", "{{.Architecture}}"); got != other {
			t.Errorf("built for %s, want %s", got, other)
		}
		if got := s.inspect(t, "packetscope/packetscope:dev", `{{index .Config.Labels "org.opencontainers.image.version"}}`); got != "1.2.3" {
			t.Errorf("the label says version %s, want 1.2.3", got)
		}
		if got := e.must(t, e.docker, "run", "--rm", "--network", "none", "packetscope/packetscope:dev", "version"); !strings.Contains(got, "version 1.2.3") {
			t.Errorf("the program says %q", got)
		}
		if got := e.must(t, e.docker, "run", "--rm", "--network", "none", "packetscope/packetscope-demo:dev", "plan"); !strings.Contains(got, "accept-queue") {
			t.Errorf("the plan of the demo is %q", got)
		}
	})
	services := load(t).Services
	prometheus(t).load(t, e, services["prometheus"].Image)
	alertmanager(t).load(t, e, services["alertmanager"].Image)
	grafanaImage(t).load(t, e, services["grafana"].Image)

	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := s.try("--profile", "*", "logs", "--no-color", "--tail", "20")
			t.Logf("logs:\n%s", logs)
		}
		s.must(t, "--profile", "*", "down", "--volumes", "--timeout", "5")
	})
	s.must(t, "up", "--detach", "--wait")
	t.Run("all are healthy", func(t *testing.T) {
		s.healthy(t, "alertmanager", "grafana", "packetscope", "prometheus")
	})
	t.Run("the exporter is scraped", func(t *testing.T) {
		s.atLeast(t, `up{job="packetscope"}`, 1)
		s.atLeast(t, `sum(packetscope_probe_attached)`, 10)
		s.atLeast(t, `sum(rate(packetscope_packets_total[1m]))`, 0)
	})
	t.Run("alerts can be sent", func(t *testing.T) {
		s.atLeast(t, `prometheus_notifications_alertmanagers_discovered`, 1)
	})
	t.Run("the password is made once", s.password)
	t.Run("what is in the way is named", s.obstacles)
	t.Run("the demo", func(t *testing.T) {
		s.must(t, "--profile", "demo", "up", "--detach", "--wait")
		s.healthy(t, "alertmanager", "demo-client", "demo-guard", "demo-server", "grafana", "packetscope", "prometheus")
		for _, query := range []string{
			`sum(packetscope_tcp_retransmits_total)`,
			`sum(packetscope_tcp_listen_overflows_total)`,
			`sum(packetscope_tcp_syn_cookies_total)`,
			`sum(packetscope_tcp_zero_window_events_total)`,
			`sum(packetscope_icmp_errors_sent_total)`,
			`sum(packetscope_socket_overflows_total)`,
			`sum(packetscope_neighbor_failures_total)`,
			`sum(packetscope_drops_total{severity="policy"})`,
			`sum(packetscope_drops_total{severity="loss"})`,
			`count(packetscope_flow_bytes_total{remote=~"198.19.142.0/24|fd50:.*"})`,
			`packetscope_guarder_attached{device="eth0"}`,
			`sum(packetscope_guarder_rule_packets_total{group="forged-icmp",verdict="drop"})`,
			`sum(packetscope_guarder_rule_packets_total{group="services-from-outside",verdict="would_drop"})`,
		} {
			s.atLeast(t, query, 1)
		}
	})
	t.Run("Guarder on the host", s.guard)
	t.Run("the annotator", s.annotator)
}

// pinnedState is where the agent of the host keeps what outlives it.
const pinnedState = "/sys/fs/bpf/packetscope/guard"

// guard starts the agent of the host, whose only network card is a cable to nowhere, and
// takes away what it leaves, as the documentation says.
func (s *stack) guard(t *testing.T) {
	if _, err := os.Stat(pinnedState); err == nil {
		t.Fatalf("%s is there: this machine has a policy in force, which the test would take away", pinnedState)
	}
	s.must(t, "--profile", "guard", "up", "--detach", "--wait")
	// The exporter asks the host's agent now, not the demo's.
	for _, query := range []string{
		`packetscope_guarder_mode_ceiling{mode="audit"}`, `packetscope_guarder_attached{device="eth0"}`, `packetscope_guarder_clamped_rules`,
	} {
		s.atLeast(t, query, 1)
	}
	s.must(t, "--profile", "guard", "stop", "guard")
	if _, err := os.Stat(pinnedState); err != nil {
		t.Errorf("the policy ended with its agent: %v", err)
	}
	s.must(t, "run", "--rm", "guard", "guard", "detach", "--status-socket=/run/packetscope/status/guard.sock")
	if _, err := os.Stat(pinnedState); !os.IsNotExist(err) {
		t.Errorf("after detaching something is left at %s: %v", pinnedState, err)
	}
	s.must(t, "--profile", "guard", "rm", "--force", "guard")
	s.atLeast(t, `sum(packetscope_scrape_collector_success{collector="guarder"})`, 1)
}

// override writes what Debian's engine and this test need otherwise.
func override(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "compose.test.yaml")
	// Docker 20.10 does not know the names BPF and PERFMON; SYS_ADMIN covers both.
	const text = `services:
  packetscope:
    cap_add: !override [NET_ADMIN, SYSLOG, SYS_ADMIN, SYS_PTRACE]
  guard: {cap_add: !override [NET_ADMIN, SYS_ADMIN]}
  demo-guard: {cap_add: !override [NET_ADMIN, SYS_ADMIN]}
  annotator:
    volumes:
      - {type: bind, source: %s, target: /run/secrets/annotator, read_only: true}
  # As the annotator's page has it.
  alertmanager:
    volumes:
      - {type: bind, source: %s, target: /etc/alertmanager/alertmanager.yml, read_only: true}
      - {type: bind, source: %s, target: /etc/alertmanager/secrets, read_only: true}
`
	annotator, alertmanager := annotatorSecrets(t)
	if err := os.WriteFile(path, fmt.Appendf(nil, text, annotator, annotatorOn(t), alertmanager), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A stack is compose.yaml with some overrides, in an engine.
type stack struct {
	engine *engine
	files  []string
}

func (s *stack) args(args []string) []string {
	all := []string{"--project-directory", "."}
	for _, f := range s.files {
		all = append(all, "--file", f)
	}
	return append(all, args...)
}

func (s *stack) try(args ...string) (string, error) {
	return s.engine.try(s.engine.compose, s.args(args)...)
}

func (s *stack) must(t *testing.T, args ...string) string {
	t.Helper()
	return s.engine.must(t, s.engine.compose, s.args(args)...)
}

// build makes one image, without a network.
func (s *stack) build(t *testing.T, target, image, architecture string) {
	t.Helper()
	s.engine.must(t, s.engine.docker, "build", "--network", "none", "--file", folder+"Dockerfile", "--platform", "linux/"+architecture,
		"--target", target, "--tag", image, "--build-arg", "VERSION=1.2.3", ".")
}

// inspect returns a property of an image.
func (s *stack) inspect(t *testing.T, image, format string) string {
	t.Helper()
	return strings.TrimSpace(s.engine.must(t, s.engine.docker, "image", "inspect", "--format", format, image))
}

// healthy compares the services that run and say that they are well.
func (s *stack) healthy(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(s.must(t, "--profile", "demo", "ps", "--format", "json")) {
		var container struct{ Service, State, Health string }
		if err := json.Unmarshal([]byte(line), &container); err != nil {
			t.Fatal(err)
		}
		if container.State == "running" && container.Health == "healthy" {
			got = append(got, container.Service)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("healthy services (-want +got):\n%s", diff)
	}
}

// patience is how long is waited for what comes within two scrapes or messages, and rules
// over a minute, on a machine that compiles beside it.
const patience = 5 * time.Minute

// atLeast asks Prometheus until a query has a value that is large enough.
func (s *stack) atLeast(t *testing.T, query string, least float64) {
	t.Helper()
	poll(t, patience, fmt.Sprintf("%s is %v or more", query, least), func() error {
		value, err := s.value(query)
		switch {
		case errors.Is(err, errNoSeries):
			return fmt.Errorf("no series; %s", s.scrapes())
		case err == nil && value < least:
			return fmt.Errorf("%v; %s", value, s.scrapes())
		}
		return err
	})
}

var errNoSeries = errors.New("no series")

// value returns the first value of a query; the error is errNoSeries if there is none.
func (s *stack) value(query string) (value float64, err error) {
	out, err := s.try("exec", "-T", "prometheus", "promtool", "query", "instant", "--format", "json", "http://127.0.0.1:9090", query)
	if err != nil {
		return 0, err
	}
	var samples []struct{ Value [2]any }
	if err := json.Unmarshal([]byte(out), &samples); err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	if len(samples) == 0 {
		return 0, errNoSeries
	}
	_, err = fmt.Sscan(fmt.Sprint(samples[0].Value[1]), &value)
	return value, err
}

// scrapes says how the exporter is scraped, for who wonders where its numbers are.
func (s *stack) scrapes() string {
	var says []string
	for _, query := range []string{
		`up{job="packetscope"}`, `scrape_duration_seconds{job="packetscope"}`, `scrape_samples_scraped{job="packetscope"}`,
		`count_over_time(up{job="packetscope"}[5m])`, `sum(packetscope_scrape_collector_success == 0)`, `count(packetscope_flow_bytes_total)`,
	} {
		value, err := s.value(query)
		if err != nil {
			says = append(says, fmt.Sprintf("%s: %v", query, err))
		} else {
			says = append(says, fmt.Sprintf("%s is %v", query, value))
		}
	}
	return strings.Join(says, ", ")
}

// password restarts Grafana and compares what was printed with what is kept.
func (s *stack) password(t *testing.T) {
	kept := func() string { return s.must(t, "exec", "-T", "grafana", "cat", "/var/lib/grafana/admin-password") }
	before := kept()
	s.must(t, "restart", "grafana")
	s.must(t, "up", "--detach", "--wait")
	if after := kept(); after != before || len(before) != 24 {
		t.Errorf("the password was %q and is %q", before, after)
	}
	said := printed.FindAllStringSubmatch(s.must(t, "logs", "--no-color", "grafana"), -1)
	if len(said) != 1 || said[0][1] != before {
		t.Errorf("printed %q, want once %q", said, before)
	}
}

// obstacles starts programs where they cannot work. Each says so in its last line,
// with the cure.
func (s *stack) obstacles(t *testing.T) {
	private := filepath.Join(t.TempDir(), "private.yaml")
	if err := os.WriteFile(private, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// The daemon's root must not be the owner, who may read it.
	if err := os.Chown(private, 1000, 1000); err != nil {
		t.Fatal(err)
	}
	const exporter = "packetscope/packetscope:dev"
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"port taken", []string{"--network", "host", "--cap-add", "SYS_ADMIN", exporter, "serve", "--web.listen-address=127.0.0.1:10142"},
			"127.0.0.1:10142: bind: address already in use (choose another with --web.listen-address"},
		{"unreadable mount", []string{"--cap-drop", "ALL", "--network", "none", "--volume", private + ":/config.yaml:ro", exporter, "check-config", "/config.yaml"},
			"open /config.yaml: permission denied (make the file readable, and the folders above it passable, for user 0)"},
		{"no server", []string{"--network", "none", "packetscope/packetscope-demo:dev", "client"}, "required flag(s) '--server' not provided"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.engine.try(s.engine.docker, append([]string{"run", "--rm"}, c.args...)...)
			if err == nil {
				t.Fatal("it runs")
			}
			lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, c.want) {
				t.Errorf("the last line is %q, want %q", last, c.want)
			}
		})
	}
}
