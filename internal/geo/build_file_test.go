package geo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// folder returns the names of the files of a folder with their modes.
func folder(t *testing.T, dir string) map[string]os.FileMode {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]os.FileMode{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		modes[e.Name()] = info.Mode()
	}
	return modes
}

func TestADatabaseIsWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "built.mmdb")
	var b Builder
	if err := b.AddDelegated("arin", strings.NewReader(arin)); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o644, 0o640} { // of a new file, and of one that was there
		status, err := b.WriteFile(path, made)
		if err != nil {
			t.Fatal(err)
		}
		want := Status{
			Name: "built.mmdb", Path: path, Role: "database", Type: BuiltType, Built: made,
			Contents: Contents{Country: true}, Succeeded: 1,
		}
		changing := cmpopts.IgnoreFields(Status{}, "Loaded", "Entries", "Bytes")
		if diff := cmp.Diff(want, status, changing); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		info, err := os.Stat(path)
		if err != nil || status.Bytes != info.Size() || status.Entries == 0 {
			t.Errorf("%d bytes and %d nodes are told of a file of %d: %v", status.Bytes, status.Entries, info.Size(), err)
		}
		if diff := cmp.Diff(map[string]os.FileMode{"built.mmdb": mode}, folder(t, dir)); diff != "" {
			t.Errorf("folder (-want +got):\n%s", diff)
		}
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFailedWriteLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "built.mmdb", []byte("old"))
	var empty Builder
	_, err := empty.WriteFile(path, made)
	if want := "write " + path + ": no network with a country or an AS number to write"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if data, err := os.ReadFile(path); string(data) != "old" {
		t.Errorf("the file is now %q: %v", data, err)
	}
	if diff := cmp.Diff(map[string]os.FileMode{"built.mmdb": 0o600}, folder(t, dir)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

func TestOnlyFilesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	var b Builder
	if err := b.AddDelegated("arin", strings.NewReader(arin)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.WriteFile(dir, made); err == nil || err.Error() != dir+" is no regular file (name the file to write)" {
		t.Errorf("error %v", err)
	}
	if _, err := b.WriteFile(filepath.Join(dir, "missing", "x.mmdb"), made); !os.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
}
