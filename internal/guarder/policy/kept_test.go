package policy

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKeptPackets has a session from 198.51.100.7, and protects 203.0.113.9.
func TestKeptPackets(t *testing.T) {
	kept := Kept{
		Connections: map[Connection]bool{{
			Local: netip.MustParseAddrPort("192.0.2.10:22"), Remote: netip.MustParseAddrPort("198.51.100.7:50000"),
		}: true},
		Peers: map[netip.Addr]bool{netip.MustParseAddr("203.0.113.9"): true},
	}
	for text, want := range map[string]bool{
		"tcp 198.51.100.7:50000 > 192.0.2.10:22 flags=ack":     true,
		"tcp 198.51.100.7:50000 > 192.0.2.10:22 flags=syn,ack": true,
		"tcp 198.51.100.7:50000 > 192.0.2.10:22 flags=rst":     true,
		"tcp 198.51.100.7:50000 > 192.0.2.10:22 flags=syn":     false,
		"tcp 198.51.100.7:50001 > 192.0.2.10:22 flags=ack":     false,
		"tcp 198.51.100.7:50000 > 192.0.2.10:23 flags=ack":     false,
		"tcp 192.0.2.10:22 > 198.51.100.7:50000 flags=ack":     false,
		"udp 198.51.100.7:50000 > 192.0.2.10:22":               false,
		"udp 203.0.113.9:1 > 192.0.2.10:2":                     true,
		"tcp 203.0.113.9:1 > 192.0.2.10:2 flags=syn":           true,
		"icmp 203.0.113.9 > 192.0.2.10 type=echo-request":      true,
		"udp 192.0.2.10:2 > 203.0.113.9:1":                     false,
	} {
		s, err := ParseSpecimen(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := kept.Has(&s.Packet); got != want {
			t.Errorf("%s: kept %v, want %v", text, got, want)
		}
	}
}

// TestKeptPacketsAreNotDropped tries each rule that could drop a packet that is kept.
func TestKeptPacketsAreNotDropped(t *testing.T) {
	s, err := ParseSpecimen("tcp 198.51.100.7:50000 > 192.0.2.10:22 flags=ack")
	if err != nil {
		t.Fatal(err)
	}
	rule := func(stage Stage, action Action, mode Mode) Rule {
		return Rule{Group: "g", Name: "r", Stage: stage, Action: action, Mode: mode, Match: All{}}
	}
	drop, audited := rule(PolicyRule, Drop, Enforce), rule(PolicyRule, Drop, Audit)
	guard, audit := rule(Guard, Drop, Enforce), rule(Guard, Drop, Audit)
	pass, count := rule(PolicyRule, Pass, Enforce), rule(PolicyRule, Count, Enforce)
	for name, c := range map[string]struct {
		rules []Rule
		want  Judgement
	}{
		"a drop":                     {[]Rule{drop, pass}, Judgement{By: None, WouldDrop: None, Kept: 0}},
		"what counted before it":     {[]Rule{count, drop, count}, Judgement{By: None, WouldDrop: None, Kept: 1, Counted: []int{0}}},
		"an audited drop":            {[]Rule{audited, pass}, Judgement{By: 1, WouldDrop: None, Kept: 0}},
		"an audited drop and a drop": {[]Rule{audited, drop}, Judgement{By: None, WouldDrop: None, Kept: 0}},
		"the guard stage drops":      {[]Rule{guard, drop}, Judgement{By: 0, WouldDrop: None, Kept: None, Verdict: Dropped}},
		"the guard stage would drop": {[]Rule{audit, audited, drop}, Judgement{By: None, WouldDrop: 0, Kept: 2}},
		"a pass":                     {[]Rule{pass, drop}, Judgement{By: 0, WouldDrop: None, Kept: None}},
	} {
		p := Policy{Rules: c.rules}
		env := Env{Kept: (&Kept{Peers: map[netip.Addr]bool{s.Packet.Source: true}}).Has}
		got := p.Judge(&s.Packet, &env)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if text := p.String(got); strings.Contains(text, "kept") != (c.want.Kept != None) {
			t.Errorf("%s is told as %q", name, text)
		}
	}
}
