package model_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

// Of each class that a first provider can end as: is a second one asked?
func TestTheNextProviderIsAskedIfTheFirstHadNoSay(t *testing.T) {
	for _, scenario := range double.Scenarios() {
		if scenario.Want == "ok" {
			continue
		}
		t.Run(scenario.Name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *double.Server) {
				server.Play(append(repeat(scenario.Replies(good), scenario.Calls), double.Say(good))...)
				client := newClient(t, model.Config{Providers: []model.Provider{provider("a"), provider("b")}, Dial: server.Dial})
				result, err := client.Complete(t.Context(), request())
				switch scenario.Want {
				case "refused", "filtered", "truncated", "invalid_json", "invalid":
					if got := failure(t, err); string(got.Class) != scenario.Want || len(got.Attempts) != scenario.Calls || got.Retry {
						t.Errorf("got %+v, want %s, which is final", got, scenario.Want)
					}
				default:
					if err != nil || result.Provider != "b" || len(result.Attempts) != scenario.Calls+1 {
						t.Errorf("got %+v, %v, want the answer of b", result, err)
					}
				}
			})
		})
	}
}

// repeat returns n replies, the last one as often as it takes.
func repeat(replies []double.Reply, n int) []double.Reply {
	for len(replies) < n {
		replies = append(replies, replies[len(replies)-1])
	}
	return replies[:n]
}

func TestAnErrorTellsWhatToDo(t *testing.T) {
	missing := provider("keyless")
	missing.KeyFile = filepath.Join(t.TempDir(), "none")
	inBubble(t, func(t *testing.T, server *double.Server) {
		server.Play(double.Busy("40"), double.Fail(502, ""), double.Fail(401, `{"error":"wrong key sk-1…9"}`))
		client := newClient(t, model.Config{
			Providers: []model.Provider{missing, provider("busy"), provider("down"), provider("locked")}, Dial: server.Dial,
		})
		_, err := client.Complete(t.Context(), request())
		const want = `ask model: "keyless" not asked: no_key, then "busy" rate_limited (status 429), then "down" server (status 502), then "locked" auth (status 401)`
		got := failure(t, err)
		if got.Error() != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		// One of them may be back at any time, so the caller chooses.
		if got.Class != model.RateLimited || !got.Retry || !got.Again.IsZero() {
			t.Errorf("class %s, retry %v, again %v", got.Class, got.Retry, got.Again)
		}
		// What is said of a key may repeat it, masked or not. What is said of others is told.
		var said []string
		for _, a := range got.Attempts {
			said = append(said, a.Message)
		}
		if diff := cmp.Diff([]string{"", "Rate limit reached", "", ""}, said); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
	})
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{missing}, Dial: server.Dial})
		_, err := client.Complete(t.Context(), request())
		if got := failure(t, err); got.Class != "" || got.Skip != model.SkipNoKey || got.Retry || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("without a key: %+v", got)
		}
		client = newClient(t, model.Config{})
		_, err = client.Complete(t.Context(), request())
		if got := failure(t, err); got.Error() != "ask model: there is no provider" || got.Class != "" || got.Skip != "" || got.Retry {
			t.Errorf("without a provider: %+v", got)
		}
	})
}

// What a server says of an error is for people. It is short, one line, and without the key.
func TestMessagesAreFitForLogs(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("secret-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string]string{
		"The model `m`\nis \x1b[31mnot\x1b[0m there\u202e": "The model `m` is [31mnot [0m there",
		"your key secret-1 is fine":                        "your key (key) is fine",
		strings.Repeat("é", 150):                           strings.Repeat("é", 100) + "…",
	} {
		inBubble(t, func(t *testing.T, server *double.Server) {
			p := provider("a")
			p.KeyFile = key
			client := newClient(t, model.Config{Providers: []model.Provider{p}, Dial: server.Dial})
			_, err := client.Complete(t.Context(), request())
			if got := failure(t, err).Attempts[0].Message; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)); strings.Contains(text, "secret-1") {
				t.Errorf("the key is in %s", text)
			}
			if request := new(openai.Error); errors.As(err, &request) {
				t.Error("the error holds the request, with the key")
			}
		}, double.Error(404, "", "", "", said))
	}
}

