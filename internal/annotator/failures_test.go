//go:build unix

package annotator

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// A failure is something that others do, or do not do any more.
type failure struct {
	name string
	test func(t *testing.T)
}

// TestTableOfFailures lets everything fail on which the annotator relies, one after the other,
// around a whole engine with the clients that it has in earnest. Whatever fails, the built-in
// explanation comes to whoever can be told, and what was acknowledged is not lost.
func TestTableOfFailures(t *testing.T) {
	for _, f := range slices.Concat(modelFailures, peerFailures, sinkFailures, storeFailures) {
		t.Run(f.name, f.test)
	}
}

// bubble runs a test in a time of its own.
func bubble(test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}

// viewOf returns the episode of a group.
func viewOf(t testing.TB, e *Engine, group string) EpisodeView {
	t.Helper()
	all, err := e.Episodes(1000)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(v EpisodeView) bool { return v.Episode.Group == group })
	if at < 0 {
		t.Fatalf("there is no episode of group %q", group)
	}
	v, err := e.Episode(all[at].Episode.ID)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// expectHeld compares whose explanation of a group holds, and why it is not a model's. It
// must not wait for anything.
func expectHeld(t testing.TB, p *process, group, by, noModel string) {
	t.Helper()
	v := viewOf(t, p.Engine, group)
	if v.Explanation == nil || v.Explanation.By != by || v.NoModel != noModel || v.Waits != "" {
		t.Errorf("%s: explanation %+v, no model because of %q, waits for %q; want that by %s, %q, and nothing", group, v.Explanation, v.NoModel, v.Waits, by, noModel)
	}
}

// expectNoLetters tells what was given up.
func expectNoLetters(t testing.TB, p *process) {
	t.Helper()
	for _, kind := range store.Kinds {
		letters, err := p.Store.Letters(kind)
		if err != nil {
			t.Error(err)
		}
		for _, l := range letters {
			t.Errorf("dead letter: %s, %s", l.Kind, l.Reason)
		}
	}
}

// expectPaged compares what the receiver was told.
func expectPaged(t testing.TB, s *scene, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.paged()); diff != "" {
		t.Errorf("the receiver was told (-want +got):\n%s", diff)
	}
}

// A spender is a keeper in memory.
type spender struct{ state model.State }

func (s *spender) Load() (model.State, error) { return s.state, nil }

func (s *spender) Save(state model.State) error {
	s.state = state
	return nil
}

// timed notes when a reply was asked for.
func timed(at *[]time.Duration, began time.Time, reply double.Reply) double.Reply {
	return func(w http.ResponseWriter, r *http.Request, c double.Call) {
		*at = append(*at, time.Since(began))
		reply(w, r, c)
	}
}
