//go:build kernel && linux

package guarder

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

const hitPolicy = `version: 1
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - {rule: web, match: {proto: tcp, dst_port: 80}, action: pass, mode: enforce}
  - {rule: watch, match: {proto: tcp}, action: count}
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: enforce}
  - {rule: high, match: {proto: udp, dst_port: 1024-65535}, action: drop, mode: audit}
  - {rule: ping, match: {icmp: {type: echo-request}}, action: drop, mode: enforce}
`

// TestSourcesAndServicesOfHits sends fewer packets than are noted each.
func TestSourcesAndServicesOfHits(t *testing.T) {
	p := newPost(t, hitPolicy)
	begin := time.Now()
	telnet, reset, web := frame(false, tcp(23)), frame(false, tcp(23)), frame(false, tcp(80))
	reset.Flags = 4
	high, ping := frame(true, udp(5000)), frame(true, icmp(128, 0, nil))
	for _, s := range []struct {
		times int
		frame *packet.Frame
	}{{3, telnet}, {2, reset}, {9, web}, {4, high}, {5, ping}} {
		send(t, p.left, s.times, s.frame.Bytes())
	}
	s := p.status(t, 23)
	if s.Sources != 4 || s.fill("sources") != (MapStatus{"sources", 4, 16384}) {
		t.Errorf("%d sources, %+v", s.Sources, s.Maps)
	}
	if diff := gocmp.Diff([]ServiceStatus{
		{"tcp", 23, map[string]Counts{"drop": {5, 5 * 54}}}, {"udp", 5000, map[string]Counts{"would_drop": {4, 4 * 62}}},
	}, s.Services); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	top, err := p.Top(0)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(top.Sources, func(a, b SourceStatus) int { return cmp.Compare(a.Rule, b.Rule) })
	if diff := gocmp.Diff([]SourceStatus{
		{Source: "2001:db8:100::/64", Group: "tests", Rule: "high", Effect: "would_drop", Packets: 4, Bytes: 4 * 62, Protocol: "udp", Port: 5000},
		{Source: "2001:db8:100::/64", Group: "tests", Rule: "ping", Effect: "drop", Packets: 5, Bytes: 5 * 62, Protocol: "icmp", ICMPType: "echo-request"},
		{Source: "198.18.1.2", Group: "tests", Rule: "telnet", Effect: "drop", Packets: 5, Bytes: 5 * 54, Protocol: "tcp", Port: 23, Flags: []string{"syn", "rst"}},
		{Source: "198.18.1.2", Group: "tests", Rule: "watch", Effect: "count", Packets: 5, Bytes: 5 * 54, Protocol: "tcp", Port: 23, Flags: []string{"syn", "rst"}},
	}, top.Sources, cmpopts.IgnoreFields(SourceStatus{}, "First", "Last")); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	for _, s := range top.Sources {
		if s.First.Before(begin.Add(-time.Second)) || s.Last.Before(s.First) || s.Last.After(time.Now().Add(time.Second)) {
			t.Errorf("%s: from %v to %v", s.Source, s.First, s.Last)
		}
	}
	list, err := p.Hits()
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list.Hits, func(a, b Hit) int { return cmp.Compare(a.Rule, b.Rule) })
	v4, v6 := netip.MustParseAddr("198.18.1.2"), netip.MustParseAddr("2001:db8:100::")
	var want []Hit
	for i, h := range []Hit{1: {v4, 0, "count", 5, 0, 0}, 2: {v4, 0, "drop", 5, 0, 0}, 3: {v6, 0, "would_drop", 4, 0, 0}, 4: {v6, 0, "drop", 5, 0, 0}} {
		if h.Effect != "" {
			h.Rule = p.current.slots[i]
			want = append(want, h)
		}
	}
	slices.SortFunc(want, func(a, b Hit) int { return cmp.Compare(a.Rule, b.Rule) })
	if diff := gocmp.Diff(want, list.Hits, cmpopts.IgnoreFields(Hit{}, "First", "Last"), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
	for _, h := range list.Hits {
		if made, err := wallTime(h.First); err != nil || made.Before(begin.Add(-time.Second)) || made.After(time.Now()) {
			t.Errorf("the entry of rule %d was made at %v, %v", h.Rule, made, err)
		}
		if last := list.Boot.Add(time.Duration(h.Last)); h.Last < h.First || last.After(time.Now().Add(time.Second)) || last.Before(begin.Add(-time.Second)) {
			t.Errorf("the entry of rule %d was hit at %v, and made at %d", h.Rule, last, h.First)
		}
		if i := slices.Index(p.current.slots, h.Rule); i < 0 || *p.status(t, 0).Rules[i].Number != h.Rule {
			t.Errorf("no rule has the number %d", h.Rule)
		}
	}
	if top, err := p.Top(2); err != nil || len(top.Sources) != 2 || top.Sources[0].Packets != 5 || top.Sources[1].Packets != 5 {
		t.Errorf("the first two: %+v, %v", top.Sources, err)
	}
}

func TestNoHitsAreNotedIfTheAgentIsToldSo(t *testing.T) {
	p := newPost(t, hitPolicy, func(c *Config) { c.NoHits = true })
	send(t, p.left, 3, frame(false, tcp(23)).Bytes())
	if s := p.status(t, 3); s.Verdicts["drop"].Packets != 3 || s.Sources != 0 || len(s.Services) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSlotOfAnotherRuleForgetsSources gives the slot of a rule that is gone away.
func TestSlotOfAnotherRuleForgetsSources(t *testing.T) {
	p := newPost(t, hitPolicy)
	send(t, p.left, 3, frame(false, tcp(23)).Bytes())
	p.status(t, 3)
	slot := p.current.slots[2]
	if err := p.store.forgetHits(slot); err != nil {
		t.Fatal(err)
	}
	top, err := p.Top(0)
	if err != nil || len(top.Sources) != 1 || top.Sources[0].Rule != "watch" {
		t.Errorf("%+v, %v", top.Sources, err)
	}
}