// The second provider had its say, so that the first one may be asked later is of no use.
func TestWhatAModelSaidIsFinal(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a"), provider("b")}, Dial: server.Dial})
		_, err := client.Complete(t.Context(), request())
		if got := failure(t, err); got.Class != model.Refused || got.Retry || !got.Again.IsZero() {
			t.Errorf("got %+v, want a refusal that is final", got)
		}
	}, double.Busy("10"), double.Refuse("no"))
}

func TestTheCallersDeadlineIsNoFailureOfTheProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{
			Providers: []model.Provider{provider("a"), provider("b")}, Dial: server.Dial, Breaker: model.Breaker{Failures: 1},
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		_, err := client.Complete(ctx, request())
		if got := failure(t, err); got.Class != model.Timeout || !got.Retry || len(got.Attempts) != 1 || time.Since(start) != 30*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), got)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := client.Complete(ctx, request()); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		for _, status := range client.Status() {
			if status.Skip != "" {
				t.Errorf("%s is left out: %+v", status.Provider, status)
			}
		}
		if got := len(server.Calls()); got != 2 {
			t.Errorf("%d calls: there was no time left for the second provider", got)
		}
	}, double.Hang)
}

// A wait that is longer than the deadline is told, not waited for.
func TestABusyServerIsNotWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := client.Complete(ctx, request())
		if got := failure(t, err); got.Class != model.RateLimited || !got.Again.Equal(start.Add(30*time.Second)) || time.Since(start) != 0 {
			t.Errorf("after %v: %+v", time.Since(start), got)
		}
	}, double.Busy("30"))
}

func TestNobodyListens(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
		server.Close()
		_, err := client.Complete(t.Context(), request())
		got := failure(t, err)
		if got.Class != model.Network || !got.Retry || got.Usage != (model.Usage{}) {
			t.Errorf("got %+v, want a network error that cost nothing", got)
		}
	})
}

