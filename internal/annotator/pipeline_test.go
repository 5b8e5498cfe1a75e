//go:build unix

package annotator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// modelSummary is what people read of what the model says.
const modelSummary = "Somebody floods web-1:10142 with connection requests, says the model."

// pass lets time go by in a bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// firing returns a message that alerts of a group fire since now.
func firing(group string, alerts ...map[string]string) message {
	return message{group: group, alerts: alerts, starts: time.Now().UTC()}
}

// over returns a message that what fired has ended now.
func (m message) over() message {
	m.ends = time.Now().UTC()
	return m
}

// tell posts a message and waits until all that can be done at once is done.
func tell(t testing.TB, p *process, m message) {
	t.Helper()
	if code := post(t, p.Engine, m.body(t)); code != http.StatusAccepted {
		t.Fatalf("code %d", code)
	}
	synctest.Wait()
}

// expectTold compares what a sink was told.
func expectTold(t testing.TB, s *memorySink, want ...told) {
	t.Helper()
	if diff := cmp.Diff(want, s.told()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", s.name, diff)
	}
}

func models(t testing.TB, replies ...double.Reply) *double.Server {
	s := double.New(replies...)
	t.Cleanup(s.Close)
	return s
}

func TestTheBuiltInExplanationIsOutAtOnceAndTheModelRevisesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		slow := func(w http.ResponseWriter, r *http.Request, c double.Call) {
			time.Sleep(20 * time.Second)
			double.Say(modelSays)(w, r, c)
		}
		p := start(t, dbPath(t), Config{}, Parts{Model: newModel(t, models(t, slow), nil), Sinks: []sink.Sink{s}}, nil)
		m := firing("g", flood)
		tell(t, p, m)
		pass(time.Second)
		first := told{1, sink.Firing, "builtin", "volumetric_attack", s.told()[0].Summary}
		expectTold(t, s, first)
		pass(20 * time.Second)
		second := told{2, sink.Firing, "model", "volumetric_attack", modelSummary}
		expectTold(t, s, first, second)
		tell(t, p, m.over())
		pass(time.Second)
		expectTold(t, s, first, second, told{3, sink.Resolved, "model", "volumetric_attack", modelSummary})
		last := s.messages()[2]
		if !last.Alert.StartsAt.Equal(m.starts) || last.Alert.EndsAt.Sub(m.starts) < 21*time.Second || last.Alert.Name != flood["alertname"] {
			t.Errorf("the end says %+v", last.Alert)
		}
		if !strings.Contains(string(last.Alertmanager), `"status":"resolved"`) {
			t.Errorf("Alertmanager's message is %s", last.Alertmanager)
		}
	})
}

func TestWithoutAModelTheBuiltInExplanationIsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		p := start(t, dbPath(t), Config{}, Parts{Sinks: []sink.Sink{s}}, nil)
		m := firing("g", flood)
		tell(t, p, m)
		pass(time.Second)
		tell(t, p, m.over())
		pass(time.Second)
		summary := s.told()[0].Summary
		expectTold(t, s, told{1, sink.Firing, "builtin", "volumetric_attack", summary}, told{2, sink.Resolved, "builtin", "volumetric_attack", summary})
		if d, err := p.Store.Depth(); err != nil || d.Jobs != 0 || d.Open != 0 {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

func TestWhatEndedBeforeItWasExplainedIsExplainedAndEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := dbPath(t)
		p := start(t, path, Config{}, Parts{}, func(string) bool { return true })
		m := firing("g", flood)
		tell(t, p, m)
		pass(time.Minute)
		end := m.over()
		if code := post(t, p.Engine, end.body(t)); code != http.StatusAccepted {
			t.Fatal(code)
		}
		p.stop(t)
		pass(time.Hour) // before it is started again
		s := &memorySink{name: "memory"}
		var asked atomic.Int64
		then := querierFunc(func(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
			if at.Equal(end.ends) {
				asked.Add(1)
			}
			return floodFacts.Query(ctx, expr, at)
		})
		start(t, path, Config{}, Parts{Querier: then, Sinks: []sink.Sink{s}, Model: newModel(t, models(t, double.Hang), nil)}, nil)
		pass(time.Second)
		if asked.Load() == 0 {
			t.Error("nobody was asked how it was when it ended")
		}
		// Once is enough: there is nothing new to say when it is resolved.
		if got := s.told(); len(got) != 1 || got[0].Revision != 1 || got[0].Status != sink.Resolved {
			t.Errorf("told %+v", got)
		}
	})
}

type querierFunc func(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error)

func (f querierFunc) Query(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
	return f(ctx, expr, at)
}

