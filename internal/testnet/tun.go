//go:build linux

package testnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	tunDevice = "tun0"
	tunPath   = "/dev/net/tun"
)

// NewTun makes a namespace with the given addresses that reaches all others through a TUN
// device, and opens the other end of that: each read returns a packet of IP that was
// sent, and each write of one packet receives it. Writes of what is no packet fail with
// EINVAL. The test ends with both.
//
// It skips if the machine has no TUN devices.
func NewTun(t testing.TB, v4, v6 netip.Addr) (*Namespace, *os.File) {
	t.Helper()
	needTun(t)
	ns := newNamespace(t, "host")
	var device *os.File
	var err error
	ns.Do(t, func() { device, err = openTun(tunDevice, unix.IFF_TUN) })
	if err != nil {
		t.Fatalf("make TUN device %q: %v", tunDevice, err)
	}
	t.Cleanup(func() { device.Close() })
	// A device without a link layer has no ARP to turn off.
	if err := ns.nl.LinkSetMulticastOff(ns.link(t, tunDevice)); err != nil {
		t.Fatalf("turn multicast off on %q: %v", tunDevice, err)
	}
	ns.up(t, tunDevice)
	for _, a := range []netip.Addr{v4, v6} {
		addr := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(a, a.BitLen())), Flags: unix.IFA_F_NODAD}
		if err := ns.nl.AddrAdd(ns.link(t, tunDevice), addr); err != nil {
			t.Fatalf("add address %v to %q: %v", a, tunDevice, err)
		}
		ns.defaultTo(t, tunDevice, a)
	}
	ns.waitLocal(t, v6)
	ns.Device, ns.V4, ns.V6 = tunDevice, v4, v6
	return ns, device
}

// needTun skips where there are no TUN and TAP devices.
func needTun(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(tunPath); errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is missing: no TUN devices on this machine", tunPath)
	}
}

// openTun makes a device in the calling thread's namespace: IFF_TUN, whose packets have no
// header before that of IP, or IFF_TAP.
func openTun(name string, kind uint16) (*os.File, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", tunPath, err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(kind | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("TUNSETIFF", err)
	}
	// Not before: the runtime's poller would find no device yet, and an error.
	return os.NewFile(uintptr(fd), tunPath), nil
}

// defaultTo sends all of an address's family to a device.
func (ns *Namespace) defaultTo(t testing.TB, device string, source netip.Addr) {
	t.Helper()
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if source.Is6() {
		all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	dst := &net.IPNet{IP: all.Addr().AsSlice(), Mask: net.CIDRMask(0, all.Addr().BitLen())}
	r := &netlink.Route{LinkIndex: ns.link(t, device).Attrs().Index, Dst: dst, Scope: netlink.SCOPE_LINK}
	if source.Is6() {
		r.Scope = netlink.SCOPE_UNIVERSE
	}
	if err := ns.nl.RouteAdd(r); err != nil {
		t.Fatalf("add route to %v by %q in %q: %v", all, device, ns.Name, err)
	}
}
