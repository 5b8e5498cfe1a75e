package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fileNames returns the names of the rule files.
func fileNames(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(Files(), "*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no rule files: %v", err)
	}
	return names
}

func TestEveryFileIsEmbedded(t *testing.T) {
	paths, err := filepath.Glob("prometheus/packetscope-*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	embedded := fileNames(t)
	for _, path := range paths {
		name := filepath.Base(path)
		if !slices.Contains(embedded, name) {
			t.Errorf("%s is not embedded: its name has to end in .rules.yaml or .alerts.yaml", path)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(Files(), name); err != nil || string(got) != string(text) {
			t.Errorf("%s is embedded differently: %v", path, err)
		}
	}
	if len(paths) != len(embedded) {
		t.Errorf("%d files and %d embedded", len(paths), len(embedded))
	}
}
