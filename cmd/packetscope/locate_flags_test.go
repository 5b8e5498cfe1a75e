package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/wire"
)

// newLocateWorld returns a world whose engine finds a path at once, and where what it is
// opened with goes.
func newLocateWorld(args ...string) (*world, *locateSetup) {
	w := newWorld(append([]string{"locate"}, args...)...)
	var opened locateSetup
	w.openLocator = func(setup locateSetup, _ *slog.Logger) (pathEngine, error) {
		opened = setup
		return playPaths(someSnapshot(measured(1))), nil
	}
	return w, &opened
}

func TestLocateMeasuresAsItIsTold(t *testing.T) {
	icmp := locator.Destination{Name: "example.com", Host: "example.com", Protocol: wire.ICMP}
	plain := locator.Config{Destinations: []locator.Destination{icmp}, Interval: time.Second, Timeout: time.Second, Rate: 100, DestinationRate: 100, MaxTTL: 30}
	with := func(change func(*locator.Config)) locator.Config {
		c := plain
		change(&c)
		return c
	}
	for args, want := range map[string]locator.Config{
		"example.com":     plain,
		"run example.com": plain,
		"--timeout=2s --interval=500ms --rate=7 -m 9 example.com": with(func(c *locator.Config) {
			c.Timeout, c.Interval, c.Rate, c.DestinationRate, c.MaxTTL = 2*time.Second, 500*time.Millisecond, 7, 7, 9
		}),
		"--no-names --no-mtu --no-branches example.com": with(func(c *locator.Config) { c.NoNames, c.NoMTU, c.NoBranches = true, true, true }),
		"--position=-33.9,151.2,au example.com": with(func(c *locator.Config) {
			c.Position, c.Country = &judge.Position{Latitude: -33.9, Longitude: 151.2}, "AU"
		}),
		"-T -6 example.com udp://[2001:db8::1]:53": with(func(c *locator.Config) {
			c.Destinations = []locator.Destination{
				{Name: "example.com", Host: "example.com", Protocol: wire.TCP, Port: 443, Family: 6},
				{Name: "2001:db8::1", Host: "2001:db8::1", Protocol: wire.UDP, Port: 53, Family: 6},
			}
		}),
		"-4 icmp://192.0.2.1 tcp://192.0.2.1 192.0.2.2:22": with(func(c *locator.Config) {
			c.Destinations = []locator.Destination{
				{Name: "icmp://192.0.2.1", Host: "192.0.2.1", Protocol: wire.ICMP, Family: 4},
				{Name: "tcp://192.0.2.1:443", Host: "192.0.2.1", Protocol: wire.TCP, Port: 443, Family: 4},
				{Name: "192.0.2.2", Host: "192.0.2.2", Protocol: wire.TCP, Port: 22, Family: 4},
			}
		}),
		"--protocol=udp --port=99 a b:7 2001:db8::1 icmp://c [2001:db8::2]:7 tcp://d": with(func(c *locator.Config) {
			c.Destinations = []locator.Destination{
				{Name: "a", Host: "a", Protocol: wire.UDP, Port: 99},
				{Name: "b", Host: "b", Protocol: wire.UDP, Port: 7},
				{Name: "2001:db8::1", Host: "2001:db8::1", Protocol: wire.UDP, Port: 99},
				{Name: "c", Host: "c", Protocol: wire.ICMP},
				{Name: "2001:db8::2", Host: "2001:db8::2", Protocol: wire.UDP, Port: 7},
				{Name: "d", Host: "d", Protocol: wire.TCP, Port: 99},
			}
		}),
	} {
		w, opened := newLocateWorld(append(strings.Fields(args), "--once", "--way=queue")...)
		if err := run(t.Context(), w.env); err != nil {
			t.Errorf("%s: %v", args, err)
		}
		if diff := cmp.Diff(want, opened.config); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
		if opened.way != "queue" || opened.atlas != nil || opened.blocklists != nil {
			t.Errorf("%s: opened with %+v", args, *opened)
		}
	}
}

func TestLocateReadsItsFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	policy := file("paths.yml", "version: 1\nrules:\n- {name: near, max_as: 5}\n")
	networks := file("networks.csv", "prefix,name\n192.0.2.0/24,lab\n")
	list := file("drop.txt", "192.0.2.66/32 ; SBL7\n")
	w, opened := newLocateWorld("--once", "--policy", policy, "--override", networks, "--blocklist", list, "example.com")
	if err := run(t.Context(), w.env); err != nil {
		t.Fatal(err, w.stderr)
	}
	addr := netip.MustParseAddr("192.0.2.66")
	if got := opened.atlas.Lookup(addr).Label; got != "lab" {
		t.Errorf("label %q", got)
	}
	if got := opened.blocklists.Addr(addr); got.State != geo.Listed || got.Reference != "SBL7" {
		t.Errorf("listing %+v", got)
	}
	if p := opened.config.Policy; p == nil || len(p.Rules) != 1 || p.Rules[0].Name != "near" {
		t.Errorf("policy %+v", p)
	}
	bad := file("bad.yml", "version: 1\nrules:\n- {name: near, max_as: many}\n- {name: far}\n")
	for flag, want := range map[string]string{
		"--policy=" + bad:                  bad + ":3:",
		"--database=" + policy:             policy,
		"--blocklist=" + dir + "/none.txt": dir + "/none.txt",
		"--override=" + dir + "/none.csv":  dir + "/none.csv",
	} {
		w, opened := newLocateWorld("--once", flag, "example.com")
		err := run(t.Context(), w.env)
		if exitStatus(err) != 1 || errorText(err) != "exit status 1" || !strings.Contains(w.stderr.String(), want) {
			t.Errorf("%s: %v, standard error %q, want %q", flag, err, w.stderr, want)
		}
		if opened.config.Destinations != nil {
			t.Errorf("%s: the engine is opened", flag)
		}
	}
}

