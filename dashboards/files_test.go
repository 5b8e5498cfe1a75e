package dashboards

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCommittedFilesAreCurrent(t *testing.T) {
	differ, err := Compare(".", mustFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(differ) > 0 {
		t.Errorf("out of date: %v; run make dashboards", differ)
	}
}

func TestFilesAreTheSameOnEveryCall(t *testing.T) {
	want := mustFiles(t)
	for range 3 {
		if diff := cmp.Diff(want, mustFiles(t)); diff != "" {
			t.Fatalf("(-first +later):\n%s", diff)
		}
	}
}

func TestWriteMakesCompareAgree(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"json/a.json": []byte("a"), "provisioning/b.yaml": []byte("b")}
	changed, err := Write(dir, files)
	if err != nil || strings.Join(changed, " ") != "json/a.json provisioning/b.yaml" {
		t.Errorf("first write changed %v, %v", changed, err)
	}
	if changed, err = Write(dir, files); err != nil || changed != nil {
		t.Errorf("second write changed %v, %v", changed, err)
	}
	for name, content := range map[string]string{"json/old.json": "old", "json/note.txt": "kept", "provisioning/b.yaml": "edited"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if differ, err := Compare(dir, files); err != nil || strings.Join(differ, " ") != "provisioning/b.yaml json/old.json" {
		t.Errorf("compare says %v, %v", differ, err)
	}
	if changed, err = Write(dir, files); err != nil || strings.Join(changed, " ") != "provisioning/b.yaml json/old.json" {
		t.Errorf("third write changed %v, %v", changed, err)
	}
	if differ, err := Compare(dir, files); err != nil || differ != nil {
		t.Errorf("then compare says %v, %v", differ, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "json/note.txt")); err != nil {
		t.Error(err)
	}
}

func TestWrongFolderIsOneClearLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, "/no/such/folder"} {
		for name, call := range map[string]func() error{
			"write":   func() error { _, err := Write(dir, nil); return err },
			"compare": func() error { _, err := Compare(dir, nil); return err },
		} {
			err := call()
			if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "give the folder") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s into %s: %v", name, dir, err)
			}
		}
	}
}
