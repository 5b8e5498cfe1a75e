//go:build linux

package testnet

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A PortSide is an end of a TCP segment.
type PortSide uint32

// The ends, by the offset of their port in the header.
const (
	FromPort PortSide = 0
	ToPort   PortSide = 2
)

// DropTCP makes the namespace drop the TCP segments that come from or to a port, of
// both families, on their way to a local socket (hook input). It lasts as long as
// the namespace, or until Stop.
func (ns *Namespace) DropTCP(t testing.TB, side PortSide, port uint16) *Dropper {
	t.Helper()
	return ns.dropTCP(t, side, port, nil)
}

// RejectTCP is [Namespace.DropTCP] with the answer that the host cannot be reached
// (ICMP type 3 code 1, ICMPv6 type 1 code 3).
func (ns *Namespace) RejectTCP(t testing.TB, side PortSide, port uint16) *Dropper {
	t.Helper()
	return ns.dropTCP(t, side, port, []expr.Any{
		&expr.Counter{},
		&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_HOST_UNREACH},
	})
}

// DropFirst is [Namespace.DropTCP] for only the first segment of an IP length.
func (ns *Namespace) DropFirst(t testing.TB, side PortSide, port uint16, length uint32) *Dropper {
	t.Helper()
	return ns.dropTCP(t, side, port, []expr.Any{
		&expr.Meta{Key: expr.MetaKeyLEN, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.NativeEndian.AppendUint32(nil, length)},
		// Counts from 0 on, and will not come round.
		&expr.Numgen{Register: 1, Type: unix.NFT_NG_INCREMENTAL, Modulus: 1 << 30},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.NativeEndian.AppendUint32(nil, 0)},
	})
}

// DropShare is [Namespace.DropTCP] for a random share of the segments, in percent.
func (ns *Namespace) DropShare(t testing.TB, side PortSide, port uint16, percent uint32) *Dropper {
	t.Helper()
	return ns.dropTCP(t, side, port, []expr.Any{
		&expr.Numgen{Register: 1, Type: unix.NFT_NG_RANDOM, Modulus: 100},
		// Comparisons of order take the bytes in network order.
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: binary.BigEndian.AppendUint32(nil, percent)},
	})
}

func (ns *Namespace) dropTCP(t testing.TB, side PortSide, port uint16, also []expr.Any) *Dropper {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns.fd)))
	if err != nil {
		t.Fatalf("open nftables in %q: %v", ns.Name, err)
	}
	d := &Dropper{conn: conn}
	d.table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "testnet"})
	d.chain = conn.AddChain(&nftables.Chain{
		Name:     fmt.Sprintf("tcp-%d-%d", side, port),
		Table:    d.table,
		Type:     nftables.ChainTypeFilter,
		Hooknum:  nftables.ChainHookInput,
		Priority: nftables.ChainPriorityFilter,
	})
	exprs := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: uint32(side), Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
	}
	exprs = append(exprs, also...)
	conn.AddRule(&nftables.Rule{Table: d.table, Chain: d.chain, Exprs: append(exprs,
		&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop})})
	if err := conn.Flush(); err != nil {
		t.Fatalf("drop TCP port %d in %q: %v (needs nf_tables with inet tables and numgen)", port, ns.Name, err)
	}
	return d
}

// Stop ends the dropping.
func (d *Dropper) Stop(t testing.TB) {
	t.Helper()
	d.conn.DelChain(d.chain)
	if err := d.conn.Flush(); err != nil {
		t.Fatalf("remove nftables rule: %v", err)
	}
}

// OneSegmentEach makes the namespace's device take TCP segments one by one, so that a
// packet that is dropped is one segment.
func (ns *Namespace) OneSegmentEach(t testing.TB) {
	t.Helper()
	if err := ns.nl.LinkSetGSOMaxSegs(ns.link(t, ns.Device), 1); err != nil {
		t.Fatalf("limit segments of %q: %v", ns.Device, err)
	}
}

// Lose puts netem at the root of the namespace's device, so that a random share of
// its packets is lost, in percent. It skips like [Namespace.Delay].
func (ns *Namespace) Lose(t testing.TB, percent float32) {
	t.Helper()
	ns.addQdisc(t, "sch_netem", netlink.NewNetem(ns.root(t), netlink.NetemQdiscAttrs{Loss: percent}))
}
