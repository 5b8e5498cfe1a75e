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
