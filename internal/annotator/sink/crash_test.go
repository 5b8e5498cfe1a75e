package sink

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/packetscope/packetscope/internal/annotator/sink/double"
)

// A world is a Grafana behind a line that fails on demand.
type world struct {
	double *double.Grafana
	line   *double.Line
	url    string
}

func newWorld(t testing.TB, d *double.Grafana) *world {
	w := &world{double: d, line: &double.Line{Server: d}}
	w.url = serve(t, w.line)
	return w
}

// start returns a sink as after a start of the process.
func (w *world) start(t testing.TB) *Grafana { return newGrafana(t, GrafanaOptions{URL: w.url}) }

// quirks are the Grafanas that there are.
var quirks = map[string]func() *double.Grafana{
	"changes annotations": func() *double.Grafana { return &double.Grafana{} },
	"ignores times":       func() *double.Grafana { return &double.Grafana{KeepsTimes: true} },
	"ignores texts":       func() *double.Grafana { return &double.Grafana{KeepsText: true} },
	"ignores queries":     func() *double.Grafana { return &double.Grafana{IgnoresQuery: true} },
}

// The process dies, or the line breaks, at each request of an episode's life in
// turn, before the request is heard or after. What is remembered then is the state
// before, or the one that came with the error.
func TestCrashAtAnyStepLeavesOneAnnotation(t *testing.T) {
	for name, quirk := range quirks {
		for _, trouble := range []double.Trouble{double.Unheard, double.Unanswered, double.Busy} {
			for _, remembers := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/trouble %d/remembers %t", name, trouble, remembers), func(t *testing.T) {
					for step := 0; lifeWithTrouble(t, newWorld(t, quirk()), step, trouble, remembers); step++ {
					}
				})
			}
		}
	}
}

// lifeWithTrouble sends all revisions, with trouble at one request. It tells
// whether that request came.
func lifeWithTrouble(t *testing.T, w *world, step int, trouble double.Trouble, remembers bool) bool {
	t.Helper()
	w.line.Next = func(n int, _ *http.Request) double.Trouble {
		if n == step {
			return trouble
		}
		return double.None
	}
	g := w.start(t)
	var state State
	for revision := 1; revision <= 3; revision++ {
		for try := 0; ; try++ {
			next, err := g.Send(t.Context(), flood(revision), state)
			if err == nil {
				state = next
				break
			}
			if ClassOf(err) != Retry || try > 2 {
				t.Fatalf("step %d, try %d: %v", step, try, err)
			}
			g = w.start(t)
			if remembers {
				state = next
			}
		}
		expect(t, w.double, g, flood(revision))
	}
	return w.line.Count() > step
}

// Whatever state of the episode is remembered, and in whatever order messages come,
// troubles and restarts included: once the newest message was sent without an error
// there is one annotation, which says what it says.
func TestSendingFromAnyRememberedStateLeavesOneAnnotation(t *testing.T) {
	for name, quirk := range quirks {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(25) {
				randomLife(t, newWorld(t, quirk()), seed)
			}
		})
	}
}

func randomLife(t *testing.T, w *world, seed uint64) {
	t.Helper()
	// The server's goroutines have a source of their own.
	random, fate := rand.New(rand.NewPCG(seed, 7)), rand.New(rand.NewPCG(seed, 8))
	var calm atomic.Bool
	w.line.Next = func(int, *http.Request) double.Trouble {
		if calm.Load() || fate.IntN(3) > 0 {
			return double.None
		}
		return 1 + double.Trouble(fate.IntN(3))
	}
	g := w.start(t)
	states := []State{nil, State("rubbish")}
	newest := 0
	for range 12 {
		if random.IntN(4) == 0 {
			g = w.start(t)
		}
		if random.IntN(8) == 0 { // by hand
			for _, a := range w.double.Annotations("packetscope") {
				w.double.Remove(a.ID)
			}
		}
		// The outbox only holds the newest message.
		newest = max(newest, 1+random.IntN(3))
		state, err := g.Send(t.Context(), flood(newest), states[random.IntN(len(states))])
		if err != nil && ClassOf(err) != Retry && ClassOf(err) != Gone {
			t.Fatal(err)
		}
		states = append(states, state)
	}
	calm.Store(true)
	m := flood(2 + random.IntN(2))
	m.Revision = newest + 1
	for _, s := range states {
		if _, err := w.start(t).Send(t.Context(), m, s); err != nil {
			t.Fatal(err)
		}
		expect(t, w.double, g, m)
	}
}

func TestRequestThatArrivesLateIsRemovedAtTheEnd(t *testing.T) {
	d := &double.Grafana{}
	w := newWorld(t, d)
	lost := true
	w.line.Next = func(_ int, r *http.Request) double.Trouble {
		if r.Method == http.MethodPost && lost {
			lost = false
			return double.Unheard
		}
		return double.None
	}
	g := w.start(t)
	state, err := g.Send(t.Context(), flood(1), nil)
	if ClassOf(err) != Retry {
		t.Fatal(err)
	}
	if state, err = g.Send(t.Context(), flood(1), state); err != nil {
		t.Fatal(err)
	}
	// Now a proxy delivers the first one.
	a := d.Annotations()[0]
	d.Add(a)
	if _, err = g.Send(t.Context(), flood(2), state); err != nil {
		t.Fatal(err)
	}
	expect(t, d, g, flood(2))
	// And once more, though the state of the first was lost.
	d.Add(a)
	if _, err = g.Send(t.Context(), flood(3), nil); err != nil {
		t.Fatal(err)
	}
	expect(t, d, g, flood(3))
}
