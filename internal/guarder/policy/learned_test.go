package policy

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const learning = `version: 1
sets:
  gateways: {type: ip-mac, learn: true, entries: [{ip: 192.0.2.254, mac: "02:00:00:00:00:fe"}, {ip: 192.0.2.253}]}
groups:
- name: g
  rules:
  - {rule: conflict, match: {arp: {sender: {conflicts_with: gateways}}}, action: drop}
  - {rule: rogue, match: {icmp: {class: router-advert}, not: {src_set: gateways}}, action: drop}
`

// TestPolicyWithWhatWasLearnt: what was learnt is bound and a member of the set, what
// the policy binds stays as it is, and so does the policy.
func TestPolicyWithWhatWasLearnt(t *testing.T) {
	p, faults := Parse("learning.yaml", []byte(learning), Options{})
	if p == nil || len(faults) > 0 {
		t.Fatal(faults)
	}
	addr, equal := netip.MustParseAddr, cmpopts.EquateComparable(netip.Addr{})
	set := p.Bindings["gateways"]
	if want := []netip.Addr{addr("192.0.2.253")}; !set.Learn || cmp.Diff(want, set.Open, equal) != "" {
		t.Errorf("learn %v, open %v, want true, %v", set.Learn, set.Open, want)
	}
	with := p.With(Learned{"gateways": {
		addr("192.0.2.253"): {{2, 0, 0, 0, 0, 0xfd}}, addr("192.0.2.254"): {{2, 0, 0, 0, 0, 0x66}}, addr("fe80::fe"): {{2, 0, 0, 0, 0, 0xfd}},
	}, "others": {addr("192.0.2.1"): {{2, 0, 0, 0, 0, 1}}}})
	dropped := func(p *Policy, text string) bool {
		t.Helper()
		s, err := ParseSpecimen(text)
		if err != nil {
			t.Fatal(err)
		}
		return p.Judge(&s.Packet, &Env{Sets: p.Sets, Bindings: p.Bindings}).WouldDrop != None
	}
	for text, want := range map[string][2]bool{ // of p, and with what was learnt
		"arp 192.0.2.254 > 192.0.2.1 op=reply mac=02:00:00:00:00:66":   {true, true},
		"arp 192.0.2.254 > 192.0.2.1 op=reply mac=02:00:00:00:00:fe":   {},
		"arp 192.0.2.253 > 192.0.2.1 op=reply mac=02:00:00:00:00:66":   {false, true},
		"arp 192.0.2.253 > 192.0.2.1 op=reply mac=02:00:00:00:00:fd":   {},
		"arp 192.0.2.1 > 192.0.2.2 op=reply mac=02:00:00:00:00:66":     {},
		"icmpv6 fe80::fe > ff02::1 type=router-advert ttl=255":         {true, false},
		"icmpv6 fe80::66 > ff02::1 type=router-advert ttl=255":         {true, true},
		"icmp 192.0.2.253 > 224.0.0.1 type=router-advert code=0 ttl=1": {},
	} {
		if got := [2]bool{dropped(p, text), dropped(with, text)}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if got := p.With(Learned{"others": {addr("192.0.2.1"): {{2}}}}); got != p {
		t.Error("a policy with nothing learnt for it is another")
	}
}
