//go:build kernel && linux

package guarder

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// TestAlertsAreTheRulesThatSomebodyIsToldOf asks for them after 23 packets, and shows what
// that costs beside the whole status.
func TestAlertsAreTheRulesThatSomebodyIsToldOf(t *testing.T) {
	p := newPost(t, `version: 1
defaults: {interfaces: [router0]}
groups:
- name: g
  rules:
  - rule: told
    match: {proto: udp, dst_port: 9}
    action: drop
    labels: {attack: udp_probe}
    annotations: {summary: "A probe."}
    alert: {when: {packets: 3}, for: 1m}
  - {rule: untold, match: {proto: udp, dst_port: 10}, action: drop}
`)
	frame := packet.Frame{
		DestinationMAC: [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Source: netip.MustParseAddr("192.0.2.7"), Destination: netip.MustParseAddr("192.0.2.1"),
		Protocol: packet.UDP, SourcePort: 1000, DestinationPort: 9,
	}
	send(t, p.left, 23, frame.Bytes())
	var list AlertList
	until(t, func() bool {
		var err error
		if list, err = p.Alerts(); err != nil {
			t.Fatal(err)
		}
		return len(list.Rules) == 1 && list.Rules[0].Counts["would_drop"].Packets >= 23
	})
	got := list.Rules[0]
	want := RuleStatus{
		Group: "g", Rule: "told", Number: got.Number, Stage: "policy", Mode: "audit", Asks: "audit", Action: "drop", Labels: map[string]string{"attack": "udp_probe"},
		Place: got.Place, Counts: map[string]Counts{"would_drop": {23, 23 * uint64(len(frame.Bytes()))}},
		Alert: &AlertStatus{Name: "GuarderUdpProbe", Summary: "A probe.", Packets: 3, OverSeconds: 300, ForSeconds: 60},
	}
	if diff := cmp.Diff(AlertList{InForce: InForcePolicy, Rules: []RuleStatus{want}}, list); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	for what, ask := range map[string]func() error{
		"alerts": func() error { _, err := p.Alerts(); return err },
		"status": func() error { _, err := p.Status(); return err },
	} {
		begin := time.Now()
		for range 20 {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s takes %v", what, time.Since(begin)/20)
	}
}
