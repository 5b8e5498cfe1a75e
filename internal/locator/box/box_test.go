package box_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
)

// scenarios are all of the package.
func scenarios(t testing.TB) map[string]*box.Scenario {
	t.Helper()
	all, err := box.All()
	if err != nil || len(all) < 40 {
		t.Fatalf("%d scenarios: %v", len(all), err)
	}
	return all
}

// ask returns what a network without sockets finds out, and its counts once nothing can
// come any more.
func ask(t *testing.T, s *box.Scenario, r box.Run) (lines []string, stats box.Stats) {
	t.Helper()
	n, err := box.NewNetwork(s)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	answers, err := s.Ask(n, s.Flows(r), time.Minute)
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
					stats.Unheard = 0 // which no socket could count
					if diff := cmp.Diff(s.Expect.Counts(r), stats); diff != "" {
						t.Errorf("counts (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}
