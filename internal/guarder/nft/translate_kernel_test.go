//go:build kernel && linux

package nft

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

const register = 1

// compare returns the atom of a field: load puts it into the register.
func compare(load []expr.Any, op expr.CmpOp, data []byte) atom {
	opposite := map[expr.CmpOp]expr.CmpOp{expr.CmpOpEq: expr.CmpOpNeq, expr.CmpOpNeq: expr.CmpOpEq}[op]
	with := func(op expr.CmpOp) []expr.Any {
		return append(load[:len(load):len(load)], &expr.Cmp{Op: op, Register: register, Data: data})
	}
	return atom{with(op), with(opposite)}
}

// between is true of a big-endian field within two values.
func between(load []expr.Any, low, high []byte) atom {
	with := func(op expr.CmpOp) []expr.Any {
		return append(load[:len(load):len(load)], &expr.Range{Op: op, Register: register, FromData: low, ToData: high})
	}
	return atom{with(expr.CmpOpEq), with(expr.CmpOpNeq)}
}

func meta(key expr.MetaKey) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: register}}
}

func payload(base expr.PayloadBase, offset, size uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: register, Base: base, Offset: offset, Len: size}}
}

// masked keeps bits of what was loaded.
func masked(load []expr.Any, mask []byte) []expr.Any {
	return append(load, &expr.Bitwise{
		SourceRegister: register, DestRegister: register, Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask)),
	})
}

const (
	network   = expr.PayloadBaseNetworkHeader
	transport = expr.PayloadBaseTransportHeader
)

var (
	isIPv4 = compare(meta(expr.MetaKeyPROTOCOL), expr.CmpOpEq, []byte{0x08, 0x00})
	isIPv6 = compare(meta(expr.MetaKeyPROTOCOL), expr.CmpOpEq, []byte{0x86, 0xdd})
	// hasFragment is the presence of the extension header.
	hasFragment = compare([]expr.Any{&expr.Exthdr{DestRegister: register, Type: unix.IPPROTO_FRAGMENT, Len: 1, Flags: unix.NFT_EXTHDR_F_PRESENT, Op: expr.ExthdrOpIpv6}},
		expr.CmpOpEq, []byte{1})
)

// fragmentField returns the 16 bits with offset and flags, of IPv4 or of IPv6.
func fragmentField(v6 bool, mask uint16) []expr.Any {
	load := payload(network, 6, 2)
	if v6 {
		load = []expr.Any{&expr.Exthdr{DestRegister: register, Type: unix.IPPROTO_FRAGMENT, Offset: 2, Len: 2, Op: expr.ExthdrOpIpv6}}
	}
	return masked(load, binary.BigEndian.AppendUint16(nil, mask))
}

// laterFragment is true of fragments with an offset, and firstFragment of those
// without, if more follow.
func laterFragment() formula {
	return or{
		and{isIPv4, compare(fragmentField(false, 0x1fff), expr.CmpOpNeq, []byte{0, 0})},
		and{isIPv6, hasFragment, compare(fragmentField(true, 0xfff8), expr.CmpOpNeq, []byte{0, 0})},
	}
}

func firstFragment() formula {
	return or{
		and{isIPv4, compare(fragmentField(false, 0x3fff), expr.CmpOpEq, []byte{0x20, 0})},
		and{isIPv6, hasFragment, compare(fragmentField(true, 0xfff9), expr.CmpOpEq, []byte{0, 1})},
	}
}

// protocol is true of transport protocols, which nftables finds behind the extension
// headers too.
func protocol(numbers ...uint8) formula {
	var known or
	for _, number := range numbers {
		known = append(known, compare(meta(expr.MetaKeyL4PROTO), expr.CmpOpEq, []byte{number}))
	}
	return and{or{isIPv4, isIPv6}, known}
}

// always is true of every packet.
var always = or{isIPv4, not(isIPv4)}

// translate returns the formula of an expression, or an error if it is about more
// than nftables can say.
func translate(e policy.Expr) (formula, error) {
	switch e := e.(type) {
	case policy.All:
		if len(e) == 0 {
			return always, nil
		}
		parts, err := each(e)
		return and(parts), err
	case policy.Any:
		if len(e) == 0 {
			return not(always), nil
		}
		parts, err := each(e)
		return or(parts), err
	case policy.Not:
		f, err := translate(e.Of)
		if err != nil {
			return nil, err
		}
		return not(f), nil
	case policy.Family:
		if e == 4 {
			return isIPv4, nil
		}
		return isIPv6, nil
	case policy.EtherTypes:
		var kinds or
		for _, kind := range e {
			kinds = append(kinds, compare(meta(expr.MetaKeyPROTOCOL), expr.CmpOpEq, binary.BigEndian.AppendUint16(nil, kind)))
		}
		return kinds, nil
	case policy.Protocols:
		return protocol(e...), nil
	case policy.Addresses:
		return addresses(e)
	case policy.Ports:
		return ports(e)
	case policy.Number:
		return number(e)
	case policy.Bits:
		return bits(e)
	case policy.ICMPTypes:
		return icmp(e), nil
	}
	return nil, fmt.Errorf("nftables cannot say %T", e)
}

