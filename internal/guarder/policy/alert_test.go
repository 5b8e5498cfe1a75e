package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAlertsOfRules(t *testing.T) {
	p, faults := load(t, Options{}, `
defaults: {labels: {attack: pmtu_poison}}
groups:
- name: g
  rules:
  - {rule: none, match: {proto: sctp}, action: drop}
  - {rule: short, match: {proto: gre}, action: drop, alert: {when: {packets: 1}}}
  - rule: long
    match: {proto: esp}
    action: count
    alert:
      name: Given
      when: {rate: 5/m, over: 2m}
      for: 1m
      keep_firing_for: 10m
      labels: {team: net}
      annotations: {summary: "{{.Host}}: {{with .Sources}}from {{.}}{{else}}from nobody{{end}}"}
  - {rule: "by.its-name", match: {proto: ah}, action: drop, labels: {attack: ""}, alert: {when: {rate: 10/s}}}
`)
	if p == nil {
		t.Fatal(faults)
	}
	var got []*Alert
	for _, r := range p.Rules {
		got = append(got, r.Alert)
	}
	want := []*Alert{
		nil,
		{Name: "GuarderPmtuPoison", Packets: 1, Over: 5 * time.Minute},
		{Name: "Given", Packets: 10, Over: 2 * time.Minute, For: time.Minute, KeepFiring: 10 * time.Minute,
			Labels: map[string]string{"team": "net"}, Annotations: map[string]string{"summary": "{{.Host}}: {{with .Sources}}from {{.}}{{else}}from nobody{{end}}"}},
		{Name: "GuarderByItsName", Packets: 3000, Over: 5 * time.Minute},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

// Whatever a template does, its text is bounded by its length and that of the fields.
func TestTemplatesTellFieldsAndNoMore(t *testing.T) {
	fields := AlertFields{Rule: "r", Sources: "192.0.2.1", Mode: "audit"}
	for text, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		"{{.Rule}}: {{.Sources}}": "r: 192.0.2.1",
		`{{if eq .Mode "audit"}}passes{{else}}is dropped{{end}}`: "passes",
		"{{.Mode | upper}}":      "AUDIT",
		"{{if .Sample}}x{{end}}": "",
	} {
		tmpl, err := ParseTemplate(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var b strings.Builder
		if err := tmpl.Execute(&b, fields); err != nil || b.String() != want {
			t.Errorf("%q is %q (%v), want %q", text, b.String(), err, want)
		}
	}
	for _, text := range []string{
		"{{.}}{{$}}", "{{$x := .Rule}}", "{{define \"a\"}}{{end}}", "{{template \"a\"}}", "{{len .Rule}}", "{{call .Rule}}", "{{.Rule.Foo}}",
		"{{html .Rule}}", "{{js .Rule}}", "{{printf \"%099d\" 1}}", "{{index .Rule 0}}", "{{1}}", "{{(.Rule).Foo}}", `{{"{{"}}`, "{{.rule}}", "{{upper 1}}", "{{upper}}",
		"{{block \"a\" .}}{{end}}", "{{range $i, $c := .Rule}}{{end}}", "{{break}}", strings.Repeat("x", maxTemplate+1),
	} {
		if _, err := ParseTemplate(text); err == nil {
			t.Errorf("%.40q is accepted", text)
		}
	}
}

func TestNamesOfAlerts(t *testing.T) {
	for attack, want := range map[string]string{
		"pmtu_poison": "GuarderPmtuPoison", "ics_write": "GuarderIcsWrite", "land": "GuarderLand", "a-b.c d": "GuarderABCD", "ICMP": "GuarderICMP", "über": "GuarderBer", "": "Guarder",
	} {
		if got := AlertName(attack); got != want {
			t.Errorf("%q is told as %q, want %q", attack, got, want)
		}
	}
}
