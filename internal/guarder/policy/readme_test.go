package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// attackTable lists the rules of the ready-made policies by their labels.
func attackTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| rule | mode | attack | reference | |\n| --- | --- | --- | --- | --- |\n")
	for _, file := range readyFiles(t) {
		p, faults := Load([]string{file}, Options{})
		if p == nil {
			t.Fatal(faults)
		}
		for _, r := range p.Rules {
			if r.Stage == Failsafe {
				continue
			}
			for _, label := range []string{"severity", "attack", "reference"} {
				if r.Labels[label] == "" {
					t.Errorf("%s: rule %s/%s has no label %s", file, r.Group, r.Name, label)
				}
			}
			if r.Annotations["summary"] == "" {
				t.Errorf("%s: rule %s/%s has no summary", file, r.Group, r.Name)
			}
			fmt.Fprintf(&b, "| `%s`: %s/%s | %v | %s | %s | %s |\n", filepath.Base(file), r.Group, r.Name, r.Mode,
				r.Labels["attack"], r.Labels["reference"], r.Annotations["summary"])
		}
	}
	return b.String()
}

func codeTable() string {
	var b strings.Builder
	b.WriteString("| code | | what |\n| --- | --- | --- |\n")
	for _, c := range Codes {
		host := ""
		if c.OfHost {
			host = ", host"
		}
		fmt.Fprintf(&b, "| %s | %v%s | %s |\n", c.Code, c.Severity, host, c.Title)
	}
	return b.String()
}

// between replaces what stands between two marks.
func between(t *testing.T, text, name, table string) string {
	head, rest, ok := strings.Cut(text, "<!-- "+name+" -->\n")
	_, tail, ok2 := strings.Cut(rest, "<!-- end of "+name+" -->")
	if !ok || !ok2 {
		t.Fatalf("no marks of %s", name)
	}
	return head + "<!-- " + name + " -->\n" + table + "<!-- end of " + name + " -->" + tail
}

func TestReadmeIsCurrent(t *testing.T) {
	const file = ready + "/README.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, between(t, string(text), "table", attackTable(t)), "codes", codeTable())
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s (-want +got; write it with -update):\n%s", file, diff)
	}
}

// The policy in the package documentation can be loaded.
func TestDocumentedPolicyIsOne(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "# A policy\n")
	section, _, _ := strings.Cut(rest, "// # ")
	var lines strings.Builder
	for line := range strings.Lines(section) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			lines.WriteString(code)
		}
	}
	folder := t.TempDir()
	for name, text := range map[string]string{"policy.yaml": lines.String(), "bad.txt": "198.51.100.0/24\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, faults := Load([]string{folder}, Options{})
	if p == nil || len(p.Rules) != 3 {
		t.Errorf("policy %v, faults %v", p, faults)
	}
	for _, f := range faults {
		if f.Code != inertSet { // the sets are there to be seen
			t.Error(f)
		}
	}
}
