package policy

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// Each file holds one fault. The message stands in the comment at its end.
func TestEachFaultHasItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body, want, _ := strings.Cut(string(text), "\n# ")
		_, faults := Load([]string{file}, optionsOf(file))
		var got []string
		for _, f := range faults {
			got = append(got, strings.ReplaceAll(f.String(), "testdata/", ""))
			seen[f.Code] = true
		}
		if *update {
			body = strings.TrimSuffix(body, "\n") + "\n# " + strings.Join(got, "\n# ") + "\n"
			if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(strings.Split(strings.TrimSpace(want), "\n# "), got); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", file, diff)
		}
		if len(got) != 1 {
			t.Errorf("%s: %d faults, want 1", file, len(got))
		}
	}
	for _, c := range Codes {
		if !seen[c.Code] && !c.OfHost {
			t.Errorf("no file has the fault %s: %s", c.Code, c.Title)
		}
	}
}

func optionsOf(file string) Options {
	var o Options
	if strings.Contains(file, "ceiling") {
		o.Ceiling = Audit
	}
	return o
}

// One file with many faults: all are found, in the order of their places.
func TestAllFaultsAreReportedTogether(t *testing.T) {
	_, faults := Load([]string{"testdata/many.yaml"}, Options{})
	var places []string
	for _, f := range faults {
		places = append(places, strings.TrimPrefix(f.At.String(), "testdata/many.yaml:")+" "+f.Code)
	}
	want := []string{
		"2:1 G101", "4:9 G107", "6:31 G118", "6:51 G120", "8:3 G104", "12:5 G104", "13:36 G122", "14:50 G112", "14:57 G112", "14:72 G107",
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestNoFaultEndsThePolicy(t *testing.T) {
	for _, c := range []struct {
		file string
		nil  bool
	}{{"testdata/host_bits.bad.yaml", false}, {"testdata/bad_address.bad.yaml", true}} {
		p, faults := Load([]string{c.file}, Options{})
		if (p == nil) != c.nil || Failed(faults) != c.nil {
			t.Errorf("%s: policy %v, faults %v", c.file, p, faults)
		}
	}
}
