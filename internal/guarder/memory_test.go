package guarder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// known is what a memory says of two policies: C for confirmed, R for refused.
func known(m *Memory) string {
	var text strings.Builder
	for _, f := range []Fingerprint{{1}, {2}} {
		switch {
		case m.Confirmed(f) && m.Refused(f):
			text.WriteByte('?')
		case m.Confirmed(f):
			text.WriteByte('C')
		case m.Refused(f):
			text.WriteByte('R')
		default:
			text.WriteByte('-')
		}
	}
	return text.String()
}

// TestTrialsAreRemembered reads the memory anew after each step, as another agent would.
func TestTrialsAreRemembered(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "guard")
	reread := func() *Memory {
		t.Helper()
		m, err := OpenMemory(folder)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if got := known(reread()); got != "--" {
		t.Errorf("at first: %s", got)
	}
	rest := []Fingerprint{{2}}
	for _, step := range []struct {
		claim string
		do    func(m *Memory) error
		want  string
	}{
		{"the first is confirmed", func(m *Memory) error { return m.Confirm(Fingerprint{1}, nil, time.Now()) }, "C-"},
		{"the second is refused", func(m *Memory) error { return m.Refuse(Fingerprint{2}, nil, time.Now()) }, "CR"},
		{"the second is confirmed after all", func(m *Memory) error { return m.Confirm(Fingerprint{2}, nil, time.Now()) }, "-C"},
		{"the first is refused", func(m *Memory) error { return m.Refuse(Fingerprint{1}, nil, time.Now()) }, "RC"},
		{"the first is on trial again", func(m *Memory) error { return m.Begin(Fingerprint{1}) }, "-C"},
		{"the second is refused at another time", func(m *Memory) error { return m.Refuse(Fingerprint{2}, nil, time.Now()) }, "-R"},
		{"the second is on trial again", func(m *Memory) error { return m.Begin(Fingerprint{2}) }, "--"},
		// From here on the second is what will be left of the first.
		{"the first is confirmed, and so is the second", func(m *Memory) error { return m.Confirm(Fingerprint{1}, rest, time.Now()) }, "CC"},
		{"the second is on trial again alone", func(m *Memory) error { return m.Begin(Fingerprint{2}) }, "C-"},
		{"the second is refused, the first is not", func(m *Memory) error { return m.Refuse(Fingerprint{2}, nil, time.Now()) }, "CR"},
		{"the second is confirmed with the first", func(m *Memory) error { return m.Confirm(Fingerprint{1}, rest, time.Now()) }, "CC"},
		{"the second is confirmed alone", func(m *Memory) error { return m.Confirm(Fingerprint{2}, nil, time.Now()) }, "-C"},
		{"the first is refused, the second was confirmed", func(m *Memory) error { return m.Refuse(Fingerprint{1}, rest, time.Now()) }, "RC"},
		{"the second is on trial again, after the first was refused", func(m *Memory) error { return m.Begin(Fingerprint{2}) }, "R-"},
		{"the first is refused, and so is the second", func(m *Memory) error { return m.Refuse(Fingerprint{1}, rest, time.Now()) }, "RR"},
		{"the first is on trial again, and the second with it", func(m *Memory) error { return m.Begin(Fingerprint{1}) }, "--"},
	} {
		m := reread()
		if err := step.do(m); err != nil {
			t.Fatal(err)
		}
		if now, later := known(m), known(reread()); now != step.want || later != step.want {
			t.Errorf("%s: %s, read again %s, want %s", step.claim, now, later, step.want)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	info, err := os.Stat(filepath.Join(folder, memoryFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMemoryThatCannotBeReadIsAnError(t *testing.T) {
	folder := t.TempDir()
	for _, text := range []string{"{", `{"confirmed": {"policy": "12"}}`} {
		if err := os.WriteFile(filepath.Join(folder, memoryFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenMemory(folder); err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWithoutAFolderNothingIsRemembered(t *testing.T) {
	m, err := OpenMemory("")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Confirm(Fingerprint{1}, nil, time.Now()); err != nil || known(m) != "C-" {
		t.Errorf("%s, %v", known(m), err)
	}
}
