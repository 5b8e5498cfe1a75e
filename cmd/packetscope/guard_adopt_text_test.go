package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAdoptSaysWhatStaysBehind: a file may ban, and bans do not end with its rules.
func TestAdoptSaysWhatStaysBehind(t *testing.T) {
	s := newAdoptionStage(t)
	file := filepath.Join(t.TempDir(), "ban-it.yaml")
	s.write(t, file, strings.Replace(proposedRule, "action: drop", "action: drop\n    ban: {ttl: 30d, spoofable: accept}", 1))
	stdout, stderr, err := s.adopt(t, "--yes", file)
	if missing := hasAll(stdout, "ai-0123456789ab/drop drops, until ", "\n    it bans its source for 30d; who is banned stays so when the rule has ended"); err != nil || missing != "" {
		t.Errorf("%v, %q is not in\n%s%s", err, missing, stdout, stderr)
	}
}
