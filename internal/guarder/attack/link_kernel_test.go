//go:build kernel && linux

package attack

import (
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

// Words of messages of neighbour discovery (RFC 4861 section 4): flags of an
// advertisement, and hop limit and lifetime of a router's.
const (
	solicitedOverride = 0x6000_0000
	halfAnHour        = 64<<24 | 1800
	routerGone        = 64 << 24
)

var (
	liar    = [6]byte{2, 0, 0, 0, 0, 0x66}
	standIn = [6]byte{0, 0, 0x5e, 0, 1, 7} // a second MAC address of the gateway, as with VRRP

	allNodes    = netip.MustParseAddr("ff02::1")
	trueHost    = netip.MustParseAddr("fe80::1")
	trueRouter  = netip.MustParseAddr("fe80::fe")
	rogueRouter = netip.MustParseAddr("fe80::66")
)

// A street is a scene whose victim finds its neighbours by itself, and has the router for
// its gateway.
type street struct{ *scene }

// newStreet sets the stage. The gateway is known, and confirmed, before a shield learns.
func newStreet(t *testing.T, shield Shield) street {
	t.Helper()
	s := street{newScene(t, nil)}
	ns := s.victim
	ns.ResolveNeighbours(t, ns.Device)
	ns.Set(t, "ipv4/neigh/"+ns.Device+"/locktime", "0") // or only one lie in a second counts
	ns.Set(t, "ipv6/conf/"+ns.Device+"/accept_ra", "1")
	for _, f := range testnet.Families {
		ns.Do(t, func() {
			if err := netlink.RouteAdd(&netlink.Route{Gw: gatewayOf(ns, f).AsSlice()}); err != nil {
				t.Fatal(err)
			}
		})
		s.settle(t, f)
	}
	if shield != nil {
		s.dropped = shield(t, ns)
	}
	return s
}

// gatewayOf returns the address of the router on the victim's link.
func gatewayOf(ns *testnet.Namespace, f testnet.Family) netip.Addr { return ns.Addr(f).Prev() }

// settle has the victim believe the truth about a gateway.
func (s street) settle(t *testing.T, f testnet.Family) {
	t.Helper()
	s.victim.Do(t, func() {
		l, err := netlink.LinkByName(s.victim.Device)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, IP: gatewayOf(s.victim, f).AsSlice(), HardwareAddr: s.address[0][:], State: netlink.NUD_REACHABLE}); err != nil {
			t.Fatal(err)
		}
	})
}

// believed returns the MAC address to which the victim sends what is for a gateway.
func (s street) believed(t *testing.T, f testnet.Family) (mac [6]byte) {
	t.Helper()
	s.victim.Do(t, func() {
		l, err := netlink.LinkByName(s.victim.Device)
		if err != nil {
			t.Fatal(err)
		}
		all, err := netlink.NeighList(l.Attrs().Index, map[testnet.Family]int{testnet.IPv4: netlink.FAMILY_V4, testnet.IPv6: netlink.FAMILY_V6}[f])
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			if n.IP.Equal(gatewayOf(s.victim, f).AsSlice()) {
				copy(mac[:], n.HardwareAddr)
			}
		}
	})
	return mac
}

// routers returns the gateways that the victim has learnt from advertisements.
func (s street) routers(t *testing.T) (all []string) {
	t.Helper()
	s.victim.Do(t, func() {
		routes, err := netlink.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Protocol: 9 /* RTPROT_RA */}, netlink.RT_FILTER_PROTOCOL)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range routes {
			if r.Gw != nil {
				all = append(all, r.Gw.String())
			}
		}
	})
	return all
}

// A claim is a packet that says of whom a MAC address is.
type claim struct {
	name, rule string
	family     testnet.Family
	frame      func(s street, mac [6]byte) packet.Frame
}

func arp(s street, operation uint16, mac [6]byte, target netip.Addr) packet.Frame {
	a := &packet.ARP{Operation: operation, SenderMAC: mac, SenderIP: gatewayOf(s.victim, testnet.IPv4), TargetIP: target}
	if operation == 2 {
		a.TargetMAC = s.address[1]
	}
	return packet.Frame{SourceMAC: mac, ARP: a}
}

func nd(mac [6]byte, from, to netip.Addr, m packet.Message, options ...byte) packet.Frame {
	return packet.Frame{SourceMAC: mac, Source: from, Destination: to, TTL: 255, Protocol: packet.ICMPv6, ICMP: &m, Payload: options}
}

