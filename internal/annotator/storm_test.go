//go:build unix

package annotator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/sink"
)

func TestAStormIsSummedUpAndOnlyTheWorstIsAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loud, quiet := &memorySink{name: "loud"}, &memorySink{name: "quiet"}
		server := models(t, double.Hang)
		p := start(t, dbPath(t), Config{Storm: 10, Asked: 2, Quiet: []string{"quiet"}}, Parts{
			Model: newModel(t, server, nil), Sinks: []sink.Sink{loud, quiet},
		}, nil)
		var all []message
		for n := range 30 {
			severity := "warning"
			if n >= 28 {
				severity = "critical"
			}
			m := firing(fmt.Sprint("g", n), with(with(flood, "severity", severity), "instance", fmt.Sprintf("web-%d:10142", n)))
			all = append(all, m)
			tell(t, p, m)
			pass(2 * time.Second) // or nobody has counted
		}
		pass(2 * time.Minute)
		storms := func(s *memorySink, status sink.Status) (summaries []string) {
			for _, m := range s.messages() {
				if m.Alert.Name == StormAlert && m.Status == status {
					summaries = append(summaries, m.Explanation.Summary)
				}
			}
			return summaries
		}
		got := storms(quiet, sink.Firing)
		if len(got) != 2 || !strings.Contains(got[0], "11 episodes are open, 0 of them critical and 11 warnings") ||
			!strings.Contains(got[1], "30 episodes are open, 2 of them critical and 28 warnings. Among the most severe: PacketScopeSYNFlood.") {
			t.Errorf("the storm was summed up as %q", got)
		}
		first := func(s *memorySink) (n int) {
			for _, m := range s.messages() {
				if m.Revision == 1 && m.Alert.Name != StormAlert {
					n++
				}
			}
			return n
		}
		// The eleventh makes it a storm; behind it the two critical ones are told of.
		if l, q := first(loud), first(quiet); l != 30 || q != 12 {
			t.Errorf("told of %d and %d episodes", l, q)
		}
		// Those that no model was asked about do not wait for one.
		waits, given := map[string]int{}, 0
		views, err := p.Episodes(100)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range views {
			if v.NoModel == "storm" {
				given++ // when its turn came
			}
			if v.Waits != "" {
				waits[v.Alert.Severity+" "+v.Waits]++
			}
		}
		if waits["critical asked"] != 2 || given == 0 {
			t.Errorf("waits %v, %d were not asked about when their turn came", waits, given)
		}
		snapshot := p.Snapshot()
		if !snapshot.Storm || snapshot.Skipped["storm"] < 15 {
			t.Errorf("storm %t, skipped %v", snapshot.Storm, snapshot.Skipped)
		}

		for _, m := range all[:24] {
			tell(t, p, m.over())
		}
		pass(2 * time.Minute)
		if got := storms(quiet, sink.Resolved); len(got) != 1 || p.Snapshot().Storm {
			t.Errorf("the end of the storm was told as %q", got)
		}
		for _, s := range []*memorySink{loud, quiet} {
			firsts := first(s)
			ends := 0
			for _, m := range s.messages() {
				if m.Status == sink.Resolved && m.Alert.Name != StormAlert {
					ends++
				}
			}
			if ends > firsts || ends < firsts-6 {
				t.Errorf("%s was told of %d episodes, and of the end of %d", s.name, firsts, ends)
			}
		}
	})
}

func TestTheSummaryOfAStormComesBackAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := dbPath(t)
		s := &memorySink{name: "memory"}
		c := Config{Storm: 3}
		p := start(t, path, c, Parts{Sinks: []sink.Sink{s}}, nil)
		for n := range 5 {
			tell(t, p, firing(fmt.Sprint("g", n), with(flood, "instance", fmt.Sprint("web-", n))))
			pass(2 * time.Second)
		}
		pass(2 * time.Minute)
		p.stop(t)
		p = start(t, path, c, Parts{Sinks: []sink.Sink{s}}, nil)
		pass(3 * time.Minute)
		storms := slices.DeleteFunc(s.messages(), func(m sink.Message) bool { return m.Alert.Name != StormAlert })
		if len(storms) != 1 {
			t.Errorf("%d summaries", len(storms))
		}
		if !p.Snapshot().Storm {
			t.Error("the storm is forgotten")
		}
	})
}
