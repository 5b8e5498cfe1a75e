//go:build bench

package bench

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// udpFloods are how a flood of UDP is sent.
var udpFloods = []struct{ sources, program string }{
	{"one", "bench_send"}, {"8,192", "bench_send_trace"}, {"forged", "bench_send_forged"},
}

// limitLive sends floods over wires whose ends limit each source.
func limitLive(t *testing.T) section {
	rows := table{{"sources", "barrier", "ns per packet", "the limit adds", "of without"}}
	for _, f := range udpFloods {
		var trace func(*barrier) []packet.Frame
		if f.program == "bench_send_trace" {
			trace = func(*barrier) []packet.Frame { return manySources(datagram()) }
		}
		barriers := []*barrier{
			newBarrierTo(t, "Guarder, drop all", f.program, trace), newBarrierTo(t, "Guarder, limit per src, then drop all", f.program, trace),
			newBarrierTo(t, "nftables, drop all", f.program, trace), newBarrierTo(t, "nftables, meter per ip saddr, then drop all", f.program, trace),
		}
		barriers[0].guard(t, limitPolicy(t, ""), compile.LoadOptions{})
		barriers[1].guard(t, limitPolicy(t, "{per: src, rate: 10/s, burst: 20}", "{rule: rest, match: {proto: udp, dst_port: 7}, action: drop}"), compile.LoadOptions{})
		barriers[2].meter(t, false)
		barriers[3].meter(t, true)
		all := make([][]float64, len(barriers))
		for range *rounds {
			for i, b := range barriers {
				all[i] = append(all[i], b.perPacket(t, *slice))
			}
		}
		for i, b := range barriers {
			row := []string{f.sources, b.name, spreadOf(slices.Clone(all[i])).text(0), "", ""}
			if i%2 == 1 {
				row[3] = pairs(all[i], all[i-1], func(with, without float64) float64 { return with - without }).text(0)
				row[4] = pairs(all[i], all[i-1], func(with, without float64) float64 { return with / without }).text(2)
			}
			rows = append(rows, row)
		}
	}
	return section{
		title: "Guarder: limits on packets that arrive, beside meters of nftables",
		text: `Live frames of BPF_PROG_TEST_RUN, each sent over a veth pair to a barrier: the CPU time of the whole way of a packet,
that of its sender included, which differs by sources. Each source may send 10 packets per second, 20 at once; a second rule drops what is
within that, so that no packet gets past any barrier. Guarder is in native XDP; nftables on the ingress hook of a device that has no
XDP program and receives by NAPI, with a set of 65,536 addresses that are forgotten after a minute. When that is
full it counts nobody else and the packet is left to the second rule; Guarder has 65,536 buckets and a sketch before
them, so that forged sources push out each other.`,
		table: rows,
	}
}

// pairs returns the spread of f over rounds of two barriers.
func pairs(a, b []float64, f func(a, b float64) float64) spread {
	var values []float64
	for i := range a {
		values = append(values, f(a[i], b[i]))
	}
	return spreadOf(values)
}

// manySources returns a trace of packets that differ in their source.
func manySources(f packet.Frame) []packet.Frame {
	trace := make([]packet.Frame, guardTrace)
	for i := range trace {
		trace[i] = f
		var b [4]byte
		// None is a group, or anybody's on the wire.
		binary.BigEndian.PutUint32(b[:], 0x64400000|uint32(i)*37) // 100.64.0.0/10
		trace[i].Source = netip.AddrFrom4(b)
	}
	return trace
}

// meter drops a port of UDP by nftables, with a rule before that which counts sources.
func (b *barrier) meter(t *testing.T, counts bool) {
	conn, table, chain := b.ingress(t)
	const port = 7
	match := func(more ...expr.Any) []expr.Any {
		return append([]expr.Any{
			&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{8, 0}},
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{0, port}},
		}, append(more, &expr.Verdict{Kind: expr.VerdictDrop})...)
	}
	if counts {
		set := &nftables.Set{
			Table: table, Name: "meter", KeyType: nftables.TypeIPAddr, Dynamic: true,
			HasTimeout: true, Timeout: time.Minute, Size: uint32(bpf.GuardBucketSets * bpf.GuardBucketWays),
		}
		if err := conn.AddSet(set, nil); err != nil {
			t.Fatal(err)
		}
		const update = 1 // NFT_DYNSET_OP_UPDATE
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: match(
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
			&expr.Dynset{SrcRegKey: 1, SetName: set.Name, SetID: set.ID, Operation: update, Exprs: []expr.Any{
				&expr.Limit{Type: expr.LimitTypePkts, Rate: 10, Over: true, Unit: expr.LimitTimeSecond, Burst: 20},
			}},
		)})
	}
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: match()})
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
}
