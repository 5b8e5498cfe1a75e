package model_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

// step is one question, and what came of it.
type step struct {
	After time.Duration // before it is asked
	Reply double.Reply
	Class model.Class // "ok", or ""
	Skip  model.Skip
	Calls int
	Again time.Duration // 0: for the caller to choose
}

// walk asks the questions one after the other.
func walk(t *testing.T, server *double.Server, client *model.Client, steps []step) {
	t.Helper()
	for i, want := range steps {
		time.Sleep(want.After)
		if want.Reply != nil {
			server.Play(want.Reply)
		}
		before := len(server.Calls())
		_, err := client.Complete(t.Context(), request())
		got := step{After: want.After, Class: model.OK, Calls: len(server.Calls()) - before}
		if err != nil {
			failed := failure(t, err)
			got.Class, got.Skip = failed.Class, failed.Skip
			if !failed.Again.IsZero() {
				got.Again = time.Until(failed.Again)
			}
		}
		want.Reply = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("question %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestFiveFailuresLeaveAProviderOutForTwoMinutes(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
		bad, fine := double.Fail(500, ""), double.Say(good)
		failed := step{Reply: bad, Class: model.Server, Calls: 1}
		walk(t, server, client, []step{
			failed, failed, failed, failed,
			// An answer, useless or not, is none: it counts anew.
			{Reply: double.Refuse("no"), Class: model.Refused, Calls: 1},
			failed, failed, failed, failed,
			{Reply: bad, Class: model.Server, Calls: 1, Again: 2 * time.Minute},
			{After: time.Minute, Reply: fine, Skip: model.SkipBreaker, Again: time.Minute},
			// One request finds out that it still fails, and one that it does not.
			{After: time.Minute, Reply: bad, Class: model.Server, Calls: 1, Again: 2 * time.Minute},
			{Skip: model.SkipBreaker, Again: 2 * time.Minute},
			{After: 2 * time.Minute, Reply: fine, Class: model.OK, Calls: 1},
			failed, failed, failed, failed,
			{Reply: fine, Class: model.OK, Calls: 1},
		})
	})
}

// The ladder's refusals are part of one question, not failures of their own.
func TestTheLadderIsNoFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{
			Providers: []model.Provider{provider("a")}, Dial: server.Dial, Breaker: model.Breaker{Failures: 1},
		})
		walk(t, server, client, []step{
			{Reply: double.Ungrateful(good), Class: model.OK, Calls: 5},
			{Class: model.OK, Calls: 1},
		})
	})
}

func TestARefusedKeyIsNotTriedAgain(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	write := func(text string) {
		if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for class, reply := range map[model.Class]double.Reply{
		model.Auth:  double.Fail(401, `{"error":{"message":"wrong key old"}}`),
		model.Quota: double.Error(429, "insufficient_quota", "", "", "pay"),
	} {
		write("old")
		inBubble(t, func(t *testing.T, server *double.Server) {
			p := provider("a")
			p.KeyFile = key
			client := newClient(t, model.Config{Providers: []model.Provider{p}, Dial: server.Dial})
			walk(t, server, client, []step{
				{Reply: reply, Class: class, Calls: 1},
				{After: 29 * time.Minute, Skip: model.SkipBreaker},
				{After: time.Minute, Class: class, Calls: 1},
				{After: time.Minute, Skip: model.SkipBreaker},
			})
			// A new key is used at once, and without a reload.
			write("new\n")
			walk(t, server, client, []step{{Reply: double.Say(good), Class: model.OK, Calls: 1}})
			calls := server.Calls()
			if got := calls[len(calls)-1].Header.Get("Authorization"); got != "Bearer new" {
				t.Errorf("the key %q was sent", got)
			}
		})
	}
}

func TestABusyServerIsLeftAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{Providers: []model.Provider{provider("a")}, Dial: server.Dial})
		fine := double.Say(good)
		walk(t, server, client, []step{
			{Reply: double.Busy("300"), Class: model.RateLimited, Calls: 1, Again: 5 * time.Minute},
			{After: 4 * time.Minute, Reply: fine, Skip: model.SkipRate, Again: time.Minute},
			{After: time.Minute, Class: model.OK, Calls: 1},
			// A second is a second, and a day is an hour at most.
			{Reply: double.Busy("1"), Class: model.RateLimited, Calls: 1, Again: time.Second},
			{After: time.Second, Reply: double.Busy("86400"), Class: model.RateLimited, Calls: 1, Again: time.Hour},
			{After: time.Hour, Reply: fine, Class: model.OK, Calls: 1},
			{Reply: double.Busy(time.Now().Add(2*time.Hour + 2*time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")), Class: model.RateLimited, Calls: 1, Again: 56*time.Minute + 59*time.Second},
			{After: 56*time.Minute + 59*time.Second, Reply: double.Fail(429, "", "Retry-After-Ms", "1500"), Class: model.RateLimited, Calls: 1, Again: 1500 * time.Millisecond},
			{After: 2 * time.Second, Reply: double.Fail(503, "", "Retry-After", "20"), Class: model.Server, Calls: 1, Again: 20 * time.Second},
			// Who says nothing, or nonsense, is left alone after five of them.
			{After: 20 * time.Second, Reply: double.Busy(""), Class: model.RateLimited, Calls: 1},
			{Reply: double.Busy("-5"), Class: model.RateLimited, Calls: 1},
			{Reply: double.Busy("NaN"), Class: model.RateLimited, Calls: 1},
			{Reply: double.Busy(""), Class: model.RateLimited, Calls: 1, Again: 2 * time.Minute},
		})
	})
}

// While one request finds out whether a provider is well again, the others do not pile up.
func TestOneRequestFindsOut(t *testing.T) {
	inBubble(t, func(t *testing.T, server *double.Server) {
		client := newClient(t, model.Config{
			Providers: []model.Provider{provider("a")}, Dial: server.Dial, Breaker: model.Breaker{Failures: 1},
		})
		walk(t, server, client, []step{
			{Reply: double.Fail(500, ""), Class: model.Server, Calls: 1, Again: 2 * time.Minute},
		})
		time.Sleep(2 * time.Minute)
		server.Play(double.Hang)
		done := make(chan error)
		go func() {
			_, err := client.Complete(t.Context(), request())
			done <- err
		}()
		walk(t, server, client, []step{{After: time.Second, Skip: model.SkipBreaker}})
		if got := failure(t, <-done).Class; got != model.Timeout {
			t.Errorf("the one that found out ended as %s", got)
		}
		walk(t, server, client, []step{{Skip: model.SkipBreaker, Again: 2 * time.Minute}})
	})
}
