//go:build linux

package testnet

import (
	"net/netip"
	"os"
	"testing"
)

// A Net is a left and a right namespace that reach each other by IPv4 and IPv6,
// directly or through a router.
type Net struct {
	Left, Right *Namespace
	// Router is nil if left and right are joined directly.
	Router *Namespace
}

// New joins two namespaces by a veth pair.
func New(t testing.TB) *Net {
	t.Helper()
	n := &Net{Left: newNamespace(t, "left"), Right: newNamespace(t, "right")}
	join(t, 1, port{n.Left, "left0"}, port{n.Right, "right0"})
	return n
}

// NewRouted joins two namespaces through a third one that forwards.
func NewRouted(t testing.TB) *Net {
	t.Helper()
	n := &Net{
		Left:   newNamespace(t, "left"),
		Router: newNamespace(t, "router"),
		Right:  newNamespace(t, "right"),
	}
	join(t, 1, port{n.Router, "router0"}, port{n.Left, "left0"})
	join(t, 2, port{n.Router, "router1"}, port{n.Right, "right0"})
	n.Router.Do(t, func() {
		// After the devices have lost their multicast flag; before, the kernel
		// would join and report the all-routers group.
		for _, path := range []string{"ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding"} {
			if err := os.WriteFile("/proc/sys/net/"+path, []byte("1"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
	n.Left.route(t, subnet4(2), address4(1, 1))
	n.Left.route(t, subnet6(2), address6(1, 1))
	n.Right.route(t, subnet4(1), address4(2, 1))
	n.Right.route(t, subnet6(1), address6(2, 1))
	return n
}

// The addresses come from the ranges for benchmarks (RFC 2544) and for
// documentation (RFC 3849), so they never meet those of the machine.

func address4(link, host byte) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, link, host})
}

func address6(link, host byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: link, 15: host})
}

func subnet4(link byte) netip.Prefix { return netip.PrefixFrom(address4(link, 0), 24) }

func subnet6(link byte) netip.Prefix { return netip.PrefixFrom(address6(link, 0), 64) }
