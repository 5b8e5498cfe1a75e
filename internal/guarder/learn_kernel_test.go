//go:build kernel && linux

package guarder

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// locking enforces what the gateways are bound to, and knows none but by learning.
const locking = `version: 1
defaults: {mode: enforce, interfaces: [DEVICE]}
sets:
  gateways: {type: ip-mac, learn: true}
groups:
- name: lan
  stage: guard
  rules:
  - {rule: arp-gateway, match: {arp: {sender: {conflicts_with: gateways}}}, action: drop}
  - {rule: nd-gateway, match: {nd: {sender: {conflicts_with: gateways}}}, action: drop}
  - {rule: rogue-router, match: {icmp: {class: router-advert}, not: {src_set: gateways}}, action: drop}
`

// A lane is a host with a gateway, and somebody else on the link.
type lane struct {
	*lab
	wire    *testnet.Wire
	gateway map[testnet.Family]netip.Addr
	right   MAC
	wrong   MAC
}

func newLane(t *testing.T) *lane {
	t.Helper()
	l := &lane{lab: newRealLab(t), wrong: MAC{2, 0, 0, 0, 0, 0x66}}
	n := l.net
	l.gateway = map[testnet.Family]netip.Addr{testnet.IPv4: n.Left.V4, testnet.IPv6: n.Left.V6}
	n.Left.Do(t, func() {
		link, err := netlink.LinkByName(n.Left.Device)
		if err != nil {
			t.Fatal(err)
		}
		copy(l.right[:], link.Attrs().HardwareAddr)
	})
	n.Right.Do(t, func() {
		for _, to := range l.gateway {
			if err := netlink.RouteAdd(&netlink.Route{Gw: to.AsSlice()}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err := os.WriteFile(l.file, []byte(strings.ReplaceAll(locking, "DEVICE", n.Right.Device)), 0o600); err != nil {
		t.Fatal(err)
	}
	l.wire = n.Left.Wire(t)
	return l
}

// neighbour has the kernel believe that an address has a MAC address.
func (l *lane) neighbour(t *testing.T, ip netip.Addr, mac MAC) {
	t.Helper()
	l.net.Right.Do(t, func() {
		link, err := netlink.LinkByName(l.net.Right.Device)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, IP: ip.AsSlice(), HardwareAddr: net.HardwareAddr(mac[:]), State: netlink.NUD_PERMANENT}); err != nil {
			t.Fatal(err)
		}
	})
}

// eventually waits until what is known of the set "gateways" is as it should be.
func (l *lane) eventually(t *testing.T, e *Engine, what string, is func(LearningStatus) bool) {
	t.Helper()
	var last Status
	for deadline := time.Now().Add(testnet.Margin(30 * time.Second)); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var err error
		if last, err = e.Status(); err != nil {
			t.Fatal(err)
		}
		if len(last.Learning) == 1 && is(last.Learning[0]) {
			return
		}
	}
	t.Fatalf("%s: never, it is %+v", what, last.Learning)
}

// bound tells which MAC address an address has in a status, and which instead.
func bound(s LearningStatus, ip netip.Addr) (mac MAC, other *MAC) {
	for _, b := range s.Bound {
		if b.IP == ip {
			return b.MAC, b.Other
		}
	}
	return mac, nil
}

// lies sends what claims the gateways for somebody else, and announces another router.
func (l *lane) lies(t *testing.T, mac MAC) map[string]uint64 {
	t.Helper()
	six := packet.Frame{SourceMAC: mac, Source: l.gateway[testnet.IPv6], Destination: netip.MustParseAddr("ff02::1"), TTL: 255, Protocol: packet.ICMPv6}
	advert, router, rogue := six, six, six
	advert.ICMP = &packet.Message{Type: 136, Target: l.gateway[testnet.IPv6]}
	router.ICMP, router.Payload = &packet.Message{Type: 134}, make([]byte, 8)
	rogue.ICMP, rogue.Payload, rogue.Source = router.ICMP, router.Payload, netip.MustParseAddr("fe80::66")
	for _, f := range []packet.Frame{
		{SourceMAC: mac, ARP: &packet.ARP{Operation: 2, SenderMAC: mac, SenderIP: l.gateway[testnet.IPv4], TargetIP: l.net.Right.V4}},
		advert, router, rogue,
	} {
		f.DestinationMAC = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		if err := l.wire.Send(f.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]uint64{"arp-gateway": 1, "nd-gateway": 2, "rogue-router": 1}
}

// TestGatewaysAreLearntAndLocked: what the kernel says of the gateways first is in force
// from the start, whatever it says later, and over a restart; until it is unlocked.
func TestGatewaysAreLearntAndLocked(t *testing.T) {
	l := newLane(t)
	e := l.start(t)
	both := func(mac MAC) func(LearningStatus) bool {
		return func(s LearningStatus) bool {
			v4, _ := bound(s, l.gateway[testnet.IPv4])
			v6, _ := bound(s, l.gateway[testnet.IPv6])
			return v4 == mac && v6 == mac && len(s.Waiting) == 0
		}
	}
	l.eventually(t, e, "both are bound", both(l.right))
	want := l.lies(t, l.wrong)
	l.dropped(t, e, want)

	v4 := l.gateway[testnet.IPv4]
	l.neighbour(t, v4, l.wrong)
	l.eventually(t, e, "the change is seen", func(s LearningStatus) bool {
		mac, other := bound(s, v4)
		return s.Changes == 1 && mac == l.right && other != nil && *other == l.wrong
	})
	e.Close()
	e = l.start(t)
	l.eventually(t, e, "both are bound as before", both(l.right))
	l.lies(t, l.wrong)
	for rule := range want {
		want[rule] *= 2
	}
	l.dropped(t, e, want)

	var err error
	l.net.Right.Do(t, func() { err = e.Unlock(Unlocking{IP: v4}) })
	if err != nil {
		t.Fatal(err)
	}
	l.eventually(t, e, "the next MAC address is learnt", func(s LearningStatus) bool {
		mac, other := bound(s, v4)
		return mac == l.wrong && other == nil
	})
	l.lies(t, l.wrong)
	want["nd-gateway"] += 2
	want["rogue-router"]++
	l.dropped(t, e, want)
}

func (l *lane) start(t *testing.T) *Engine {
	t.Helper()
	var e *Engine
	var err error
	l.net.Right.Do(t, func() { e, err = Open(l.config, quiet) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// dropped waits until the rules have dropped so many packets, and no more.
func (l *lane) dropped(t *testing.T, e *Engine, want map[string]uint64) {
	t.Helper()
	var got map[string]uint64
	for deadline := time.Now().Add(testnet.Margin(10 * time.Second)); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		s, err := e.Status()
		if err != nil {
			t.Fatal(err)
		}
		got = map[string]uint64{}
		same := true
		for _, r := range s.Rules {
			got[r.Rule] = r.Counts["drop"].Packets
			same = same && got[r.Rule] == want[r.Rule]
		}
		if same {
			return
		}
	}
	t.Fatalf("dropped %v, want %v", got, want)
}

// TestGatewayThatAppearsIsLearnt: one that is not known at the start is learnt from the
// change of the neighbour table, not at the next look at all of it.
func TestGatewayThatAppearsIsLearnt(t *testing.T) {
	l := newLane(t)
	v4 := l.gateway[testnet.IPv4]
	l.net.Right.Do(t, func() {
		link, err := netlink.LinkByName(l.net.Right.Device)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.NeighDel(&netlink.Neigh{LinkIndex: link.Attrs().Index, IP: v4.AsSlice()}); err != nil {
			t.Fatal(err)
		}
	})
	e := l.start(t)
	l.eventually(t, e, "it is waited for", func(s LearningStatus) bool { return len(s.Waiting) == 1 && s.Waiting[0] == v4 })
	l.neighbour(t, v4, l.right)
	l.eventually(t, e, "it is bound", func(s LearningStatus) bool {
		mac, _ := bound(s, v4)
		return mac == l.right && len(s.Waiting) == 0
	})
	l.lies(t, l.wrong)
	l.dropped(t, e, map[string]uint64{"arp-gateway": 1, "nd-gateway": 2, "rogue-router": 1})
}
