package compile

import (
	"slices"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// forced returns a policy all of whose rules have one mode, and so have packets that
// cannot be read, which it would drop.
func forced(p *policy.Policy, mode policy.Mode) *policy.Policy {
	q := *p
	q.Rules = slices.Clone(p.Rules)
	for i := range q.Rules {
		q.Rules[i].Mode = mode
	}
	q.Unparsable, q.UnparsableMode = policy.Drop, mode
	return &q
}

// An auditCheck compares what audited policies do with what they would do if they were
// enforced.
type auditCheck struct{ drops, passes, unreadable int }

// see takes the judgement of an audited policy and that of the same one enforced.
func (a *auditCheck) see(t *testing.T, pkt *packet.Packet, audited, enforced policy.Judgement) {
	t.Helper()
	if audited.Verdict != policy.Passed {
		t.Fatalf("an audited policy drops %+v: %+v", pkt, audited)
	}
	want := policy.None
	switch {
	case pkt.Reason != packet.OK:
		a.unreadable++
		if enforced.Verdict != policy.Dropped {
			t.Fatalf("a policy that drops what it cannot read passes %+v", pkt)
		}
	case enforced.Verdict == policy.Dropped:
		a.drops++
		want = enforced.By
	default:
		a.passes++
	}
	if audited.WouldDrop != want {
		t.Fatalf("%+v would be dropped by rule %d, and the audited policy tells %d", pkt, want, audited.WouldDrop)
	}
}

func (a *auditCheck) seenAll() bool { return a.drops > 0 && a.passes > 0 && a.unreadable > 0 }

// enough fails a test that has not seen all of it.
func (a *auditCheck) enough(t *testing.T) {
	t.Helper()
	t.Logf("%d packets would be dropped, %d passed, %d were not readable", a.drops, a.passes, a.unreadable)
	if !a.seenAll() {
		t.Error("the test tests nothing")
	}
}

// TestAuditedTablesNeverDrop forces random policies to audit, and judges by the plain
// interpreter and by the tables. What would be dropped is what the same policy drops
// if it is enforced.
func TestAuditedTablesNeverDrop(t *testing.T) {
	m := newMaker(t)
	policies, packets := 300, 300
	if testing.Short() {
		policies = 30
	}
	var check auditCheck
	for range rounds(policies, check.seenAll) {
		p := m.policy(1 + m.IntN(40))
		limits := m.limits(p)
		audited, enforced := forced(p, policy.Audit), forced(p, policy.Enforce)
		tables, err := Compile(audited, testOptions)
		if err != nil {
			continue
		}
		var states policy.States
		for range packets {
			pkt := m.packet()
			e := env(p, pkt)
			if limits {
				if e.States = &states; tables.Classify(pkt, e).Verdict != policy.Passed {
					t.Fatalf("an audited policy with limits drops %+v", pkt)
				}
				continue
			}
			would := enforced.Judge(pkt, e)
			check.see(t, pkt, audited.Judge(pkt, e), would)
			check.see(t, pkt, tables.Classify(pkt, e), would)
		}
	}
	check.enough(t)
}

// limits leaves half of the policies their limits. What an enforced drop leaves of the
// limits behind it is not what an audited one leaves, which counts on.
func (m maker) limits(p *policy.Policy) bool {
	if m.chance(2) {
		return true
	}
	for i := range p.Rules {
		p.Rules[i].Limit = nil
	}
	return false
}

// TestOnlyAnEnforcedDropDrops goes through all actions and modes.
func TestOnlyAnEnforcedDropDrops(t *testing.T) {
	for _, action := range []policy.Action{policy.Pass, policy.Drop, policy.Count, policy.Sample} {
		for _, mode := range []policy.Mode{policy.Off, policy.Audit, policy.Enforce} {
			dropped := creditOf(action, mode).verdict() == policy.Dropped
			if want := action == policy.Drop && mode == policy.Enforce; dropped != want {
				t.Errorf("%v, %v: dropped %v", action, mode, dropped)
			}
		}
	}
}

// TestCeilingOfAuditLeavesNothingThatDrops compiles the ready-made policies under a
// ceiling.
func TestCeilingOfAuditLeavesNothingThatDrops(t *testing.T) {
	p, faults := policy.Load([]string{"../../../rules/guarder"}, policy.Options{Ceiling: policy.Audit})
	if p == nil {
		t.Fatal(faults)
	}
	tables, err := Compile(p, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(tables.Credits, CreditDrop) || tables.Unparsable != CreditWouldDrop {
		t.Errorf("credits %v, of packets that cannot be read %v", tables.Credits, tables.Unparsable)
	}
	if !slices.Contains(tables.Credits, CreditWouldDrop) {
		t.Error("no rule is audited")
	}
}
