package policy

import (
	"net/netip"
	"slices"
)

// Addresses that no packet from outside has as a source, and those of groups.
var (
	martians = addressSpans("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::1/128", "ff00::/8", "::ffff:0:0/96")
	groups   = addressSpans("224.0.0.0/4", "255.255.255.255/32", "ff00::/8")
)

// connections are the kinds that carry some.
var connections = complement(icmpKinds, kindAxis).intersect(ipKinds)

// noTCPState are combinations of flags that no state of TCP sends: without SYN, RST
// and ACK; SYN with FIN or RST; and the Xmas scan.
var noTCPState = flagSpans(func(flags uint32) bool {
	const fin, syn, rst, ack, xmas = 1, 2, 4, 16, 1 | 8 | 32
	return flags&(syn|rst|ack) == 0 || flags&syn != 0 && flags&(fin|rst) != 0 || flags&xmas == xmas
})

func addressSpans(texts ...string) (s spans[string]) {
	for _, text := range texts {
		s = append(s, addressSpan(netip.MustParsePrefix(text)))
	}
	return normal(s, addressAxis)
}

// checkGuard refuses rules of the guard stage, which come before the failsafe, that
// may drop a well-formed packet of a connection.
func (l *loader) checkGuard(rules []checked) {
	for _, r := range rules {
		if r.Stage != Guard || r.Action != Drop {
			continue
		}
		if !r.known {
			l.about(r.Rule, notForGuard, "split it, or move it to stage: policy", "guard stage may not hold a rule that is too complex to be checked")
			continue
		}
		if i := slices.IndexFunc(r.cubes, func(c cube) bool { return !c.malformed() }); i >= 0 {
			l.about(r.Rule, notForGuard, "move it to stage: policy", "guard stage may not drop by %s", r.cubes[i].field())
		}
	}
}

// malformed reports whether no packet of the cube belongs to a well-formed
// connection. ICMP, ARP and what is no IP at all do not carry connections.
func (c cube) malformed() bool {
	switch {
	case !c.kind.meets(connections):
		return true
	case c.flags.within(noTCPState), c.source.within(martians):
		return true
	case c.fromPort.within(spans[uint32]{{0, 0}}), c.toPort.within(spans[uint32]{{0, 0}}):
		return true
	case c.kind.within(tcpKinds) && c.dest.within(groups):
		return true
	}
	return slices.ContainsFunc(c.tests, func(t test) bool { return t.want && (isHygiene(t.leaf) || c.outOfState(t.leaf)) })
}

// outOfState reports whether the kernel says of TCP that no connection has it: there is no
// socket, an answer comes to one that asked nobody, or an RST is one that it ignores (RFC
// 5961 section 3.2). UDP may be wanted without a socket, as some DHCP clients have none.
func (c cube) outOfState(leaf Expr) bool {
	const syn, rst, ack = 2, 4, 16
	if !c.kind.within(tcpKinds) {
		return false
	}
	switch e := leaf.(type) {
	case Socket:
		answers := c.flags.within(flagSpans(func(f uint32) bool { return f&syn != 0 && f&ack != 0 }))
		return e.Of == Outer && (e.States == SocketNone || answers && e.States&^(SocketNone|SocketListen) == 0)
	case Sequence:
		return e == Sequence{Outer, OutOfWindow} && c.flags.within(flagSpans(func(f uint32) bool { return f&rst != 0 }))
	}
	return false
}

// isHygiene reports whether a leaf is only true for what no ordinary connection has.
func isHygiene(e Expr) bool {
	switch e := e.(type) {
	case Same:
		return e == Same{CompareSource, CompareDestination}
	case Own:
		return e.Of == Source
	case Bits:
		return e.Of == Fragments || e.Of == IPOptions || e.Of == RoutingTypes
	case Number:
		return e.Of == Tags && e.Ranges[0].Low >= 2 || e.Of == MSS && e.Ranges[len(e.Ranges)-1].High < 536
	}
	return false
}

// field names a key by which the cube is narrowed, for a fault.
func (c cube) field() string {
	switch {
	case !whole.toPort.within(c.toPort) && !c.toPort.has(noPort):
		return "dst_port"
	case !whole.fromPort.within(c.fromPort) && !c.fromPort.has(noPort):
		return "src_port"
	case !familySpans(4, 6).within(c.source):
		return "src"
	case !familySpans(4, 6).within(c.dest):
		return "dst"
	case !c.flags.has(noFlags):
		return "tcp flags"
	case len(c.tests) > 0:
		return Describe(c.tests[0].leaf)
	}
	return "protocol"
}