func each(parts []policy.Expr) ([]formula, error) {
	var all []formula
	for _, part := range parts {
		f, err := translate(part)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func addresses(e policy.Addresses) (formula, error) {
	var offset4, offset6 uint32 = 12, 8
	switch {
	case e.Set != "" || e.Of > policy.Destination:
		return nil, fmt.Errorf("nftables is not asked for %+v", e)
	case e.Of == policy.Destination:
		offset4, offset6 = 16, 24
	}
	var prefixes or
	for _, p := range e.Prefixes {
		family, offset := formula(isIPv4), offset4
		if p.Addr().Is6() {
			family, offset = isIPv6, offset6
		}
		size := p.Addr().BitLen() / 8
		load := masked(payload(network, offset, uint32(size)), maskOf(p))
		prefixes = append(prefixes, and{family, compare(load, expr.CmpOpEq, p.Masked().Addr().AsSlice())})
	}
	return prefixes, nil
}

func maskOf(p netip.Prefix) []byte {
	mask := make([]byte, p.Addr().BitLen()/8)
	for bit := range p.Bits() {
		mask[bit/8] |= 0x80 >> (bit % 8)
	}
	return mask
}

// hasPorts says which packets have ports: those of five protocols, but not in later
// fragments, whatever stands where the ports would be.
func hasPorts() formula {
	return and{protocol(packet.TCP, packet.UDP, packet.UDPLite, packet.SCTP, packet.DCCP), not(laterFragment())}
}

func ports(e policy.Ports) (formula, error) {
	var offset uint32
	switch e.Of {
	case policy.SourcePort:
	case policy.DestinationPort:
		offset = 2
	default:
		return nil, fmt.Errorf("nftables is not asked for %+v", e)
	}
	return and{hasPorts(), ranges(payload(transport, offset, 2), e.Ranges, 2)}, nil
}

// ranges compares a field of one or two bytes.
func ranges(load []expr.Any, list []policy.Range, size int) formula {
	var within or
	for _, r := range list {
		within = append(within, between(load, wide(r.Low, size), wide(r.High, size)))
	}
	return within
}

func wide(n uint32, size int) []byte {
	return binary.BigEndian.AppendUint32(nil, n)[4-size:]
}

func number(e policy.Number) (formula, error) {
	switch e.Of {
	case policy.TTL:
		return or{
			and{isIPv4, ranges(payload(network, 8, 1), e.Ranges, 1)},
			and{isIPv6, ranges(payload(network, 7, 1), e.Ranges, 1)},
		}, nil
	case policy.Length:
		const header = 40
		var v6 []policy.Range // of the payload, which is what the header says
		for _, r := range e.Ranges {
			if r.High >= header {
				v6 = append(v6, policy.Range{Low: max(r.Low, header) - header, High: r.High - header})
			}
		}
		f := or{and{isIPv4, ranges(payload(network, 2, 2), e.Ranges, 2)}}
		if v6 != nil {
			f = append(f, and{isIPv6, ranges(payload(network, 4, 2), v6, 2)})
		}
		return f, nil
	}
	return nil, fmt.Errorf("nftables is not asked for %+v", e)
}

func bits(e policy.Bits) (formula, error) {
	switch e.Of {
	case policy.TCPFlags:
		flags := func(mask uint32) []expr.Any { return masked(payload(transport, 13, 1), []byte{byte(mask)}) }
		f := and{protocol(packet.TCP), not(laterFragment())}
		f = append(f, compare(flags(e.All), expr.CmpOpEq, []byte{byte(e.All)}), compare(flags(e.None), expr.CmpOpEq, []byte{0}))
		if e.Any != 0 {
			f = append(f, compare(flags(e.Any), expr.CmpOpNeq, []byte{0}))
		}
		return f, nil
	case policy.Fragments:
		f := and{or{isIPv4, isIPv6}}
		var some or
		for bit, kind := range map[uint32]func() formula{uint32(packet.FirstFragment): firstFragment, uint32(packet.LaterFragment): laterFragment} {
			if e.All&bit != 0 {
				f = append(f, kind())
			}
			if e.None&bit != 0 {
				f = append(f, not(kind()))
			}
			if e.Any&bit != 0 {
				some = append(some, kind())
			}
		}
		if known := uint32(packet.FirstFragment | packet.LaterFragment); (e.All|e.None|e.Any)&^known != 0 {
			return nil, fmt.Errorf("nftables is not asked for %+v", e)
		}
		if some != nil {
			f = append(f, some)
		}
		return f, nil
	}
	return nil, fmt.Errorf("nftables is not asked for %+v", e)
}

func icmp(e policy.ICMPTypes) formula {
	family, is := formula(isIPv4), uint8(packet.ICMPv4)
	if e.Family == 6 {
		family, is = isIPv6, packet.ICMPv6
	}
	var kinds or
	for _, kind := range e.Types {
		kinds = append(kinds, compare(payload(transport, 0, 1), expr.CmpOpEq, []byte{kind}))
	}
	f := and{family, protocol(is), not(laterFragment()), kinds}
	if e.Codes != nil {
		f = append(f, ranges(payload(transport, 1, 1), e.Codes, 1))
	}
	return f
}
