//go:build kernel && linux

package attack

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// Both ends of what comes out of the tunnel: an inside that no packet from outside may be
// from.
var (
	inside   = netip.MustParseAddr("10.99.0.1")
	insider  = netip.MustParseAddr("10.99.0.2")
	tunneler = netip.MustParseAddr("203.0.113.1") // a peer of tunnels.yaml as it comes
)

const tunnelPort = 4789

// tunnel gives the victim an end of VXLAN that takes packets from anybody, and returns the
// MAC address of its inside.
func (s *scene) tunnel(t *testing.T) (mac [6]byte) {
	t.Helper()
	s.victim.Do(t, func() {
		v := &netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "inside"}, VxlanId: 5, Port: tunnelPort}
		if err := netlink.LinkAdd(v); err != nil {
			t.Fatalf("make an end of VXLAN: %v", err)
		}
		l, err := netlink.LinkByName("inside")
		if err != nil {
			t.Fatal(err)
		}
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: inside.AsSlice(), Mask: net.CIDRMask(24, 32)}}
		if err := netlink.AddrAdd(l, addr); err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(l); err != nil {
			t.Fatal(err)
		}
		copy(mac[:], l.Attrs().HardwareAddr)
	})
	return mac
}

// vxlan puts a frame into a datagram of VXLAN (RFC 7348).
func vxlan(network uint32, inner []byte) []byte {
	h := binary.BigEndian.AppendUint32(nil, 0x0800_0000)
	return append(binary.BigEndian.AppendUint32(h, network<<8), inner...)
}

// arrived is how long it takes at most until what was sent has arrived: it has before
// the datagram behind it, so this is for what comes too late.
const arrived = 100 * time.Millisecond

func tunnelsIn(mode string, engine **guarder.Engine, t *testing.T) Shield {
	if mode == "bare" {
		return nil
	}
	text, err := policies.Files.ReadFile("tunnels.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB, ns *testnet.Namespace) (dropped func() uint64) {
		*engine = enforce(t, ns, written(t, strings.ReplaceAll(string(text), "mode: audit", "mode: enforce")))
		return func() uint64 { return 0 }
	}
}

// TestTunnelsNobodyAskedFor: a stranger's packet in VXLAN comes out on the inside of the
// bare victim, with a source of the inside; and packets in other tunnels reach those who
// would take them out. Behind tunnels.yaml, enforced, they do not, and those of a peer do.
func TestTunnelsNobodyAskedFor(t *testing.T) {
	for _, mode := range []string{"bare", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, tunnelsIn(mode, &engine, t))
			mac := s.tunnel(t)
			var service *net.UDPConn
			raw := make(map[uint8]*net.IPConn)
			s.victim.Do(t, func() {
				var err error
				if service, err = net.ListenUDP("udp4", &net.UDPAddr{IP: inside.AsSlice(), Port: 9}); err != nil {
					t.Fatal(err)
				}
				for _, protocol := range []uint8{4, 41, 47} {
					if raw[protocol], err = net.ListenIP(fmt.Sprintf("ip4:%d", protocol), &net.IPAddr{IP: s.victim.V4.AsSlice()}); err != nil {
						t.Fatal(err)
					}
				}
			})
			defer service.Close()
			secret := packet.Frame{
				SourceMAC: liar, DestinationMAC: mac, Source: insider, Destination: inside, Protocol: packet.UDP, SourcePort: 9, DestinationPort: 9, Payload: []byte("x"),
			}
			for from, passes := range map[netip.Addr]bool{stranger: mode == "bare", tunneler: true} {
				s.inject(t, packet.Frame{
					Source: from, Destination: s.victim.V4, Protocol: packet.UDP, SourcePort: 50000, DestinationPort: tunnelPort, Payload: vxlan(5, secret.Bytes()),
				})
				if got := reads(service, patienceFor(passes)); got != passes {
					t.Errorf("VXLAN from %v: comes out %v, want %v", from, got, passes)
				}
				for protocol, conn := range raw {
					s.inject(t, packet.Frame{Source: from, Destination: s.victim.V4, Protocol: protocol, Payload: secret.Bytes()[14:]})
					conn.SetReadDeadline(time.Now().Add(patienceFor(passes)))
					_, err := conn.Read(make([]byte, 128))
					if got := err == nil; got != passes {
						t.Errorf("protocol %d from %v: arrives %v, want %v", protocol, from, got, passes)
					}
				}
			}
			if mode == "bare" {
				return
			}
			for rule, want := range map[string]uint64{"udp-tunnel": 1, "ip-in-ip": 2, "gre": 1} {
				if got := droppedBy(t, engine, rule); got != want {
					t.Errorf("%s dropped %d, want %d", rule, got, want)
				}
			}
		})
	}
}

// patienceFor is how long to wait for what is to arrive, or is not.
func patienceFor(passes bool) time.Duration {
	if passes {
		return testnet.Margin(5 * time.Second)
	}
	return arrived
}
