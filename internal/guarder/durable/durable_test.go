package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestFileIsWholeOrAsItWas(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.json")
	holds := func(want string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil || string(text) != want {
			t.Errorf("%q, %v; want %q", text, err, want)
		}
		if all, err := os.ReadDir(folder); err != nil || len(all) != 1 {
			t.Errorf("files %v, %v; want one", all, err)
		}
	}
	if err := WriteFile(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	holds("first")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	broken := errors.New("broken")
	err := Write(path, func(to io.Writer) error {
		io.WriteString(to, "half of it")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	holds("first")
	if err := WriteFile(path, []byte("second")); err != nil {
		t.Fatal(err)
	}
	holds("second")
	if err := WriteFile(filepath.Join(folder, "none", "a.json"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}
