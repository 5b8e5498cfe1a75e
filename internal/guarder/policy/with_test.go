package policy

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestLoadWithReadsAsIfTheFileWereThere compares it with a folder in which it is.
func TestLoadWithReadsAsIfTheFileWereThere(t *testing.T) {
	file := func(group, more string) []byte {
		return []byte("version: 1\n" + more + "groups:\n- name: " + group + "\n  rules:\n  - {rule: r, match: {src: 192.0.2.7, proto: udp}, action: count}\n")
	}
	const until = "until: 2100-01-01T00:00:00Z\n"
	for name, c := range map[string]struct {
		text  []byte
		there bool // another text of this name is there
		want  int  // rules
	}{
		"a.yaml": {file("first", until), false, 3}, "m.yaml": {file("middle", until), false, 3}, "z.yaml": {file("last", until), false, 3},
		"n.yaml": {file("other", until), true, 3}, "bad.yaml": {file("b", "x: 1\n"), false, -1}, "clash.yaml": {file("in-b", until), false, -1},
	} {
		t.Run(name, func(t *testing.T) {
			folder, empty := t.TempDir(), t.TempDir()
			write := func(name string, text []byte) {
				t.Helper()
				if err := os.WriteFile(name, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := filepath.Join(t.TempDir(), "file.yaml")
			write(before, file("in-file", ""))
			write(filepath.Join(folder, "b.yaml"), file("in-b", ""))
			whole := filepath.Join(folder, name)
			if c.there {
				write(whole, file("in-place", ""))
			}
			paths := []string{before, empty, folder + "/"}
			got, gotFaults := LoadWith(paths, whole, c.text, Options{})
			write(whole, c.text)
			want, wantFaults := Load(paths, Options{})
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if len(gotFaults) != len(wantFaults) {
				t.Errorf("faults %v, want %v", gotFaults, wantFaults)
			}
			if c.want < 0 != (got == nil) || got != nil && len(got.Rules) != c.want {
				t.Errorf("policy %+v, want %d rules", got, c.want)
			}
			only := filepath.Join(empty, "x.yaml")
			if p, faults := LoadWith([]string{empty}, only, file("alone", until), Options{}); p == nil || len(p.Rules) != 1 {
				t.Errorf("in an empty folder: %v", faults)
			}
		})
	}
}