func TestLocateSaysWhatIsWrongWithItsFlags(t *testing.T) {
	position := func(text string) string {
		return fmt.Sprintf("bad position %q: want degrees north and east, and maybe a country, such as --position=52.52,13.40,DE", text)
	}
	for args, want := range map[string]string{
		"":                              "required argument 'destination' not provided",
		"-I -T x":                       "--icmp, --udp and --tcp exclude each other (write protocols before destinations: tcp://HOST)",
		"-4 -6 x":                       "--ipv4 and --ipv6 exclude each other",
		"--interval=10ms x":             "--interval must be 100ms or more, --timeout cannot be negative",
		"--timeout=-1s x":               "--interval must be 100ms or more, --timeout cannot be negative",
		"--count=-1 x":                  "--count cannot be negative",
		"--once --count=2 x":            "--once is one round, --count asks for more",
		"--max-ttl=65 x":                "--max-ttl must be from 1 to 64",
		"--rate=0 x":                    "--rate must be from 1 to 1000 packets per second",
		"--port=65536 x":                "--port must be from 1 to 65535",
		"x tcp://y x":                   "icmp://x is there twice",
		"tcp://x:443 tcp://x":           "tcp://x:443 is there twice",
		strings.Repeat("x ", 65):        "65 destinations (at most 64 can be measured at once)",
		"http://x":                      "bad target \"http://x\": unknown protocol \"http\" (begin with icmp://, udp:// or tcp://, or with the host)",
		"--protocol=sctp x":             "enum value must be one of icmp,udp,tcp, got 'sctp'",
		"--way=tap x":                   "enum value must be one of auto,raw,queue, got 'tap'",
		"--position=Berlin x":           position("Berlin"),
		"--position=91,0 x":             position("91,0"),
		"--position=NaN,0 x":            position("NaN,0"),
		"--position=1,2,D x":            position("1,2,D"),
		"--position=1,2,DE,Berlin x":    position("1,2,DE,Berlin"),
		"--position=52.52,13.4,D\x1b x": position("52.52,13.4,D\x1b"),
	} {
		w, _ := newLocateWorld(strings.Fields(args)...)
		if err := run(t.Context(), w.env); errorText(err) != want {
			t.Errorf("%s: error %q, want %q", args, errorText(err), want)
		}
	}
}

// TestNobodyWaitsForATable: without a terminal there is one report, after a while.
func TestNobodyWaitsForATable(t *testing.T) {
	terminal := screen{terminal: true}
	for args, c := range map[string]struct {
		screen screen
		want   pathWatch
	}{
		"":                      {screen{}, pathWatch{rounds: 10, look: 500 * time.Millisecond}},
		"--report":              {terminal, pathWatch{rounds: 10, look: 500 * time.Millisecond}},
		"--count=3 --report":    {terminal, pathWatch{rounds: 3, look: 500 * time.Millisecond}},
		"--report --json":       {terminal, pathWatch{rounds: 10, look: 500 * time.Millisecond, asJSON: true}},
		"-i 200ms":              {terminal, pathWatch{interval: 200 * time.Millisecond, look: 200 * time.Millisecond, live: true}},
		"-i 5s -c 2":            {terminal, pathWatch{rounds: 2, interval: 5 * time.Second, look: 500 * time.Millisecond, live: true}},
		"--json":                {screen{}, pathWatch{look: 500 * time.Millisecond, live: true, asJSON: true}},
		"--once":                {terminal, pathWatch{rounds: 1, look: 100 * time.Millisecond, patience: 20 * time.Second, timeout: time.Second, limit: 4500 * time.Millisecond}},
		"--once --json -c 1":    {screen{}, pathWatch{rounds: 1, look: 100 * time.Millisecond, patience: 20 * time.Second, timeout: time.Second, limit: 4500 * time.Millisecond, asJSON: true}},
		"--report --timeout 1s": {terminal, pathWatch{rounds: 10, look: 500 * time.Millisecond, patience: 20 * time.Second, timeout: time.Second}},
	} {
		app := kingpin.New("packetscope", "")
		flags := newLocateFlags(app.Command("locate", "").Command("run", "").Default())
		if _, err := app.Parse(append([]string{"locate", "x"}, strings.Fields(args)...)); err != nil {
			t.Fatal(err)
		}
		if c.want.interval == 0 {
			c.want.interval = time.Second
		}
		if c.want.patience == 0 {
			c.want.patience, c.want.timeout = 30*time.Second, 3*time.Second
		}
		got := flags.watch(c.screen)
		if got.screen.terminal != c.screen.terminal {
			t.Errorf("%s: another screen", args)
		}
		got.screen = screen{}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(pathWatch{}, screen{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
}

func TestLocateEndsIfItCannotBegin(t *testing.T) {
	w, _ := newLocateWorld("example.com")
	w.openLocator = func(locateSetup, *slog.Logger) (pathEngine, error) { return nil, context.DeadlineExceeded }
	if err := run(t.Context(), w.env); err != context.DeadlineExceeded {
		t.Errorf("error %v", err)
	}
}
