package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestADamagedStoreIsRefusedAndSalvaged: it does not start on a file that is damaged, and
// does on what the verb makes of it, which knows the episode.
func TestADamagedStoreIsRefusedAndSalvaged(t *testing.T) {
	r := start(t, "")
	if code, body := r.ask(t, "POST", "/api/v1/alerts", message(t, false), ""); code != 202 {
		t.Fatalf("webhook: %d %s", code, body)
	}
	r.eventually(t, "/api/v1/episodes", "", func(body string) bool { return strings.Contains(body, `"explanation"`) })
	path := filepath.Join(filepath.Dir(r.config), "annotator.db")
	copied := filepath.Join(filepath.Dir(path), "copied.db")
	if err := run(context.Background(), newWorld("salvage", path, copied).env); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while it runs: %v", err)
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}

	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(`"summary"`)) {
		t.Fatal("the store holds no explanation")
	}
	write(t, path, string(bytes.ReplaceAll(data, []byte(`"summary"`), []byte(`"Summary"`))))
	err = run(context.Background(), newWorld("serve", "--config.file="+r.config, "--web.listen-address=127.0.0.1:0").env)
	if err == nil || !strings.Contains(err.Error(), "corrupt") || !strings.Contains(err.Error(), "salvage "+path) {
		t.Fatalf("a damaged store: %v", err)
	}
	w := newWorld("salvage", path, copied)
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	if got := w.stdout.String(); !strings.Contains(got, "episodes     1\n") || !strings.Contains(got, "left out: ") || !strings.Contains(got, "checksum") {
		t.Errorf("it prints %q", got)
	}
	if err := run(context.Background(), newWorld("salvage", path, copied).env); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("onto a file that exists: %v", err)
	}
	if err := os.Rename(copied, path); err != nil {
		t.Fatal(err)
	}

	r = startIn(t, filepath.Dir(path), "")
	if code, body := r.ask(t, "POST", "/api/v1/alerts", message(t, false), ""); code != 200 {
		t.Errorf("what was stored is not known: %d %s", code, body)
	}
	if err := r.stop(t); err != nil {
		t.Error(err)
	}
}

// TestAStoreThatCannotBeWrittenIsToldWithACure has no folder for it, and one that not even
// root can write to.
func TestAStoreThatCannotBeWrittenIsToldWithACure(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "annotator.yaml")
	for path, want := range map[string]string{
		filepath.Join(dir, "none", "a.db"): `(make the folder "` + filepath.Join(dir, "none") + `", or name another file: store.path)`,
		"/sys/a.db":                        `write to the folder "/sys", or name another file: store.path)`,
	} {
		write(t, file, "store: {path: "+path+"}\n")
		err := run(context.Background(), newWorld("serve", "--config.file="+file, "--web.listen-address=127.0.0.1:0").env)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %s", err, want)
		}
	}
}
