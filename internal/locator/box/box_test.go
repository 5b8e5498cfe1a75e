package box_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
)

// scenarios reads all files of testdata, by their names without the ending.
func scenarios(t testing.TB) map[string]*box.Scenario {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	all := make(map[string]*box.Scenario)
	for _, file := range files {
		if strings.HasSuffix(file, ".bad.yaml") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := box.Parse(file, data)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = s
	}
	return all
}

// ask returns what a network without sockets finds out, and its counts once nothing can
// come any more.
func ask(t *testing.T, s *box.Scenario, r box.Run) (lines []string, stats box.Stats) {
	t.Helper()
	n := box.NewNetwork(s, r)
	defer n.Close()
	answers, err := s.Ask(n, s.DefaultFlows(r), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return s.Summary(answers), n.Stats()
}

func TestScenariosAreFoundOut(t *testing.T) {
	for name, s := range scenarios(t) {
		for _, r := range s.Runs {
			t.Run(name+"/"+r.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					lines, stats := ask(t, s, r)
					if diff := cmp.Diff(s.Expect.Answers(r), lines); diff != "" {
						t.Errorf("answers (-want +got):\n%s", diff)
					}
					stats.Refused = 0 // what a kernel does not hand out is not counted by it
					if diff := cmp.Diff(s.Expect.Counts(r), stats); diff != "" {
						t.Errorf("counts (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}
