package host

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// server is a host with two devices, reached over SSH through its gateway.
func server() *Facts {
	port := netip.MustParseAddrPort
	return &Facts{
		Devices: []Device{
			{Index: 1, Name: "lo", Up: true, Loopback: true},
			{Index: 2, Name: "eth0", Kind: "device", MAC: [6]byte{2, 0, 0, 0, 0, 2}, MTU: 1500, Up: true},
			{Index: 3, Name: "eth1", Kind: "device", MAC: [6]byte{2, 0, 0, 0, 0, 3}, MTU: 1500, Up: true},
		},
		Addresses: []Address{
			{netip.MustParsePrefix("127.0.0.1/8"), 1, false},
			{netip.MustParsePrefix("192.0.2.10/24"), 2, true},
			{netip.MustParsePrefix("10.1.0.10/16"), 3, false},
			{netip.MustParsePrefix("fe80::10/64"), 2, false},
			{netip.MustParsePrefix("2001:db8::10/64"), 2, true},
		},
		Gateways: []Gateway{
			{netip.MustParseAddr("192.0.2.1"), 2, [6]byte{2, 0, 0, 0, 0, 1}, true},
			{netip.MustParseAddr("fe80::1"), 2, [6]byte{2, 0, 0, 0, 0, 1}, true},
		},
		Resolvers: []netip.Addr{netip.MustParseAddr("127.0.0.53"), netip.MustParseAddr("10.1.0.53")},
		Sockets: []Socket{
			{Protocol: packet.TCP, Local: port("[::]:22"), Remote: port("[::]:0"), State: Listening},
			{Protocol: packet.TCP, Local: port("192.0.2.10:22"), Remote: port("198.51.100.7:50112"), State: Established},
			{Protocol: packet.TCP, Local: port("192.0.2.10:22"), Remote: port("203.0.113.5:1111"), State: Established},
			{Protocol: packet.TCP, Local: port("192.0.2.10:22"), Remote: port("203.0.113.5:2222"), State: Established},
			{Protocol: packet.TCP, Local: port("[2001:db8::10]:41000"), Remote: port("[2001:db8:9::1]:443"), State: Established},
			{Protocol: packet.TCP, Local: port("10.1.0.10:41001"), Remote: port("10.1.0.20:5432"), State: Established},
			{Protocol: packet.TCP, Local: port("127.0.0.1:41002"), Remote: port("127.0.0.1:9090"), State: Established},
			{Protocol: packet.TCP, Local: port("192.0.2.10:41003"), Remote: port("203.0.113.9:80"), State: Closing},
		},
		Operator:  []Connection{session},
		FirstPort: 32768, LastPort: 60999,
	}
}

var session = Connection{netip.MustParseAddrPort("192.0.2.10:22"), netip.MustParseAddrPort("198.51.100.7:50112")}

