package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/host"
)

// fakeGuard records what it is told.
type fakeGuard struct {
	told     chan string
	status   guarder.Status
	asked    guarder.Order
	unlocked guarder.Unlocking
	err      error
	// gone is the answer to who asks for the status.
	gone error
	// top makes what guard top reads.
	top func() (guarder.Top, error)
	// hits are the table of sources.
	hits []guarder.Hit
	// bans are who is banned, and banned what it was told last.
	bans   []guarder.BanStatus
	banned guarder.BanOrder
}

func (g *fakeGuard) Status() (guarder.Status, error) { return g.status, g.gone }
func (g *fakeGuard) Top(int) (guarder.Top, error)    { return g.top() }
func (g *fakeGuard) Hits() (guarder.HitList, error)  { return guarder.HitList{Hits: g.hits}, g.gone }
func (g *fakeGuard) Alerts() (guarder.AlertList, error) {
	return guarder.AlertList{InForce: guarder.InForcePolicy, Rules: g.status.Rules}, g.gone
}
func (g *fakeGuard) Apply(o guarder.Order) error { g.asked = o; return g.tell("apply") }
func (g *fakeGuard) Bans() (guarder.BanList, error) {
	return guarder.BanList{Time: epoch, Bans: g.bans}, g.gone
}
func (g *fakeGuard) Ban(o guarder.BanOrder) (guarder.BanStatus, error) {
	g.banned = o
	return guarder.BanStatus{Prefix: o.Prefix, Origin: o.Origin, Reason: o.Reason, Until: epoch.Add(o.TTL), Left: o.TTL.Seconds()}, g.tell("ban")
}
func (g *fakeGuard) Unban(p netip.Prefix) error { return g.tell("unban " + p.String()) }
func (g *fakeGuard) Confirm() error             { return g.tell("confirm") }
func (g *fakeGuard) Rollback() error            { return g.tell("rollback") }
func (g *fakeGuard) Detach() error              { return g.tell("detach") }
func (g *fakeGuard) Close()                     { g.tell("close") }
func (g *fakeGuard) Unlock(u guarder.Unlocking) error {
	g.unlocked = u
	return g.tell("unlock")
}

func (g *fakeGuard) tell(what string) error {
	g.told <- what
	return g.err
}

// A guarded is an agent in a world, and the config that it was opened with.
type guarded struct {
	*fakeGuard
	world  *world
	socket string
	opened guarder.Config
	done   chan error
	stop   context.CancelFunc
}

// guard runs the agent with more arguments.
func guard(t *testing.T, args ...string) *guarded {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "guard.sock")
	matched := epoch.Add(-12 * time.Second)
	g := &guarded{
		fakeGuard: &fakeGuard{told: make(chan string, 10), status: guarder.Status{Generation: 7, Applied: epoch.Add(-time.Minute), Since: epoch.Add(-time.Hour), Ceiling: "enforce",
			Devices: []guarder.DeviceStatus{
				{Name: "eth0", Hook: guarder.Generic, Why: "operation not supported", Verdicts: map[string]guarder.Counts{"pass": {Packets: 90}, "drop": {Packets: 3}}},
				{Name: "eth1", Hook: guarder.Native},
			},
			Verdicts:   map[string]guarder.Counts{"pass": {Packets: 97}, "drop": {Packets: 3}},
			Unparsable: map[string]guarder.Counts{"truncated": {Packets: 2}},
			Sockets:    map[string]guarder.Counts{"established": {Packets: 40}, "none": {Packets: 3}},
			WouldDrop:  guarder.Counts{Packets: 4}, Unmatched: guarder.Counts{Packets: 50},
			Program: guarder.ProgramStatus{Runs: 100, Seconds: 8.5e-6}, Maps: []guarder.MapStatus{{Name: "counters", Entries: 2, Room: 1024}},
			Samples: guarder.SampleStatus{Taken: 7, Lost: 1},
			Rules: []guarder.RuleStatus{
				{Group: "web", Rule: "telnet", Mode: "enforce", Action: "drop", Place: "a.yaml:7", Counts: map[string]guarder.Counts{"drop": {Packets: 3, Bytes: 180}}, LastMatch: &matched},
				{Group: "web", Rule: "never", Mode: "audit", Action: "drop", Place: "a.yaml:9"},
			}}},
		socket: socket, done: make(chan error, 1),
	}
	g.world = newWorld(append([]string{"guard", "run", "--socket=" + socket}, args...)...)
	opened := make(chan bool)
	g.world.env.openGuarder = func(cfg guarder.Config, _ *slog.Logger) (guardEngine, error) {
		g.opened = cfg
		close(opened)
		return g.fakeGuard, nil
	}
	var ctx context.Context
	ctx, g.stop = context.WithCancel(t.Context())
	go func() { g.done <- run(ctx, g.world.env) }()
	select {
	case <-opened:
	case err := <-g.done:
		t.Fatalf("the agent ended: %v", err)
	}
	return g
}

