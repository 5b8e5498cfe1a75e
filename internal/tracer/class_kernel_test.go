//go:build linux && kernel

package tracer

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/packetscope/packetscope/internal/testnet"
)

// TestTrafficClassIsNoOtherPacket has a router mark what it forwards, as it does against
// congestion.
func TestTrafficClassIsNoOtherPacket(t *testing.T) {
	n := testnet.NewRouted(t)
	n.Router.Do(t, func() {
		conn, err := nftables.New()
		if err != nil {
			t.Error(err)
			return
		}
		table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv6, Name: "mark"})
		chain := conn.AddChain(&nftables.Chain{
			Name: "forward", Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityMangle,
		})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 0, Len: 2},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 2, Mask: []byte{0xf0, 0x0f}, Xor: []byte{0x0b, 0x80}},
			&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 0, Len: 2},
		}})
		if err := conn.Flush(); err != nil {
			t.Error(err)
		}
	})
	packets := trace(t, n, "udp", func() error { return testnet.SendUDP(n.Left, n.Right, testnet.IPv6, 3, 64) })
	if len(packets) != 3 {
		t.Errorf("%d packets, 3 were sent", len(packets))
	}
	for _, p := range packets {
		first, last := p.Events[0].Frame, p.Events[len(p.Events)-1].Frame
		if first[14] == last[14] && first[15] == last[15] {
			t.Errorf("packet %d was not marked: % x", p.Number, last[14:18])
		}
	}
}

// TestTagsAreThoseOfThePacket has tags put on where packets leave and taken off where they arrive.
func TestTagsAreThoseOfThePacket(t *testing.T) {
	n := testnet.New(t)
	n.Left.Tag(t, 7)
	n.Right.Tag(t, 7)
	packets := trace(t, n, "udp or (vlan and udp)", func() error { return datagram(t, n.Left, netip.AddrPortFrom(n.Right.V4, 9), 100) })
	// The tag takes room in front of the frame, which means another buffer if there is none.
	if len(packets) == 0 || len(packets) > 2 {
		t.Fatalf("%d packets, 1 was sent", len(packets))
	}
	p := packets[len(packets)-1]
	ends(t, p, Dropped, "NO_SOCKET", "udp_sendmsg", "veth_xmit", "process_backlog")
	at := slices.Index(hooksOf(p), "net_dev_start_xmit")
	if at < 0 {
		t.Fatalf("it was seen at %v", hooksOf(p))
	}
	tagged, last := p.Events[at], p.Events[len(p.Events)-1]
	if want := "\x81\x00\x00\x07\x08\x00\x45"; !strings.HasPrefix(string(tagged.Frame[12:]), want) || tagged.Length != 14+4+20+8+100 {
		t.Errorf("the driver gets %d bytes, % x", tagged.Length, tagged.Frame)
	}
	if want := "\x08\x00\x45"; !strings.HasPrefix(string(last.Frame[12:]), want) || last.Length != 14+20+8+100 {
		t.Errorf("at the end it has %d bytes, % x", last.Length, last.Frame)
	}
}
