//go:build e2e && linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/servers"
)

func push(name, severity, area, instance string) servers.Push {
	return servers.Push{
		Labels: map[string]string{
			"alertname": name, "severity": severity, "area": area,
			"job": "packetscope", "instance": instance, "cluster": "fra1",
		},
		EndsAt: time.Now().Add(time.Hour),
	}
}

// TestOutageOfADatacentreIsFewMessages sends what 1,000 hosts of a cluster would fire
// if their network failed, to a real Alertmanager, and counts what people get.
func TestOutageOfADatacentreIsFewMessages(t *testing.T) {
	t.Parallel()
	const hosts = 1000
	// Every few seconds Alertmanager looks at thousands of groups of the annotator,
	// in reality every minute. It would do nothing else at a faster pace. And it takes in all
	// alerts in one group_wait, which is a second for what is critical.
	const pace = 10
	inbox := servers.NewInbox(t)
	am := servers.StartAlertmanager(t, found.Tools, routes(t, inbox, pace))
	var alerts []servers.Push
	for host := range hosts {
		name := fmt.Sprintf("web%d", host)
		alerts = append(alerts,
			push("PacketScopePacketLoss", "critical", "drops", name),
			push("PacketScopePacketLoss", "warning", "drops", name))
		// One half still answers.
		if host%2 == 0 {
			alerts = append(alerts, push("PacketScopeRetransmitsHigh", "warning", "tcp", name))
		} else {
			alerts = append(alerts, push("PacketScopeDown", "warning", "packetscope", name))
		}
	}
	if err := am.Push(alerts); err != nil {
		t.Fatal(err)
	}
	want := map[string][]message{
		// The exporters that are down say nothing else.
		"critical": {{"PacketScopePacketLoss", hosts / 2}},
		// A warning of what is critical is left out.
		"warning": {{"PacketScopeRetransmitsHigh", hosts / 2}, {"PacketScopeDown", hosts / 2}},
	}
	servers.Eventually(t, soon, func() error {
		for receiver, messages := range want {
			if diff := cmp.Diff(messages, heard(inbox, receiver)); diff != "" {
				return fmt.Errorf("messages to %s (-want +got):\n%s", receiver, diff)
			}
		}
		return nil
	})
	// Host by host: two alerts of those that answer, one of the others.
	groups := map[string]bool{}
	for _, m := range inbox.Messages("annotator") {
		if m.GroupLabels["instance"] == "" {
			t.Errorf("annotator was told of a group by %v", m.GroupLabels)
		}
		groups[m.GroupKey] = true
	}
	if len(groups) != hosts/2*2+hosts/2 {
		t.Errorf("annotator was told of %d groups, want %d", len(groups), hosts/2*2+hosts/2)
	}
}

func TestInfoIsADigestOfEachArea(t *testing.T) {
	t.Parallel()
	inbox := servers.NewInbox(t)
	am := servers.StartAlertmanager(t, found.Tools, routes(t, inbox, pace))
	err := am.Push([]servers.Push{
		push("PacketScopePolicyDropsHigh", "info", "drops", "web1"),
		push("PacketScopePolicyDropsHigh", "info", "drops", "web2"),
		push("PacketScopeOutOfOrder", "info", "drops", "web2"),
		push("PacketScopeFlowTableEvicting", "info", "flows", "web1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	servers.Eventually(t, soon, func() error {
		got := map[string]int{}
		for _, m := range inbox.Messages("info") {
			got[m.GroupLabels["area"]] += len(m.Alerts)
		}
		if diff := cmp.Diff(map[string]int{"drops": 3, "flows": 1}, got); diff != "" {
			return fmt.Errorf("alerts by area (-want +got):\n%s", diff)
		}
		return nil
	})
	if m := inbox.Messages("info"); len(m) != 2 {
		t.Errorf("%d messages, want one for each area", len(m))
	}
}

// A message is what a person sees of one: the alert, and of how many hosts.
type message struct {
	Name  string
	Hosts int
}

func heard(inbox *servers.Inbox, receiver string) (all []message) {
	for _, m := range inbox.Messages(receiver) {
		all = append(all, message{m.Alerts[0].Labels["alertname"], len(m.Alerts)})
	}
	return all
}