// order runs a verb that speaks to the agent, and returns what it printed.
func (g *guarded) order(t *testing.T, args ...string) (string, error) {
	t.Helper()
	w := newWorld(append(append([]string{"guard"}, args...), "--socket="+g.socket)...)
	w.env.detachGuarder = func(string) ([]string, error) { return nil, nil }
	w.env.guardHost = func() (*host.Facts, error) { return sshHost(), nil }
	err := run(t.Context(), w.env)
	return w.stdout.String(), err
}

func TestGuardIsAdministered(t *testing.T) {
	g := guard(t, "--device=eth0", "--mode-ceiling=audit", "--sample-file=x.pcapng", "--sample-file-size=2MB", "--no-hits", "a.yaml", "dir")
	if diff := cmp.Diff([]string{"a.yaml", "dir"}, g.opened.Paths); diff != "" || g.opened.Devices[0] != "eth0" {
		t.Errorf("opened with %+v", g.opened)
	}
	samples := guarder.SampleConfig{MaxRate: 1000, File: "x.pcapng", FileBytes: 2 << 20, Files: 4}
	if g.opened.Samples != samples || !g.opened.NoHits {
		t.Errorf("opened with %+v, no hits: %v", g.opened.Samples, g.opened.NoHits)
	}
	by := epoch.Add(40 * time.Second)
	g.status.ConfirmBy = &by
	if out, err := g.order(t, "apply"); err != nil || out != "policy applied\nON TRIAL: taken back in 40s unless confirmed (packetscope guard confirm)\n" || <-g.told != "apply" {
		t.Errorf("apply: %q, %v", out, err)
	}
	for _, verb := range []string{"apply", "confirm", "rollback"} {
		if out, err := g.order(t, verb); err != nil || out == "" {
			t.Errorf("%s: %q, %v", verb, out, err)
		}
		if told := <-g.told; told != verb {
			t.Errorf("%s became %s", verb, told)
		}
	}
	if diff := cmp.Diff(sshHost().Operator, g.asked.Operator, cmpopts.EquateComparable(host.Connection{})); diff != "" {
		t.Errorf("the operator of apply (-want +got):\n%s", diff)
	}
	if _, err := g.order(t, "apply", "--accept-lockout"); err != nil || !g.asked.AcceptLockout || <-g.told != "apply" {
		t.Errorf("apply whatever it cuts off: %+v, %v", g.asked, err)
	}
	if out, err := g.order(t, "unlock", "--set=gateways", "192.0.2.254"); err != nil || out != "192.0.2.254 unlocked\n" || <-g.told != "unlock" {
		t.Errorf("unlock: %q, %v", out, err)
	}
	if want := (guarder.Unlocking{Set: "gateways", IP: netip.MustParseAddr("192.0.2.254")}); g.unlocked != want {
		t.Errorf("unlocked %+v, want %+v", g.unlocked, want)
	}
	g.world.hangups <- syscall.SIGHUP
	if told := <-g.told; told != "apply" || g.asked.Operator != nil {
		t.Errorf("a hangup became %s", told)
	}
	if n := g.world.ready.Load(); n != 1 {
		t.Errorf("the service manager was told %d times that it runs", n)
	}
	g.stop()
	if err := <-g.done; err != nil {
		t.Error(err)
	}
	if told := <-g.told; told != "close" {
		t.Errorf("at the end: %s", told)
	}
	if _, err := g.order(t, "status"); !errors.Is(err, guarder.ErrNoAgent) {
		t.Errorf("status of nobody: %v", err)
	}
}

