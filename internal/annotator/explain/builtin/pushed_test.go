package builtin

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
)

// TestPushedAlertsAreExplainedByTheirAttack has alerts that the exporter pushes itself
// explained, with what is recorded of those of the rule files, and compares the text of one
// with testdata/golden. Go test -update writes it.
func TestPushedAlertsAreExplainedByTheirAttack(t *testing.T) {
	for attack, like := range map[string]string{
		"pmtu_poison": "PacketScopeGuardForgedICMP", "forged_icmp": "PacketScopeGuardForgedICMP", "icmp_redirect": "PacketScopeGuardRedirects",
		"arp_spoof": "PacketScopeGuardNeighborSpoofing", "nd_spoof": "PacketScopeGuardNeighborSpoofing", "ra_spoof": "PacketScopeGuardNeighborSpoofing",
		"ics_write": "PacketScopeGuardControllerWrite", "ics_stop": "PacketScopeGuardControllerWrite", "ics_evasion": "PacketScopeGuardControllerWrite",
		"land": "PacketScopeGuardAttack", "one_of_the_owner": "PacketScopeGuardAttack",
	} {
		r := recorded(t)[like]
		r.Labels = maps.Clone(r.Labels)
		for name, value := range map[string]string{"attack": attack, "verdict": "drop", "group": "g", "rule": "r", "mode": "enforce", "severity": "critical"} {
			r.Labels[name] = value
		}
		pushed := maps.Clone(r.Labels)
		delete(pushed, "verdict")
		pushed["alertname"] = "GuarderOfSomeName"
		g := gatherOf(t, player{r: r}, pushed)
		a := Explain(g)
		if a.Verdict != answer.TargetedAttack || len(a.Findings) < 2 || strings.Contains(a.Summary, "no explanation") {
			t.Errorf("%s: %+v", attack, a)
		}
		if attack != "pmtu_poison" {
			continue
		}
		got := g.Show(a, words(like)) + "\nFrom these facts:\n" + g.Known()
		path := filepath.Join("testdata", "golden", "GuarderPmtuPoison.txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// Whoever else calls an alert so is not believed.
func TestOthersAreNotTakenForPushedOnes(t *testing.T) {
	r := recorded(t)["PacketScopeGuardForgedICMP"]
	for _, without := range []string{"area", "attack", "rule", "mode"} {
		labels := maps.Clone(r.Labels)
		labels["alertname"], labels["rule"], labels["mode"] = "GuarderPmtuPoison", "r", "enforce"
		delete(labels, without)
		if a := Explain(gatherOf(t, player{r: r}, labels)); !strings.Contains(a.Summary, "no explanation of its own") {
			t.Errorf("without %s: %s", without, a.Summary)
		}
	}
}
