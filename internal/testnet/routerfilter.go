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

// A Direction is one of a Path.
type Direction int

// The directions.
const (
	ToDest Direction = iota
	ToHost
)

// Silence drops the router's own errors that a TTL ended.
func (r *Router) Silence(t testing.TB) *Dropper {
	t.Helper()
	return r.play(t, "silence", nftables.ChainHookOutput, func(f Family) []expr.Any {
		return append(icmpOf(f, timeExceeded), drop...)
	})
}

// LimitErrors drops the router's own errors that a TTL ended, but for so many per second
// after a burst, in each family.
func (r *Router) LimitErrors(t testing.TB, perSecond uint64, burst uint32) *Dropper {
	t.Helper()
	return r.play(t, "limit", nftables.ChainHookOutput, func(f Family) []expr.Any {
		over := &expr.Limit{Type: expr.LimitTypePkts, Rate: perSecond, Unit: expr.LimitTimeSecond, Burst: burst, Over: true}
		return append(append(icmpOf(f, timeExceeded), over), drop...)
	})
}

// HideMTU drops the router's own errors that a packet is too big.
func (r *Router) HideMTU(t testing.TB) *Dropper {
	t.Helper()
	return r.play(t, "mtu", nftables.ChainHookOutput, func(f Family) []expr.Any {
		return append(icmpOf(f, tooBig), drop...)
	})
}

// LoseForwarded drops a random share, in percent, of what the router forwards in a
// direction. What it sends itself is not forwarded.
func (r *Router) LoseForwarded(t testing.TB, percent uint32, to Direction) *Dropper {
	t.Helper()
	return r.play(t, fmt.Sprintf("lose-%d", to), nftables.ChainHookForward, func(f Family) []expr.Any {
		return append(append(r.path.heading(f, to),
			&expr.Numgen{Register: 1, Type: unix.NFT_NG_RANDOM, Modulus: 100},
			// Comparisons of order take the bytes in network order.
			&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
			&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: binary.BigEndian.AppendUint32(nil, percent)},
		), drop...)
	})
}

// Reject answers what the router would forward to the destination with
// "administratively prohibited".
func (r *Router) Reject(t testing.TB) *Dropper {
	t.Helper()
	return r.play(t, "reject", nftables.ChainHookForward, func(f Family) []expr.Any {
		return append(r.path.heading(f, ToDest), &expr.Counter{},
			&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED})
	})
}

// Masquerade makes the router a NAT: what it forwards to the destination gets the
// address of the device that it leaves by. The next router then answers that address, and
// from its own on the same link.
func (r *Router) Masquerade(t testing.TB) *Dropper {
	t.Helper()
	return r.play(t, "nat", nftables.ChainHookPostrouting, func(f Family) []expr.Any {
		return append(r.path.heading(f, ToDest), &expr.Counter{}, &expr.Masq{})
	})
}

var drop = []expr.Any{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}}

// play adds a chain with a rule for each family. The counter of the returned Dropper is
// that of IPv4.
func (r *Router) play(t testing.TB, name string, hook *nftables.ChainHook, rule func(Family) []expr.Any) *Dropper {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(int(r.fd)))
	if err != nil {
		t.Fatalf("open nftables in %q: %v", r.Name, err)
	}
	chain := &nftables.Chain{Name: name, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter}
	if hook == nftables.ChainHookPostrouting {
		chain.Type, chain.Priority = nftables.ChainTypeNAT, nftables.ChainPriorityNATSource
	}
	d := &Dropper{conn: conn}
	d.table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "testnet"})
	chain.Table = d.table
	d.chain = conn.AddChain(chain)
	for _, f := range Families {
		conn.AddRule(&nftables.Rule{Table: d.table, Chain: d.chain, Exprs: rule(f)})
	}
	if err := conn.Flush(); err != nil {
		t.Fatalf("add nftables rule %q in %q: %v", name, r.Name, err)
	}
	return d
}

// An icmpError is type and code of an error in IPv4, and its type in IPv6.
type icmpError struct{ v4, v4code, v6 int }

var (
	timeExceeded = icmpError{v4: 11, v4code: 0, v6: 3}
	tooBig       = icmpError{v4: 3, v4code: 4, v6: 2}
)

// icmpOf matches errors in a family. They have code 0 in IPv6.
func icmpOf(f Family, e icmpError) []expr.Any {
	protocol, want := byte(unix.IPPROTO_ICMP), []byte{byte(e.v4), byte(e.v4code)}
	if f == IPv6 {
		protocol, want = unix.IPPROTO_ICMPV6, []byte{byte(e.v6), 0}
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: want},
	}
}

// heading matches packets of a family that go to an end of the path.
func (p *Path) heading(f Family, to Direction) []expr.Any {
	end := p.Dest
	if to == ToHost {
		end = p.Host
	}
	family, offset := byte(unix.NFPROTO_IPV4), uint32(16)
	if f == IPv6 {
		family, offset = unix.NFPROTO_IPV6, 24
	}
	addr := end.Addr(f).AsSlice()
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(len(addr))},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: addr},
	}
}
