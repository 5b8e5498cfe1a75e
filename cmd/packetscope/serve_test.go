package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/stack"
)

func TestServeAnswersWhileProbesAttach(t *testing.T) {
	w := newWorld("--web.enable-lifecycle")
	proceed := make(chan struct{})
	open := w.env.open
	w.env.open = func(cfg stack.Config, logger *slog.Logger) (engine, error) {
		<-proceed
		return open(cfg, logger)
	}
	s := w.start(t)

	for path, want := range map[string]answer{
		"/-/healthy": {200, "packetscope is healthy"},
		"/-/ready":   {503, "the probes are not attached"},
	} {
		if diff := cmp.Diff(want, s.ask(t, http.MethodGet, path)); diff != "" {
			t.Errorf("%s while attaching (-want +got):\n%s", path, diff)
		}
	}
	if diff := cmp.Diff(answer{503, "the probes are not attached"}, s.ask(t, http.MethodPost, "/-/reload")); diff != "" {
		t.Errorf("reload while attaching (-want +got):\n%s", diff)
	}
	want := []string{"packetscope_config_last_reload_successful 1"}
	if diff := cmp.Diff(want, s.series(t, "/metrics", "packetscope_config_last_reload_successful ", "packetscope_packets")); diff != "" {
		t.Errorf("scrape while attaching (-want +got):\n%s", diff)
	}

	close(proceed)
	w.stderr.Wait(t, "msg=ready", 1)
	if diff := cmp.Diff(answer{200, "packetscope is ready"}, s.ask(t, http.MethodGet, "/-/ready")); diff != "" {
		t.Errorf("ready when attached (-want +got):\n%s", diff)
	}
	want = []string{
		`packetscope_packets_total{device_class="physical",direction="receive",family="ipv4",layer="link",protocol="tcp",watch=""} 23`,
	}
	if diff := cmp.Diff(want, s.series(t, "/metrics", "packetscope_packets_total")); diff != "" {
		t.Errorf("scrape when attached (-want +got):\n%s", diff)
	}

	if err := s.stop(t); err != nil {
		t.Errorf("stop: %v", err)
	}
	if w.engine.closed != 1 {
		t.Errorf("engine closed %d times, want once", w.engine.closed)
	}
}

func TestServeIsTheDefaultVerb(t *testing.T) {
	w := newWorld("--config.file=testdata/nowhere.yaml")
	err := run(context.Background(), w.env)
	if want := "read config: open testdata/nowhere.yaml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestBadConfigStopsTheStart(t *testing.T) {
	w := newWorld("serve", "--config.file="+writeConfig(t, badConfig))
	err := run(context.Background(), w.env)
	if diff := cmp.Diff(badConfigFaults, withoutFolder(err)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if w.opened != nil {
		t.Error("probes were attached")
	}
}

func TestPortInUseIsOneLineWithTheCure(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	w := newWorld("--web.listen-address=" + taken.Addr().String())
	err = run(context.Background(), w.env)
	want := fmt.Sprintf("listen tcp %s: bind: address already in use "+
		"(choose another with --web.listen-address, or stop the program that listens there)", taken.Addr())
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if w.opened != nil {
		t.Error("probes were attached")
	}
}

func TestFailureToAttachIsOneLineWithTheCure(t *testing.T) {
	everyProbe := errors.Join(errors.New("link_receive: EPERM"), errors.New("link_transmit: EPERM"))
	nothing := fmt.Errorf("%w: %w", stack.ErrNothingAttached, everyProbe)
	for _, c := range []struct {
		claim string
		host  kernel.Host
		err   error
		want  string
	}{
		{"no privilege", fakeHost(kernel.CapNetAdmin), nothing,
			"attach probes: no privilege: CAP_BPF, CAP_PERFMON missing " +
				"(run as root, or: setcap cap_bpf,cap_perfmon+ep on the program)"},
		{"no obstacle known", fakeHost(kernel.CapSysAdmin), nothing,
			"attach probes: no probe could be attached: link_receive: EPERM; link_transmit: EPERM"},
		{"another error", fakeHost(), errors.New("out of memory"), "attach probes: out of memory"},
	} {
		w := newWorld()
		w.env.host, w.openErr = c.host, c.err
		err := w.start(t).wait(t)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: error %v, want %s", c.claim, err, c.want)
		}
	}
}