func linkAddress(kind byte, mac [6]byte) []byte { return append([]byte{kind, 1}, mac[:]...) }

// claims are what a neighbour can say to have packets for the gateway sent to it.
var claims = []claim{
	{"ARP reply", "arp-gateway", testnet.IPv4, func(s street, mac [6]byte) packet.Frame { return arp(s, 2, mac, s.victim.V4) }},
	{"ARP request", "arp-gateway", testnet.IPv4, func(s street, mac [6]byte) packet.Frame { return arp(s, 1, mac, s.victim.V4) }},
	{"gratuitous ARP", "arp-gateway", testnet.IPv4, func(s street, mac [6]byte) packet.Frame {
		return arp(s, 1, mac, gatewayOf(s.victim, testnet.IPv4))
	}},
	{"advertisement", "nd-gateway", testnet.IPv6, func(s street, mac [6]byte) packet.Frame {
		gateway := gatewayOf(s.victim, testnet.IPv6)
		return nd(mac, gateway, s.victim.V6, packet.Message{Type: 136, MTU: solicitedOverride, Target: gateway}, linkAddress(2, mac)...)
	}},
	{"solicitation", "nd-gateway", testnet.IPv6, func(s street, mac [6]byte) packet.Frame {
		return nd(mac, gatewayOf(s.victim, testnet.IPv6), s.victim.V6, packet.Message{Type: 135, Target: s.victim.V6}, linkAddress(1, mac)...)
	}},
}

// lanEnforced is lan.yaml with all of it enforced, and the gateway as it is written there
// replaced; "" leaves it to be learnt.
func lanEnforced(t *testing.T, v4, v6, mac string, engine **guarder.Engine) Shield {
	t.Helper()
	text, err := policies.Files.ReadFile("lan.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB, ns *testnet.Namespace) (dropped func() uint64) {
		*engine = enforce(t, ns, written(t, strings.NewReplacer("mode: audit", "mode: enforce", "192.0.2.254", v4, "fe80::fe", v6, "02:00:5e:10:00:fe", mac).Replace(string(text))))
		return func() uint64 {
			status, err := (*engine).Status()
			if err != nil {
				t.Fatal(err)
			}
			return status.Verdicts["drop"].Packets
		}
	}
}

// droppedBy returns how many packets a rule has dropped.
func droppedBy(t *testing.T, e *guarder.Engine, rule string) uint64 {
	t.Helper()
	status, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range status.Rules {
		if r.Rule == rule {
			return r.Counts["drop"].Packets
		}
	}
	t.Fatalf("no rule %s", rule)
	return 0
}

// TestNeighboursLie: the bare victim believes whoever claims the gateway. Behind lan.yaml
// as it comes, enforced, it does not: the gateway was learnt. The gateway itself is
// believed, and what it says is not dropped.
func TestNeighboursLie(t *testing.T) {
	for _, mode := range []string{"bare", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			var shield Shield
			var engine *guarder.Engine
			if mode == "enforce" {
				shield = lanEnforced(t, "192.0.2.254", "fe80::fe", "02:00:5e:10:00:fe", &engine)
			}
			s := newStreet(t, shield)
			var lies uint64
			for _, c := range claims {
				s.settle(t, c.family)
				if mode == "bare" && !s.convinces(t, c, liar) {
					t.Errorf("%s of a liar is not believed", c.name)
				}
				if mode == "enforce" {
					s.injectAs(t, c.frame(s, liar))
					lies++
				}
				if got := s.believed(t, c.family); mode == "enforce" && got != s.address[0] {
					t.Errorf("%s of a liar: the gateway is %v", c.name, net.HardwareAddr(got[:]))
				}
				if !s.convinces(t, c, s.address[0]) {
					t.Errorf("%s of the gateway is not believed", c.name)
				}
				if got := s.dropped(); got != lies {
					t.Errorf("%s: %d packets are dropped by now, want %d", c.name, got, lies)
				}
			}
			if mode == "enforce" && (droppedBy(t, engine, "arp-gateway") != 3 || droppedBy(t, engine, "nd-gateway") != 2) {
				t.Errorf("dropped %d by arp-gateway, %d by nd-gateway", droppedBy(t, engine, "arp-gateway"), droppedBy(t, engine, "nd-gateway"))
			}
		})
	}
}

