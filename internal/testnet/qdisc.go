//go:build linux

package testnet

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// mtu of a veth, with its Ethernet header: the least that a token bucket must
// hold, or it can never let a full packet pass.
const fullFrame = 1514

// ShapeTBF puts a token bucket filter at the root of the namespace's device. It
// sends at rateBytes per second after a burst of one full frame. It holds up to
// limitBytes; what does not fit is dropped. One packet of n bytes among others
// waits about n/rateBytes seconds for each one in front of it.
func (ns *Namespace) ShapeTBF(t testing.TB, rateBytes uint64, limitBytes uint32) {
	t.Helper()
	ns.addQdisc(t, "sch_tbf", &netlink.Tbf{
		QdiscAttrs: ns.root(t),
		Rate:       rateBytes,
		Limit:      limitBytes,
		Buffer:     netlink.Xmittime(rateBytes, fullFrame),
	})
}

// ShapeHTB puts a hierarchical token bucket with one class at the root of the
// namespace's device. It sends at rateBytes per second and holds as many packets
// as the device's queue length, 1,000.
func (ns *Namespace) ShapeHTB(t testing.TB, rateBytes uint64) {
	t.Helper()
	attrs := ns.root(t)
	qdisc := netlink.NewHtb(attrs)
	qdisc.Defcls = 1
	ns.addQdisc(t, "sch_htb", qdisc)
	class := netlink.NewHtbClass(
		netlink.ClassAttrs{
			LinkIndex: attrs.LinkIndex,
			Parent:    attrs.Handle,
			Handle:    netlink.MakeHandle(1, 1),
		},
		netlink.HtbClassAttrs{
			Rate: rateBytes * 8, // bits; NewHtbClass divides
			// One frame only, so that the rate holds from the second packet on.
			Buffer:  fullFrame,
			Cbuffer: fullFrame,
		},
	)
	if err := ns.nl.ClassAdd(class); err != nil {
		t.Fatalf("add htb class to %q: %v", ns.Device, err)
	}
}

// Delay puts netem at the root of the namespace's device, so that each packet is
// sent d later. The test is skipped if the kernel has no netem, except in the
// vm lane, whose kernels all have it.
func (ns *Namespace) Delay(t testing.TB, d time.Duration) {
	t.Helper()
	ns.addQdisc(t, "sch_netem", netlink.NewNetem(ns.root(t), netlink.NetemQdiscAttrs{
		Latency: uint32(d.Microseconds()),
	}))
}

// Unshape gives the namespace's device back its default: no queue.
func (ns *Namespace) Unshape(t testing.TB) {
	t.Helper()
	attrs := ns.root(t)
	if err := ns.nl.QdiscDel(&netlink.GenericQdisc{QdiscAttrs: attrs}); err != nil {
		t.Fatalf("remove qdisc of %q: %v", ns.Device, err)
	}
}

func (ns *Namespace) root(t testing.TB) netlink.QdiscAttrs {
	t.Helper()
	return netlink.QdiscAttrs{
		LinkIndex: ns.link(t, ns.Device).Attrs().Index,
		Handle:    netlink.MakeHandle(1, 0),
		Parent:    netlink.HANDLE_ROOT,
	}
}

// addQdisc skips the test if the kernel does not know the qdisc.
func (ns *Namespace) addQdisc(t testing.TB, module string, qdisc netlink.Qdisc) {
	t.Helper()
	err := ns.nl.QdiscReplace(qdisc)
	if errors.Is(err, unix.ENOENT) && !InVM() {
		t.Skipf("this kernel has no %s", module)
	}
	if err != nil {
		t.Fatalf("add %s to %q: %v", module, ns.Device, err)
	}
}

// QueueDrops returns how many packets the root qdisc of the namespace's device has
// dropped.
func (ns *Namespace) QueueDrops(t testing.TB) uint64 {
	t.Helper()
	qdiscs, err := ns.nl.QdiscList(ns.link(t, ns.Device))
	if err != nil {
		t.Fatalf("list qdiscs of %q: %v", ns.Device, err)
	}
	for _, q := range qdiscs {
		if a := q.Attrs(); a.Parent == netlink.HANDLE_ROOT && a.Statistics != nil && a.Statistics.Queue != nil {
			return uint64(a.Statistics.Queue.Drops)
		}
	}
	t.Fatalf("%q has no root qdisc with statistics", ns.Device)
	return 0
}
