package capture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read returns the comments of a capture.
func read(t *testing.T, path string) (comments []string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := readAll(file)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	for _, r := range records {
		comments = append(comments, r.Comment)
	}
	return comments
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestFilesTakeTurns(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "guard.pcapng")
	f, err := OpenFiles(path, 1000, 3, "test")
	if err != nil {
		t.Fatal(err)
	}
	// Three frames of 200 bytes fit into a file, with what stands around them.
	for i := range 14 {
		if err := f.Write(Record{Frame: make([]byte, 200), Comment: string(rune('a' + i))}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); len(got) == 0 || got[len(got)-1] != string(rune('a'+i)) {
			t.Errorf("whoever reads the file behind frame %d sees %v", i, got)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"guard.pcapng": {"m", "n"}, "guard.1.pcapng": {"j", "k", "l"}, "guard.2.pcapng": {"g", "h", "i"}} {
		if diff := cmp.Diff(want, read(t, filepath.Join(dir, name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() > 1000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if diff := cmp.Diff([]string{"guard.1.pcapng", "guard.2.pcapng", "guard.pcapng"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	// The next agent begins a new file.
	if f, err = OpenFiles(path, 1000, 3, "test"); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if diff := cmp.Diff([]string{"m", "n"}, read(t, filepath.Join(dir, "guard.1.pcapng"))); diff != "" || read(t, path) != nil {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
}

// narrow has room for so many bytes.
type narrow struct {
	to   io.Writer
	room int
}

func (n *narrow) Write(b []byte) (int, error) {
	if len(b) <= n.room {
		n.room -= len(b)
		return n.to.Write(b)
	}
	written, _ := n.to.Write(b[:n.room])
	return written, errors.New("no space left on device")
}

// TestFilesBeginAgain has no folder for the next file, for a while.
func TestFilesBeginAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	path := filepath.Join(dir, "guard")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFiles(path, 300, 3, "test")
	if err != nil {
		t.Fatal(err)
	}
	write := func(comment string) error { return f.Write(Record{Frame: make([]byte, 100), Comment: comment}) }
	if err := write("first"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if write("lost") == nil {
			t.Error("a frame was written into a folder that is gone")
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".1", []byte("the one before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write("second"); err != nil {
		t.Fatal(err)
	}
	// The names moved when the first file ended, and not again for each attempt.
	if old, err := os.ReadFile(path + ".1"); string(old) != "the one before" {
		t.Errorf("the second file is %q, %v", old, err)
	}
	if err := write("third"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if got, before := read(t, path), read(t, path+".1"); !slices.Equal(got, []string{"third"}) || !slices.Equal(before, []string{"second"}) {
		t.Errorf("the files hold %v, and before that %v", got, before)
	}
}

func TestFilesStayWholeAfterAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guard")
	f, err := OpenFiles(path, 1e6, 1, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, comment := range []string{"first", "second"} {
		// As on a full disk: the device is described, and half of the frame is written.
		f.writer.to = &narrow{f.file, 50}
		if err := f.Write(Record{Frame: make([]byte, 100), Interface: comment, Comment: "lost"}); err == nil {
			t.Error("half a frame is no error")
		}
		f.writer.to = f.file
		if err := f.Write(Record{Frame: []byte{1}, Interface: comment, Comment: comment}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"first", "second"}, read(t, path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
