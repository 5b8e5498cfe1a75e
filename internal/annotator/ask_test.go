//go:build unix

package annotator

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/builtin"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

func TestTheBuiltInExplanationStaysIfTheModelHasNoAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		reply   double.Reply
		why     string
		soonest time.Duration // when it is given up
		latest  time.Duration
	}{
		"fails for ever":       {double.Fail(500, "{}"), "server", 5 * time.Minute, 10*time.Minute + time.Second},
		"hangs for ever":       {double.Hang, "timeout", 5 * time.Minute, 10*time.Minute + time.Second},
		"is busy for an hour":  {double.Busy("3600"), "rate_limited", 0, time.Second},
		"refuses":              {double.Refuse("no"), "refused", 0, time.Second},
		"says what is not so":  {double.Say(strings.Replace(modelSays, "1230", "999", 1)), "invalid", 0, time.Second},
		"does not take a form": {double.Say("It is an attack."), "invalid_json", 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &memorySink{name: "memory"}
				p := start(t, dbPath(t), Config{}, Parts{Model: newModel(t, models(t, test.reply), nil), Sinks: []sink.Sink{s}}, nil)
				tell(t, p, firing("g", flood))
				if test.soonest > 0 {
					pass(test.soonest)
					if v, err := p.Episode(episodeOf(t, p.Engine)); err != nil || v.Waits != "asked" {
						t.Errorf("after %s it waits for %q, %v", test.soonest, v.Waits, err)
					}
				}
				pass(test.latest - test.soonest)
				v, err := p.Episode(episodeOf(t, p.Engine))
				if err != nil || v.Waits != "" || v.NoModel != test.why || v.Explanation == nil || v.Explanation.By != "builtin" {
					t.Errorf("after %s: waits for %q, no model because of %q, want %q, %v", test.latest, v.Waits, v.NoModel, test.why, err)
				}
				if got := s.told(); len(got) != 1 || got[0].By != "builtin" {
					t.Errorf("told %+v", got)
				}
				if letters, err := p.Store.Letters(store.DeadJob); err != nil || len(letters) > 0 {
					t.Errorf("dead letters %+v, %v", letters, err)
				}
			})
		})
	}
}

func TestAModelThatComesBackInTimeIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		server := models(t, double.Fail(503, "{}"), double.Busy("30"), double.Say(modelSays))
		p := start(t, dbPath(t), Config{}, Parts{Model: newModel(t, server, nil), Sinks: []sink.Sink{s}}, nil)
		tell(t, p, firing("g", flood))
		pass(30 * time.Second)
		if n := len(s.told()); n != 1 {
			t.Fatalf("told %d times before", n)
		}
		pass(10 * time.Second)
		if got := s.told(); len(got) != 2 || got[1].Summary != modelSummary || len(server.Calls()) != 3 {
			t.Errorf("told %+v after %d calls", got, len(server.Calls()))
		}
	})
}

func TestNewsEndAQuestionAboutWhatWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		p := start(t, dbPath(t), Config{}, Parts{Model: newModel(t, models(t, double.Hang), nil), Sinks: []sink.Sink{s}}, nil)
		m := firing("g", flood)
		tell(t, p, m)
		pass(10 * time.Second)
		tell(t, p, m.over())
		pass(time.Second)
		if got := s.told(); len(got) != 2 || got[1].Status != sink.Resolved {
			t.Errorf("told %+v", got)
		}
	})
}

// Models are slow, and there are fewer askers than questions: explanations go on.
func TestSlowModelsHoldNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		p := start(t, dbPath(t), Config{Workers: 1, Askers: 1}, Parts{Model: newModel(t, models(t, double.Hang), nil), Sinks: []sink.Sink{s}}, nil)
		for _, group := range strings.Fields("a b c d e f g h") {
			tell(t, p, firing(group, with(flood, "instance", "web-"+group+":10142")))
		}
		pass(time.Second)
		if got := s.told(); len(got) != 8 {
			t.Errorf("told of %d episodes", len(got))
		}
	})
}

func TestACriticalQuestionWaitsForNoWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := models(t, double.Hang)
		p := start(t, dbPath(t), Config{}, Parts{Model: newModel(t, server, nil)}, nil)
		warning := with(flood, "severity", "warning")
		for n := range 30 {
			tell(t, p, firing(fmt.Sprint("g", n), with(warning, "instance", fmt.Sprintf("web-%d:10142", n))))
		}
		pass(time.Second)
		if n := len(server.Calls()); n != 2 {
			t.Fatalf("%d questions about warnings at a time", n)
		}
		for _, group := range []string{"a", "b"} {
			tell(t, p, firing(group, with(flood, "instance", group)))
		}
		pass(time.Second)
		if n := len(server.Calls()); n != 3 {
			t.Errorf("%d questions behind two that are critical", n)
		}
	})
}

func TestQuestionsThatDifferInNamesOnlyAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		server := models(t, double.Say(modelSays))
		other := with(flood, "instance", "db-7:10142")
		both := querierFunc(func(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
			facts := floodFacts
			if strings.Contains(expr, "db-7") {
				facts.labels = other
			}
			return facts.Query(ctx, expr, at)
		})
		p := start(t, dbPath(t), Config{}, Parts{Querier: both, Model: newModel(t, server, nil), Sinks: []sink.Sink{s}}, nil)
		tell(t, p, firing("a", flood))
		pass(time.Second)
		tell(t, p, firing("b", other))
		pass(time.Second)
		got := s.told()
		if len(server.Calls()) != 1 || len(got) != 4 || got[3].Summary != strings.Replace(modelSummary, "web-1", "db-7", 1) {
			t.Errorf("%d calls, told %+v", len(server.Calls()), got)
		}
		if c := p.Snapshot().Cache; c["hit"] != 1 || c["miss"] != 1 {
			t.Errorf("cache %v", c)
		}
	})
}

// An answer that was good when it was given may be refused by a version behind it.
func TestAnAnswerIsJudgedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, dbPath(t), Config{}, Parts{}, nil)
		tell(t, p, firing("g", flood))
		pass(time.Second)
		id := episodeOf(t, p.Engine)
		outputs, err := p.Store.Outputs(id)
		if err != nil {
			t.Fatal(err)
		}
		episode, err := p.Store.Episode(id)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]answer.Code{
			modelSays: answer.OK, strings.Replace(modelSays, "1230", "999", 1): answer.Number, `{}`: answer.WrongForm,
		} {
			outputs[store.Asked] = []byte(asJSON(t, answered{Serial: 1, Model: "small", Answer: json.RawMessage(text)}))
			job := store.Job{Episode: episode, Do: store.Validated, Revision: 2, Outputs: outputs}
			result, _, err := p.validate(t.Context(), job)
			var r record
			if err == nil {
				err = json.Unmarshal(result.Output, &r)
			}
			if err != nil || r.Code != want || (r.Answer == nil) != (want != answer.OK) || len(result.Publish) != 0 {
				t.Errorf("%.60s: %q, %v, want %q", text, r.Code, err, want)
			}
		}
	})
}

// Same answers are no news: the model repeats what the built-in explainer has said.
func TestAModelThatSaysNothingNewIsNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &handle.Table{}
		g := answer.Ground{Table: table, Set: evidence.Gather(t.Context(), floodFacts, evidence.Alert{Labels: flood}, table, time.Now(), evidence.Defaults)}
		s := &memorySink{name: "memory"}
		server := models(t, double.Say(asJSON(t, builtin.Explain(g))))
		p := start(t, dbPath(t), Config{}, Parts{Model: newModel(t, server, nil), Sinks: []sink.Sink{s}}, nil)
		tell(t, p, firing("g", flood))
		pass(time.Minute)
		if got := s.told(); len(got) != 1 || got[0].By != "builtin" {
			t.Errorf("told %+v", got)
		}
		v, err := p.Episode(episodeOf(t, p.Engine))
		if err != nil || len(server.Calls()) != 1 || v.Model == nil || v.Model.By != "model" || v.NoModel != "" {
			t.Errorf("%d calls, %+v, %v", len(server.Calls()), v.Model, err)
		}
	})
}

func TestAQuestionThatNewsOvertookIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, dbPath(t), Config{}, Parts{}, func(string) bool { return true })
		m := firing("g", flood)
		tell(t, p, m)
		<-p.died
		episode, err := p.Store.Episode(episodeOf(t, p.Engine))
		if err != nil {
			t.Fatal(err)
		}
		job := store.Job{Episode: episode, Do: store.Asked}
		if p.overtaken(job) {
			t.Error("without news")
		}
		tell(t, p, m.over())
		if !p.overtaken(job) {
			t.Error("not with news")
		}
	})
}
