//go:build unix

package annotator

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	grafana "github.com/packetscope/packetscope/internal/annotator/sink/double"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// The process dies between each two steps of an episode's life in turn: before and behind
// everything that it does outside, and behind each transaction. What was acknowledged ends in
// one annotation, which says what the model said and that it is over.
func TestACrashAnywhereLosesNothingAndDoublesNothing(t *testing.T) {
	places, crashes := lifeWithCrashes(t, func(int) bool { return false })
	if len(places) < 5*3+3*3 || crashes != 0 {
		t.Fatalf("only %d places: %v, %d crashes", len(places), places, crashes)
	}
	for at, where := range places {
		t.Run(fmt.Sprintf("%d %s", at, where), func(t *testing.T) {
			t.Parallel()
			if _, crashes := lifeWithCrashes(t, func(n int) bool { return n == at }); crashes != 1 {
				t.Errorf("%d crashes", crashes)
			}
		})
	}
}

// A process that dies again and again gets to the end as well.
func TestManyCrashesLoseNothingAndDoubleNothing(t *testing.T) {
	for _, pace := range []int{4, 5, 7, 11} {
		t.Run(fmt.Sprintf("each %d places", pace), func(t *testing.T) {
			t.Parallel()
			if _, crashes := lifeWithCrashes(t, func(n int) bool { return n%pace == pace-1 }); crashes < 2 {
				t.Errorf("%d crashes", crashes)
			}
		})
	}
}

// lifeWithCrashes lets an episode live, and the process die at some of the places, which are
// counted from 0. It returns the places and how often it died.
func lifeWithCrashes(t *testing.T, dies func(n int) bool) (places []string, crashes int) {
	t.Helper()
	board := &grafana.Grafana{}
	server := httptest.NewServer(board)
	t.Cleanup(server.Close)
	models := double.New(double.Say(modelSays))
	t.Cleanup(models.Close)
	path := dbPath(t)

	var mu sync.Mutex
	hook := func(where string) bool {
		mu.Lock()
		defer mu.Unlock()
		places = append(places, where)
		return dies(len(places) - 1)
	}
	run := func() *process {
		g, err := sink.NewGrafana(sink.GrafanaOptions{Options: sink.Options{Name: "grafana"}, URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		return start(t, path, Config{Workers: 1}, Parts{Model: newModel(t, models, nil), Sinks: []sink.Sink{g}}, hook)
	}
	p := run()
	// send sends until the disk has kept up, as Alertmanager does.
	send := func(m message) int {
		for {
			if code := post(t, p.Engine, m.body(t)); code != 503 {
				return code
			}
		}
	}
	// revive starts a process that died, to which Alertmanager sends again.
	revive := func(m message) {
		crashes++
		p.stop(t)
		p = run()
		if code := send(m); code != 200 {
			t.Fatalf("code %d of what was acknowledged", code)
		}
	}
	tell := func(m message) {
		if code := send(m); code != 202 && code != 200 {
			t.Fatalf("code %d", code)
		}
		for !p.settle(t) {
			revive(m)
		}
	}
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := message{group: "g", alerts: []map[string]string{flood}, starts: begin}
	tell(m)
	expectAnnotation(t, board, "by:model", "firing", begin, begin)
	m.ends = begin.Add(5 * time.Minute)
	tell(m)
	// It may die of the last place when all is done already.
	p.stop(t)
	if p.dead() {
		revive(m)
		p.settle(t)
	} else {
		p = start(t, path, Config{}, Parts{}, nil)
	}
	expectAnnotation(t, board, "by:model", "resolved", begin, m.ends)
	for _, kind := range store.Kinds {
		if letters, err := p.Store.Letters(kind); err != nil || len(letters) > 0 {
			t.Errorf("dead letters: %+v, %v", letters, err)
		}
	}
	p.stop(t)
	return places, crashes
}

func expectAnnotation(t *testing.T, board *grafana.Grafana, by, status string, begin, end time.Time) {
	t.Helper()
	all := board.Annotations("packetscope")
	if len(all) != 1 {
		t.Fatalf("%d annotations: %+v", len(all), all)
	}
	a := all[0]
	if !slices.Contains(a.Tags, by) || !slices.Contains(a.Tags, status) || a.Time != begin.UnixMilli() || a.TimeEnd != end.UnixMilli() {
		t.Errorf("annotation %+v is not %s, %s, from %s to %s", a, by, status, begin, end)
	}
}
