//go:build linux

package testnet

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Publish has the namespace hand connections of TCP to a port of its own on to another
// address, as the published ports of containers are (DNAT). It lasts as long as the
// namespace.
func (ns *Namespace) Publish(t testing.TB, port uint16, to netip.AddrPort) {
	t.Helper()
	family, bytes := byte(unix.NFPROTO_IPV4), 4
	if to.Addr().Is6() {
		family, bytes = unix.NFPROTO_IPV6, 16
	}
	ns.translate(t, "publish", nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest,
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: uint32(ToPort), Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
		&expr.Immediate{Register: 1, Data: to.Addr().AsSlice()[:bytes]},
		&expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, to.Port())},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(family), RegAddrMin: 1, RegProtoMin: 2},
	)
}

// Masquerade gives what the namespace forwards through its device the device's address. It
// lasts as long as the namespace.
func (ns *Namespace) Masquerade(t testing.TB) {
	t.Helper()
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, ns.Device)
	ns.translate(t, "masquerade", nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource,
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: name},
		&expr.Masq{},
	)
}

func (ns *Namespace) translate(t testing.TB, name string, hook *nftables.ChainHook, priority *nftables.ChainPriority, what ...expr.Any) {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns.fd)))
	if err != nil {
		t.Fatalf("open nftables in %q: %v", ns.Name, err)
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "translate"})
	chain := conn.AddChain(&nftables.Chain{Name: name, Table: table, Type: nftables.ChainTypeNAT, Hooknum: hook, Priority: priority})
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: what})
	if err := conn.Flush(); err != nil {
		t.Fatalf("%s in %q: %v (needs nf_tables with chains for address translation)", name, ns.Name, err)
	}
}
