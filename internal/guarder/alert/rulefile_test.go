package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/promtest"
)

const exported = `version: 1
groups:
- name: g
  rules:
  - {rule: quiet, match: {proto: gre}, action: drop}
  - rule: one
    match: {proto: sctp}
    action: drop
    mode: enforce
    labels: {attack: first_packet, severity: critical}
    annotations: {summary: "Says {{ $labels.x }} and 100 %."}
    alert: {when: {packets: 1}, for: 1m, keep_firing_for: 10m}
  - rule: many
    match: {proto: esp}
    action: count
    interfaces: eth0
    labels: {attack: many}
    alert:
      name: Many
      when: {rate: 30/m, over: 2m}
      labels: {team: "{net}"}
      annotations: {summary: "{{.Host}} {{.Packets}} {{.Rate}} {{.Mode}} {{.Rule}}{{with .Sources}} by {{.}}{{end}}"}
`

// TestBothFireAlike gives the machine and Prometheus, with the rules that RuleFile writes,
// the same counters each 15 s. The alerts are the same, with the same labels, but for the
// time that Prometheus sees packets later, or, as it extrapolates, for longer.
func TestBothFireAlike(t *testing.T) {
	p, faults := policy.Parse("p.yaml", []byte(exported), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	text, err := RuleFile(p)
	if err != nil {
		t.Fatal(err)
	}
	db := promtest.New()
	rules := promtest.NewRules(db)
	if err := rules.Parse("guarder.yaml", text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m := NewMachine(Identity{Instance: "h"}, time.Minute)
	const step, slack = 15 * time.Second, 30 * time.Second
	begin := time.Unix(0, 0)
	var both [2]map[string][]time.Duration // by alert, when it began and ended
	for i := range both {
		both[i] = map[string][]time.Duration{}
	}
	for at := time.Duration(0); at < 2*time.Hour; at += step {
		status := counters(p, at)
		record(t, db, at, status)
		if err := rules.Eval(begin.Add(at)); err != nil {
			t.Fatal(err)
		}
		m.Eval(begin.Add(at), status, saysNothing)
		now := [2]map[string]bool{{}, {}}
		for _, a := range m.alerts {
			if a.State == Firing {
				now[0][keyOf(a.Labels)] = true
			}
		}
		for _, a := range rules.Firing("") {
			now[1][keyOf(a.Labels.Map())] = true
		}
		for i := range both {
			note(both[i], now[i], at)
		}
	}
	if len(both[0]) != 2 {
		t.Errorf("%d alerts of the machine, want 2", len(both[0]))
	}
	for key, times := range both[0] {
		others := both[1][key]
		t.Logf("%s: machine %v, Prometheus %v", strings.ReplaceAll(key, "\x00", " "), times, others)
		if len(times) != len(others) || len(times) == 0 {
			t.Errorf("%q: the machine changes at %v, Prometheus at %v", key, times, others)
			continue
		}
		for i := range times {
			if d := others[i] - times[i]; d < -slack || d > slack {
				t.Errorf("%q: %v by the machine, %v by Prometheus", key, times[i], others[i])
			}
		}
	}
	for key := range both[1] {
		if both[0][key] == nil {
			t.Errorf("only Prometheus has %q", key)
		}
	}
}

// counters returns what rules had counted: one packet at 10 m and at 50 m; and at 80 m 40
// each 15 s, for 5 m.
func counters(p *policy.Policy, at time.Duration) (all []guarder.RuleStatus) {
	for i := range p.Rules {
		r := &p.Rules[i]
		s := guarder.RuleStatus{Group: r.Group, Rule: r.Name, Mode: r.Mode.String(), Action: r.Action.String(), Labels: r.Labels, Alert: guarder.AlertOf(r)}
		var n uint64
		switch {
		case r.Name == "one" && at >= 50*time.Minute:
			n = 2
		case r.Name == "one" && at >= 10*time.Minute:
			n = 1
		case r.Name == "many" && at > 80*time.Minute:
			n = 40 * uint64((min(at, 85*time.Minute)-80*time.Minute)/(15*time.Second))
		}
		s.Counts = map[string]guarder.Counts{"drop": {Packets: n}}
		all = append(all, s)
	}
	return all
}

// record writes what the exporter exposes.
func record(t *testing.T, db *promtest.DB, at time.Duration, all []guarder.RuleStatus) {
	t.Helper()
	for _, r := range all {
		series := labels.FromStrings("__name__", "packetscope_guarder_rule_packets_total", "instance", "h", "group", r.Group, "rule", r.Rule, "verdict", "drop")
		info := labels.FromStrings("__name__", "packetscope_guarder_rule_info", "instance", "h", "group", r.Group, "rule", r.Rule, "stage", "policy", "mode", r.Mode, "action", r.Action, "attack", r.Labels["attack"])
		for _, x := range []struct {
			of    labels.Labels
			value float64
		}{{series, float64(r.Counts["drop"].Packets)}, {info, 1}} {
			if err := db.Add(x.of, at.Milliseconds(), x.value); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// note adds a time to alerts that begin or end.
func note(changes map[string][]time.Duration, firing map[string]bool, at time.Duration) {
	for key := range firing {
		if len(changes[key])%2 == 0 {
			changes[key] = append(changes[key], at)
		}
	}
	for key, times := range changes {
		if !firing[key] && len(times)%2 == 1 {
			changes[key] = append(times, at)
		}
	}
}

func TestRuleFilesShowTextsAsTheyAre(t *testing.T) {
	p, faults := policy.Parse("p.yaml", []byte(exported), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	text, err := RuleFile(p)
	if err != nil {
		t.Fatal(err)
	}
	db := promtest.New()
	rules := promtest.NewRules(db)
	if err := rules.Parse("guarder.yaml", text); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for at := 80 * time.Minute; at < 90*time.Minute; at += 15 * time.Second {
		status := counters(p, at)
		status[1].Counts["drop"] = guarder.Counts{Packets: uint64((at - 80*time.Minute) / (time.Minute))}
		record(t, db, at, status)
		if err := rules.Eval(time.Unix(0, 0).Add(at)); err != nil {
			t.Fatal(err)
		}
		for _, a := range rules.Firing("") {
			got[a.Labels.Get("alertname")] = a.Annotations["summary"]
		}
	}
	for name, want := range map[string]string{
		"GuarderFirstPacket": "Says {{ $labels.x }} and 100 %. (h, rule g/one, dropped)",
		"Many":               "h ", // and a number
	} {
		if !strings.HasPrefix(got[name], want) {
			t.Errorf("%s says %q, want %q", name, got[name], want)
		}
	}
	if !strings.HasSuffix(got["Many"], " at least 0.5 audit many") {
		t.Errorf("it says %q", got["Many"])
	}
	if none, err := RuleFile(&policy.Policy{}); none != nil || err != nil {
		t.Errorf("without an alert: %q, %v", none, err)
	}
	if diff := cmp.Diff(2, strings.Count(string(text), "- alert:")); diff != "" {
		t.Errorf("rules (-want +got):\n%s\n%s", diff, text)
	}
}
