//go:build linux

package testnet

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TC_ACT_OK and TC_ACT_SHOT of the kernel's pkt_cls.h, and XDP_DROP.
const (
	actOK   = 0
	actShot = 2
	xdpDrop = 1
)

// constant returns a program that does nothing but return a value.
func constant(t testing.TB, kind ebpf.ProgramType, value int32) *ebpf.Program {
	t.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: kind, License: "MIT",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, value), asm.Return()},
	})
	if err != nil {
		t.Fatalf("load program: %v", err)
	}
	t.Cleanup(func() { prog.Close() })
	return prog
}

// DropByTC makes traffic control drop all that arrives at the namespace's device or
// all that leaves it. It returns how to end that.
func (ns *Namespace) DropByTC(t testing.TB, egress bool) (end func()) {
	t.Helper()
	parent := uint32(netlink.HANDLE_MIN_INGRESS)
	if egress {
		parent = netlink.HANDLE_MIN_EGRESS
	}
	qdisc := ns.addClsact(t, ns.Device)
	ns.attachFilter(t, ns.Device, parent, constant(t, ebpf.SchedCLS, actShot))
	return func() { ns.nl.QdiscDel(qdisc) }
}

// addClsact lets programs be attached to a device.
func (ns *Namespace) addClsact(t testing.TB, device string) *netlink.Clsact {
	t.Helper()
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: ns.link(t, device).Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
	if err := ns.nl.QdiscAdd(qdisc); err != nil {
		t.Fatalf("add clsact to %q: %v", device, err)
	}
	return qdisc
}

// filter has a program judge what arrives at a device, or what leaves it.
func (ns *Namespace) filter(t testing.TB, device string, parent uint32, program asm.Instructions) {
	t.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "MIT", Instructions: program})
	if err != nil {
		t.Fatalf("load program: %+v", err)
	}
	t.Cleanup(func() { prog.Close() })
	ns.attachFilter(t, device, parent, prog)
}

func (ns *Namespace) attachFilter(t testing.TB, device string, parent uint32, prog *ebpf.Program) {
	t.Helper()
	err := ns.nl.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: ns.link(t, device).Attrs().Index, Parent: parent, Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1,
		},
		Fd: prog.FD(), Name: "test", DirectAction: true,
	})
	if err != nil {
		t.Fatalf("add filter to %q: %v", device, err)
	}
}

// DropByXDP makes a generic XDP program drop all that arrives at the namespace's
// device. It returns how to end that.
func (ns *Namespace) DropByXDP(t testing.TB) (end func()) {
	t.Helper()
	link := ns.link(t, ns.Device)
	if err := netlinkXDP(ns, link, constant(t, ebpf.XDP, xdpDrop).FD()); err != nil {
		t.Fatalf("attach xdp to %q: %v", ns.Device, err)
	}
	return func() { netlinkXDP(ns, link, -1) }
}

func netlinkXDP(ns *Namespace, link netlink.Link, fd int) error {
	return ns.do(func() error { return netlink.LinkSetXdpFdWithFlags(link, fd, unix.XDP_FLAGS_SKB_MODE) })
}

// Set writes a value below /proc/sys/net of the namespace.
func (ns *Namespace) Set(t testing.TB, key, value string) {
	t.Helper()
	err := ns.do(func() error { return os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644) })
	if err != nil {
		t.Fatalf("set %s in %q: %v", key, ns.Name, err)
	}
}

// SetMTU sets the largest packet of a device of the namespace.
func (ns *Namespace) SetMTU(t testing.TB, device string, bytes int) {
	t.Helper()
	if err := ns.nl.LinkSetMTU(ns.link(t, device), bytes); err != nil {
		t.Fatalf("set MTU of %q: %v", device, err)
	}
}

// ResolveNeighbours makes a device ask for the addresses of its neighbours, which
// it does not otherwise: nobody would answer. What a router forwards over IPv6 it asks
// for only if the device has a link-local address, see [Namespace.LinkLocal].
func (ns *Namespace) ResolveNeighbours(t testing.TB, device string) (end func()) {
	t.Helper()
	link := ns.link(t, device)
	if err := ns.nl.LinkSetARPOn(link); err != nil {
		t.Fatalf("turn ARP on on %q: %v", device, err)
	}
	return func() { ns.nl.LinkSetARPOff(link) }
}
