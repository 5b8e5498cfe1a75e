//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A rule says what a [filter] drops.
type rule struct {
	// protocol is IPPROTO_TCP or IPPROTO_UDP.
	protocol byte
	// from is the source port, or port the destination port; the other is 0.
	from, port uint16
	// oneIn is 0 to drop everything, or n to drop one in n at random.
	oneIn uint32
}

// exprs returns the rule as nftables has it.
func (r rule) exprs() []expr.Any {
	offset, port := uint32(0), r.from
	if r.port != 0 {
		offset, port = 2, r.port
	}
	exprs := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{r.protocol}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
	}
	if r.oneIn > 0 {
		exprs = append(exprs,
			&expr.Numgen{Register: 1, Type: unix.NFT_NG_RANDOM, Modulus: r.oneIn},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: make([]byte, 4)})
	}
	return append(exprs, &expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop})
}

// A filter drops packets that arrive in this network namespace. The zero filter
// has no rules.
type filter struct {
	mu    sync.Mutex
	table *nftables.Table
	chain *nftables.Chain
}

// drop adds a rule. It needs CAP_NET_ADMIN and nf_tables (Linux 3.14).
func (f *filter) drop(r rule) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	if f.table == nil {
		f.table = &nftables.Table{Family: nftables.TableFamilyINet, Name: "packetscope-demo"}
		f.chain = &nftables.Chain{Name: "faults", Table: f.table, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter}
	}
	conn.AddTable(f.table)
	conn.AddChain(f.chain)
	conn.AddRule(&nftables.Rule{Table: f.table, Chain: f.chain, Exprs: r.exprs()})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("add a firewall rule: %w (needs CAP_NET_ADMIN and nf_tables)", err)
	}
	return nil
}
