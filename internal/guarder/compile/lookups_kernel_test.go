//go:build kernel && linux

package compile

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// TestSocketsAreLookedUpOnce counts the lookups of rules that ask for sockets in several
// ways, and of those that something else decides.
func TestSocketsAreLookedUpOnce(t *testing.T) {
	n := testnet.New(t)
	own, remote := n.Left.V4, n.Right.V4
	drop := func(match policy.Expr) policy.Rule {
		return policy.Rule{Match: match, Action: policy.Drop, Mode: policy.Audit}
	}
	none := policy.Socket{States: policy.SocketNone}
	long := policy.Number{Of: policy.Length, Ranges: []policy.Range{{Low: 1000, High: 1500}}}
	tcp := packet.Frame{Source: remote, Destination: own, Protocol: packet.TCP, SourcePort: 7, DestinationPort: 99, Flags: 16}
	quoted := packet.Frame{Source: own, Destination: remote, Protocol: packet.UDP, SourcePort: 99, DestinationPort: 7}
	about := packet.Frame{Source: remote, Destination: own, Protocol: packet.ICMPv4, ICMP: &packet.Message{Type: 3, Quoted: &quoted}}
	foreign := tcp
	foreign.Destination = own.Next().Next()
	for _, c := range []struct {
		name  string
		frame packet.Frame
		rules []policy.Rule
		blind bool
		want  map[bpf.GuardSocket]uint64
	}{
		{"no rule about sockets", tcp, []policy.Rule{drop(policy.Protocols{packet.TCP})}, false, nil},
		{"three rules", tcp, []policy.Rule{
			drop(policy.Socket{States: policy.SocketListen}), drop(policy.Sequence{Is: policy.OutOfWindow}), drop(policy.Not{Of: none}),
		}, false, map[bpf.GuardSocket]uint64{bpf.GuardSocketNone: 1}},
		{"another protocol", tcp, []policy.Rule{drop(policy.All{policy.Protocols{packet.UDP}, none})}, false, nil},
		{"another length", tcp, []policy.Rule{drop(policy.All{none, long})}, false, nil},
		{"its length", tcp, []policy.Rule{drop(policy.All{none, policy.Not{Of: long}})}, false, map[bpf.GuardSocket]uint64{bpf.GuardSocketNone: 1}},
		{"a rule before it", tcp, []policy.Rule{
			{Match: policy.Protocols{packet.TCP}, Action: policy.Pass, Mode: policy.Enforce}, {Match: none, Action: policy.Drop, Mode: policy.Enforce},
		}, false, nil},
		{"a quoted packet", about, []policy.Rule{drop(none), drop(policy.Socket{Of: policy.Inner, States: policy.SocketNone})}, false, map[bpf.GuardSocket]uint64{bpf.GuardSocketNone: 1}},
		{"not own", foreign, []policy.Rule{drop(none)}, false, map[bpf.GuardSocket]uint64{bpf.GuardSocketUnknown: 1}},
		{"blind", tcp, []policy.Rule{drop(none)}, true, map[bpf.GuardSocket]uint64{bpf.GuardSocketUnknown: 1}},
	} {
		tables, err := Compile(&policy.Policy{Rules: c.rules}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		g := loaded(t, tables, LoadOptions{Own: []netip.Addr{own}, Sockets: !c.blind, Explain: true})
		n.Left.Do(t, func() { judge(t, g, c.frame.Bytes()) })
		for socket := range bpf.GuardSocket(bpf.GuardSockets) {
			if got := totalOf(t, g, bpf.GuardTotalSocket+bpf.GuardTotal(socket)); got != c.want[socket] {
				t.Errorf("%s: %d lookups with result %d, want %d", c.name, got, socket, c.want[socket])
			}
		}
		g.Close()
	}
}
