package compile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestTablesMeanThePolicy compares the tables with the plain interpreter on random
// policies and packets.
func TestTablesMeanThePolicy(t *testing.T) {
	m := newMaker(t)
	policies, packets := 400, 250
	if testing.Short() {
		policies = 40
	}
	dropped, conditions, refused, kept, banks, within, over := 0, 0, 0, 0, 0, 0, 0
	enough := func() bool { return dropped > 0 && conditions > 0 && kept > 0 && banks > 0 && within > 0 && over > 0 }
	for round := range rounds(policies, enough) {
		policies = max(policies, round+1)
		p := m.policy(1 + m.IntN(40))
		tables, err := Compile(p, testOptions)
		if err != nil {
			refused++ // too many atoms or alternatives
			continue
		}
		conditions += len(tables.Conditions) - 1
		if len(tables.Atoms) > wordBits && tables.SocketAtoms[1] != 0 {
			banks++
		}
		var there policy.Kept
		var states, own policy.States
		at := now
		for range packets {
			pkt := m.packet()
			m.keep(&there, pkt)
			e := env(p, pkt)
			e.Connections = anyConnections
			e.Kept = keptOf(p, &there)
			at = at.Add(time.Duration(m.IntN(20)) * time.Millisecond)
			e.Now, e.States = at, &states
			want := p.Judge(pkt, e)
			e.States = &own
			got := tables.Classify(pkt, e)
			within, over = within+len(want.Within), over+limited(p, want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("packet %+v: (-want +got)\n%s%s", pkt, diff, blame(p, pkt))
			}
			dropped += int(want.Verdict)
			if want.Kept != policy.None {
				kept++
			}
		}
	}
	t.Logf("%d packets dropped, %d kept, %d within limits and %d over, %d conditions, %d of %d policies refused, %d have two banks of atoms",
		dropped, kept, within, over, conditions, refused, policies, banks)
	if !enough() || refused > policies/2 {
		t.Error("the test tests nothing")
	}
}

// limited returns how many rules with a limit were credited with a packet.
func limited(p *policy.Policy, j policy.Judgement) (n int) {
	for _, i := range append([]int{j.By, j.WouldDrop}, j.Counted...) {
		if i != policy.None && p.Rules[i].Limit != nil {
			n++
		}
	}
	return n
}

// blame describes the rules that differ already when they are alone.
func blame(p *policy.Policy, pkt *packet.Packet) string {
	var text strings.Builder
	for i := range p.Rules {
		alone := *p
		alone.Rules = p.Rules[i : i+1]
		tables, err := Compile(&alone, testOptions)
		e := env(p, pkt)
		e.Connections = anyConnections
		if r := p.Rules[i]; err == nil && !cmp.Equal(alone.Judge(pkt, e), tables.Classify(pkt, e)) {
			fmt.Fprintf(&text, "rule %d alone: action %d, mode %d, interfaces %v: %T%v\n", i, r.Action, r.Mode, r.Interfaces, r.Match, r.Match)
		}
	}
	return text.String()
}
