package model_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

// keeper keeps the JSON of a state, as a store would.
type keeper struct {
	mu   sync.Mutex
	text []byte
	err  error
}

func (k *keeper) Load() (state model.State, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.text) > 0 {
		err = json.Unmarshal(k.text, &state)
	}
	return state, errors.Join(err, k.err)
}

func (k *keeper) Save(state model.State) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	text, err := json.Marshal(state)
	if k.err == nil {
		k.text = text
	}
	return errors.Join(err, k.err)
}

func TestARestartForgetsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		kept := new(keeper)
		config := model.Config{
			Providers: []model.Provider{provider("a"), provider("b")}, Dial: server.Dial, Keeper: kept,
			Budget: model.Budget{CallsPerMinute: 9, TokensPerDay: 100_000},
		}
		server.Play(double.Busy("600"), double.LMStudio(false, good))
		start := time.Now()
		if _, err := newClient(t, config).Complete(t.Context(), request()); err != nil {
			t.Fatal(err)
		}
		client := newClient(t, config)
		want := model.State{
			Quirks: map[string]model.Learned{"b": {
				Quirks: model.Quirks{Mode: model.Plain}, BaseURL: "http://b.example/v1", Model: "m", Until: start.Add(6 * time.Hour),
			}},
			Pauses: map[string]time.Time{"a": start.Add(10 * time.Minute)},
			Spent:  model.Spent{Day: start.UTC().Format("2006-01-02"), Tokens: double.PromptTokens + double.CompletionTokens, Calls: []time.Time{start, start, start, start}},
		}
		if diff := cmp.Diff(want, client.State()); diff != "" {
			t.Fatalf("state (-want +got):\n%s", diff)
		}
		before := len(server.Calls())
		result, err := client.Complete(t.Context(), request())
		if err != nil || result.Provider != "b" || result.Mode != model.Plain || len(server.Calls())-before != 1 {
			t.Errorf("got %+v, %v", result, err)
		}
		// Another model at that name is another model.
		config.Providers[1].Model = "n"
		if got := newClient(t, config).Status()[1].Mode; got != model.JSONSchema {
			t.Errorf("another model is asked for %s first", got)
		}
	})
}

// What is about to be spent is written down before, so that a process that dies in
// each call does not spend over and over.
func TestSpendingIsWrittenDownFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		kept := new(keeper)
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial, Keeper: kept})
		go client.Complete(t.Context(), request())
		time.Sleep(time.Second)
		state, err := kept.Load()
		if err != nil || state.Spent.Tokens != 979 {
			t.Errorf("%d tokens are written down, want the 79 that were sent and 900 for an answer (%v)", state.Spent.Tokens, err)
		}
		time.Sleep(timeout)
	}, double.Hang)
}

// A state from a disk may say anything.
func TestAStateIsNotBelievedForLonger(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		now := time.Now()
		kept := new(keeper)
		if err := kept.Save(model.State{
			Quirks: map[string]model.Learned{"a": {Quirks: model.Quirks{Mode: model.Plain}, BaseURL: "http://a.example/v1", Model: "m", Until: now.AddDate(10, 0, 0)}},
			Pauses: map[string]time.Time{"a": now.AddDate(10, 0, 0), "gone": now},
			Spent:  model.Spent{Day: "2099-01-01", Tokens: 1 << 60, Calls: []time.Time{now.AddDate(10, 0, 0)}},
		}); err != nil {
			t.Fatal(err)
		}
		client := newClient(t, model.Config{
			Providers: []model.Provider{provider("a")}, Dial: server.Dial, Keeper: kept,
			Budget: model.Budget{CallsPerMinute: 1, TokensPerDay: 5000},
		})
		walk(t, server, client, []step{
			{Skip: model.SkipRate, Again: time.Hour},
			{After: time.Hour, Class: model.OK, Calls: 1},
		})
		time.Sleep(5 * time.Hour)
		if got := client.Status()[0].Mode; got != model.JSONSchema {
			t.Errorf("after six hours %s is still tried first", got)
		}
	}, double.Say(good))
}

func TestAKeeperThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		var log strings.Builder
		kept := new(keeper)
		client := newClient(t, model.Config{
			Providers: []model.Provider{provider("a")}, Dial: server.Dial, Keeper: kept, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		kept.err = errors.New("disk full")
		if _, err := client.Complete(t.Context(), request()); err != nil {
			t.Errorf("that nothing can be kept is no reason to have no answer: %v", err)
		}
		if !strings.Contains(log.String(), `err="disk full"`) {
			t.Errorf("the log says %q", log.String())
		}
		if _, err := model.New(model.Config{Keeper: kept}); !errors.Is(err, kept.err) {
			t.Errorf("a state that cannot be read: %v", err)
		}
	}, double.Say(good))
}

// cache is one that never forgets.
type cache struct {
	mu      sync.Mutex
	answers map[string]string
}

func (c *cache) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, ok := c.answers[key]
	return []byte(answer), ok
}

func (c *cache) Put(key string, answer []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[key] = string(answer)
}

func TestTheSameQuestionIsAskedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		config := model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial, Cache: &cache{answers: map[string]string{}}}
		ask := func(r model.Request, config model.Config) bool {
			t.Helper()
			before := len(server.Calls())
			result, err := newClient(t, config).Complete(t.Context(), r)
			if err != nil || string(result.Answer) != good || result.Provider != "a" {
				t.Fatalf("got %+v, %v", result, err)
			}
			asked := len(server.Calls()) > before
			if asked == result.Cached {
				t.Errorf("asked %v, and told that it was cached %v", asked, result.Cached)
			}
			return asked
		}
		r := request()
		ask(r, config)
		if !ask(r, config) {
			t.Error("a request without a key is cached")
		}
		r.Key = "k"
		if !ask(r, config) || ask(r, config) {
			t.Error("the same question is asked twice")
		}
		// Each of these makes it another question.
		schemaless, keyed, other := r, r, config
		schemaless.Schema = json.RawMessage(`{}`)
		keyed.Key = "l"
		other.Providers = []model.Provider{provider("a")}
		other.Providers[0].Model = "n"
		if !ask(schemaless, config) || !ask(keyed, config) || !ask(r, other) {
			t.Error("another question got the answer of the first")
		}
		// What would not do now is asked for anew.
		for key := range config.Cache.(*cache).answers {
			config.Cache.Put(key, []byte(`{"wrong":true}`))
		}
		if !ask(r, config) {
			t.Error("a wrong answer was taken from the cache")
		}
	}, double.Say(good))
}

// A server that changed what it takes is found out from the top again, at the next question.
func TestQuirksThatDoNotWorkAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
		walk(t, server, client, []step{
			{Reply: double.LMStudio(false, good), Class: model.OK, Calls: 3},
			{Class: model.OK, Calls: 1},
			// From now on it wants a format.
			{Reply: wantsSchema, Class: model.BadRequest, Calls: 1},
			{Class: model.OK, Calls: 1},
			// That a prompt is too long says nothing of its ways.
			{Reply: double.LMStudio(false, good), Class: model.OK, Calls: 3},
			{Reply: double.Error(400, "", "context_length_exceeded", "", ""), Class: model.BadRequest, Calls: 1},
			{Reply: double.LMStudio(false, good), Class: model.OK, Calls: 1},
		})
	})
}

// Only what worked is learned: a schema in the prompt did not help this model.
func TestWhatDidNotHelpIsNotLearned(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
		_, err := client.Complete(t.Context(), request())
		if got := failure(t, err).Class; got != model.InvalidJSON {
			t.Errorf("it ended as %s", got)
		}
		if got := client.Status()[0].Quirks; got != (model.Quirks{}) {
			t.Errorf("learned %+v", got)
		}
	}, double.Say("Hm."))
}

func wantsSchema(w http.ResponseWriter, r *http.Request, c double.Call) {
	if c.Chat.ResponseFormat.Type != "json_schema" {
		double.Fail(400, `{"error":"no format"}`)(w, r, c)
		return
	}
	double.Say(good)(w, r, c)
}
