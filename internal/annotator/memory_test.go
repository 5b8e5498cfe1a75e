//go:build unix

package annotator

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

func TestWhatWasLearnedOfModelsOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := dbPath(t)
		server := models(t, double.DeepSeek(400, modelSays))
		var states []model.State
		for range 2 {
			s, err := store.Open(store.Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			c := newModel(t, server, Keeper{s})
			if _, err := c.Complete(t.Context(), model.Request{System: "s", User: "u", Schema: answer.Schema()}); err != nil {
				t.Fatal(err)
			}
			kept, err := Keeper{s}.Load()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.State(), kept, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-client +kept)\n%s", diff)
			}
			states = append(states, kept)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		// The first call had to be told that there is no json_schema, the second knew.
		if n := len(server.Calls()); n != 3 || states[1].Spent.Tokens <= states[0].Spent.Tokens {
			t.Errorf("%d calls, spent %d and then %d", n, states[0].Spent.Tokens, states[1].Spent.Tokens)
		}
	})
}

// What is kept holds for other names, and so must have none.
func TestTheCacheHoldsNoNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, dbPath(t), Config{}, Parts{Model: newModel(t, models(t, double.Say(modelSays)), nil)}, nil)
		tell(t, p, firing("g", flood))
		pass(time.Second)
		kept, err := p.Store.Cache().All()
		if err != nil || len(kept) != 1 {
			t.Fatalf("%d answers, %v", len(kept), err)
		}
		for _, text := range kept {
			if strings.Contains(string(text), "web-1") {
				t.Errorf("kept %s", text)
			}
		}
		pass(time.Hour)
		if kept, err := p.Store.Cache().All(); err != nil || len(kept) != 0 {
			t.Errorf("%d answers after an hour, %v", len(kept), err)
		}
	})
}
