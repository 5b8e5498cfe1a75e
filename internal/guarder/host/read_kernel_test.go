//go:build kernel && linux

package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// readIn reads the facts of a namespace.
func readIn(t *testing.T, ns *testnet.Namespace) *Facts {
	t.Helper()
	var facts *Facts
	ns.Do(t, func() {
		var err error
		if facts, err = Read(); err != nil {
			t.Fatal(err)
		}
	})
	return facts
}

// in runs steps of set-up in a namespace.
func in(t *testing.T, ns *testnet.Namespace, steps ...func() error) {
	t.Helper()
	ns.Do(t, func() {
		for i, step := range steps {
			if err := step(); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	})
}

func find(t *testing.T, f *Facts, name string) Device {
	t.Helper()
	d, ok := f.Named(name)
	if !ok {
		t.Fatalf("no device %q in %+v", name, f.Devices)
	}
	return d
}

func TestReadDevices(t *testing.T) {
	n := testnet.New(t)
	in(t, n.Left, func() error {
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
		if err := netlink.LinkAdd(bridge); err != nil {
			return err
		}
		port, err := netlink.LinkByName(n.Left.Device)
		if err != nil {
			return err
		}
		return netlink.LinkSetMaster(port, bridge)
	})
	end := n.Left.DropByXDP(t)
	facts := readIn(t, n.Left)
	end()

	veth, bridge := find(t, facts, n.Left.Device), find(t, facts, "br0")
	if veth.Kind != "veth" || veth.Driver != "veth" || !veth.Up || veth.MTU != 1500 || veth.MAC == [6]byte{} || veth.Loopback {
		t.Errorf("veth: %+v", veth)
	}
	if veth.XDP == nil || veth.XDP.ID == 0 || veth.XDP.Mode != "generic" || len(veth.Unknown) != 0 {
		t.Errorf("XDP of the veth: %+v, unknown %v", veth.XDP, veth.Unknown)
	}
	if veth.Master != bridge.Index || veth.MasterKind != "bridge" {
		t.Errorf("as a port of %+v: %+v", bridge, veth)
	}
	if bridge.Kind != "bridge" || bridge.Up || bridge.XDP != nil || bridge.Master != 0 || bridge.MasterKind != "" {
		t.Errorf("bridge: %+v", bridge)
	}
	if lo := find(t, facts, "lo"); !lo.Loopback || !lo.Up || lo.Index != 1 {
		t.Errorf("lo: %+v", lo)
	}
	if after := find(t, readIn(t, n.Left), n.Left.Device); after.XDP != nil {
		t.Errorf("XDP after it was taken off: %+v", after.XDP)
	}
	if facts.Kernel == "" || facts.FirstPort == 0 || facts.FirstPort >= facts.LastPort {
		t.Errorf("kernel %q, ports from %d to %d", facts.Kernel, facts.FirstPort, facts.LastPort)
	}
}

func TestReadNamesTheProgram(t *testing.T) {
	n := testnet.New(t)
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "somebody_else", Type: ebpf.XDP, License: "MIT",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 2), asm.Return()}, // XDP_PASS
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	info, err := prog.Info()
	if err != nil {
		t.Fatal(err)
	}
	id, _ := info.ID()
	in(t, n.Left, func() error {
		l, err := netlink.LinkByName(n.Left.Device)
		if err != nil {
			return err
		}
		x, err := link.AttachXDP(link.XDPOptions{Program: prog, Interface: l.Attrs().Index, Flags: link.XDPDriverMode})
		if err == nil {
			t.Cleanup(func() { x.Close() })
		}
		return err
	})
	want := &Program{ID: uint32(id), Name: "somebody_else", Mode: "native"}
	if diff := cmp.Diff(want, find(t, readIn(t, n.Left), n.Left.Device).XDP); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReadOffloads compares with what ethtool has switched on and off.
func TestReadOffloads(t *testing.T) {
	n := testnet.New(t)
	if d := find(t, readIn(t, n.Left), n.Left.Device); !d.RxVLAN || d.LRO {
		t.Errorf("a new veth has rxvlan on and LRO off, read %+v", d)
	}
	in(t, n.Left, func() error { return setFlags(n.Left.Device, 0) })
	if d := find(t, readIn(t, n.Left), n.Left.Device); d.RxVLAN || d.LRO {
		t.Errorf("after switching off: %+v", d)
	}
}

func TestReadGateways(t *testing.T) {
	n := testnet.New(t)
	mac, _ := net.ParseMAC("02:00:00:00:00:99")
	silent := net.IPv4(198, 18, 1, 99)
	in(t, n.Left, func() error {
		for _, gw := range []net.IP{n.Right.V4.AsSlice(), n.Right.V6.AsSlice()} {
			if err := netlink.RouteAdd(&netlink.Route{Gw: gw}); err != nil {
				return fmt.Errorf("route by %v: %w", gw, err)
			}
		}
		return netlink.RouteAdd(&netlink.Route{Gw: silent, Priority: 100})
	})
	facts := readIn(t, n.Left)
	device := find(t, facts, n.Left.Device)
	right := find(t, readIn(t, n.Right), n.Right.Device)
	want := []Gateway{
		{n.Right.V4, device.Index, right.MAC, true},
		{netip.MustParseAddr("198.18.1.99"), device.Index, [6]byte{}, false},
		{n.Right.V6, device.Index, right.MAC, true},
	}
	if diff := cmp.Diff(want, facts.Gateways, plain); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if why := facts.Unknown[Gateways]; !strings.Contains(why, "198.18.1.99") {
		t.Errorf("the gateway without MAC address is not named: %q", why)
	}

	in(t, n.Left, func() error {
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: device.Index, State: netlink.NUD_PERMANENT, IP: silent, HardwareAddr: mac})
	})
	facts = readIn(t, n.Left)
	if g := facts.Gateways[1]; !g.Resolved || g.MAC != [6]byte(mac) || facts.Unknown[Gateways] != "" {
		t.Errorf("after it is resolved: %+v, unknown %q", g, facts.Unknown[Gateways])
	}
}