func TestNeedsOfAServer(t *testing.T) {
	var got []string
	for _, n := range server().Needs() {
		if len(n.Arrivals) != 1 {
			t.Errorf("%s: %d arrivals on a host without bridges", n.Text, len(n.Arrivals))
			continue
		}
		a := n.Arrivals[0]
		if a.Packet.Reason != packet.OK {
			t.Errorf("%s: the parser says %v", n.Text, a.Packet.Reason)
		}
		got = append(got, fmt.Sprintf("%s %s %v: %s", n.Kind, a.Interface, n.Certain, n.Text))
	}
	want := []string{
		"operator eth0 true: tcp 198.51.100.7:50112 to 192.0.2.10:22 (your own connection, data)",
		"operator eth0 true: tcp 198.51.100.7:50112 to 192.0.2.10:22 (your own connection, acknowledgement)",
		`too_big eth0 true: icmp "packet too big" about 192.0.2.10:22 to 198.51.100.7:50112`,
		"management eth0 true: tcp/22 from 198.51.100.7 (your next connection)",
		"arp eth0 true: the ARP reply of gateway 192.0.2.1",
		"arp eth0 true: the ARP request of gateway 192.0.2.1 for 192.0.2.10",
		"neighbour eth0 true: the neighbour advertisement of gateway fe80::1",
		"neighbour eth0 true: the neighbour solicitation of gateway fe80::1 for 2001:db8::10",
		"router eth0 true: the router advertisement of gateway fe80::1",
		"dns eth1 true: the answer of DNS resolver 10.1.0.53",
		"dhcp eth0 true: the answer of the DHCP server on eth0",
		"dhcp eth1 false: the answer of the DHCP server on eth1",
		"established eth0 true: tcp 203.0.113.5:1111 to 192.0.2.10:22 (an established connection, data)",
		"established eth0 true: tcp 203.0.113.5:1111 to 192.0.2.10:22 (an established connection, acknowledgement)",
		"established eth0 true: tcp [2001:db8:9::1]:443 to [2001:db8::10]:41000 (an established connection, data)",
		"established eth0 true: tcp [2001:db8:9::1]:443 to [2001:db8::10]:41000 (an established connection, acknowledgement)",
		`too_big eth0 true: icmp "packet too big" about [2001:db8::10]:41000 to [2001:db8:9::1]:443`,
		"established eth1 true: tcp 10.1.0.20:5432 to 10.1.0.10:41001 (an established connection, data)",
		"established eth1 true: tcp 10.1.0.20:5432 to 10.1.0.10:41001 (an established connection, acknowledgement)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNeedsAreWhatHostsSend looks at the fields by which a careful policy tells
// genuine packets from forged ones.
func TestNeedsAreWhatHostsSend(t *testing.T) {
	seen := make(map[NeedKind]bool)
	for _, n := range server().Needs() {
		p := n.Arrivals[0].Packet
		seen[n.Kind] = true
		switch n.Kind {
		case NeedManagement:
			if p.Flags != synFlag || p.MSS != 1460 || p.TTL != hopsRouted || p.SourceMAC != [6]byte{2, 0, 0, 0, 0, 1} {
				t.Errorf("%s: %+v", n.Text, p)
			}
		case NeedNeighbour, NeedRouter:
			if p.TTL != 255 || p.ICMP == nil || n.Kind == NeedNeighbour && !p.ICMP.Target.IsValid() {
				t.Errorf("%s: %+v", n.Text, p)
			}
		case NeedTooBig:
			q := p.ICMP.Quoted
			if q == nil || q.Source != p.Destination || !q.HasPorts || !q.HasSequence || q.Length <= p.ICMP.MTU || q.Family == 4 && !q.DontFragment {
				t.Errorf("%s: %+v, quoted %+v", n.Text, p, q)
			}
		case NeedARP:
			if p.ARP == nil || p.ARP.SenderMAC != p.SourceMAC {
				t.Errorf("%s: %+v", n.Text, p)
			}
		}
	}
	if len(seen) != 9 {
		t.Errorf("kinds: %v", seen)
	}
}

// Rules of the tests.
func rule(action policy.Action, mode policy.Mode, match policy.Expr) policy.Rule {
	return policy.Rule{Group: "test", Stage: policy.PolicyRule, Mode: mode, Action: action, Match: match}
}

func drop(match policy.Expr) policy.Rule { return rule(policy.Drop, policy.Enforce, match) }
func pass(match policy.Expr) policy.Rule { return rule(policy.Pass, policy.Enforce, match) }

var (
	everything = policy.All{}
	toSSH      = policy.Ports{Of: policy.DestinationPort, Ranges: []policy.Range{{Low: 22, High: 22}}}
)

func TestLockout(t *testing.T) {
	only := func(device string, r policy.Rule) policy.Rule {
		r.Interfaces = []string{device}
		return r
	}
	guard := func(r policy.Rule) policy.Rule {
		r.Stage = policy.Guard
		return r
	}
	everyKind := []string{"operator", "too_big", "management", "arp", "neighbour", "router", "dns", "dhcp", "dhcp?", "established"}
	for _, test := range []struct {
		name   string
		policy policy.Policy
		want   []string // the kinds that are cut, "?" for a warning
	}{
		{"nothing", policy.Policy{}, nil},
		{"drop all", policy.Policy{Rules: []policy.Rule{drop(everything)}}, everyKind},
		{"pass all, then drop all", policy.Policy{Rules: []policy.Rule{pass(everything), drop(everything)}}, nil},
		{"count all", policy.Policy{Rules: []policy.Rule{rule(policy.Count, policy.Enforce, everything)}}, nil},
		{
			"audit all", policy.Policy{Rules: []policy.Rule{rule(policy.Drop, policy.Audit, everything)}},
			[]string{"operator?", "too_big?", "management?", "arp?", "neighbour?", "router?", "dns?", "dhcp?", "established?"},
		},
		{"ssh", policy.Policy{Rules: []policy.Rule{drop(toSSH)}}, []string{"operator", "management", "established"}},
		{"ssh of others", policy.Policy{Rules: []policy.Rule{
			pass(policy.Addresses{Of: policy.Source, Prefixes: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}), drop(toSSH),
		}}, []string{"established"}},
		{"new connections only", policy.Policy{Rules: []policy.Rule{drop(policy.Bits{Of: policy.TCPFlags, All: synFlag, None: ackFlag})}}, []string{"management"}},
		{"acknowledgements without data", policy.Policy{Rules: []policy.Rule{drop(policy.All{
			policy.Bits{Of: policy.TCPFlags, All: ackFlag}, policy.Number{Of: policy.Length, Ranges: []policy.Range{{Low: 0, High: 52}}},
		})}}, []string{"operator", "established"}},
		{"arp", policy.Policy{Rules: []policy.Rule{drop(policy.EtherTypes{packet.EtherARP})}}, []string{"arp"}},
		{"arp of the gateway's rival", policy.Policy{
			Rules:    []policy.Rule{drop(policy.Binding{Set: "gateways"})},
			Bindings: map[string]*policy.BindingSet{"gateways": {MACs: map[netip.Addr][][6]byte{netip.MustParseAddr("192.0.2.1"): {{2, 0, 0, 0, 0, 1}}}}},
		}, nil},
		{"arp of the gateway by a wrong binding", policy.Policy{
			Rules:    []policy.Rule{drop(policy.Binding{Set: "gateways"})},
			Bindings: map[string]*policy.BindingSet{"gateways": {MACs: map[netip.Addr][][6]byte{netip.MustParseAddr("192.0.2.1"): {{2, 0, 0, 0, 0, 9}}}}},
		}, []string{"arp"}},
		{"icmp", policy.Policy{Rules: []policy.Rule{drop(policy.Protocols{packet.ICMPv4})}}, []string{"too_big"}},
		{"icmpv6", policy.Policy{Rules: []policy.Rule{drop(policy.Protocols{packet.ICMPv6})}}, []string{"neighbour", "router", "too_big"}},
		{"router advertisements", policy.Policy{Rules: []policy.Rule{drop(policy.ICMPTypes{Family: 6, Types: []uint8{routerAdvert}})}}, []string{"router"}},
		{"udp", policy.Policy{Rules: []policy.Rule{drop(policy.Protocols{packet.UDP})}}, []string{"dns", "dhcp", "dhcp?"}},
		{"a large set", policy.Policy{
			Rules: []policy.Rule{drop(policy.Addresses{Of: policy.Source, Set: "feed"})},
			Sets:  map[string]*policy.Set{"feed": {Prefixes: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}},
		}, []string{"operator", "management"}},
		{"own addresses as source", policy.Policy{Rules: []policy.Rule{drop(policy.Own{Of: policy.Source})}}, nil},
		{"own addresses", policy.Policy{Rules: []policy.Rule{drop(policy.All{policy.Own{Of: policy.Destination}, toSSH})}}, []string{"operator", "management", "established"}},
		{"the other device", policy.Policy{Rules: []policy.Rule{only("eth1", drop(toSSH))}}, nil},
		{"not attached there", policy.Policy{Attach: []string{"eth1"}, Rules: []policy.Rule{drop(toSSH)}}, nil},
		{"attached by a pattern", policy.Policy{Attach: []string{"eth*"}, Rules: []policy.Rule{drop(toSSH)}}, []string{"operator", "management", "established"}},
		{
			"kept while it lasts", policy.Policy{Life: policy.Life{KeepEstablished: true}, Rules: []policy.Rule{drop(toSSH)}},
			[]string{"operator?", "management", "established?"},
		},
		{
			"not kept from the guard stage", policy.Policy{Life: policy.Life{KeepEstablished: true}, Rules: []policy.Rule{guard(drop(toSSH))}},
			[]string{"operator", "management", "established"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, cut := range Lockout(&test.policy, server()) {
				kind := string(cut.Need.Kind)
				if cut.Warning {
					kind += "?"
				}
				if test.policy.Rules[cut.Rule].Action != policy.Drop {
					t.Errorf("%v: blamed on rule %d", cut, cut.Rule)
				}
				if !slices.Contains(got, kind) {
					got = append(got, kind)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACutNamesTheRuleAndTheDevice(t *testing.T) {
	p := policy.Policy{Rules: []policy.Rule{
		rule(policy.Drop, policy.Audit, policy.Protocols{packet.TCP}), pass(policy.Protocols{packet.UDP}), drop(policy.EtherTypes{packet.EtherARP}),
	}}
	cuts := Lockout(&p, server())
	if len(cuts) == 0 || cuts[0].Rule != 0 || !cuts[0].Warning {
		t.Fatalf("cuts: %+v", cuts)
	}
	i := slices.IndexFunc(cuts, func(c Cut) bool { return c.Need.Kind == NeedARP })
	if i < 0 || cuts[i].Rule != 2 || cuts[i].Warning {
		t.Fatalf("ARP: %+v", cuts)
	}
	if got, want := cuts[i].String(), "would drop the ARP reply of gateway 192.0.2.1 on eth0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEndOfATemporaryPassIsALockout has a temporary rule that passes SSH before one that
// drops it: nothing is cut off before the first is over.
func TestEndOfATemporaryPassIsALockout(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"drops.yaml": `version: 1
defaults: {mode: enforce, interfaces: [eth0]}
groups: [{name: drops, priority: 9, rules: [{rule: ssh, match: {proto: tcp, dst_port: 22}, action: drop}]}]
`,
		"passes.yaml": `version: 1
until: 2999-01-01T00:00:00Z
groups: [{name: passes, priority: 1, rules: [{rule: ssh, match: {proto: tcp, dst_port: 22}, action: pass}]}]
`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, faults := policy.Load([]string{folder}, policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	operator := slices.DeleteFunc(Lockout(p, server()), func(c Cut) bool { return c.Need.Kind != NeedOperator })
	if len(operator) == 0 || operator[0].Warning || p.Rules[operator[0].Rule].Group != "drops" {
		t.Errorf("cuts %v", operator)
	}
	p.Rules[0].Until = time.Time{}
	if cuts := slices.DeleteFunc(Lockout(p, server()), func(c Cut) bool { return c.Need.Kind != NeedOperator }); len(cuts) > 0 {
		t.Errorf("with a rule that stays: cuts %v", cuts)
	}
}
