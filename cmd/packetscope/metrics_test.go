package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
)

var familyName = regexp.MustCompile(`(?m)^# TYPE (\w+) `)

// prefixes returns the first words of the names of the metrics in a scrape,
// such as "go" or "packetscope_scrape", each once.
func (s *service) prefixes(t *testing.T, path string) []string {
	t.Helper()
	got := s.ask(t, http.MethodGet, path)
	if got.Status != http.StatusOK {
		t.Fatalf("GET %s: %+v", path, got)
	}
	var names []string
	for _, match := range familyName.FindAllStringSubmatch(got.Text, -1) {
		words := strings.SplitN(match[1], "_", 3)
		name := words[0]
		if name == "packetscope" {
			name += "_" + words[1]
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// enabled returns the collectors that took part in a scrape.
func (s *service) enabled(t *testing.T, path string) []string {
	t.Helper()
	var names []string
	for _, line := range s.series(t, path, "packetscope_scrape_collector_success") {
		_, name, _ := strings.Cut(line, `collector="`)
		name, _, _ = strings.Cut(name, `"`)
		names = append(names, name)
	}
	return names
}

func TestScrapeHoldsWhatTheQueryAsksFor(t *testing.T) {
	s := newWorld().startReady(t)
	all := s.prefixes(t, "/metrics")
	for _, name := range []string{"go", "process", "promhttp", "packetscope_build", "packetscope_config", "packetscope_packets", "packetscope_probe"} {
		if !slices.Contains(all, name) {
			t.Errorf("a full scrape has no %s among %q", name, all)
		}
	}
	want := []string{"packetscope_bytes", "packetscope_packets", "packetscope_scrape"}
	if diff := cmp.Diff(want, s.prefixes(t, "/metrics?collect[]=stack")); diff != "" {
		t.Errorf("collect[]=stack (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"device", "drops", "flows", "pathmap", "probe", "socket", "sockets", "softirq", "tcp"}, s.enabled(t, "/metrics?exclude[]=stack")); diff != "" {
		t.Errorf("exclude[]=stack (-want +got):\n%s", diff)
	}
	for query, want := range map[string]string{
		"?collect[]=nothing":               `unknown collector "nothing" (one of ["stack" "socket" "device" "softirq" "flows" "sockets" "tcp" "pathmap" "drops" "probe"])`,
		"?collect[]=stack&exclude[]=probe": "collect[] and exclude[] cannot be combined",
	} {
		if diff := cmp.Diff(answer{400, want}, s.ask(t, http.MethodGet, "/metrics"+query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestProcessMetricsCanBeLeftOut(t *testing.T) {
	s := newWorld("--web.disable-exporter-metrics").startReady(t)
	for _, name := range s.prefixes(t, "/metrics") {
		if !strings.HasPrefix(name, "packetscope_") {
			t.Errorf("scrape holds %s", name)
		}
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestCollectorsAreSwitchedByFlagAndConfig(t *testing.T) {
	timing := "--config.file=" + writeConfig(t, "stack: {netfilter_timing: true}")
	noFlows := "--config.file=" + writeConfig(t, "stack: {disable: [flows]}")
	disabled := "--config.file=" + writeConfig(t, "stack: {disable: [softirq]}")
	for _, c := range []struct {
		claim  string
		args   []string
		want   []string
		engine stack.Config
	}{
		{"defaults", nil, []string{"device", "drops", "flows", "pathmap", "probe", "socket", "sockets", "softirq", "stack", "tcp"}, stack.Config{}},
		{"one off costs nothing", []string{"--no-collector.socket"}, []string{"device", "drops", "flows", "pathmap", "probe", "sockets", "softirq", "stack", "tcp"},
			stack.Config{Disable: []string{"socket"}}},
		{"netfilter on by flag", []string{"--collector.netfilter"},
			[]string{"device", "drops", "flows", "netfilter", "pathmap", "probe", "socket", "sockets", "softirq", "stack", "tcp"}, stack.Config{NetfilterTiming: true}},
		{"posture on by flag", []string{"--collector.posture"},
			[]string{"device", "drops", "flows", "pathmap", "posture", "probe", "socket", "sockets", "softirq", "stack", "tcp"}, stack.Config{}},
		{"path map off by flag", []string{"--no-collector.pathmap"},
			[]string{"device", "drops", "flows", "probe", "socket", "sockets", "softirq", "stack", "tcp"}, stack.Config{}},
		{"netfilter on by config", []string{timing},
			[]string{"device", "drops", "flows", "netfilter", "pathmap", "probe", "socket", "sockets", "softirq", "stack", "tcp"}, stack.Config{NetfilterTiming: true}},
		{"the flag has the last word", []string{timing, "--no-collector.netfilter"},
			[]string{"device", "drops", "flows", "pathmap", "probe", "socket", "sockets", "softirq", "stack", "tcp"}, stack.Config{}},
		{"one by name only", []string{"--collector.disable-defaults", "--collector.stack"}, []string{"stack"},
			stack.Config{Disable: []string{"socket", "device", "softirq", "drops", "flows", "tcp"}}},
		{"no flows without their group", []string{noFlows},
			[]string{"device", "drops", "pathmap", "probe", "socket", "sockets", "softirq", "stack", "tcp"}, stack.Config{Disable: []string{"flows"}}},
		{"groups off in the config stay off", []string{disabled, "--no-collector.stack"},
			[]string{"device", "drops", "flows", "pathmap", "probe", "socket", "sockets", "softirq", "tcp"}, stack.Config{Disable: []string{"stack", "softirq"}}},
	} {
		w := newWorld(c.args...)
		s := w.startReady(t)
		if diff := cmp.Diff(c.want, s.enabled(t, "/metrics")); diff != "" {
			t.Errorf("%s: collectors (-want +got):\n%s", c.claim, diff)
		}
		c.engine.SampleEvery = stack.DefaultSampleEvery
		if diff := cmp.Diff(&c.engine, w.opened); diff != "" {
			t.Errorf("%s: config of the engine (-want +got):\n%s", c.claim, diff)
		}
		if err := s.stop(t); err != nil {
			t.Errorf("%s: %v", c.claim, err)
		}
	}
}

func TestSocketsAreReadInTheScopeOfTheExporter(t *testing.T) {
	own := "--config.file=" + writeConfig(t, "stack: {scope: own}")
	for _, c := range []struct {
		claim  string
		args   []string
		want   *sockets.Config
		closed int
	}{
		{"all", nil, &sockets.Config{}, 1},
		{"own", []string{own}, &sockets.Config{OwnNamespaceOnly: true}, 1},
		{"off", []string{"--no-collector.sockets"}, nil, 0},
	} {
		w := newWorld(c.args...)
		s := w.startReady(t)
		line := `packetscope_sockets{family="ipv4",protocol="tcp",state="close_wait"} 23`
		if got := s.ask(t, http.MethodGet, "/metrics").Text; strings.Contains(got, line) != (c.want != nil) {
			t.Errorf("%s: the scrape has sockets: %v", c.claim, c.want == nil)
		}
		if err := s.stop(t); err != nil {
			t.Errorf("%s: %v", c.claim, err)
		}
		if diff := cmp.Diff(c.want, w.openedSockets); diff != "" || w.sockets.closed != c.closed {
			t.Errorf("%s: closed %d times, want %d; config (-want +got):\n%s", c.claim, w.sockets.closed, c.closed, diff)
		}
	}
}

func TestScrapesBeyondTheLimitAreTurnedAway(t *testing.T) {
	w := newWorld("--web.max-requests=1")
	w.engine.snapshotting = make(chan chan struct{})
	s := w.startReady(t)
	answers := make(chan answer, 1)
	go func() { answers <- s.ask(t, http.MethodGet, "/metrics?collect[]=stack") }()
	proceed := <-w.engine.snapshotting
	want := answer{503, "more than 1 scrapes at the same time (see --web.max-requests)"}
	if diff := cmp.Diff(want, s.ask(t, http.MethodGet, "/metrics?collect[]=stack")); diff != "" {
		t.Errorf("second scrape (-want +got):\n%s", diff)
	}
	close(proceed)
	if got := <-answers; got.Status != http.StatusOK {
		t.Errorf("first scrape: %+v", got)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestProfilesAreServedOnDemandOnly(t *testing.T) {
	for args, want := range map[string]int{"": 404, "--web.enable-pprof": 200} {
		s := newWorld(strings.Fields(args)...).startReady(t)
		if got := s.ask(t, http.MethodGet, "/debug/pprof/cmdline"); got.Status != want {
			t.Errorf("with %q: %+v, want status %d", args, got, want)
		}
		if err := s.stop(t); err != nil {
			t.Error(err)
		}
	}
}

func TestLandingPageLeadsToTheMetrics(t *testing.T) {
	s := newWorld().startReady(t)
	got := s.ask(t, http.MethodGet, "/")
	for _, link := range []string{`href="/metrics"`, `href="/-/ready"`, `href="/-/healthy"`} {
		if !strings.Contains(got.Text, link) {
			t.Errorf("no %s in %s", link, got.Text)
		}
	}
	if got := s.ask(t, http.MethodGet, "/elsewhere"); got.Status != http.StatusNotFound {
		t.Errorf("/elsewhere: %+v", got)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}
