package box_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
)

var update = flag.Bool("update", false, "write the messages into the files")

// Each file holds one fault. Its message stands in the comment at its end.
func TestEachFaultHasItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body, want, _ := strings.Cut(string(text), "# want: ")
		s, err := box.Parse(filepath.Base(file), []byte(body))
		if err == nil || s != nil {
			t.Errorf("%s: scenario %v, error %v", file, s, err)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one fault:\n%v", file, err)
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
	_, err := box.Parse("many.yaml", []byte(`version: 1
addresses: {host: 192.0.2.1, dest: 203.0.113.9x}
runs: v4
hops:
  - {router: r1, silent: 3}
  - {router: dest, quoted: {ttl: 256}}
probes: {ttl: 0, tos: a}
`))
	want := `many.yaml:1:1: the scenario has no key "expect"
many.yaml:2:36: "203.0.113.9x" is no address of IPv4 or IPv6
many.yaml:5:26: silent must be true or false, not "3"
many.yaml:6:34: ttl must be a number from 0 to 255, not "256"
many.yaml:7:15: ttl must be a number from 1 to 64, not "0"
many.yaml:7:23: tos must be a number from 0 to 255, not "a"`
	if err == nil {
		t.Fatal("no fault")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The example of the package comment is true.
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
	s, err := box.Parse("doc.go", []byte(example.String()))
	if err != nil {
		t.Fatal(err)
	}
	r := box.AllRuns[2] // ICMP
	synctest.Test(t, func(t *testing.T) {
		lines, _ := ask(t, s, r)
		if diff := cmp.Diff(s.Expect.Answers(r), lines); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})
}

// Whatever parses can be asked and answers nothing that is no packet's length.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := box.Parse("f", data)
		if (s == nil) == (err == nil) {
			t.Fatalf("scenario %v, error %v", s, err)
		}
		if s == nil {
			return
		}
		start := time.Unix(1e9, 0)
		for _, r := range s.Runs {
			b := box.New(s, start)
			for i, p := range probes(t, s, r) {
				now := start.Add(time.Duration(i) * time.Second)
				for _, response := range b.Packet(now, p) {
					if response.After < 0 || len(response.Packet) == 0 || len(response.Packet) > 1500 {
						t.Fatalf("%d bytes after %v", len(response.Packet), response.After)
					}
				}
			}
		}
	})
}
