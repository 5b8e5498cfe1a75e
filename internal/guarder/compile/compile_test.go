package compile

import (
	"fmt"
	"strings"
	"testing"

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
	dropped, conditions, refused, kept := 0, 0, 0, 0
	for range policies {
		p := m.policy(1 + m.IntN(40))
		tables, err := Compile(p, testOptions)
		if err != nil {
			refused++ // too many atoms or alternatives
			continue
		}
		conditions += len(tables.Conditions) - 1
		var there policy.Kept
		for range packets {
			pkt := m.packet()
			m.keep(&there, pkt)
			e := env(p, pkt)
			e.Kept = keptOf(p, &there)
			want, got := p.Judge(pkt, e), tables.Classify(pkt, e)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("packet %+v: (-want +got)\n%s%s", pkt, diff, blame(p, pkt))
			}
			dropped += int(want.Verdict)
			if want.Kept != policy.None {
				kept++
			}
		}
	}
	if dropped == 0 || kept == 0 || conditions == 0 || refused > policies/2 {
		t.Errorf("%d packets were dropped, by %d conditions, %d kept, and %d of %d policies refused; the test tests nothing",
			dropped, conditions, kept, refused, policies)
	}
	t.Logf("%d packets dropped, %d kept, %d conditions, %d of %d policies refused", dropped, kept, conditions, refused, policies)
}

// blame describes the rules that differ already when they are alone.
func blame(p *policy.Policy, pkt *packet.Packet) string {
	var text strings.Builder
	for i := range p.Rules {
		alone := *p
		alone.Rules = p.Rules[i : i+1]
		tables, err := Compile(&alone, testOptions)
		e := env(p, pkt)
		if r := p.Rules[i]; err == nil && !cmp.Equal(alone.Judge(pkt, e), tables.Classify(pkt, e)) {
			fmt.Fprintf(&text, "rule %d alone: action %d, mode %d, interfaces %v: %T%v\n", i, r.Action, r.Mode, r.Interfaces, r.Match, r.Match)
		}
	}
	return text.String()
}
