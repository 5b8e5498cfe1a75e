//go:build kernel && linux

package compile

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestKeptPacketsPassForTheirTime has a policy that drops everything, and packets of
// which one thing after the other is kept.
func TestKeptPacketsPassForTheirTime(t *testing.T) {
	p := policy.Policy{
		Rules: []policy.Rule{{Stage: policy.PolicyRule, Match: policy.All{}, Action: policy.Drop, Mode: policy.Enforce}},
		Life:  policy.Life{KeepEstablished: true, ProtectApplier: time.Minute},
	}
	tables, err := Compile(&p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const segment, syn, datagram, arp = "segment", "SYN", "datagram", "ARP request"
	peer, host := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("192.0.2.10")
	tcp := packet.Frame{Source: peer, Destination: host, Protocol: packet.TCP, SourcePort: 50000, DestinationPort: 22, Flags: 0x10}
	opening, udp := tcp, tcp
	opening.Flags, udp.Protocol = 0x02, packet.UDP
	frames := map[string][]byte{
		segment: tcp.Bytes(), syn: opening.Bytes(), datagram: udp.Bytes(),
		arp: (&packet.Frame{ARP: &packet.ARP{Operation: 1, SenderIP: peer, TargetIP: host}}).Bytes(),
	}
	connection := ConnectionKey(policy.Connection{Local: netip.AddrPortFrom(host, 22), Remote: netip.AddrPortFrom(peer, 50000)})
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	past, future := uint64(now.Nano())-1, uint64(now.Nano())+uint64(time.Hour)
	for _, c := range []struct {
		claim string
		key   bpf.GuardKept
		until uint64
		pass  map[string]bool
	}{
		{"a connection", connection, 0, map[string]bool{segment: true}},
		{"a connection for a time", connection, future, map[string]bool{segment: true}},
		{"a connection whose time is over", connection, past, nil},
		{"a peer", PeerKey(peer), future, map[string]bool{segment: true, syn: true, datagram: true}},
		{"a peer whose time is over", PeerKey(peer), past, nil},
		{"somebody else", PeerKey(host), future, nil},
	} {
		g := loaded(t, tables, LoadOptions{})
		put(t, g.Map(MapKept), c.key, c.until)
		for name, frame := range frames {
			const xdpPass = 2
			verdict, err := g.Program.Run(&ebpf.RunOptions{Data: frame})
			if got := verdict == xdpPass; err != nil || got != c.pass[name] {
				t.Errorf("%s: a %s passes: %v, want %v (%v)", c.claim, name, got, c.pass[name], err)
			}
		}
		var total []bpf.GuardCount
		if err := g.Map(MapTotals).Lookup(uint32(bpf.GuardTotalKept), &total); err != nil {
			t.Fatal(err)
		}
		var kept uint64
		for _, n := range total {
			kept += n.Packets
		}
		if kept != uint64(len(c.pass)) {
			t.Errorf("%s: %d packets are counted as kept, want %d", c.claim, kept, len(c.pass))
		}
		g.Close()
	}
}
