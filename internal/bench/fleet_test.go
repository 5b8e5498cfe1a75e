//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/servers"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/rules"
)

const (
	fleetHosts = 100
	// fleetPace makes 15 s, the interval of scrapes and evaluations, 7.5 s, and the
	// windows of rules as much shorter, so that they hold as many samples. At a faster
	// pace the two sides would fight for the CPUs.
	fleetPace     = servers.Pace(2)
	realInterval  = 15 * time.Second
	fleetInterval = realInterval / time.Duration(fleetPace)
	// The parts of the measurement: while series are made, without rules, while the
	// windows of rules become full, and with rules.
	fleetWarm, fleetBare  = 4 * fleetInterval, 6 * fleetInterval
	fleetFill, fleetRuled = 8 * fleetInterval, 10 * fleetInterval
	fleetScrapes          = int((fleetWarm + fleetBare + fleetFill + fleetRuled) / fleetInterval)
)

// A fleetUse is what the Prometheus took in a part.
type fleetUse struct {
	series, memory float64 // at the end; MB
	cpu            float64 // CPUs that it would take at the real pace
	scrape         spread  // ms, over targets
	// evaluation is of all groups together, in ms, and slowest the share of its
	// interval that the slowest group takes. Both are of the shortest evaluation of
	// each group: other work on the machine only adds to it.
	evaluation, slowest float64
	group               string // the slowest one
}

// fleet has a real Prometheus scrape simulated hosts.
func fleet(t *testing.T) section {
	tools, err := servers.FindTools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	version, err := servers.VersionOf(t.Context(), tools.Prometheus)
	if err != nil {
		t.Fatal(err)
	}
	p := startFleet(t, tools)
	settle(t, fleetWarm)
	bare := useOf(t, p, fleetBare)
	files, err := fleetPace.RuleFiles(rules.Files())
	if err != nil {
		t.Fatal(err)
	}
	p.AddRules(t, files)
	settle(t, fleetFill)
	ruled := useOf(t, p, fleetRuled)
	native := "with native histograms beside the classic ones"
	if version.Before(3, 8) {
		native = "which takes the classic histograms only"
	}
	return section{
		title: "A Prometheus with 100 hosts",
		text: fmt.Sprintf(`What %d hosts cost the Prometheus that scrapes them: version %d.%d, %s, with the
configuration and the rules of this repository. The hosts are simulated by another process: the exposition of the
exporter after some traffic, with counters that grow and, on each host, remote networks of its own. To see more
in less time, scrapes and evaluations come every %v instead of every %v, and rules look back as much less; CPU is
given for the real interval. It is measured for %v without and for %v with rules, from /proc, on a machine that the
simulated hosts keep busy too. Times of evaluation are the shortest of each group, because other work only adds to
them. Memory is that after %d scrapes; Prometheus writes a block every two hours, and takes some more until then.

What more hosts would take is computed and not measured: in proportion.`,
			fleetHosts, version.Major, version.Minor, native, fleetInterval, realInterval, fleetBare, fleetRuled, fleetScrapes),
		table:   fleetTable(bare, ruled),
		verdict: fleetVerdict(ruled),
	}
}

// startFleet returns a Prometheus that scrapes the hosts, but has no rules yet.
func startFleet(t *testing.T, tools servers.Tools) *servers.Prometheus {
	config, err := servers.ReadPrometheus("../../rules/prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := os.ReadFile("../../rules/prometheus/fleet/file.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Merge(jobs); err != nil {
		t.Fatal(err)
	}
	config.Every(fleetInterval, fleetInterval)
	config.Alertmanagers()
	targets := "- labels: {cluster: bench}\n  targets: [" + strings.Join(serve(t, simulate(t)), ", ") + "]\n"
	return servers.StartPrometheus(t, tools, config, map[string][]byte{"targets/hosts.yml": []byte(targets)})
}

// simulate returns the hosts.
func simulate(t *testing.T) (hosts []*host) {
	n := testnet.NewRouted(t)
	for _, ns := range []*testnet.Namespace{n.Left, n.Router, n.Right} {
		ns.Pin(t)
	}
	p := start(t, build(t))
	defer p.stop(t)
	p.untilReady(t)
	mixture(t, n)
	recorded := record(t, p)
	for i := range fleetHosts {
		hosts = append(hosts, newHost(recorded, i))
	}
	return hosts
}

// settle lets time pass in which nothing is measured.
func settle(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// useOf watches the server for a part.
func useOf(t *testing.T, p *servers.Prometheus, part time.Duration) (u fleetUse) {
	before, began := cpuSeconds(t, p.PID), time.Now()
	shortest := map[string]servers.RuleGroup{}
	for time.Since(began) < part {
		settle(t, fleetInterval)
		groups, err := p.RuleGroups()
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			if best, ok := shortest[g.Name]; !ok || g.EvaluationTime < best.EvaluationTime {
				shortest[g.Name] = g
			}
			for _, r := range g.Rules {
				if r.Health == "err" {
					t.Fatalf("rule %s: %s", r.Name, r.LastError)
				}
			}
		}
	}
	u.cpu = (cpuSeconds(t, p.PID) - before) / time.Since(began).Seconds() / float64(fleetPace)
	for _, g := range shortest {
		u.evaluation += 1000 * g.EvaluationTime
		if share := g.EvaluationTime / (g.Interval * float64(fleetPace)); share > u.slowest {
			u.slowest, u.group = share, g.Name
		}
	}
	u.memory = resident(t, p.PID)
	u.scrape = scrapeTimes(t, p)
	values, err := p.Query(`prometheus_tsdb_head_series{job="prometheus"}`)
	if err != nil || len(values) != 1 {
		t.Fatalf("series of Prometheus: %v, %v", values, err)
	}
	u.series = values[0].Value
	return u
}

// scrapeTimes returns how long the last scrape of each host took; all must be up.
func scrapeTimes(t *testing.T, p *servers.Prometheus) spread {
	targets, err := p.Targets()
	if err != nil {
		t.Fatal(err)
	}
	var times []float64
	for _, target := range targets {
		if target.Labels["job"] == "alertmanager" {
			continue // there is none
		}
		if target.Health != "up" {
			t.Fatalf("target %v: %s", target.Labels, target.LastError)
		}
		if target.Labels["job"] == "packetscope" {
			times = append(times, 1000*target.LastScrapeDuration)
		}
	}
	if len(times) != fleetHosts {
		t.Fatalf("%d hosts are scraped, want %d", len(times), fleetHosts)
	}
	return spreadOf(times)
}

// resident returns the memory of a process, in MB.
func resident(t *testing.T, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / 1e6
}

// cpuSeconds returns the CPU time that a process has used.
func cpuSeconds(t *testing.T, pid int) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	// After the name, which may hold anything, utime and stime are the 12th and 13th
	// field, in hundredths of a second on every architecture (proc(5), USER_HZ).
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks float64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return ticks / 100
}