func TestReadAddresses(t *testing.T) {
	n := testnet.New(t)
	leased := netip.MustParsePrefix("203.0.113.9/25")
	in(t, n.Left, func() error {
		l, err := netlink.LinkByName(n.Left.Device)
		if err != nil {
			return err
		}
		return netlink.AddrAdd(l, &netlink.Addr{
			IPNet:    &net.IPNet{IP: leased.Addr().AsSlice(), Mask: net.CIDRMask(25, 32)},
			ValidLft: 600, PreferedLft: 600,
		})
	})
	facts := readIn(t, n.Left)
	device := find(t, facts, n.Left.Device)
	want := []Address{
		{netip.MustParsePrefix("127.0.0.1/8"), 1, false},
		{netip.PrefixFrom(n.Left.V4, 24), device.Index, false},
		{leased, device.Index, true},
		{netip.MustParsePrefix("::1/128"), 1, false},
		{netip.PrefixFrom(n.Left.V6, 64), device.Index, false},
	}
	if diff := cmp.Diff(want, facts.Addresses, plain); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !facts.Owns(leased.Addr()) || !facts.Owns(n.Left.V6) || facts.Owns(n.Right.V4) {
		t.Error("Owns is wrong")
	}
}

// bind binds a socket to the device of an index.
func bind(t *testing.T, conn syscall.Conn, device int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var fault error
	err = raw.Control(func(fd uintptr) { fault = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, device) })
	if err = errors.Join(err, fault); err != nil {
		t.Fatal(err)
	}
}

func TestReadSockets(t *testing.T) {
	n := testnet.New(t)
	for _, f := range testnet.Families {
		tcp, err := testnet.NewTCPPair(n.Left, n.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		udp, err := testnet.NewUDPPair(n.Left, n.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		end := func(a net.Addr) netip.AddrPort {
			p := netip.MustParseAddrPort(a.String())
			return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
		}
		facts := readIn(t, n.Right)
		has := func(want Socket) {
			t.Helper()
			for _, s := range facts.Sockets {
				if s.Inode != 0 && s.Protocol == want.Protocol && s.Local == want.Local && s.Remote == want.Remote && s.State == want.State && s.Device == want.Device {
					return
				}
			}
			t.Errorf("%v: no %+v among %+v", f, want, facts.Sockets)
		}
		has(Socket{Protocol: packet.TCP, Local: end(tcp.Server.LocalAddr()), Remote: end(tcp.Server.RemoteAddr()), State: Established})
		none := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
		if f == testnet.IPv6 {
			none = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
		}
		has(Socket{Protocol: packet.UDP, Local: end(udp.Receiver.LocalAddr()), Remote: none, State: Listening})
		bind(t, udp.Receiver, 1)
		facts = readIn(t, n.Right)
		has(Socket{Protocol: packet.UDP, Local: end(udp.Receiver.LocalAddr()), Remote: none, State: Listening, Device: 1})

		// The operator is found among real sockets by the environment.
		client := end(tcp.Client.LocalAddr())
		t.Setenv("SSH_CONNECTION", fmt.Sprintf("%v %d %v %d", client.Addr(), client.Port(), n.Right.Addr(f), end(tcp.Server.LocalAddr()).Port()))
		want := []Connection{{end(tcp.Server.LocalAddr()), client}}
		if diff := cmp.Diff(want, readIn(t, n.Right).Operator, plain); diff != "" {
			t.Errorf("%v: operator (-want +got):\n%s", f, diff)
		}
	}
}

func TestReadDetours(t *testing.T) {
	n := testnet.NewRouted(t)
	if facts := readIn(t, n.Left); len(facts.Detours) != 0 {
		t.Errorf("a plain host has detours: %+v", facts.Detours)
	}
	in(t, n.Router, func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "translate"})
		chain := conn.AddChain(&nftables.Chain{
			Name: "out", Table: table, Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
		})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Masq{}}})
		if err := conn.Flush(); err != nil {
			t.Skipf("this kernel has no address translation for nftables: %v", err)
		}
		return nil
	})
	want := []Detour{
		{DetourForwarding, "sysctl net.ipv4.ip_forward is on"},
		{DetourForwarding, "sysctl net.ipv6.conf.all.forwarding is on"},
		{DetourNAT, "nftables chain translate out has 1 rules that translate addresses"},
	}
	facts := readIn(t, n.Router)
	if diff := cmp.Diff(want, facts.Detours); diff != "" {
		t.Errorf("(-want +got):\n%s\nunknown: %v", diff, facts.Unknown)
	}
}

// setFlags switches offloads of a device (ETHTOOL_SFLAGS).
func setFlags(device string, flags uint32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	v := value{command: getFlags + 1, data: flags}
	r := request{data: unsafe.Pointer(&v)}
	copy(r.name[:], device)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r))); errno != 0 {
		return errno
	}
	return nil
}
