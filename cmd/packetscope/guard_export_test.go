package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExportedRulesAreThoseOfThePolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	rule := "version: 1\ngroups: [{name: g, rules: [{rule: r, match: {proto: sctp}, action: drop%s}]}]\n"
	for alert, want := range map[string]string{
		"": "no rule of the policy has an alert",
		", labels: {attack: land}, alert: {when: {packets: 2}, for: 1m}": "- alert: GuarderLand\n",
		", alert: {when: {packets: 0}}":                                  "exit status 1",
	} {
		if err := os.WriteFile(file, []byte(strings.Replace(rule, "%s", alert, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		w := newWorld("guard", "export-rules", file)
		got := ""
		if err := run(t.Context(), w.env); err != nil {
			got = err.Error()
		}
		if got += w.stdout.String(); !strings.Contains(got, want) {
			t.Errorf("with %q: %q, want %q", alert, got, want)
		}
	}
}