func TestWhatIsNotKnownIsSaid(t *testing.T) {
	for name, querier := range map[string]evidence.Querier{
		"none": nobody{},
		"down": querierFunc(func(context.Context, string, time.Time) ([]evidence.Sample, error) { return nil, errBroken }),
		"hangs": querierFunc(func(ctx context.Context, _ string, _ time.Time) ([]evidence.Sample, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &memorySink{name: "memory"}
				p := start(t, dbPath(t), Config{}, Parts{Querier: querier, Sinks: []sink.Sink{s}}, nil)
				tell(t, p, firing("g", flood))
				pass(3 * time.Second)
				got := s.messages()
				if len(got) != 1 || got[0].Explanation.Confidence != "low" {
					t.Fatalf("told %+v", got)
				}
				if text := asJSON(t, got[0].Explanation.Findings); !strings.Contains(text, "Not known: ") {
					t.Errorf("findings %s", text)
				}
			})
		})
	}
}

// noChance is a source of chance that is broken.
type noChance struct{}

func (noChance) Read([]byte) (int, error) { return 0, errBroken }

// wildChance is a source of chance that has a bug.
type wildChance struct{}

func (wildChance) Read([]byte) (int, error) { panic(strings.Repeat("wild\xff", 2000)) }

// TestAStepThatFailsFiveTimesIsADeadLetter, with an error or a panic.
func TestAStepThatFailsFiveTimesIsADeadLetter(t *testing.T) {
	for _, c := range []struct {
		name   string
		chance io.Reader
		reason string // its beginning
		most   int    // bytes of it
	}{
		{"error", noChance{}, "asked: read chance for a marker: broken on purpose", len("asked: read chance for a marker: broken on purpose")},
		{"panic", wildChance{}, "asked: panic: wild", 5000},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &memorySink{name: "memory"}
				p := start(t, dbPath(t), Config{}, Parts{Random: c.chance, Model: newModel(t, models(t, double.Say(modelSays)), nil), Sinks: []sink.Sink{s}}, nil)
				m := firing("g", flood)
				tell(t, p, m)
				pass(5 * time.Minute)
				letters, err := p.Store.Letters(store.DeadJob)
				if err != nil || len(letters) != 1 || !strings.HasPrefix(letters[0].Reason, c.reason) || len(letters[0].Reason) > c.most {
					t.Fatalf("%+v, %v", letters, err)
				}
				want := map[Job]uint64{
					{"gathered", "done"}: 1, {"explained", "done"}: 1, {"asked", "failed"}: 5, {"asked", "dead"}: 1,
				}
				if diff := cmp.Diff(want, p.Snapshot().Jobs); diff != "" {
					t.Errorf("jobs (-want +got):\n%s", diff)
				}
				// It ends all the same.
				tell(t, p, m.over())
				pass(time.Second)
				if got := s.told(); len(got) != 2 || got[1].Status != sink.Resolved {
					t.Errorf("told %+v", got)
				}
			})
		})
	}
}

func TestNewsAreExplainedAnewAndUnchangedOnesAreNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		p := start(t, dbPath(t), Config{}, Parts{Sinks: []sink.Sink{s}}, nil)
		m := firing("g", flood)
		tell(t, p, m)
		pass(time.Minute)
		m.alerts = append(m.alerts, with(flood, "port", "443"))
		tell(t, p, m)
		pass(time.Minute)
		got := s.messages()
		if len(got) != 2 || got[0].Alert.Count != 1 || got[1].Alert.Count != 2 || got[1].Revision != 2 {
			t.Fatalf("told %+v", s.told())
		}
		if !cmp.Equal(got[0].Alert.Labels, got[1].Alert.Labels) {
			t.Error("another alert leads, though the first still fires")
		}
		if code := post(t, p.Engine, m.body(t)); code != http.StatusOK {
			t.Errorf("code %d for the same again", code)
		}
		pass(time.Minute)
		if n := len(s.told()); n != 2 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestTheEndFinishesWhatIsAtHandOrGivesItBack(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		want  string // the step that is left
	}{
		"in time":  {2 * time.Second, "explained"},
		"too slow": {time.Minute, "gathered"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := querierFunc(func(ctx context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
					select {
					case <-time.After(test.takes):
						return floodFacts.Query(ctx, expr, at)
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				})
				limits := evidence.Defaults
				limits.PerQuery, limits.Total, limits.Parallel = time.Hour, time.Hour, 20
				path := dbPath(t)
				p := start(t, path, Config{Limits: limits}, Parts{Querier: slow}, nil)
				tell(t, p, firing("g", flood))
				began := time.Now()
				p.stop(t)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the end took %s", took)
				}
				q := start(t, path, Config{}, Parts{}, func(string) bool { return true })
				if v, err := q.Episode(episodeOf(t, q.Engine)); err != nil || v.Waits != test.want {
					t.Errorf("waits for %q, want %q, %v", v.Waits, test.want, err)
				}
			})
		})
	}
}

