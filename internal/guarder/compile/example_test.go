package compile

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestExampleOfThePackageComment holds the rows that it shows against the tables.
func TestExampleOfThePackageComment(t *testing.T) {
	from := func(prefix string) policy.Expr {
		return policy.Addresses{Of: policy.Source, Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}}
	}
	to := func(low, high uint32) policy.Expr {
		return policy.Ports{Of: policy.DestinationPort, Ranges: []policy.Range{{Low: low, High: high}}}
	}
	tcp, udp := policy.Protocols{packet.TCP}, policy.Protocols{packet.UDP}
	drop := func(match ...policy.Expr) policy.Rule {
		return policy.Rule{Action: policy.Drop, Mode: policy.Enforce, Match: policy.All(match)}
	}
	tables, err := Compile(&policy.Policy{Rules: []policy.Rule{
		drop(from("10.1.0.0/16"), tcp, to(23, 23)),
		{Action: policy.Pass, Match: policy.All{from("10.0.0.0/8"), tcp}},
		drop(from("10.1.2.3/32"), udp, to(1000, 2000)),
		drop(tcp, policy.Bits{Of: policy.TCPFlags, All: 3}),
		drop(udp, policy.Not{Of: to(53, 53)}, policy.Number{Of: policy.Length, Ranges: []policy.Range{{Low: 1500, High: 1500}}}),
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rowsOf := func(source string, protocol, flags uint8, ports bool, port uint16) (address, destinationPort, kind uint64) {
		p := &packet.Packet{
			Family: 4, EtherType: packet.EtherIPv4, Protocol: protocol, Flags: flags, HasPorts: ports, DestinationPort: port,
			Source: netip.MustParseAddr(source), Destination: netip.MustParseAddr("192.0.2.1"),
		}
		w := walk{t: tables, p: p, facts: factsOf(p)}
		w.rows()
		return tables.Rows[w.source+lead+rowWords], tables.Dense[w.destinationPort+lead], tables.Dense[w.of+lead]
	}
	for _, c := range []struct {
		source                string
		protocol, flags       uint8
		ports                 bool
		port                  uint16
		address, portOf, kind uint64
	}{
		{"10.1.2.3", packet.TCP, 3, true, 23, 0b11111, 0b11011, 0b01011},
		{"10.1.9.9", packet.TCP, 16, true, 53, 0b11011, 0b01010, 0b00011},
		{"10.9.9.9", packet.UDP, 0, true, 1500, 0b11010, 0b11110, 0b10100},
		{"11.0.0.1", packet.UDP, 0, true, 80, 0b11000, 0b11010, 0b10100},
		{"11.0.0.1", 47, 0, false, 0, 0b11000, 0b11010, 0},
	} {
		address, port, kind := rowsOf(c.source, c.protocol, c.flags, c.ports, c.port)
		if address != c.address || port != c.portOf || kind != c.kind {
			t.Errorf("%+v: rows %05b, %05b, %05b", c, address, port, kind)
		}
	}
}
