package adopt

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
)

// allowed is what policies ask for before they take a wide rule.
const allowed = "failsafe: {allow: [{name: arp, ethertype: arp}, {name: nd, proto: icmpv6, icmp: {class: [nd, mld]}}, {name: ptb, icmp: {class: packet-too-big}}, {name: dhcp, proto: udp, dst_port: [68, 546]}, {name: dns, proto: udp, src_port: 53, src: 203.0.113.1}, {name: ssh, proto: tcp, dst_port: 22}]}\n"

// parse returns the policy of some rules in a group g, on a host that nothing cuts off.
func parse(t testing.TB, mode, rules string) *policy.Policy {
	t.Helper()
	p, faults := policy.Parse("x.yaml", []byte("version: 1\n"+allowed+"groups:\n- name: g\n  mode: "+mode+"\n  rules:\n"+rules), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	return p
}

func peer(addr string, protocol uint8, remote, local Port) Peer {
	return Peer{netip.MustParseAddr(addr), protocol, remote, local}
}

func TestMatchErrsOnTheSideOfTooMuch(t *testing.T) {
	web := peer("198.51.100.7", packet.TCP, AnyPort, 443)
	for _, c := range []struct {
		claim string
		match string
		peer  Peer
		want  Effect
	}{
		{"a source", "{src: 198.51.100.0/24}", web, Dropped},
		{"another source", "{src: 192.0.2.0/24}", web, Nothing},
		{"not a source", "{not: {src: 192.0.2.0/24}}", web, Dropped},
		{"not this source", "{not: {src: 198.51.100.0/24}}", web, Nothing},
		{"its port here", "{proto: tcp, dst_port: 443}", web, Dropped},
		{"another port here", "{proto: tcp, dst_port: 80}", web, Nothing},
		{"a port there that is not known", "{proto: tcp, src_port: 80}", web, Dropped},
		{"the opposite of what is not known", "{proto: tcp, not: {src_port: 80}}", web, Dropped},
		{"a port of what has none", "{any: [{proto: tcp, dst_port: 80}, {src: 192.0.2.0/24}]}", peer("198.51.100.7", packet.ICMPv4, NoPort, NoPort), Nothing},
		{"flags that are not known", "{tcp: {flags: {all: [syn]}}}", web, Dropped},
		{"flags of what has none", "{any: [{tcp: {flags: {all: [syn]}}}]}", peer("198.51.100.7", packet.UDP, 53, AnyPort), Nothing},
		{"the length", "{src: 198.51.100.0/24, length: {gt: 1000}}", web, Dropped},
		{"the length of another source", "{src: 192.0.2.0/24, length: {gt: 1000}}", web, Nothing},
		{"one of both", "{any: [{src: 192.0.2.0/24}, {proto: tcp}]}", web, Dropped},
		{"messages of ICMP", "{icmp: {type: echo-request}}", peer("198.51.100.7", packet.ICMPv4, NoPort, NoPort), Dropped},
		{"messages of the other ICMP", "{family: ipv6, icmp: {type: echo-request}}", peer("198.51.100.7", packet.ICMPv4, NoPort, NoPort), Nothing},
		{"messages of ICMP by TCP", "{icmp: {type: echo-request}}", web, Nothing},
		{"IPv6", "{family: ipv6}", peer("2001:db8::1", packet.TCP, AnyPort, 443), Dropped},
		{"IPv6 by its type", "{ethertype: ipv6}", web, Nothing},
	} {
		if got := Match(parse(t, "enforce", "  - {rule: r, match: "+c.match+", action: drop}\n"), c.peer); got != c.want {
			t.Errorf("%s: %d, want %d", c.claim, got, c.want)
		}
	}
}

func TestMatchKnowsWhatRulesDo(t *testing.T) {
	const drop = "  - {rule: d, match: {proto: tcp}, action: drop}\n"
	for _, c := range []struct {
		claim, mode, rules string
		want               Effect
	}{
		{"enforced", "enforce", drop, Dropped},
		{"audited", "audit", drop, WouldDrop},
		{"counted", "enforce", "  - {rule: c, match: {proto: tcp}, action: count}\n", Counted},
		{"counted and dropped", "enforce", "  - {rule: c, match: {proto: tcp}, action: count}\n" + drop, Dropped},
		{"passed before", "enforce", "  - {rule: p, match: {src: 198.51.100.0/24}, action: pass}\n" + drop, Nothing},
		{"perhaps passed before", "enforce", "  - {rule: p, match: {proto: tcp, src_port: 9}, action: pass}\n" + drop, Dropped},
		{"passed on a device", "enforce", "  - {rule: p, interfaces: [eth0], match: {src: 198.51.100.0/24}, action: pass}\n  - {rule: d, interfaces: [eth0, eth1], match: {proto: tcp}, action: drop}\n", Dropped},
		{"passed behind", "enforce", drop + "  - {rule: p, match: {src: 198.51.100.0/24}, action: pass}\n", Dropped},
	} {
		if got := Match(parse(t, c.mode, c.rules), peer("198.51.100.7", packet.TCP, AnyPort, 443)); got != c.want {
			t.Errorf("%s: %d, want %d", c.claim, got, c.want)
		}
	}
}

// TestMatchNeverSaysLessThanTheInterpreter: a packet that the rules drop is one of a peer
// that they may drop, whatever of it is known.
func TestMatchNeverSaysLessThanTheInterpreter(t *testing.T) {
	m := workload.New(7)
	dropped := 0
	for range 200 {
		rules := m.Rules(20)
		p := workload.Policy(rules)
		for i := range p.Rules {
			switch m.IntN(4) {
			case 0:
				p.Rules[i].Match = policy.Not{Of: p.Rules[i].Match}
			case 1:
				p.Rules[i].Match = policy.Any{p.Rules[i].Match, rules[m.IntN(len(rules))].Match()}
			}
		}
		for _, frame := range m.Trace(rules, 20) {
			pkt := packet.Parse(frame.Bytes())
			if pkt.Reason != packet.OK {
				t.Fatal(pkt.Reason)
			}
			if p.Judge(&pkt, &policy.Env{}).Verdict != policy.Dropped {
				continue
			}
			dropped++
			for known := range 4 {
				from := Peer{pkt.Source, pkt.Protocol, NoPort, NoPort}
				if pkt.HasPorts {
					from.Remote, from.Local = AnyPort, AnyPort
					if known&1 != 0 {
						from.Remote = Port(pkt.SourcePort)
					}
					if known&2 != 0 {
						from.Local = Port(pkt.DestinationPort)
					}
				}
				if got := Match(p, from); got != Dropped {
					t.Fatalf("%s is dropped, and of %+v it says %d", policy.InWords(&pkt), from, got)
				}
			}
		}
	}
	if dropped < 500 {
		t.Errorf("only %d packets were dropped", dropped)
	}
}

func TestReachTellsFriendsFromStrangers(t *testing.T) {
	p := parse(t, "enforce", "  - {rule: r, match: {src: 198.51.100.0/24}, action: drop}\n")
	udp := func(addr string) Peer { return peer(addr, packet.UDP, AnyPort, 53) }
	tcp := func(addr string) Peer { return peer(addr, packet.TCP, 40_000, 443) }
	got := ReachOf(p, Traffic{
		Flows: []Flow{
			{udp("198.51.100.7"), 80, false},
			{udp("198.51.100.8"), 10, false}, // of a friend, by what follows
			{tcp("198.51.100.8"), 10, true},
			{udp("192.0.2.9"), 100, true},
		},
		Connections: []Peer{tcp("198.51.100.8"), tcp("198.51.100.9"), tcp("192.0.2.9")},
	})
	want := Reach{
		Packets: 200, Flows: 4, Connections: 3, MatchedPackets: 100, MatchedFlows: 3, MatchedConnections: 2,
		TwoWayPackets: 20, TwoWayFlows: 2, Dropped: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Share() != 0.5 || got.TwoWayShare() != 0.2 {
		t.Errorf("shares %v and %v", got.Share(), got.TwoWayShare())
	}
	if none := (Reach{}); none.Share() != 0 || none.TwoWayShare() != 0 {
		t.Errorf("shares of nothing: %v and %v", none.Share(), none.TwoWayShare())
	}
}
