//go:build kernel && linux

package attack

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// lowered returns how many of some addresses the victim has a path MTU for.
func (s *scene) lowered(t *testing.T, addrs []netip.Addr) (n int) {
	t.Helper()
	s.victim.Do(t, func() {
		for _, a := range addrs {
			routes, err := netlink.RouteGet(a.AsSlice())
			if err != nil || len(routes) != 1 {
				t.Fatalf("route to %v: %v, %v", a, routes, err)
			}
			if routes[0].MTU != 0 {
				n++
			}
		}
	})
	return n
}

// TestPathMTUSweep lowers the path MTU to 240 peers, one after the other, by errors about a
// socket that could have sent to any of them. The bare victim believes all; behind
// floods.yaml, enforced, those that are within the limit, which tells of the rest as it comes.
// A few errors, as of a path that has changed, are believed in all cases.
func TestPathMTUSweep(t *testing.T) {
	const few, burst, perSecond = 40, 100, 20
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("floods.yaml", mode, &engine))
			port := uint16(s.openUDP(t).LocalAddr().(*net.UDPAddr).Port)
			var peers []netip.Addr
			for a := s.peer.V4.Next(); s.peer.V4.As4()[2] == a.As4()[2] && len(peers) < 240; a = a.Next() {
				peers = append(peers, a)
			}
			begin := time.Now()
			for i, peer := range peers {
				s.inject(t, packet.Frame{
					Source: stranger, Destination: s.victim.V4, Protocol: packet.ICMPv4,
					ICMP: &packet.Message{Type: unreachable, Code: fragmentationNeeded, MTU: 600, Quoted: &packet.Frame{
						Source: s.victim.V4, Destination: peer, Protocol: packet.UDP, SourcePort: port, DestinationPort: 9, DontFragment: true, Payload: make([]byte, 1400),
					}},
				})
				if i+1 == few {
					if n := s.lowered(t, peers[:few]); n != few {
						t.Errorf("%d of the first %d errors are believed", n, few)
					}
				}
			}
			took, credit, n := time.Since(begin), credits(t, engine), s.lowered(t, peers)
			t.Logf("%d of %d paths are lowered, credits %v", n, len(peers), credit)
			if mode != "enforce" && n != len(peers) {
				t.Errorf("%d of %d paths are lowered; the test tests nothing", n, len(peers))
			}
			switch mode {
			case "audit":
				within(t, "the sweep", len(peers)-int(credit["path-mtu-sweep would_drop"]), burst, perSecond, took)
			case "enforce":
				within(t, "the sweep", n, burst, perSecond, took)
				if n != len(peers)-int(credit["path-mtu-sweep drop"]) {
					t.Errorf("%d of %d paths are lowered, and %d errors dropped", n, len(peers), credit["path-mtu-sweep drop"])
				}
			}
		})
	}
}
