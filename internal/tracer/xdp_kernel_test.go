//go:build linux && kernel

package tracer

import (
	stdnet "net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/testnet"
)

// TestXDPDropsAreSeenAsFarAsTheyArePackets has XDP drop what already is a packet (struct
// sk_buff), as veth devices and generic XDP do, and what is none yet.
func TestXDPDropsAreSeenAsFarAsTheyArePackets(t *testing.T) {
	n := testnet.New(t)
	send := func() error { return datagram(t, n.Left, netip.AddrPortFrom(n.Right.V4, 9), 100) }
	eachWay(t, func(t *testing.T, c Config) {
		for name, drop := range map[string]func(testing.TB) func(){
			"generic": n.Right.DropByXDP,
			"driver":  func(t testing.TB) func() { return dropByDriver(t, n.Right, n.Right.Device) },
		} {
			t.Run(name, func(t *testing.T) {
				defer drop(t)()
				packets := onWay(t, n, "udp", c, send)
				if len(packets) == 0 {
					t.Fatal("no packet")
				}
				// For XDP the buffer may be made anew: then it is another packet.
				last := packets[len(packets)-1]
				ends(t, last, Dropped, "")
				if _, e := last.Fate(); !strings.Contains(e.Function(), "xdp") {
					t.Errorf("dropped in %s", e.Function())
				}
				if !inOrder(packets[0], "udp_sendmsg", "dev_hard_start_xmit") {
					t.Errorf("the packet went through %v", packets[0].Functions())
				}
			})
		}
	})
	t.Run("no packet yet", func(t *testing.T) {
		tap := newTap(t, n.Left)
		frame := n.Left.FrameTo(t, n.Right, netip.AddrPortFrom(n.Left.V4, 9)).Bytes()
		write := func() error { _, err := tap.Write(frame); return err }
		if packets := onWay(t, n, "udp", Config{Stacks: true}, write); len(packets) != 1 {
			t.Errorf("%d packets without XDP", len(packets))
		}
		defer dropByDriver(t, n.Left, "tap0")()
		if packets := onWay(t, n, "udp", Config{Stacks: true}, write); len(packets) != 0 {
			t.Errorf("%d packets", len(packets))
		}
	})
}

// dropByDriver makes a device itself drop all that it receives.
func dropByDriver(t testing.TB, ns *testnet.Namespace, device string) func() {
	t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, License: "MIT", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	var attached link.Link
	ns.Do(t, func() {
		var i *stdnet.Interface
		if i, err = stdnet.InterfaceByName(device); err == nil {
			attached, err = link.AttachXDP(link.XDPOptions{Program: program, Interface: i.Index, Flags: link.XDPDriverMode})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() { attached.Close() }
}

// newTap makes a device, tap0, that receives the frames that are written.
func newTap(t *testing.T, ns *testnet.Namespace) *os.File {
	t.Helper()
	tap := &netlink.Tuntap{
		LinkAttrs: netlink.LinkAttrs{Name: "tap0"}, Mode: netlink.TUNTAP_MODE_TAP, Queues: 1, NonPersist: true,
		Flags: netlink.TUNTAP_NO_PI,
	}
	ns.Do(t, func() {
		if err := netlink.LinkAdd(tap); err != nil {
			t.Errorf("make a TAP device: %v", err)
			return
		}
		if err := netlink.LinkSetUp(tap); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { tap.Fds[0].Close() })
	return tap.Fds[0]
}