// TestFailover: a stand-in whose MAC address is written down takes the gateway over at
// once, and its announcements are counted.
func TestFailover(t *testing.T) {
	var engine *guarder.Engine
	// Those of the router in every scene.
	shield := lanEnforced(t, "198.18.1.1", "2001:db8:1::1", net.HardwareAddr(standIn[:]).String()+`", "02:00:00:00:00:01`, &engine)
	s := newStreet(t, shield)
	for _, c := range claims {
		s.settle(t, c.family)
		if !s.convinces(t, c, standIn) {
			t.Errorf("%s of the stand-in is not believed", c.name)
		}
	}
	if got := s.dropped(); got != 0 {
		t.Errorf("%d packets are dropped, want 0", got)
	}
	status, err := engine.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range status.Rules {
		if n := r.Counts["count"].Packets; r.Rule == "arp-announced" && n == 0 {
			t.Error("no announcement is counted")
		}
	}
}

// convinces tells whether the victim believes a claim. It is repeated, as Linux takes no
// second answer within the same tick of its clock (arp_process in net/ipv4/arp.c).
func (s street) convinces(t *testing.T, c claim, mac [6]byte) bool {
	t.Helper()
	for end := time.Now().Add(testnet.Margin(5 * time.Second)); time.Now().Before(end); {
		s.injectAs(t, c.frame(s, mac))
		if s.believed(t, c.family) == mac {
			return true
		}
	}
	return false
}

// injectAs sends a frame as it is to the victim, and waits until that has handled it.
func (s street) injectAs(t *testing.T, f packet.Frame) {
	t.Helper()
	f.DestinationMAC = s.address[1]
	s.injectBytes(t, f.Bytes())
}

// TestRoguesAdvertise: a rogue router gives the bare victim a second default route, and
// takes the first one away in the name of its router. Behind lan.yaml, where the router is
// written down, it does neither; the router's own advertisements are heard.
func TestRoguesAdvertise(t *testing.T) {
	const router = "02:00:5e:10:00:fe"
	routerMAC := [6]byte{2, 0, 0x5e, 0x10, 0, 0xfe}
	pretend := func(mac, told [6]byte, from netip.Addr, word uint32) packet.Frame {
		return nd(mac, from, allNodes, packet.Message{Type: 134, MTU: word}, append(make([]byte, 8), linkAddress(1, told)...)...)
	}
	advertise := func(mac [6]byte, from netip.Addr, word uint32) packet.Frame { return pretend(mac, mac, from, word) }
	for _, mode := range []string{"bare", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			var shield Shield
			var engine *guarder.Engine
			if mode == "enforce" {
				shield = lanEnforced(t, "192.0.2.254", trueRouter.String(), router, &engine)
			}
			s := newStreet(t, shield)
			expect := func(what string, bare, shielded []string) {
				t.Helper()
				want := bare
				if mode == "enforce" {
					want = shielded
				}
				if got := s.routers(t); strings.Join(got, " ") != strings.Join(want, " ") {
					t.Errorf("%s: the routers are %v, want %v", what, got, want)
				}
			}
			truly, both := []string{"fe80::fe"}, []string{"fe80::fe", "fe80::66"}
			s.injectAs(t, advertise(routerMAC, trueRouter, halfAnHour))
			expect("the router advertises itself", truly, truly)
			s.injectAs(t, pretend(liar, routerMAC, trueRouter, routerGone))
			expect("a rogue takes the router away, and tells the router's own address", nil, truly)
			s.injectAs(t, advertise(routerMAC, trueRouter, halfAnHour))
			expect("the router advertises itself again", truly, truly)
			s.injectAs(t, advertise(liar, rogueRouter, halfAnHour))
			expect("a rogue advertises itself", both, truly)
			s.injectAs(t, advertise(liar, trueRouter, routerGone))
			expect("a rogue takes the router away", both[1:], truly)
			far := advertise(liar, rogueRouter, halfAnHour)
			far.TTL = 254
			s.injectAs(t, far)
			expect("a rogue behind a router", both[1:], truly)
			if mode == "bare" {
				return
			}
			for rule, want := range map[string]uint64{"rogue-router": 1, "nd-gateway": 2, "nd-from-afar": 1} {
				if got := droppedBy(t, engine, rule); got != want {
					t.Errorf("%s dropped %d, want %d", rule, got, want)
				}
			}
		})
	}
}
