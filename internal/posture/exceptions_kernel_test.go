//go:build kernel && linux

package posture

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// forge sends left a "fragmentation needed" that quotes an echo reply to right, which left
// never sent.
func forge(t *testing.T, n *testnet.Net, mtu uint16) {
	t.Helper()
	left, right := n.Left.Addr(testnet.IPv4), n.Right.Addr(testnet.IPv4)
	reply := n.Left.FrameTo(t, n.Right, netip.AddrPortFrom(right, 0))
	reply.Protocol, reply.DontFragment, reply.Payload = unix.IPPROTO_ICMP, true, []byte{0, 0, 0xff, 0xff, 0, 0, 0, 0}
	quoted := reply.Bytes()[testnet.EthernetHeader:]
	message := icmp.Message{Type: ipv4.ICMPTypeDestinationUnreachable, Code: 4, Body: &icmp.RawBody{Data: append([]byte{0, 0, byte(mtu >> 8), byte(mtu)}, quoted...)}}
	payload, err := message.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	frame := n.Right.FrameTo(t, n.Left, netip.AddrPortFrom(left, 0))
	frame.Protocol, frame.Payload = unix.IPPROTO_ICMP, payload
	if err := n.Right.Wire(t).Send(frame.Bytes()); err != nil {
		t.Fatal(err)
	}
	// The kernel lists an exception from the first packet on that goes by it.
	if err := testnet.Ping(n.Left, n.Right, testnet.IPv4, 1); err != nil {
		t.Fatal(err)
	}
}

// exceptionsIn returns those of IPv4 in the left namespace.
func exceptionsIn(t *testing.T, n *testnet.Net) Exceptions {
	t.Helper()
	var e Exceptions
	var err error
	n.Left.Do(t, func() { e, err = routeExceptions(unix.AF_INET) })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestForgedPMTULeavesATrace first sends one that could be true.
func TestForgedPMTULeavesATrace(t *testing.T) {
	n := testnet.New(t)
	write(t, n.Left, "net/ipv4/ip_no_pmtu_disc", "0")
	if got := exceptionsIn(t, n); got != (Exceptions{}) {
		t.Fatalf("before: %+v", got)
	}
	for _, c := range []struct {
		mtu   uint16
		want  Exceptions
		state string
	}{
		{1400, Exceptions{All: 1}, "ok 0"},
		{68, Exceptions{All: 1, Floor: 1}, "exposed 1"},
	} {
		forge(t, n, c.mtu)
		if got := exceptionsIn(t, n); got != c.want {
			t.Errorf("after an MTU of %d: %+v, want %+v", c.mtu, got, c.want)
		}
		if got := stateIn(t, n.Left, PMTUExceptions, ""); got != c.state {
			t.Errorf("after an MTU of %d: %s, want %s", c.mtu, got, c.state)
		}
	}
}

// TestHardenedPMTUBelievesNoForgery is what the cure of the check promises.
func TestHardenedPMTUBelievesNoForgery(t *testing.T) {
	n := testnet.New(t)
	for _, c := range []struct{ mode, want int }{{hardenedPMTU, 0}, {0, 1}} {
		write(t, n.Left, "net/ipv4/ip_no_pmtu_disc", fmt.Sprint(c.mode))
		forge(t, n, 68)
		if got := exceptionsIn(t, n); got.Floor != c.want {
			t.Errorf("mode %d: %+v, want %d at the floor", c.mode, got, c.want)
		}
	}
}

// TestRoutesAreNoExceptions has routes of both families, which a dump that is not strict
// would list too.
func TestRoutesAreNoExceptions(t *testing.T) {
	n := testnet.NewRouted(t)
	n.Left.Do(t, func() {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			if e, err := routeExceptions(family); err != nil || e != (Exceptions{}) {
				t.Errorf("family %d: %+v, %v", family, e, err)
			}
		}
	})
}
