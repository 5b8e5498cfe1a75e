//go:build kernel && linux

package attack

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// stranger is an address that nobody here has.
var stranger = netip.MustParseAddr("203.0.113.66")

// A scene is a victim that reaches a peer through a router.
type scene struct {
	victim, router, peer *testnet.Namespace
	wire                 *testnet.Wire // of the router, towards the victim
	address              [2][6]byte    // of the router's device and of the victim's
	fence                *net.UDPConn  // of the victim
	dropped              func() uint64
}

// A Shield puts a program on the device of a namespace until the test ends. It
// returns how to learn how many packets the program has dropped.
type Shield func(t testing.TB, ns *testnet.Namespace) (dropped func() uint64)

// newScene sets the stage; without a shield the victim is bare.
func newScene(t *testing.T, shield Shield) *scene {
	t.Helper()
	n := testnet.NewRouted(t)
	s := &scene{victim: n.Left, router: n.Router, peer: n.Right, dropped: func() uint64 { return 0 }}
	s.address = [2][6]byte{hardware(t, n.Router), hardware(t, n.Left)}
	n.Left.Do(t, func() {
		var err error
		if s.fence, err = net.ListenUDP("udp4", &net.UDPAddr{IP: n.Left.V4.AsSlice()}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { s.fence.Close() })
	if shield != nil {
		s.dropped = shield(t, n.Left)
	}
	s.wire = n.Router.Wire(t)
	return s
}

// hardware returns the address of a namespace's device.
func hardware(t *testing.T, ns *testnet.Namespace) (mac [6]byte) {
	t.Helper()
	ns.Do(t, func() {
		l, err := netlink.LinkByName(ns.Device)
		if err != nil {
			t.Fatal(err)
		}
		copy(mac[:], l.Attrs().HardwareAddr)
	})
	return mac
}

// inject sends a frame to the victim and returns when the victim has handled it: a
// datagram that is sent behind it has arrived.
func (s *scene) inject(t *testing.T, f packet.Frame) {
	t.Helper()
	s.injectBytes(t, s.addressed(f).Bytes())
}

// addressed fills in the Ethernet addresses.
func (s *scene) addressed(f packet.Frame) *packet.Frame {
	f.SourceMAC, f.DestinationMAC = s.address[0], s.address[1]
	return &f
}

func (s *scene) injectBytes(t *testing.T, frame []byte) {
	t.Helper()
	behind := s.addressed(packet.Frame{
		Source: stranger, Destination: s.victim.V4, Protocol: packet.UDP,
		SourcePort: 9, DestinationPort: uint16(s.fence.LocalAddr().(*net.UDPAddr).Port), Payload: []byte("fence"),
	}).Bytes()
	for _, b := range [][]byte{frame, behind} {
		if err := s.wire.Send(b); err != nil {
			t.Fatal(err)
		}
	}
	s.fence.SetReadDeadline(time.Now().Add(testnet.Margin(5 * time.Second)))
	if _, err := s.fence.Read(make([]byte, 64)); err != nil {
		t.Fatalf("wait for the datagram behind the frame: %v", err)
	}
}

// route returns how the victim sends to the peer now, with what ICMP has taught it.
func (s *scene) route(t *testing.T) netlink.Route {
	t.Helper()
	var routes []netlink.Route
	var err error
	s.victim.Do(t, func() { routes, err = netlink.RouteGet(s.peer.V4.AsSlice()) })
	if err != nil || len(routes) != 1 {
		t.Fatalf("route to the peer: %v, %v", routes, err)
	}
	return routes[0]
}

// pathMTU returns the learnt size of packets to the peer, or 0 if it is that of the
// device.
func (s *scene) pathMTU(t *testing.T) int {
	t.Helper()
	return s.route(t).MTU
}

// nextHop returns the neighbour to which the victim sends packets for the peer.
func (s *scene) nextHop(t *testing.T) netip.Addr {
	t.Helper()
	hop, _ := netip.AddrFromSlice(s.route(t).Gw)
	return hop.Unmap()
}

// openUDP opens a socket of the victim that is not connected.
func (s *scene) openUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	s.victim.Do(t, func() {
		var err error
		if conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: s.victim.V4.AsSlice()}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// sendLarge sends a datagram of size bytes to the peer that must not be fragmented.
func (s *scene) sendLarge(t *testing.T, size int) {
	t.Helper()
	conn := s.openUDP(t)
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
	}); err != nil || set != nil {
		t.Fatal(err, set)
	}
	if _, err := conn.WriteToUDPAddrPort(make([]byte, size), netip.AddrPortFrom(s.peer.V4, 9)); err != nil {
		t.Fatal(err)
	}
}
