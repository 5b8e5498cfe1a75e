//go:build unix

package annotator

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// runEngine runs an engine on a store that others run on before and behind it, as when a config
// is reloaded. It returns how to end it.
func runEngine(t *testing.T, c Config, p Parts) (*Engine, func()) {
	t.Helper()
	if p.Querier == nil {
		p.Querier = floodFacts
	}
	e, err := New(c, p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	return e, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A slowSink takes its time for each message.
type slowSink struct {
	*memorySink
	takes time.Duration
}

func (s slowSink) Send(ctx context.Context, m sink.Message, last sink.State) (sink.State, error) {
	select {
	case <-time.After(s.takes):
		return s.memorySink.Send(ctx, m, last)
	case <-ctx.Done():
		return last, ctx.Err()
	}
}

// What one engine leaves in the outbox the next one delivers, whether what was at hand was
// finished in time or cut off.
func TestTheNextEngineDeliversWhatTheLastOneLeft(t *testing.T) {
	for name, takes := range map[string]time.Duration{"finished": 2 * time.Second, "cut off": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := store.Open(store.Config{Path: dbPath(t)})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				memory := &memorySink{name: "memory"}
				first, end := runEngine(t, Config{}, Parts{Store: s, Sinks: sinks(slowSink{memory, takes})})
				for n := range 5 {
					post(t, first, firing(fmt.Sprint("g", n), with(flood, "instance", fmt.Sprint("web-", n))).body(t))
				}
				pass(time.Second)
				end()
				before := len(memory.told())
				if before == 5 {
					t.Fatal("the first engine left nothing")
				}
				second, end := runEngine(t, Config{}, Parts{Store: s, Sinks: sinks(memory)})
				pass(time.Minute)
				episodes := map[string]bool{}
				for _, m := range memory.messages() {
					episodes[m.Episode] = true
				}
				if d := second.Snapshot().Depth; len(episodes) != 5 || d.Outbox["memory"].Waiting != 0 || d.Jobs != 0 {
					t.Errorf("told of %d episodes, %d of them before, and %+v is left", len(episodes), before, d)
				}
				end()
			})
		})
	}
}