// TestSocketsStayAsLongAsThePolicy: who looks for an agent must not take one that is gone
// for one that never was, as long as something of it is in force.
func TestSocketsStayAsLongAsThePolicy(t *testing.T) {
	for name, c := range map[string]struct {
		gone  error
		stays bool
	}{"in force": {nil, true}, "detached": {guarder.ErrDetached, false}} {
		t.Run(name, func(t *testing.T) {
			status := filepath.Join(t.TempDir(), "status.sock")
			g := guard(t, "--status-socket="+status, "a.yaml")
			g.gone = c.gone
			g.stop()
			if err := <-g.done; err != nil {
				t.Error(err)
			}
			there := func(socket string) bool {
				_, err := os.Stat(socket)
				return err == nil
			}
			if there(g.socket) != c.stays || there(status) != c.stays {
				t.Errorf("after the end the admin socket is there: %t, that for the status: %t", there(g.socket), there(status))
			}
			if out, err := g.order(t, "detach", "--status-socket="+status); err != nil || out == "" {
				t.Errorf("detach without an agent: %q, %v", out, err)
			}
			if there(g.socket) || there(status) {
				t.Error("after detaching there is a socket")
			}
		})
	}
}

// TestGuardLeavesNothingIfToldSo: an agent for trying it out takes everything away.
func TestGuardLeavesNothingIfToldSo(t *testing.T) {
	g := guard(t, "--detach-at-end", "a.yaml")
	g.gone = guarder.ErrDetached
	g.stop()
	if err := <-g.done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{"detach", "close"} {
		if told := <-g.told; told != want {
			t.Errorf("at the end: %s, want %s", told, want)
		}
	}
	if _, err := os.Stat(g.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestGuardStatusIsATable(t *testing.T) {
	g := guard(t, "a.yaml")
	defer g.stop()
	by := epoch.Add(40 * time.Second)
	until := epoch.Add(29 * time.Minute)
	g.status.ConfirmBy, g.status.Tripped = &by, true
	g.status.InForce, g.status.ProtectedUntil = guarder.InForceNothing, &until
	g.status.KeptConnections, g.status.NotKept, g.status.Kept = 2, 1, guarder.Counts{Packets: 7, Bytes: 420}
	ends, over := epoch.Add(42*time.Minute), epoch.Add(-time.Second)
	for i, at := range []*time.Time{&ends, &over, &ends} {
		g.status.Rules = append(g.status.Rules, guarder.RuleStatus{Group: "ai-0123456789ab", Rule: fmt.Sprint("r", i), Mode: "enforce", Action: "drop", Place: fmt.Sprint("b.yaml:", i), Until: at})
	}
	out, err := g.order(t, "status", "--all")
	if err != nil {
		t.Fatal(err)
	}
	const want = `generation 7, in force for 1m0s, ceiling enforce, counted since 2023-11-14T21:13:20Z
ON TRIAL: taken back in 40s unless confirmed (packetscope guard confirm)
TRIPPED, AND NOTHING IS IN FORCE: it dropped most of what arrived, and could not be audited (see the agent's log); packetscope guard apply tries it again
eth0: generic (operation not supported): 90 passed, 3 dropped
eth1: native
all: 97 passed, 3 dropped, 4 audited drops, 50 without a rule; not readable: 2 truncated; sockets asked for: 3 none, 40 established
2 connections kept, which would have lost 7 packets; 1 MORE FOUND NO ROOM
who put it in force is protected for 29m0s
until 2023-11-14T22:13:19Z, for 0s: ai-0123456789ab/r1
until 2023-11-14T22:55:20Z, for 42m0s: ai-0123456789ab/r0, ai-0123456789ab/r2
run time: 100 runs, 85 ns each
samples: 7 taken, 1 lost
tables: counters 2 of 1024
RULE                MODE     ACTION  PACKETS  BYTES  LAST  PLACE
web/telnet          enforce  drop    3        180    12s   a.yaml:7
web/never           audit    drop    0        0      -     a.yaml:9
ai-0123456789ab/r0  enforce  drop    0        0      -     b.yaml:0
ai-0123456789ab/r1  enforce  drop    0        0      -     b.yaml:1
ai-0123456789ab/r2  enforce  drop    0        0      -     b.yaml:2
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGuardStatusTellsWhoseItIs looks at the second line.
func TestGuardStatusTellsWhoseItIs(t *testing.T) {
	g := guard(t, "a.yaml")
	defer g.stop()
	for want, s := range map[string]guarder.Status{
		"TRIPPED: it":         {InForce: guarder.InForcePolicy, Tripped: true},
		"NOTHING IS IN FORCE": {InForce: guarder.InForceNothing},
		"IN FORCE IS THE POLICY OF AN AGENT BEFORE": {InForce: guarder.InForceEarlier},
	} {
		g.status = s
		out, err := g.order(t, "status")
		if err != nil || !strings.HasPrefix(strings.SplitN(out, "\n", 3)[1], want) {
			t.Errorf("want %s: %s, %v", want, out, err)
		}
	}
}

func TestGuardRefusesInOneLine(t *testing.T) {
	g := guard(t, "a.yaml")
	defer g.stop()
	g.err = errors.New("a.yaml:3:1: error[G124]: g/r: empty match drops everything")
	if _, err := g.order(t, "apply"); err == nil || err.Error() != g.err.Error() {
		t.Errorf("apply: %v", err)
	}
	// Detaching is done all the same.
	w := newWorld("guard", "detach", "--socket="+g.socket, "--pins=/there")
	var pins string
	w.env.detachGuarder = func(dir string) ([]string, error) { pins = dir; return []string{"link_2"}, nil }
	if err := run(t.Context(), w.env); err != nil || w.stdout.String() != "detached\n" || pins != "/there" {
		t.Errorf("detach printed %q for %q, %v", w.stdout, pins, err)
	}
	second := newWorld("guard", "run", "--socket="+g.socket, "a.yaml")
	if err := run(t.Context(), second.env); err == nil || !strings.Contains(err.Error(), "another agent runs") {
		t.Errorf("a second agent: %v", err)
	}
}

// TestNoPolicyWithoutItsSockets: what the agent cannot be asked on keeps it from putting a
// policy in force.
func TestNoPolicyWithoutItsSockets(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld("guard", "run", "--socket="+filepath.Join(folder, "guard.sock"), "--status-socket="+filepath.Join(file, "status.sock"), "a.yaml")
	w.env.openGuarder = func(guarder.Config, *slog.Logger) (guardEngine, error) {
		t.Error("the policy is put in force")
		return nil, errors.New("too late")
	}
	if err := run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), "socket") {
		t.Errorf("it ends with: %v", err)
	}
}

// TestAddressesAreToldToAllOnlyOnDemand: the status socket is for every user of the host.
func TestAddressesAreToldToAllOnlyOnDemand(t *testing.T) {
	for flag, told := range map[string]bool{"--no-status-hits": false, "--status-hits": true} {
		socket := filepath.Join(t.TempDir(), "status.sock")
		g := guard(t, "--status-socket="+socket, flag, "a.yaml")
		g.hits = []guarder.Hit{{Source: netip.MustParseAddr("192.0.2.7"), Effect: "drop", Packets: 3, First: 1}}
		list, err := guarder.Client{Socket: socket}.Hits()
		if got := len(list.Hits) == 1 && err == nil; got != told || !told && !errors.Is(err, guarder.ErrNotTold) {
			t.Errorf("%s: %+v, %v", flag, list, err)
		}
		g.stop()
		<-g.done
	}
}

func TestAgentEndsWhenItIsDetached(t *testing.T) {
	g := guard(t, "a.yaml")
	defer g.stop()
	if out, err := g.order(t, "detach"); err != nil || out != "detached\n" {
		t.Errorf("detach: %q, %v", out, err)
	}
	if err := <-g.done; err != nil {
		t.Error(err)
	}
	if told := []string{<-g.told, <-g.told}; told[0] != "detach" || told[1] != "close" {
		t.Errorf("told %q", told)
	}
}

// TestServeShowsTheAgent scrapes an exporter beside an agent, and after its end.
func TestServeShowsTheAgent(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "status.sock")
	g := guard(t, "--status-socket="+socket, "a.yaml")
	w := newWorld("--guarder.socket=" + socket)
	s := w.startReady(t)
	want := `packetscope_guarder_rule_packets_total{group="web",rule="telnet",verdict="drop"} 3`
	if got := s.series(t, "/metrics", "packetscope_guarder_rule_packets_total{"); len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	g.stop()
	<-g.done
	if got := s.series(t, "/metrics", `packetscope_scrape_collector_success{collector="guarder"}`); len(got) != 1 || !strings.HasSuffix(got[0], " 0") {
		t.Errorf("without the agent: %q", got)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}
