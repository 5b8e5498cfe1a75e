package adopt

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFolderIsTheFirstOfTheAgent(t *testing.T) {
	there := t.TempDir()
	file := filepath.Join(there, "a.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	for _, c := range []struct {
		paths      []string
		want, says string
	}{
		{[]string{file, other + "/", there}, other, ""},
		{[]string{there, other}, there, ""},
		{[]string{file}, "", "the agent reads no folder, only " + file + "; give packetscope guard run a folder too"},
		{nil, "", "reads no folder"},
		{[]string{"policies"}, "", "start it with absolute paths"},
		{[]string{filepath.Join(there, "gone"), other}, "", "run this where the agent runs"},
	} {
		got, err := Folder(c.paths)
		if got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q, %v; want %q, %q", c.paths, got, err, c.want, c.says)
		}
	}
}

func TestAdoptedFilesAreListed(t *testing.T) {
	folder := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := Put(Path(folder, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	put("b", "until: 2026-11-29T10:00:00Z\ngroups: [{name: g}, {name: h}]\n")
	put("a", "version: 2\n")
	put("a", "version: 1\n") // in its place
	put("c", "{")
	for _, name := range []string{"own.yaml", "adopted-x_test.yaml", "adopted-.yaml", ".adopted-d.yaml.1", "adopted-e.yml"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := List(folder)
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	b, found := Find(all, "b")
	want := Adopted{ID: "b", Path: filepath.Join(folder, "adopted-b.yaml"), Until: time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC), Groups: []string{"g", "h"}}
	if diff := cmp.Diff(want, b); !found || diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if b.Over(want.Until.Add(-1)) || !b.Over(want.Until) {
		t.Error("it is over at another time")
	}
	for _, name := range []string{"a", "c"} {
		if x, _ := Find(all, name); x.Fault == nil || !strings.Contains(x.Fault.Error(), "adopted-"+name+".yaml") || x.Over(want.Until) {
			t.Errorf("%+v", x)
		}
	}
	if _, found := Find(all, "own"); found {
		t.Error("a file of the operator's was adopted")
	}
	text, err := os.ReadFile(Path(folder, "a"))
	if err != nil || string(text) != "version: 1\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestPutLeavesNothingBehindIfItFails(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(Path(folder, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Put(Path(folder, "a"), []byte("x")); err == nil {
		t.Error("a folder was overwritten")
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := Put(Path(filepath.Join(folder, "gone"), "a"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	for range 2 {
		if err := Remove(Path(folder, "a")); err != nil {
			t.Error(err)
		}
	}
}

func TestIDsAreNamesOfFiles(t *testing.T) {
	for _, good := range []string{"ab12cd34ef56", "a", "block-it_now", strings.Repeat("a", 64)} {
		if err := CheckID(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "../x", "a/b", "a.b", "-a", "x_test", "a b", "ä", "a\n", strings.Repeat("a", 65)} {
		if CheckID(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
