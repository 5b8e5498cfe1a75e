//go:build linux

package testnet

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A Dropper is a netfilter rule that drops what it matches, or does else to it what made
// it says.
type Dropper struct {
	conn  *nftables.Conn
	table *nftables.Table
	chain *nftables.Chain
}

// DropUDP makes the namespace drop UDP datagrams to a port, of both families, on
// their way to a local socket (hook input). It lasts as long as the namespace.
func (ns *Namespace) DropUDP(t testing.TB, port uint16) *Dropper {
	t.Helper()
	return ns.dropUDP(t, port, nftables.ChainHookInput)
}

// DropUDPBefore is DropUDP at another hook: "prerouting", "forward", "output" or
// "postrouting".
func (ns *Namespace) DropUDPBefore(t testing.TB, hook string, port uint16) *Dropper {
	t.Helper()
	hooks := map[string]*nftables.ChainHook{
		"prerouting": nftables.ChainHookPrerouting, "forward": nftables.ChainHookForward,
		"output": nftables.ChainHookOutput, "postrouting": nftables.ChainHookPostrouting,
	}
	return ns.dropUDP(t, port, hooks[hook])
}

// PoliceUDP is DropUDP for what is beyond a rate of burst datagrams in a day.
func (ns *Namespace) PoliceUDP(t testing.TB, port uint16, burst uint32) *Dropper {
	t.Helper()
	return ns.dropUDP(t, port, nftables.ChainHookInput,
		&expr.Limit{Type: expr.LimitTypePkts, Rate: 1, Unit: expr.LimitTimeDay, Burst: burst, Over: true})
}

// dropUDP drops what fits the port and the further expressions.
func (ns *Namespace) dropUDP(t testing.TB, port uint16, hook *nftables.ChainHook, more ...expr.Any) *Dropper {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns.fd)))
	if err != nil {
		t.Fatalf("open nftables in %q: %v", ns.Name, err)
	}
	d := &Dropper{conn: conn}
	d.table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "testnet"})
	d.chain = conn.AddChain(&nftables.Chain{
		Name:     fmt.Sprintf("udp-%d", port), // its own, so that Packets finds its own rule
		Table:    d.table,
		Type:     nftables.ChainTypeFilter,
		Hooknum:  hook,
		Priority: nftables.ChainPriorityFilter,
	})
	exprs := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
	}
	exprs = append(append(exprs, more...), &expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop})
	conn.AddRule(&nftables.Rule{Table: d.table, Chain: d.chain, Exprs: exprs})
	if err := conn.Flush(); err != nil {
		t.Fatalf("drop UDP port %d in %q: %v (needs nf_tables with inet tables, Linux 3.14)", port, ns.Name, err)
	}
	return d
}

// Packets returns how many packets the rule has dropped.
func (d *Dropper) Packets(t testing.TB) uint64 {
	t.Helper()
	rules, err := d.conn.GetRules(d.table, d.chain)
	if err != nil {
		t.Fatalf("read nftables rules: %v", err)
	}
	for _, rule := range rules {
		for _, e := range rule.Exprs {
			if counter, ok := e.(*expr.Counter); ok {
				return counter.Packets
			}
		}
	}
	t.Fatal("the nftables rule has no counter")
	return 0
}