func TestUsageAndCost(t *testing.T) {
	p := provider("a")
	p.Price = model.Price{Prompt: 2, Completion: 10}
	for name, c := range map[string]struct {
		replies []double.Reply
		want    model.Usage
	}{
		"told": {[]double.Reply{double.Say(good)}, model.Usage{PromptTokens: 1001, CompletionTokens: 101, Cost: (1001*2 + 101*10) / 1e6}},
		// The ladder costs nothing, two rounds cost twice.
		"two rounds": {[]double.Reply{double.Error(400, "", "", "max_tokens", ""), double.Say("Hm."), double.Say(good)},
			model.Usage{PromptTokens: 2002, CompletionTokens: 202, Cost: 2 * (1001*2 + 101*10) / 1e6}},
		"not told":  {[]double.Reply{double.SayWithoutUsage(good)}, model.Usage{PromptTokens: 79, CompletionTokens: 12, Cost: (79*2 + 12*10) / 1e6, Estimated: true}},
		"cut off":   {[]double.Reply{double.HangUp}, model.Usage{PromptTokens: 79, CompletionTokens: 900, Cost: (79*2 + 900*10) / 1e6, Estimated: true}},
		"too late":  {[]double.Reply{double.Hang}, model.Usage{PromptTokens: 79, CompletionTokens: 900, Cost: (79*2 + 900*10) / 1e6, Estimated: true}},
		"an error":  {[]double.Reply{double.Fail(500, "")}, model.Usage{}},
		"nonsense":  {[]double.Reply{double.As("text/html", "<html>")}, model.Usage{}},
		"lies":      {[]double.Reply{double.Body(`{"choices":[{"message":{"content":"{}"},"finish_reason":"length"}],"usage":{"prompt_tokens":1e18,"completion_tokens":-5}}`)}, model.Usage{PromptTokens: 1 << 31, Cost: 2 * float64(1<<31) / 1e6}},
		"a refusal": {[]double.Reply{double.Refuse("no")}, model.Usage{PromptTokens: 1001, CompletionTokens: 101, Cost: (1001*2 + 101*10) / 1e6}},
	} {
		inBubble(t, func(t *testing.T, server *double.Server) {
			client := newClient(t, model.Config{Providers: []model.Provider{p}, Dial: server.Dial, Budget: model.Budget{TokensPerDay: 1 << 40}})
			result, err := client.Complete(t.Context(), request())
			got := result.Usage
			if err != nil {
				got = failure(t, err).Usage
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if left, ok := client.TokensLeft(); !ok || left != 1<<40-got.Tokens() {
				t.Errorf("%s: %d tokens are left, of which %d were used", name, left, got.Tokens())
			}
		}, c.replies...)
	}
}

// A budget ends a question wherever it is, and what was learned on the way is not lost.
func TestTheBudgetEndsAQuestion(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{
			Providers: []model.Provider{provider("a"), provider("b")}, Dial: server.Dial, Budget: model.Budget{CallsPerMinute: 2},
		})
		// Two calls for a server that wants three, then for one that is there to answer.
		walk(t, server, client, []step{
			{Reply: double.Reasoning(good), Class: model.BadRequest, Calls: 2, Again: time.Minute},
			{After: 30 * time.Second, Skip: model.SkipRate, Again: 30 * time.Second},
			{After: 30 * time.Second, Class: model.OK, Calls: 1},
		})
		critical := request()
		critical.Critical = true
		client = newClient(t, model.Config{
			Providers: []model.Provider{provider("a")}, Dial: server.Dial,
			Budget: model.Budget{TokensPerDay: 3000, ReserveCritical: 0.5},
		})
		midnight := time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour))
		walk(t, server, client, []step{
			{Reply: double.Say(good), Class: model.OK, Calls: 1},
			{Skip: model.SkipBudget, Again: midnight},
		})
		if _, err := client.Complete(t.Context(), critical); err != nil {
			t.Errorf("a critical one: %v", err)
		}
	})
}

// A fault that passes and a budget that ends the question prove no quirk.
func TestABudgetThatEndsAQuestionTeachesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial, Budget: model.Budget{CallsPerMinute: 1}})
		walk(t, server, client, []step{
			{Reply: double.Fail(400, `{"error":"not now"}`), Class: model.BadRequest, Calls: 1, Again: time.Minute},
		})
		if got := client.State().Quirks; len(got) != 0 {
			t.Errorf("learned %+v", got)
		}
		walk(t, server, client, []step{{After: 10 * time.Minute, Reply: wantsSchema, Class: model.OK, Calls: 1}})
	})
}

func TestManyAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{
			Providers: []model.Provider{provider("a")}, Dial: server.Dial, Keeper: new(keeper), Cache: &cache{answers: map[string]string{}},
		})
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				r := request()
				r.Key = fmt.Sprint(i % 7)
				if _, err := client.Complete(t.Context(), r); err != nil {
					t.Error(err)
				}
				client.Status()
				client.State()
			})
		}
		all.Wait()
	}, double.DeepSeek(400, good))
}

// Over real sockets and TLS, whose authority is only known from the configuration.
func TestOverTLS(t *testing.T) {
	server := double.New(double.Say(good))
	defer server.Close()
	web := httptest.NewUnstartedServer(server)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // of the client that does not trust it
	web.StartTLS()
	defer web.Close()
	p := provider("a")
	p.BaseURL = web.URL + "/v1"
	_, err := newClient(t, model.Config{Providers: []model.Provider{p}}).Complete(t.Context(), request())
	if got := failure(t, err).Class; got != model.Network {
		t.Errorf("an unknown authority ended as %s", got)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	p.TLS = &tls.Config{RootCAs: trusted}
	if _, err := newClient(t, model.Config{Providers: []model.Provider{p}}).Complete(t.Context(), request()); err != nil {
		t.Error(err)
	}
}
