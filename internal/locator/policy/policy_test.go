package policy

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/yamlfile"
)

var update = flag.Bool("update", false, "write the messages into the files")

// Each file holds one fault. Its message stands in the comment at its end.
func TestEachFaultHasItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body, want, _ := strings.Cut(string(text), "# want: ")
		policy, err := Parse(filepath.Base(file), []byte(body))
		var faults *yamlfile.Error
		if !errors.As(err, &faults) || policy != nil {
			t.Errorf("%s: policy %v, error %v", file, policy, err)
			continue
		}
		if len(faults.Faults) != 1 {
			t.Errorf("%s: %d faults, want 1:\n%v", file, len(faults.Faults), err)
		}
		if *update {
			if err := os.WriteFile(file, []byte(body+"# want: "+err.Error()+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(strings.TrimSpace(want), err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestAllFaultsAreReportedTogether(t *testing.T) {
	data, err := os.ReadFile("testdata/many.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("many.yaml", data)
	want := `many.yaml:1:10: want version 1, not the number 3
many.yaml:4:9: dest is an empty list
many.yaml:5:20: "XXX" is no country code of two capital letters (such as DE, of ISO 3166-1)
many.yaml:6:3: the rule checks nothing (known: blocklist, domestic, forbid_as, forbid_country, max_as, require_as)
many.yaml:7:1: unknown key "risks" in the policy (did you mean "risk"?)`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The example of the package comment parses to what it says.
func TestExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var example strings.Builder
	for line := range strings.Lines(string(doc)) {
		if text, ok := strings.CutPrefix(line, "//\t"); ok {
			example.WriteString(text)
		}
	}
	p, err := Parse("doc.go", []byte(example.String()))
	if err != nil {
		t.Fatal(err)
	}
	want := &Policy{
		Rules: []Rule{
			{Name: "stay-home", Dest: []string{"*.example.com"}, Check: Domestic, Points: 20},
			{Name: "not-there", Check: ForbidCountry, Countries: []string{"KP", "IR"}, Points: 30},
			{Name: "rivals", Check: ForbidAS, ASes: []uint32{64500, 64501}, Points: 30},
			{Name: "our-transit", Check: RequireAS, ASes: []uint32{64510, 64511}, Points: 20},
			{Name: "near", Check: MaxAS, Max: 5, Points: 10},
			{Name: "listed-address", Check: Blocklist, Prefixes: true, Points: 40},
			{Name: "listed-network", Check: Blocklist, Networks: true, Points: 40},
		},
		Risk: Default().Risk,
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("f", data)
		if (p == nil) == (err == nil) {
			t.Errorf("policy %v, error %v", p, err)
		}
		if p != nil {
			p.Score(Route{}, p.Judge(Route{Dest: "d"}), Signals{})
		}
	})
}