func TestLongMessagesOfAlertmanagerAreCut(t *testing.T) {
	var alerts []map[string]string
	for range 50 {
		alerts = append(alerts, with(flood, "filler", strings.Repeat("x", 1000)))
	}
	body := message{group: "g", alerts: alerts, starts: time.Now()}.body(t)
	short, err := shorten(body, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Alerts    []json.RawMessage `json:"alerts"`
		Truncated int               `json:"truncatedAlerts"`
	}
	if err := json.Unmarshal(short, &got); err != nil || len(short) > 10_000 || len(got.Alerts) == 0 || len(got.Alerts)+got.Truncated != 50 {
		t.Errorf("%d bytes, %d alerts, %d truncated, %v", len(short), len(got.Alerts), got.Truncated, err)
	}
	if whole, err := shorten(body, len(body)); err != nil || string(whole) != string(body) {
		t.Errorf("a message that fits was changed: %v", err)
	}
}

func TestTheWorstAlertThatFiresLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, dbPath(t), Config{}, Parts{}, nil)
		warning, critical := with(flood, "severity", "warning"), with(flood, "instance", "web-2:10142")
		leads := func(want map[string]string) {
			t.Helper()
			pass(time.Second)
			if v, err := p.Episode(episodeOf(t, p.Engine)); err != nil || !cmp.Equal(v.Alert.Labels, want) {
				t.Errorf("%v leads, want %v, %v", v.Alert.Labels, want, err)
			}
		}
		m := firing("g", warning, critical)
		tell(t, p, m)
		leads(critical)
		// It ends, and the other one goes on.
		ended, goesOn := firing("g", critical), firing("g", warning)
		ended.starts, goesOn.starts = m.starts, m.starts
		ended = ended.over()
		both, err := webhook.Decode(ended.body(t))
		if err != nil {
			t.Fatal(err)
		}
		rest, err := webhook.Decode(goesOn.body(t))
		if err != nil {
			t.Fatal(err)
		}
		d, err := synthesize("g", both.GroupLabels, append(both.Alerts, rest.Alerts...))
		if err != nil {
			t.Fatal(err)
		}
		if code := post(t, p.Engine, d.Body); code != http.StatusAccepted {
			t.Fatal(code)
		}
		leads(warning)
	})
}

func TestTheNewestExplanationHolds(t *testing.T) {
	at := func(serial int) *record { return &record{Serial: serial, Answer: &answer.Answer{}} }
	refused := &record{Serial: 2, Code: answer.Number}
	builtin, old, model := at(2), at(1), at(2)
	for name, test := range map[string]struct {
		o    outputs
		want *record
	}{
		"nothing":               {outputs{}, nil},
		"no model":              {outputs{explained: builtin}, builtin},
		"model":                 {outputs{explained: builtin, validated: model}, model},
		"model of facts before": {outputs{explained: builtin, validated: old}, builtin},
		"refused":               {outputs{explained: builtin, validated: refused}, builtin},
	} {
		if got := test.o.current(); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

func TestLongEpisodesDoNotRunOutOfHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var round atomic.Int64
		others := querierFunc(func(_ context.Context, expr string, _ time.Time) ([]evidence.Sample, error) {
			if !strings.Contains(expr, "sum by (remote)") || strings.Contains(expr, "max(") {
				return nil, nil
			}
			var samples []evidence.Sample
			for n := range int64(5) {
				samples = append(samples, evidence.Sample{Labels: map[string]string{"remote": fmt.Sprintf("198.51.%d.0/24", 5*round.Load()+n)}, Value: float64(10 - n)})
			}
			return samples, nil
		})
		p := start(t, dbPath(t), Config{}, Parts{Querier: others}, nil)
		m := firing("g", drops)
		for n := range int64(25) {
			round.Store(n)
			m.alerts = append(m.alerts, with(drops, "port", fmt.Sprint(n)))
			tell(t, p, m)
			pass(time.Minute)
		}
		raw, err := p.Store.Outputs(episodeOf(t, p.Engine))
		if err != nil {
			t.Fatal(err)
		}
		o, err := readOutputs(raw)
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, f := range o.known.Set.Facts {
			for _, l := range f.Of {
				if _, value, ok := o.known.Table.Value(l.Value); l.Name == "remote" && ok && strings.HasPrefix(value, "198.51.12") {
					named++
				}
			}
		}
		if o.known.Serial != 25 || named < 5 {
			t.Errorf("gathering %d names %d of the last sources: %+v", o.known.Serial, named, o.known.Set)
		}
	})
}

func TestMessagesNameAllHostsOfAnEpisode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		p := start(t, dbPath(t), Config{}, Parts{Sinks: sinks(s)}, nil)
		tell(t, p, firing("g", flood, with(flood, "instance", "web-2:10142"), with(flood, "device", "eth0")))
		pass(time.Second)
		tell(t, p, firing("g", with(flood, "instance", "web-3:10142")))
		pass(time.Second)
		var got [][]string
		for _, m := range s.messages() {
			got = append(got, m.Alert.Hosts)
		}
		if diff := cmp.Diff([][]string{{"web-1:10142", "web-2:10142"}, {"web-1:10142", "web-2:10142", "web-3:10142"}}, got); diff != "" {
			t.Errorf("hosts (-want +got):\n%s", diff)
		}
	})
}
