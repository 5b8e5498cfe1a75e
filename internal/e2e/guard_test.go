//go:build e2e && linux

package e2e

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/servers"
)

// A guard is Guarder on one end of a cable, whose other end is the attacker's.
type guard struct {
	agent               *servers.Process
	socket, pins, state string
	policies            []string
	attacker            netlink.Link
}

// The ends of the cable.
const (
	guarded  = "guarded0"
	attacker = "attacker0"
)

// newGuard lays the cable, and starts the agent with policies, or with ready-made ones. What it has
// put in force is taken away when the test ends.
func newGuard(t *testing.T, policies ...string) *guard {
	t.Helper()
	dir, err := os.MkdirTemp("/sys/fs/bpf", "packetscope_e2e_")
	if err != nil {
		t.Fatal(err)
	}
	own := t.TempDir()
	g := &guard{socket: filepath.Join(own, "guard.sock"), pins: filepath.Join(dir, "guard"), state: filepath.Join(own, "state"), attacker: cable(t), policies: policies}
	if policies == nil {
		g.policies = []string{"../../rules/guarder/baseline.yaml", "../../rules/guarder/forged-icmp.yaml"}
	}
	t.Cleanup(func() {
		run(t, found.Exporter, "guard", "detach", "--socket="+g.socket, "--pins="+g.pins)
		os.Remove(dir)
	})
	g.start(t)
	return g
}

// cable makes a pair of devices, and returns the attacker's. It goes with the test, so that
// the next one can have one of the same name.
func cable(t *testing.T) netlink.Link {
	t.Helper()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: guarded}, PeerName: attacker}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netlink.LinkDel(veth); err != nil {
			t.Error(err)
		}
	})
	var end netlink.Link
	for _, name := range []string{guarded, attacker} {
		var err error
		if end, err = netlink.LinkByName(name); err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(end); err != nil {
			t.Fatal(err)
		}
	}
	return end
}

func (g *guard) start(t *testing.T) {
	t.Helper()
	args := []string{"guard", "run", "--device=" + guarded, "--socket=" + g.socket, "--pins=" + g.pins, "--state=" + g.state}
	g.agent = servers.Start(t, found.Exporter, append(args, g.policies...)...)
	servers.Eventually(t, soon, func() error { return exec.Command(found.Exporter, "guard", "status", "--socket="+g.socket).Run() })
}

// attack sends one frame: "fragmentation needed", from a stranger, about a packet that
// routers may fragment.
func (g *guard) attack(t *testing.T) {
	t.Helper()
	victim, peer := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	frame := packet.Frame{
		DestinationMAC: [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		Source:         netip.MustParseAddr(source), Destination: victim, Protocol: packet.ICMPv4,
		ICMP: &packet.Message{Type: 3, Code: 4, MTU: 600, Quoted: &packet.Frame{
			Source: victim, Destination: peer, Protocol: packet.UDP, SourcePort: 5000, DestinationPort: 53, Payload: make([]byte, 1400),
		}},
	}
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	if err := unix.Sendto(socket, frame.Bytes(), 0, &unix.SockaddrLinklayer{Ifindex: g.attacker.Attrs().Index}); err != nil {
		t.Fatal(err)
	}
}

// tellsAttack sends a single packet: it is worth an alert.
func (w *world) tellsAttack(t *testing.T) {
	const forged = "PacketScopeGuardForgedICMP"
	w.guard.attack(t)
	servers.Eventually(t, soon, func() error {
		return errors.Join(w.told("warning", forged, "firing"), w.told("annotator", forged, "firing"))
	})
	w.checkMessage(t, "warning", forged)
	for _, a := range w.inbox.Alerts("warning", forged) {
		if a.Labels["attack"] != "pmtu_poison" || a.Labels["verdict"] != "drop" {
			t.Errorf("the alert is about %v, want an attack that was kept away", a.Labels)
		}
	}
}

// tellsLossOfAgent kills the agent. What it has put in force stays.
func (w *world) tellsLossOfAgent(t *testing.T) {
	const down = "PacketScopeGuardAgentDown"
	w.guard.agent.Kill()
	servers.Eventually(t, soon, func() error { return w.told("warning", down, "firing") })
	w.checkMessage(t, "warning", down)
	if link, err := netlink.LinkByName(guarded); err != nil || link.Attrs().Xdp == nil || !link.Attrs().Xdp.Attached {
		t.Errorf("the program has gone with the agent: %v, %v", link, err)
	}
	w.guard.start(t)
}
