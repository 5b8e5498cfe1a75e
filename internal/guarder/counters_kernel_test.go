//go:build kernel && linux

package guarder

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A post is a guarded router, and a wire into each of its two devices.
type post struct {
	*Engine
	net         *testnet.Net
	left, right *testnet.Wire
	config      Config
}

// newPost puts a policy in force on both devices of a router.
func newPost(t *testing.T, text string, change ...func(*Config)) *post {
	t.Helper()
	n := testnet.NewRouted(t)
	p := &post{net: n, left: n.Left.Wire(t), right: n.Right.Wire(t)}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.config = Config{Paths: []string{file}, Devices: []string{"router0", "router1"}, Dir: filepath.Join(pins(t), "guard")}
	if testnet.InVM() {
		p.config.rehearse = unrehearsed // it takes a second there
	}
	for _, f := range change {
		f(&p.config)
	}
	t.Cleanup(func() { Detach(p.config.Dir) })
	p.open(t)
	return p
}

// open starts the agent, again if it was closed.
func (p *post) open(t *testing.T) {
	t.Helper()
	p.net.Router.Do(t, func() {
		var err error
		if p.Engine, err = Open(p.config, slog.New(slog.NewTextHandler(t.Output(), nil))); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(p.Engine.Close)
}

// send sends a frame several times, from one side.
func send(t *testing.T, w *testnet.Wire, times int, frame []byte) {
	t.Helper()
	for range times {
		if err := w.Send(frame); err != nil {
			t.Fatal(err)
		}
	}
}

// status returns the status once so many packets were judged.
func (p *post) status(t *testing.T, judged uint64) Status {
	t.Helper()
	var s Status
	until(t, func() bool {
		var err error
		if s, err = p.Status(); err != nil {
			t.Fatal(err)
		}
		return s.Verdicts["pass"].Packets+s.Verdicts["drop"].Packets >= judged
	})
	return s
}

// fill returns what is told of a table.
func (s Status) fill(name string) MapStatus {
	for _, m := range s.Maps {
		if m.Name == name {
			return m
		}
	}
	return MapStatus{}
}

const (
	fromV4, toV4 = "198.18.1.2", "198.18.2.2"
	fromV6, toV6 = "2001:db8:100::2", "2001:db8:200::2"
)

// frame is a packet from left to right, which f changes.
func frame(six bool, f func(*packet.Frame)) *packet.Frame {
	p := &packet.Frame{Source: netip.MustParseAddr(fromV4), Destination: netip.MustParseAddr(toV4)}
	if six {
		p.Source, p.Destination = netip.MustParseAddr(fromV6), netip.MustParseAddr(toV6)
	}
	f(p)
	return p
}

func tcp(port uint16) func(*packet.Frame) {
	return func(f *packet.Frame) {
		f.Protocol, f.SourcePort, f.DestinationPort, f.Flags = packet.TCP, 40000, port, 2
	}
}

func udp(port uint16) func(*packet.Frame) {
	return func(f *packet.Frame) { f.Protocol, f.SourcePort, f.DestinationPort = packet.UDP, 40000, port }
}

// icmp is a message that quotes a packet, if that is not nil.
func icmp(kind, code uint8, quoted *packet.Frame) func(*packet.Frame) {
	return func(f *packet.Frame) {
		f.Protocol = packet.ICMPv4
		if f.Source.Is6() {
			f.Protocol = packet.ICMPv6
		}
		f.ICMP = &packet.Message{Type: kind, Code: code, Quoted: quoted}
	}
}

const countedPolicy = `version: 1
unparsable: {action: drop, mode: audit}
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - {rule: web, match: {proto: tcp, dst_port: [80, 443]}, action: pass, mode: enforce}
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: enforce}
  - {rule: high, match: {proto: udp, dst_port: 1024-65535}, action: drop, mode: audit}
sets:
  unused: {type: prefix, entries: [192.0.2.0/24, 192.0.2.7, 198.51.100.0/24]}
`

// TestCountersAreExact sends known packets to two devices.
func TestCountersAreExact(t *testing.T) {
	p := newPost(t, countedPolicy)
	bytes := func(packets uint64, f []byte) Counts { return Counts{packets, packets * uint64(len(f))} }
	telnet, web, high, low := frame(false, tcp(23)).Bytes(), frame(true, tcp(80)).Bytes(), frame(false, udp(5000)).Bytes(), frame(false, udp(53)).Bytes()
	quench := frame(false, icmp(4, 0, frame(false, udp(53)))).Bytes()
	tooBig := frame(true, icmp(2, 0, frame(true, tcp(80)))).Bytes()
	needed := frame(false, icmp(3, 4, frame(false, icmp(0, 0, nil)))).Bytes()
	nothing := frame(true, icmp(1, 0, nil)).Bytes()
	echo := frame(true, icmp(128, 0, nil)).Bytes()
	send(t, p.left, 23, telnet)
	send(t, p.right, 5, telnet)
	send(t, p.left, 7, web)
	send(t, p.right, 11, high)
	send(t, p.left, 3, low)
	send(t, p.left, 2, quench)
	send(t, p.left, 4, tooBig)
	send(t, p.left, 6, needed)
	send(t, p.left, 8, nothing)
	send(t, p.left, 9, echo)
	send(t, p.right, 13, telnet[:30])
	s := p.status(t, 91)

	icmps := uint64(2*len(quench) + 4*len(tooBig) + 6*len(needed) + 8*len(nothing) + 9*len(echo))
	left := map[string]Counts{"drop": bytes(23, telnet), "pass": {39, uint64(7*len(web)+3*len(low)) + icmps}}
	right := map[string]Counts{"drop": bytes(5, telnet), "pass": {24, uint64(11*len(high) + 13*30)}}
	devices := []DeviceStatus{{Name: "router0", Hook: Native, Verdicts: left}, {Name: "router1", Hook: Native, Verdicts: right}}
	if diff := cmp.Diff(devices, s.Devices); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
	all := map[string]Counts{}
	for _, verdict := range []string{"pass", "drop"} {
		all[verdict] = Counts{left[verdict].Packets + right[verdict].Packets, left[verdict].Bytes + right[verdict].Bytes}
	}
	if diff := cmp.Diff(all, s.Verdicts); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if want := (Counts{24, uint64(11*len(high) + 13*30)}); s.WouldDrop != want {
		t.Errorf("would drop %+v, want %+v", s.WouldDrop, want)
	}
	// What was audited, and the messages of ICMP, ended the search nowhere.
	if want := (Counts{43, uint64(11*len(high)+3*len(low)) + icmps}); s.Unmatched != want {
		t.Errorf("unmatched %+v, want %+v", s.Unmatched, want)
	}
	if diff := cmp.Diff(map[string]Counts{"truncated": {13, 13 * 30}}, s.Unparsable); diff != "" {
		t.Errorf("unparsable (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ICMPStatus{
		{4, 3, "unreachable", 6}, {4, 4, "source-quench", 2}, {6, 1, "unreachable", 8}, {6, 2, "packet-too-big", 4}, {6, 128, "echo-request", 9},
	}, s.ICMP); diff != "" {
		t.Errorf("icmp (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]QuotedStatus{
		{4, "packet-too-big", "icmp", 6}, {4, "source-quench", "udp", 2}, {6, "unreachable", "none", 8}, {6, "packet-too-big", "tcp", 4},
	}, s.Quoted); diff != "" {
		t.Errorf("quoted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"unused": 2}, s.Sets); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
	if s.fill("counters") != (MapStatus{"counters", 3, 1024}) || s.fill("own_addresses").Entries < 2 || s.fill("own_addresses").Room < s.fill("own_addresses").Entries {
		t.Errorf("maps %+v", s.Maps)
	}
	for _, r := range s.Rules {
		// The first look may have been before the packets or after them.
		if r.LastMatch != nil && time.Since(*r.LastMatch) > time.Minute {
			t.Errorf("%s matched last at %v", r.Rule, r.LastMatch)
		}
	}
	send(t, p.left, 1, web)
	s = p.status(t, 92)
	if web, telnet := s.Rules[0], s.Rules[1]; web.LastMatch == nil || telnet.LastMatch != nil && telnet.LastMatch.After(*web.LastMatch) {
		t.Errorf("last matches: web %v, telnet %v", web.LastMatch, telnet.LastMatch)
	}
	// A new agent goes on counting.
	p.Close()
	p.open(t)
	send(t, p.right, 1, telnet)
	s = p.status(t, 93)
	if got := s.Devices[1].Verdicts["drop"]; got != bytes(6, telnet) {
		t.Errorf("after a restart router1 dropped %+v", got)
	}
}

// TestRunTimeGoesOnOverReloads has the kernel account for run time while two
// generations and two agents follow each other.
func TestRunTimeGoesOnOverReloads(t *testing.T) {
	stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		t.Fatal(err)
	}
	defer stats.Close()
	p := newPost(t, strings.NewReplacer("MODE", "enforce", "DEVICE", "router0", "LIFE\n", "").Replace(noDatagrams), func(c *Config) {
		if testnet.InVM() {
			c.load = standIn
		}
	})
	datagram := frame(false, udp(5000)).Bytes()
	judged := uint64(0)
	more := func() ProgramStatus {
		send(t, p.left, 5, datagram)
		judged += 5
		return p.status(t, judged).Program
	}
	first := more()
	if first.Runs != 5 || first.Seconds <= 0 {
		t.Errorf("5 packets: %+v", first)
	}
	p.net.Router.Do(t, func() { err = p.Apply(Order{}) })
	if err != nil {
		t.Fatal(err)
	}
	second := more()
	p.Close()
	p.open(t)
	third := more()
	if second.Runs != 10 || third.Runs != 15 || second.Seconds <= first.Seconds || third.Seconds <= second.Seconds {
		t.Errorf("after a reload %+v, after a restart %+v", second, third)
	}
}
