package policy

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// load reads a policy that stands in a test.
func load(t *testing.T, o Options, text string) (*Policy, []Fault) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte("version: 1\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load([]string{file}, o)
}

func prefixes(all ...string) (p []netip.Prefix) {
	for _, text := range all {
		p = append(p, netip.MustParsePrefix(text))
	}
	return p
}

func TestMatchBecomesExpression(t *testing.T) {
	flags := func(all, none, any uint32) Expr { return Bits{Of: TCPFlags, All: all, None: none, Any: any} }
	icmp := func(family uint8, types ...uint8) ICMPTypes { return ICMPTypes{Family: family, Types: types} }
	one := func(n uint32) []Range { return []Range{{n, n}} }
	for match, want := range map[string]Expr{
		"any_packet: true":                                       All(nil),
		"family: ipv6":                                           Family(6),
		"ethertype: [arp, 0x88cc]":                               EtherTypes{0x0806, 0x88cc},
		"proto: [tcp, 47]":                                       Protocols{6, 47},
		"proto: icmp":                                            All{Family(4), Protocols{1}},
		"src: [192.0.2.0/24, 192.0.2.7]":                         Addresses{Of: Source, Prefixes: prefixes("192.0.2.0/24")},
		"dst: [local, '2001:db8::/32']":                          Any{Own{Destination}, Addresses{Of: Destination, Prefixes: prefixes("2001:db8::/32")}},
		"src_set: small":                                         Addresses{Of: Source, Prefixes: prefixes("10.0.0.0/8", "2001:db8::1/128")},
		"src_set: gateways":                                      Addresses{Of: Source, Prefixes: prefixes("10.0.0.1/32")},
		"{proto: tcp, dst_port: [22, 80-99]}":                    All{Protocols{6}, Ports{DestinationPort, []Range{{22, 22}, {80, 99}}}},
		"{proto: udp, src_port_set: web}":                        All{Protocols{17}, Ports{SourcePort, []Range{{80, 80}, {8000, 8099}}}},
		"same: [src, dst]":                                       Same{CompareSource, CompareDestination},
		"tcp: {}":                                                Protocols{6},
		"tcp: {flags: {eq: []}}":                                 flags(0, 255, 0),
		"tcp: {flags: {eq: [SYN]}}":                              flags(2, 253, 0),
		"tcp: {flags: {all: [syn], none: [ack]}}":                flags(2, 16, 0),
		"tcp: {flags: {any: [fin, rst]}}":                        flags(0, 0, 5),
		"tcp: {mss: {lt: 536}}":                                  Number{MSS, []Range{{0, 535}}},
		"tcp: {window: 0}":                                       Number{Window, one(0)},
		"tcp: {options: fast-open}":                              Bits{Of: TCPOptions, Any: 1},
		"{proto: udp, payload_length: {gt: 8}}":                  All{Protocols{17}, Number{PayloadLength, []Range{{9, 1<<32 - 1}}}},
		"{tcp: {}, connections: {per: src, above: 200}}":         All{Protocols{6}, Connections{200, 32, 64}},
		"{tcp: {}, connections: {above: 0, prefix: {ipv4: 24}}}": All{Protocols{6}, Connections{0, 24, 64}},
		"icmp: {}":                                               Any{All{Family(4), Protocols{1}}, All{Family(6), Protocols{58}}},
		"icmp: {class: packet-too-big}":                          Any{ICMPTypes{4, []uint8{3}, one(4)}, icmp(6, 2)},
		"icmp: {type: echo-request}":                             Any{icmp(4, 8), icmp(6, 128)},
		"{family: ipv4, icmp: {type: 13}}":                       All{Family(4), icmp(4, 13)},
		"{proto: icmpv6, icmp: {class: [nd]}}":                   All{Family(6), Protocols{58}, icmp(6, 133, 134, 135, 136)},
		"icmp: {mtu: {lt: 552}}":                                 Number{MTU, []Range{{0, 551}}},
		"icmp: {mtu: {ge: inner.length}}":                        QuotedTooLarge{},
		"icmp: {inner: {src: local, df: false}}":                 All{Own{QuotedSource}, Bits{Of: QuotedFlags, None: 1}},
		"icmp: {inner: {src: outer.dst}}":                        Same{CompareQuotedSource, CompareDestination},
		"icmp: {inner: {}}":                                      Number{QuotedLength, []Range{{0, 1<<32 - 1}}},
		"{family: ipv4, icmp: {inner: {proto: icmp, icmp_type: echo-reply}}}": All{
			Family(4), Number{QuotedProtocol, one(1)}, All{Number{QuotedFamily, one(4)}, Number{QuotedICMPType, one(0)}}},
		"icmp: {inner: {proto: [tcp, udp], dst_port: 53, length: 40-60}}": All{
			Number{QuotedProtocol, []Range{{6, 6}, {17, 17}}}, Ports{QuotedDestinationPort, one(53)}, Number{QuotedLength, []Range{{40, 60}}}},
		"fragment: [offset-one, past-end]":                      Bits{Of: Fragments, Any: 12},
		"fragment: {is: [first]}":                               Bits{Of: Fragments, Any: 1},
		"ip_options: [lsrr, ssrr]":                              Bits{Of: IPOptions, Any: 12},
		"ext_headers: [hop-by-hop]":                             Bits{Of: Headers, Any: 1},
		"routing_header: [0, 2]":                                Bits{Of: RoutingTypes, Any: 5},
		"ttl: {le: 1}":                                          Number{TTL, []Range{{0, 1}}},
		"length: {gt: 99, ne: 200-299}":                         Number{Length, []Range{{100, 199}, {300, 1<<32 - 1}}},
		"vlan: {depth: {ge: 2}}":                                Number{Tags, one(2)},
		"vlan: {id: [10, 20]}":                                  Number{TagID, []Range{{10, 10}, {20, 20}}},
		"interface: [eth0, 'wlan*']":                            Interfaces{"eth0", "wlan*"},
		"arp: {}":                                               EtherTypes{0x0806},
		"arp: {op: reply, sender_ip: own}":                      All{EtherTypes{0x0806}, Number{ARPOperation, one(2)}, Own{ARPSender}},
		"arp: {sender_mac: {ne: eth.src}}":                      All{EtherTypes{0x0806}, Not{Same{CompareARPSenderMAC, CompareSourceMAC}}},
		"arp: {sender: {conflicts_with: gateways}}":             All{EtherTypes{0x0806}, Binding{"gateways"}},
		"arp: {gratuitous: true}":                               All{EtherTypes{0x0806}, Same{CompareARPSender, CompareARPTarget}},
		"arp: {gratuitous: false}":                              All{EtherTypes{0x0806}, Not{Same{CompareARPSender, CompareARPTarget}}},
		"nd: {sender: {conflicts_with: gateways}}":              All{icmp(6, 133, 134, 135, 136, 137), Binding{"gateways"}},
		"nd: {target: own, sender: {conflicts_with: gateways}}": All{icmp(6, 135, 136), Own{NDTarget}, Binding{"gateways"}},
		"nd: {target: own}":                                     All{icmp(6, 135, 136), Own{NDTarget}},
		"{proto: tcp, payload: [{at: 2, bytes: '00 0f'}, {at: 7, any_byte: [5, 1-2]}]}": All{
			Protocols{6}, Payload{2, [][]byte{{0}, {15}}}, Payload{7, [][]byte{{1, 2, 5}}}},
		"{ttl: 1, not: {icmp: {}}}":                            All{Number{TTL, one(1)}, Not{Any{All{Family(4), Protocols{1}}, All{Family(6), Protocols{58}}}}},
		"{proto: tcp, any: [{src_port: 0}, {dst_port: 0}]}":    All{Protocols{6}, Any{Ports{SourcePort, one(0)}, Ports{DestinationPort, one(0)}}},
		"{all: [{family: ipv4}, {any: [{ttl: 1}, {ttl: 2}]}]}": All{Family(4), Any{Number{TTL, one(1)}, Number{TTL, one(2)}}},
	} {
		p, faults := load(t, Options{}, `
sets:
  small: {type: prefix, entries: [10.0.0.0/8, 10.1.0.0/16, "2001:db8::1"]}
  web: {type: port, entries: [80, 8000-8099]}
  gateways: {type: ip-mac, entries: [{ip: 10.0.0.1, mac: 52:54:00:aa:bb:cc}]}
groups:
- name: g
  rules:
  - {rule: r, match: `+braced(match)+`, action: count}
`)
		if p == nil {
			t.Errorf("%s: %v", match, faults)
			continue
		}
		if diff := cmp.Diff(want, p.Rules[0].Match, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: expression (-want +got):\n%s", match, diff)
		}
	}
}

func braced(match string) string {
	if match[0] == '{' {
		return match
	}
	return "{" + match + "}"
}