func TestPrivilegesAreDroppedAfterAttach(t *testing.T) {
	w := newWorld()
	s := w.startReady(t)
	if diff := cmp.Diff([]string{kernel.CapSysAdmin, kernel.CapSysPtrace}, w.kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestMissingPrivilegesAreLoggedWithTheirUse(t *testing.T) {
	w := newWorld()
	s := w.startReady(t)
	var got []string
	for line := range strings.Lines(w.stderr.String()) {
		if _, missing, ok := strings.Cut(line, `msg="capability missing" capability=`); ok {
			got = append(got, strings.TrimSpace(missing))
		}
	}
	want := []string{
		`CAP_NET_RAW for="measure paths by raw sockets" without_it="paths are measured by sockets that everybody may open, which cannot do everything"`,
		`CAP_SYSLOG for="read the addresses of kernel symbols" without_it="the functions that drop packets stay unknown"`,
		`CAP_SYS_ADMIN for="enter other network namespaces and switch on the accounting of run time" ` +
			`without_it="sockets, TCP's counters and the hooks of the family net are of one network namespace, and the cost of the probes stays unknown"`,
		`CAP_SYS_PTRACE for="find the network namespaces of other users' processes" ` +
			`without_it="sockets and the hooks of the family net miss namespaces without a name under /run/netns"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestPrivilegesAreKeptOnDemand(t *testing.T) {
	w := newWorld("--privileges.keep")
	w.env.drop = func([]string) ([]string, error) {
		t.Error("privileges were dropped")
		return nil, nil
	}
	if err := w.startReady(t).stop(t); err != nil {
		t.Error(err)
	}
}

func TestFailureToDropDetachesAgain(t *testing.T) {
	w := newWorld()
	w.env.drop = func([]string) ([]string, error) { return nil, errors.New("no") }
	err := w.start(t).wait(t)
	if want := "drop privileges: no (run with --privileges.keep to do without)"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if w.engine.closed != 1 {
		t.Errorf("engine closed %d times, want once", w.engine.closed)
	}
}

func TestFailureToDetachIsReported(t *testing.T) {
	w := newWorld()
	w.engine.closeErr = errors.New("stuck")
	err := w.startReady(t).stop(t)
	if want := "detach probes: stuck"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestScrapeAtHandIsFinishedBeforeProbesDetach(t *testing.T) {
	w := newWorld()
	w.engine.snapshotting = make(chan chan struct{})
	s := w.startReady(t)
	answers := make(chan answer, 1)
	go func() { answers <- s.ask(t, http.MethodGet, "/metrics?collect[]=stack") }()
	proceed := <-w.engine.snapshotting
	s.cancel()
	w.stderr.Wait(t, "msg=stopping", 1)
	close(proceed)
	if got := <-answers; got.Status != 200 || !strings.Contains(got.Text, "packetscope_packets_total") {
		t.Errorf("scrape at hand: %+v", got)
	}
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

const badConfig = "stack:\n  scope: mine\nwatches:\n  - name: a b\n"

var badConfigFaults = []string{
	`config.yaml:2:10: unknown scope "mine" (known: all, own)`,
	`config.yaml:4:11: bad watch name "a b" (use letters, digits, _ . and -)`,
}

// writeConfig writes config.yaml in a folder of its own and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	rewriteConfig(t, path, text)
	return path
}

func rewriteConfig(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withoutFolder returns the lines of an error that begin with a path, less the
// folder.
func withoutFolder(err error) []string {
	if err == nil {
		return nil
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		lines = append(lines, filepath.Base(strings.TrimSpace(line)))
	}
	return lines
}
