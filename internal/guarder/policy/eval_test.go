package policy

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// TestConflictIsAboutWhatHostsBelieve has senders claim an address, in frames of another
// source and not: hosts believe what is told inside.
func TestConflictIsAboutWhatHostsBelieve(t *testing.T) {
	honest, liar := [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}
	four, six := netip.MustParseAddr("192.0.2.254"), netip.MustParseAddr("fe80::fe")
	env := &Env{Bindings: map[string]*BindingSet{"gateways": {MACs: map[netip.Addr][][6]byte{four: {honest}, six: {honest}}}}}
	arp := func(source, told [6]byte) packet.Frame {
		return packet.Frame{SourceMAC: source, ARP: &packet.ARP{Operation: 2, SenderMAC: told, SenderIP: four, TargetIP: four}}
	}
	advertisement := func(source [6]byte, options []byte) packet.Frame {
		return packet.Frame{
			SourceMAC: source, Source: six, Destination: netip.MustParseAddr("ff02::1"), TTL: 255, Protocol: packet.ICMPv6,
			ICMP: &packet.Message{Type: 136, Target: six}, Payload: options,
		}
	}
	ofRouter := func(source [6]byte, kind uint8, options []byte) packet.Frame {
		f := advertisement(source, options)
		f.ICMP = &packet.Message{Type: kind}
		switch kind {
		case 134:
			f.Payload = append(make([]byte, 8), options...) // behind its times
		case 135:
			f.ICMP.Target = netip.MustParseAddr("fe80::1")
		}
		return f
	}
	source := func(mac [6]byte) []byte { return append([]byte{1, 1}, mac[:]...) }
	tells := func(mac [6]byte) []byte { return append([]byte{2, 1}, mac[:]...) }
	for name, c := range map[string]struct {
		frame packet.Frame
		want  bool
	}{
		"ARP":                                  {arp(honest, honest), false},
		"ARP that lies":                        {arp(liar, liar), true},
		"ARP that lies, in an honest frame":    {arp(honest, liar), true},
		"advertisement without address":        {advertisement(honest, nil), false},
		"advertisement of a liar":              {advertisement(liar, nil), true},
		"advertisement":                        {advertisement(honest, tells(honest)), false},
		"advertisement by another":             {advertisement(liar, tells(honest)), false},
		"advertisement that lies":              {advertisement(liar, tells(liar)), true},
		"advertisement that lies, in disguise": {advertisement(honest, tells(liar)), true},
		"router":                               {ofRouter(honest, 134, source(honest)), false},
		"router without address":               {ofRouter(honest, 134, nil), false},
		"router that is another":               {ofRouter(liar, 134, source(honest)), true},
		"router that lies, in disguise":        {ofRouter(honest, 134, source(liar)), true},
		"solicitation":                         {ofRouter(honest, 135, source(honest)), false},
		"solicitation by another":              {ofRouter(liar, 135, source(honest)), true},
		"solicitation by another, no address":  {ofRouter(liar, 135, nil), false},
		"router solicitation by another":       {ofRouter(liar, 133, source(honest)), true},
	} {
		p := packet.Parse(c.frame.Bytes())
		if got := env.conflict("gateways", &p); got != c.want || p.Reason != packet.OK {
			t.Errorf("%s: %v, conflict %v; want %v", name, p.Reason, got, c.want)
		}
	}
}

// TestMTUOfNothingIsLess: in IPv6 an MTU of 0 is below any floor; in IPv4 it is none, and
// other messages have none.
func TestMTUOfNothingIsLess(t *testing.T) {
	below := Number{Of: MTU, Ranges: []Range{{Low: 0, High: 1279}}}
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		source  netip.Addr
		message packet.Message
		want    bool
	}{
		{four, packet.Message{Type: 3, Code: 4}, false},
		{four, packet.Message{Type: 3, Code: 4, MTU: 551}, true},
		{four, packet.Message{Type: 3, Code: 4, MTU: 1280}, false},
		{four, packet.Message{Type: 3, Code: 3}, false},
		{six, packet.Message{Type: 2}, true},
		{six, packet.Message{Type: 2, MTU: 1279}, true},
		{six, packet.Message{Type: 2, MTU: 1280}, false},
		{six, packet.Message{Type: 3, Code: 4}, false},
	} {
		f := packet.Frame{Source: c.source, Destination: c.source, Protocol: packet.ICMPv4, ICMP: &c.message}
		if c.source.Is6() {
			f.Protocol = packet.ICMPv6
		}
		p := packet.Parse(f.Bytes())
		policy := Policy{Rules: []Rule{{Match: below, Action: Drop, Mode: Enforce}}}
		if got := policy.Judge(&p, &Env{}).Verdict == Dropped; got != c.want {
			t.Errorf("%v, %+v: dropped %v, want %v", c.source, c.message, got, c.want)
		}
	}
}
