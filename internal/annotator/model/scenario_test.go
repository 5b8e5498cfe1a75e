package model_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

const (
	timeout = 90 * time.Second
	good    = `{"verdict":"attack","facts":["F1"]}`
)

var schema = json.RawMessage(`{"type":"object","properties":{"verdict":{"type":"string"},"facts":{"type":"array","items":{"type":"string"}}},"required":["verdict","facts"],"additionalProperties":false}`)

// request asks for an answer, and accepts only the good one.
func request() model.Request {
	return model.Request{
		System: "You explain alerts.",
		User:   "facts\n{\"F1\":\"<7 & 8>\"}\nfacts\nExplain the alert.",
		Schema: schema,
		Check: func(answer []byte) string {
			if string(answer) == good {
				return ""
			}
			return "no_verdict"
		},
	}
}

// provider is one at a double.
func provider(name string) model.Provider {
	warm := 0.2
	return model.Provider{Name: name, BaseURL: "http://" + name + ".example/v1", Model: "m", Timeout: timeout, Temperature: &warm}
}

func newClient(t *testing.T, config model.Config) *model.Client {
	t.Helper()
	client, err := model.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// failure returns the error as what it must be.
func failure(t *testing.T, err error) *model.Error {
	t.Helper()
	var failed *model.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got the error %v, want a *model.Error", err)
	}
	return failed
}

// inBubble runs a test with a double and a clock of its own.
func inBubble(t *testing.T, test func(t *testing.T, server *double.Server), replies ...double.Reply) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := double.New(replies...)
		defer server.Close()
		test(t, server)
	})
}

// outcome is what a scenario says of a question.
type outcome struct {
	Class string
	Calls int
	Retry bool
}

func TestEachServerEndsInAnAnswerOrItsClass(t *testing.T) {
	for _, scenario := range double.Scenarios() {
		t.Run(scenario.Name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *double.Server) {
				client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
				start := time.Now()
				result, err := client.Complete(t.Context(), request())
				if took := time.Since(start); took > timeout {
					t.Errorf("took %v, more than %v", took, timeout)
				}
				got := outcome{Class: "ok", Calls: len(server.Calls())}
				attempts := result.Attempts
				if err != nil {
					failed := failure(t, err)
					attempts = failed.Attempts
					got.Class, got.Retry = string(failed.Class), failed.Retry
				} else if string(result.Answer) != good || result.Provider != "a" || result.Model != "m" {
					t.Errorf("the answer %s of %q at %q", result.Answer, result.Model, result.Provider)
				}
				want := outcome{scenario.Want, scenario.Calls, scenario.Retry}
				if got != want {
					t.Errorf("got %+v, want %+v (%v)", got, want, err)
				}
				if len(attempts) != got.Calls {
					t.Errorf("%d attempts for %d calls", len(attempts), got.Calls)
				}
			}, scenario.Replies(good)...)
		})
	}
}

// What was learned from a server is used for the next question, so that it takes one request;
// where that does not hold the answer itself was wrong, which is nobody's quirk.
func TestTheNextQuestionTakesOneRequest(t *testing.T) {
	chance := map[string]bool{
		"a sentence, then an answer": true, "nothing, then an answer": true, "two answers, then one": true,
		"a wrong answer, then a good one": true, "Ollama with a model that thinks": true,
	}
	for _, scenario := range double.Scenarios() {
		if scenario.Want != "ok" || chance[scenario.Name] {
			continue
		}
		t.Run(scenario.Name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *double.Server) {
				client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
				ask := func() int {
					before := len(server.Calls())
					if _, err := client.Complete(t.Context(), request()); err != nil {
						t.Fatal(err)
					}
					return len(server.Calls()) - before
				}
				first, second := ask(), ask()
				time.Sleep(6 * time.Hour)
				// Servers are upgraded, so it is found out anew.
				if third := ask(); first != scenario.Calls || second != 1 || third != first {
					t.Errorf("%d requests, then %d, then %d after six hours", first, second, third)
				}
			}, scenario.Replies(good)...)
		})
	}
}

func TestAllClassesAreOfTheClosedSet(t *testing.T) {
	known := map[string]bool{}
	for _, class := range model.Classes() {
		known[string(class)] = false
	}
	for _, scenario := range double.Scenarios() {
		if _, ok := known[scenario.Want]; !ok {
			t.Errorf("%s: %q is no class", scenario.Name, scenario.Want)
		}
		known[scenario.Want] = true
	}
	for class, played := range known {
		if !played {
			t.Errorf("no scenario ends as %s", class)
		}
	}
}
