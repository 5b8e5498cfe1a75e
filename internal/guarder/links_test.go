//go:build linux

package guarder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A mistyped --pins must not cost more than an error.
func TestDetachRemovesNothingOutsideABPFFileSystem(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "guard")
	file := filepath.Join(folder, "file")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if removed, err := Detach(folder); removed != nil || err == nil || !strings.Contains(err.Error(), "is no BPF file system") {
		t.Errorf("removed %q, %v", removed, err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}
