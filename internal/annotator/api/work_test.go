package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// bench is a handler without a store, for explanations on demand in a bubble.
func bench(engine *fakeEngine, limits Limits) *world {
	w := &world{engine: engine}
	w.Handler = New(Options{Engine: engine, Auth: access.Tokens(nil), Limits: limits})
	n := 0
	w.works.name = func() string { n++; return fmt.Sprintf("W%d", n) }
	return w
}

func workOf(t *testing.T, answer *httptest.ResponseRecorder) (w Work) {
	t.Helper()
	if err := json.Unmarshal(answer.Body.Bytes(), &w); err != nil {
		t.Errorf("answer %q: %v", answer.Body, err)
	}
	return w
}

func TestExplanationsGoOnWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{block: make(chan struct{})}
		w := bench(engine, Limits{})
		defer w.Close()
		start := time.Now()
		first := w.askAs("", "POST", "/api/v1/explain?wait=30s", `{"mode":"security","episode":"f"}`)
		if got := workOf(t, first); first.Code != 202 || got.State != "running" || time.Since(start) != 30*time.Second {
			t.Errorf("after %s: %d %+v", time.Since(start), first.Code, got)
		}
		at := w.askAs("", "GET", "/api/v1/explain/W1", "")
		if got := workOf(t, at); at.Code != 202 || got.State != "running" {
			t.Errorf("not waited for: %d %+v", at.Code, got)
		}
		time.AfterFunc(5*time.Second, func() { close(engine.block) })
		then := w.askAs("", "GET", "/api/v1/explain/W1?wait=1m", "")
		got := workOf(t, then)
		if got.State != "done" || then.Code != 200 || got.Explained == nil || got.Ended.Sub(got.Asked) != 35*time.Second {
			t.Errorf("at the end: %d %+v", then.Code, got)
		}
		if diff := cmp.Diff([]annotator.Request{{Mode: "security", Episode: "f"}}, engine.questions); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
	})
}

func TestOnlySoManyExplanationsRunAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{block: make(chan struct{})}
		w := bench(engine, Limits{Works: 2})
		defer w.Close()
		codes := make([]int, 0, 4)
		for range 3 {
			codes = append(codes, w.askAs("", "POST", "/api/v1/explain", `{"episode":"f"}`).Code)
		}
		close(engine.block)
		synctest.Wait()
		codes = append(codes, w.askAs("", "POST", "/api/v1/explain?wait=1s", `{"episode":"f"}`).Code)
		if diff := cmp.Diff([]int{202, 202, 503, 200}, codes); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
	})
}

func TestTheLast50ExplanationsCanBeAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{block: make(chan struct{})}
		w := bench(engine, Limits{Works: 2})
		defer w.Close()
		w.askAs("", "POST", "/api/v1/explain", `{"episode":"f"}`) // runs on
		block := engine.block
		synctest.Wait()
		engine.block = nil
		for range 51 {
			w.askAs("", "POST", "/api/v1/explain?wait=1s", `{"episode":"f"}`)
		}
		for id, want := range map[string]int{"W1": 202, "W2": 404, "W3": 404, "W4": 200, "W52": 200} {
			if got := w.askAs("", "GET", "/api/v1/explain/"+id, "").Code; got != want {
				t.Errorf("%s: code %d, want %d", id, got, want)
			}
		}
		close(block)
	})
}

func TestExplanationsThatFailSayWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			engine *fakeEngine
			want   FaultError
		}{
			{&fakeEngine{err: errors.New("open /var/lib/secret")}, FaultError{"internal", "it failed; the log of the annotator says why"}},
			{&fakeEngine{err: fmt.Errorf("%w: no such instance", annotator.ErrRequest)}, FaultError{"bad_request", "wrong request: no such instance"}},
			{&fakeEngine{err: store.ErrClosed}, FaultError{"unavailable", "shutting down"}},
			{&fakeEngine{block: make(chan struct{})}, FaultError{"unavailable", "it took too long"}},
		} {
			w := bench(test.engine, Limits{Work: 20 * time.Second})
			answer := w.askAs("", "POST", "/api/v1/explain?wait=1m", `{"episode":"f"}`)
			got := workOf(t, answer)
			if got.State != "failed" || answer.Code != 200 || got.Error == nil || *got.Error != test.want {
				t.Errorf("%d %+v, want error %+v", answer.Code, got, test.want)
			}
			w.Close()
		}
	})
}

func TestClosingEndsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bench(&fakeEngine{block: make(chan struct{})}, Limits{})
		w.askAs("", "POST", "/api/v1/explain", `{"episode":"f"}`)
		start := time.Now()
		w.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("closing took %s", took)
		}
		got := workOf(t, w.askAs("", "GET", "/api/v1/explain/W1", ""))
		if got.State != "failed" || *got.Error != (FaultError{"unavailable", "shutting down"}) {
			t.Errorf("what ran is %+v", got)
		}
		if code := w.askAs("", "POST", "/api/v1/explain", `{"episode":"f"}`).Code; code != 503 {
			t.Errorf("one more has code %d, want 503", code)
		}
	})
}

func TestAScopeIsAllButWhatIsExcluded(t *testing.T) {
	for body, want := range map[string][]evidence.Scope{
		`{}`:                      nil,
		`{"scope":{}}`:            evidence.Scopes,
		`{"scope":{"tcp":true}}`:  evidence.Scopes,
		`{"scope":{"udp":false}}`: {evidence.Stats, evidence.TCP, evidence.ICMP},
		`{"scope":{"stats":false,"tcp":true,"udp":false,"icmp":false}}`:  {evidence.TCP},
		`{"scope":{"stats":false,"tcp":false,"udp":false,"icmp":false}}`: {},
	} {
		engine := &fakeEngine{}
		w := bench(engine, Limits{})
		w.askAs("", "POST", "/api/v1/explain?wait=10s", body)
		w.Close()
		if len(engine.questions) != 1 {
			t.Fatalf("%s: %d questions", body, len(engine.questions))
		}
		if diff := cmp.Diff(want, engine.questions[0].Host.Scopes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}
