//go:build kernel && linux

package dashboards

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/packetscope/packetscope/internal/promtest"
	"github.com/packetscope/packetscope/internal/servers"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/rules"
)

// liveTarget is how the exporter of the test is labelled.
var liveTarget = labels.FromStrings("cluster", "lab", "job", "packetscope", "instance", "live")

// live is a while of the life of a host: the demo's traffic and faults between two
// namespaces, and what a third forwards, seen by the real exporter in a fourth, which
// measures paths from there.
type live struct {
	// native is what a server stores that ingests native histograms, classic what
	// others do.
	native, classic *promtest.DB
	from, to        time.Time
}

// How long a host is watched, and how often. The rarest faults of the demo come
// every 20 seconds.
const (
	watched   = 45 * time.Second
	longest   = 3 * time.Minute // until the path is known, see pathKnown
	scrapes   = 3 * time.Second
	rateLong  = 30 * time.Second
	rateRange = 60 * time.Second
)

// watchLive runs the exporter and the demo, and scrapes.
func watchLive(t *testing.T) live {
	t.Helper()
	dir := t.TempDir()
	exporter, demo := build(t, dir, "../cmd/packetscope"), build(t, dir, "../cmd/packetscope-demo")
	n, routed := testnet.New(t), testnet.NewRouted(t)
	for _, ns := range []*testnet.Namespace{n.Left, n.Right, routed.Router} {
		ns.Pin(t) // a name, by which the hooks of a namespace find it
	}

	socket := guard(t, n.Right, n.Left, exporter)
	path := newPath(t)
	measured, address := servers.StartActivated(t, path.Host.Pin(t), exporter, "--web.systemd-socket", "--collector.netfilter", "--collector.posture",
		"--config.file="+writeConfig(t, path), "--guarder.socket="+socket)
	t.Cleanup(func() { measured.Stop(t) })
	if err := measured.Ready(t.Context(), "http://"+address+"/-/ready"); err != nil {
		t.Fatal(err)
	}
	start(t, n.Right, demo, "server")
	start(t, n.Left, demo, "client", "--server="+n.Right.V4.String(), "--server="+n.Right.V6.String())

	w := live{native: promtest.New(), classic: promtest.New(), from: time.Now()}
	evaluate := map[*promtest.DB]*promtest.Rules{w.native: readRules(t, w.native), w.classic: readRules(t, w.classic)}
	tick := time.NewTicker(scrapes)
	defer tick.Stop()
	for time.Since(w.from) < watched || !w.pathKnown(t) && time.Since(w.from) < longest {
		for accept, db := range map[string]*promtest.DB{promtest.AcceptProtobuf: w.native, promtest.AcceptText: w.classic} {
			if err := db.ScrapeURLAs(accept, "http://"+address+"/metrics", liveTarget); err != nil {
				t.Fatal(err)
			}
			if err := evaluate[db].Eval(time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		w.to = time.Now()
		<-tick.C
		for _, f := range testnet.Families {
			if err := testnet.SendUDP(routed.Left, routed.Right, f, 20, 100); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

// pathKnown tells whether what is found out of a path once is: its branches, without which
// it has no identity, and its MTU. As routers are asked once per second and lose packets
// here, that takes half a minute, or two.
func (w live) pathKnown(t *testing.T) bool {
	t.Helper()
	for _, name := range []string{"packetscope_locator_path_id", "packetscope_locator_path_mtu_link_hops"} {
		v, _, err := w.native.Instant(name, w.to)
		if err != nil {
			t.Fatal(err)
		}
		if len(v) == 0 {
			return false
		}
	}
	return true
}

// networks has the addresses that the demo uses in countries.
const networks = `
- {prefix: 198.18.1.0/24, country: NZ, asn: 64496, as_name: Laboratory}
- {prefix: 2001:db8:1::/48, country: CH, asn: 64497, as_name: Documentation}
- {prefix: 192.0.2.0/24, country: BR, asn: 64498, as_name: Documentation}
- {prefix: 198.51.100.0/24, country: ZA, asn: 64499, as_name: Documentation}
- {prefix: 203.0.113.0/24, country: JP, asn: 64500, as_name: Documentation}
`

// guardPolicies are those that compose.yaml has in front of the demo's server.
var guardPolicies = []string{
	"../cmd/packetscope-demo/guard.yaml", "../rules/guarder/baseline.yaml", "../rules/guarder/forged-icmp.yaml", "../rules/guarder/out-of-state.yaml", "../rules/guarder/examples.yaml",
}

// onTrial is a policy more, for what a host rarely is or has. What it forbids is much of
// what the demo does, so all of it is audited. IPv4 and IPv6 are the addresses of a neighbour.
const onTrial = `version: 1
defaults: {mode: audit}
failsafe: {confirm_within: 10m}
sets:
  neighbours: {type: ip-mac, learn: true, entries: [{ip: IPv4}, {ip: "IPv6"}]}
groups:
- name: lan
  stage: guard
  priority: 30
  rules:
  - {rule: liar, match: {arp: {sender: {conflicts_with: neighbours}}}, action: drop}
- name: bans
  priority: 450 # before the demo's own rule about scans: what one would drop is no other's
  rules:
  - {rule: scanner, match: {proto: tcp, dst_port: 1000-1039}, action: drop, ban: {ttl: 3s, spoofable: accept}} # while it lasts, what would be dropped is the ban's
- name: states
  priority: 700
  rules:
  - {rule: too-much, match: {proto: udp}, limit: {per: src, rate: 1/s, burst: 1}, action: drop}
  - {rule: too-many, match: {proto: tcp, socket: {is: [listen, syn_recv]}, connections: {per: src, above: 1}}, action: drop}
  - {rule: flood, match: {proto: tcp}, action: syncookie, syncookie: {on_above: 1/s, off_below: 1/s}}
feeds:
- {feed: clients, file: clients.txt, refresh: 10s, on_protected: exclude, action: count}
- {feed: broken, file: broken.html, refresh: 10s}
`

// lists are those of its feeds: one has the demo's networks, with the address of the host
// that is left out; the other is none.
var lists = map[string]string{"clients.txt": "198.18.0.0/15\n2001:db8::/32\n", "broken.html": "<html></html>\n"}

// nobody is banned and sends nothing.
const nobody = "192.0.2.66"

// guard puts Guarder in front of a namespace until the test ends, and returns the socket
// of its agent. Policies that are refused are waited for: nothing would be measured.
func guard(t *testing.T, in, neighbour *testnet.Namespace, program string) (socket string) {
	t.Helper()
	dir := t.TempDir()
	trial := filepath.Join(dir, "trial.yaml")
	policy := strings.NewReplacer("IPv4", neighbour.V4.String(), "IPv6", neighbour.V6.String()).Replace(onTrial)
	if err := os.WriteFile(trial, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range lists {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pins, err := os.MkdirTemp("/sys/fs/bpf", "packetscope_dashboards_test_")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "guard.sock")
	flags := []string{"--socket=" + socket, "--pins=" + pins + "/guard"}
	t.Cleanup(func() { // when the agent has ended
		if out, err := exec.Command(program, append([]string{"guard", "detach"}, flags...)...).CombinedOutput(); err != nil {
			t.Errorf("detach: %v\n%s", err, out)
		}
		os.Remove(pins)
	})
	args := append([]string{"guard", "run", "--device=" + in.Device, "--state=" + filepath.Join(dir, "state")}, flags...)
	start(t, in, program, append(append(args, guardPolicies...), trial)...)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err := exec.Command(program, "guard", "status", flags[0]).Run(); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the agent does not answer after a minute")
		}
	}
	if out, err := exec.Command(program, "guard", "ban", "add", flags[0], nobody).CombinedOutput(); err != nil {
		t.Fatalf("ban: %v\n%s", err, out)
	}
	return socket
}

// patience is how long an alert's condition has to hold, or a group waits.
var patience = regexp.MustCompile(`(?m)^( *(?:for|interval):) .*$`)

// readRules returns the rules of rules/prometheus, but for the patience of alerts and
// groups, which is longer than the test.
func readRules(t *testing.T, db *promtest.DB) *promtest.Rules {
	t.Helper()
	all := promtest.NewRules(db)
	names, err := fs.Glob(rules.Files(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(rules.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.Parse(name, patience.ReplaceAll(text, []byte("$1 3s"))); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// build compiles a command of this module.
func build(t *testing.T, dir, command string) string {
	t.Helper()
	binary := filepath.Join(dir, filepath.Base(command))
	if out, err := exec.Command("go", "build", "-o", binary, command).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", command, err, out)
	}
	return binary
}

// start runs a program in a namespace until the end of the test.
func start(t *testing.T, in *testnet.Namespace, name string, args ...string) {
	t.Helper()
	said := new(bytes.Buffer)
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = said, said
	var err error
	in.Do(t, func() { err = command.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil || t.Failed() {
			t.Logf("%s ended with %v:\n%s", filepath.Base(name), err, said)
		}
	})
}
