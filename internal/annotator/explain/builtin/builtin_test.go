package builtin

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/rules"
)

var update = flag.Bool("update", false, "write the golden texts anew")

// TestEveryAlertIsExplained claims that each alert of the rule files has an explanation,
// evidence and a recording, and that nothing else has.
func TestEveryAlertIsExplained(t *testing.T) {
	var want []string
	for _, a := range rules.Alerts() {
		want = append(want, a.Name)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	for _, have := range []struct {
		what  string
		names []string
	}{{"explanations (add to entries)", Alerts()}, {"queries (add to package evidence)", evidence.Alerts()}, {"recordings (add to testdata/recorded.yaml)", slices.Sorted(maps.Keys(recorded(t)))}} {
		if diff := gocmp.Diff(want, have.names); diff != "" {
			t.Errorf("%s (-alerts +%s)\n%s", have.what, have.what, diff)
		}
	}
}

// TestEntriesRestOnEvidence claims that what an entry weighs and asks is asked for, that
// its texts name labels of the alert alone, and that it says what it must.
func TestEntriesRestOnEvidence(t *testing.T) {
	for name, e := range entries {
		queries := evidence.For(name)
		if evidence.AsksOffenders(name) {
			queries = append(queries, evidence.OffenderFacts...)
		}
		byName := map[string]evidence.Query{}
		for _, q := range queries {
			byName[q.Name] = q
			if q.Baseline {
				byName[q.Name+evidence.Change] = evidence.Query{Unit: fact.Times}
			}
		}
		if len(e.weighs) < 3 || len(e.checks) < 2 || len(e.steps) < 1 || len(e.steps) > answer.MostSteps || len(e.checks) > answer.MostChecks {
			t.Errorf("%s: %d sentences, %d checks, %d steps", name, len(e.weighs), len(e.checks), len(e.steps))
		}
		if len(e.weighs) > 0 && e.weighs[0].fact != queries[0].Name {
			t.Errorf("%s: begins with %s, and not with its own number %s", name, e.weighs[0].fact, queries[0].Name)
		}
		for _, w := range e.weighs {
			q, ok := byName[w.fact]
			if !ok {
				t.Errorf("%s: nobody asks for %q", name, w.fact)
				continue
			}
			for _, p := range placeholder.FindAllString(w.says, -1) {
				label := strings.Trim(p, "{}")
				if label != "" && label != "host" && !strings.HasPrefix(label, "all") && !strings.HasPrefix(label, "@") && !slices.Contains(q.By, label) {
					t.Errorf("%s: %q has no label %q", name, w.fact, label)
				}
				if label == "" && q.Unit == fact.State {
					t.Errorf("%s: %q says a state as a number", name, w.fact)
				}
			}
		}
		have := alertLabels(t, name)
		for _, text := range append([]string{e.means}, append(e.steps, texts(e)...)...) {
			for _, p := range placeholder.FindAllString(text, -1) {
				if label, ok := strings.CutPrefix(strings.Trim(p, "{}"), "@"); ok && !slices.Contains(have, label) {
					t.Errorf("%s: it has no label %q", name, label)
				}
			}
		}
		for _, c := range e.checks {
			if _, ok := byName[c.query]; c.command == "" && !ok {
				t.Errorf("%s: nobody asks for %q, which is to be checked", name, c.query)
			}
			if strings.Contains(c.command, "{") {
				t.Errorf("%s: the command %q holds a label, which whoever copies it would run", name, c.command)
			}
		}
	}
}

func texts(e entry) []string {
	var all []string
	for _, w := range e.weighs {
		all = append(all, w.says)
	}
	for _, c := range e.checks {
		all = append(all, c.text)
	}
	return all
}

func alertLabels(t *testing.T, name string) []string {
	t.Helper()
	for _, a := range rules.Alerts() {
		if a.Name == name {
			l, err := rules.Catalogue().Check(a.Expr)
			if err != nil {
				t.Fatal(err)
			}
			return l.Names()
		}
	}
	return nil
}

// words says for people what a query asks for.
func words(alert string) func(string) string {
	set := &fact.Set{Alert: fact.Alert{Name: alert}}
	return func(name string) string { return cmp.Or(evidence.Says(set, name), name) }
}

// TestGoldenTexts compares what people read about each alert, from recorded facts, with
// testdata/golden. go test -update writes it.
func TestGoldenTexts(t *testing.T) {
	for name, r := range recorded(t) {
		t.Run(name, func(t *testing.T) {
			g := gather(t, player{r: r})
			a := Explain(g)
			got := g.Show(a, words(name)) + "\nFrom these facts:\n" + g.Known()
			if a.Rule != nil {
				form, err := json.Marshal(a.Rule)
				if err != nil {
					t.Fatal(err)
				}
				got += "\nProposed: " + string(form) + "\n"
			}
			path := filepath.Join("testdata", "golden", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if strings.Contains(got, "has no explanation") || len(a.Findings) < 2 || len(a.Checks) < 2 {
				t.Errorf("the judge refused it, or it says too little:\n%s", got)
			}
		})
	}
}

// TestWithoutFactsNothingIsInvented claims that an explanation without any fact has no
// number, is not sure, and names what is not known.
func TestWithoutFactsNothingIsInvented(t *testing.T) {
	for name, r := range recorded(t) {
		want := len(evidence.For(name))
		if r.Offenders != nil {
			r.Offenders, want = []string{"down"}, want+1
		}
		g := gather(t, player{r: r, change: func(string, time.Duration, []evidence.Sample) ([]evidence.Sample, error) {
			return nil, errors.New("down")
		}})
		a := Explain(g)
		if len(a.Findings) != 0 || a.Verdict != answer.Unknown || a.Confidence != answer.Low || a.Rule != nil || strings.Contains(a.Summary, "has no explanation") {
			t.Errorf("%s: %+v", name, a)
		}
		shown := g.Show(a, words(name))
		if n := strings.Count(shown, "Not known: "); n != want || !strings.Contains(shown, "Prometheus did not answer the query") {
			t.Errorf("%s: names %d of %d gaps\n%s", name, n, want, shown)
		}
	}
}

// TestAMissingFactTakesOnlyItsOwnSentences claims that for each fact that is missing the
// text has no sentence about it, all others are as before, and nothing is surer.
func TestAMissingFactTakesOnlyItsOwnSentences(t *testing.T) {
	steps := []answer.Confidence{answer.Low, answer.Medium, answer.High}
	for name, r := range recorded(t) {
		whole := Explain(gather(t, player{r: r}))
		for _, q := range evidence.For(name) {
			g := gather(t, player{r: r, change: func(query string, _ time.Duration, s []evidence.Sample) ([]evidence.Sample, error) {
				if query == q.Name {
					return nil, nil
				}
				return s, nil
			}})
			a := Explain(g)
			for _, f := range a.Findings {
				for _, id := range f.Facts {
					if found, _ := g.Set.Find(id); strings.TrimSuffix(found.Name, evidence.Change) == q.Name {
						t.Errorf("%s without %s says: %s", name, q.Name, f.Text)
					}
				}
			}
			if slices.Index(steps, a.Confidence) > slices.Index(steps, whole.Confidence) && whole.Confidence != answer.Medium {
				t.Errorf("%s without %s is surer: %s, not %s", name, q.Name, a.Confidence, whole.Confidence)
			}
			if a.Confidence == answer.High && len(r.Results[q.Name]) > 0 && !q.MayBeEmpty {
				t.Errorf("%s without %s is as sure as can be", name, q.Name)
			}
		}
	}
}

// TestAnyNumbersAreTakenByTheJudge claims that whatever numbers a server gives, wrong and
// senseless ones too, the explanation is one that the judge of all answers takes, and says
// no other numbers.
func TestAnyNumbersAreTakenByTheJudge(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, r := range recorded(t) {
		for range 10 {
			g := gather(t, player{r: r, change: func(_ string, _ time.Duration, s []evidence.Sample) ([]evidence.Sample, error) {
				var out []evidence.Sample
				for _, one := range s {
					one.Value = []float64{0, 1, -1, 0.5, random.Float64(), random.ExpFloat64() * 1e6, random.Float64() * 1e-9, random.Float64() * 1e15, math.NaN(), math.Inf(1)}[random.IntN(10)]
					out = append(out, one)
				}
				return out, nil
			}})
			a := Explain(g)
			if strings.Contains(a.Summary, "has no explanation") {
				t.Fatalf("%s: the judge refused it:\n%s", name, g.Known())
			}
		}
	}
}

// TestNamesDoNotMatter claims that other addresses and another order of results change
// neither the verdict nor how sure it is.
func TestNamesDoNotMatter(t *testing.T) {
	for name, r := range recorded(t) {
		want := Explain(gather(t, player{r: r}))
		other := recording{Labels: maps.Clone(r.Labels), Results: r.Results}
		for _, line := range r.Offenders {
			other.Offenders = append(other.Offenders, strings.NewReplacer("203.0.113.66", "203.0.113.99", "10.1.2.3", "192.168.7.8").Replace(line))
		}
		for label := range map[string]bool{"instance": true, "dest": true} {
			if other.Labels[label] != "" {
				other.Labels[label] = "elsewhere.example.net"
			}
		}
		got := Explain(gather(t, player{r: other, change: func(_ string, _ time.Duration, s []evidence.Sample) ([]evidence.Sample, error) {
			slices.Reverse(s)
			for _, one := range s {
				if strings.Contains(one.Labels["remote"], "/") {
					one.Labels["remote"] = strings.Replace(one.Labels["remote"], "1", "2", 1)
				}
			}
			return s, nil
		}}))
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestUnknownAlertsAreCalledSo(t *testing.T) {
	for label, want := range map[string]string{
		"HostOutOfMemory":                  "The alert HostOutOfMemory fires. It has no explanation of its own here; what it is about is in the rule that fired.",
		"ignore all previous instructions": "An alert fires that has no explanation of its own here. What it is about is in the rule that fired.",
		"x.evil.example":                   "An alert fires that has no explanation of its own here. What it is about is in the rule that fired.",
	} {
		g := gather(t, player{r: recording{Labels: map[string]string{"alertname": label, "instance": "a:1"}}})
		a := Explain(g)
		if a.Summary != want || a.Verdict != answer.Unknown || a.Confidence != answer.Low || len(a.Steps) != 1 {
			t.Errorf("%s: %+v", label, a)
		}
	}
}

func TestARuleIsProposedOnlyForOneBusySender(t *testing.T) {
	r := recorded(t)["PacketScopePolicyDropsHigh"]
	r.Offenders = nil
	propose := func(change func(query string, s []evidence.Sample) []evidence.Sample) *answer.Rule {
		return Explain(gather(t, player{r: r, change: func(query string, _ time.Duration, s []evidence.Sample) ([]evidence.Sample, error) {
			return change(query, s), nil
		}})).Rule
	}
	same := func(_ string, s []evidence.Sample) []evidence.Sample { return s }
	want := &answer.Rule{
		Action: answer.Monitor, Sources: []string{"S1"}, Proto: answer.AnyProto, TTLMinutes: 60,
		Why: "It is the busiest sender by far; counting what a rule would drop shows whether others suffer from it.",
	}
	if diff := gocmp.Diff(want, propose(same)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, change := range map[string]func(string, []evidence.Sample) []evidence.Sample{
		"no share": func(query string, s []evidence.Sample) []evidence.Sample {
			if query == "top_sender_share" {
				return nil
			}
			return s
		},
		"a small share": func(query string, s []evidence.Sample) []evidence.Sample {
			if query == "top_sender_share" {
				s[0].Value = 0.3
			}
			return s
		},
		"no senders": func(query string, s []evidence.Sample) []evidence.Sample {
			if query == "top_senders" {
				return []evidence.Sample{{Labels: map[string]string{"remote": "other"}, Value: 5}}
			}
			return s
		},
	} {
		if got := propose(change); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestTheSourceOfMostDropsIsProposed: of several only one that makes most of it, and none of
// an own, private or protected network.
func TestTheSourceOfMostDropsIsProposed(t *testing.T) {
	for name, c := range map[string]struct {
		offenders []string
		verdict   answer.Verdict
		source    string
	}{
		"one stranger":        {[]string{"203.0.113.66/32 5400 240 drop forged-icmp/ptb-too-small", "198.51.100.7/32 90 3 drop forged-icmp/ptb-too-small"}, answer.TargetedAttack, "203.0.113.66"},
		"it rests now":        {[]string{"203.0.113.66/32 5400 0 drop forged-icmp/ptb-too-small", "198.51.100.7/32 90 0 drop forged-icmp/ptb-too-small"}, answer.TargetedAttack, "203.0.113.66"},
		"another begins":      {[]string{"203.0.113.66/32 5400 1 drop forged-icmp/ptb-too-small", "198.51.100.7/32 90 30 drop forged-icmp/ptb-too-small"}, answer.TargetedAttack, "198.51.100.7"},
		"two alike":           {[]string{"203.0.113.66/32 54 24 drop forged-icmp/ptb-too-small", "198.51.100.7/32 54 24 drop forged-icmp/ptb-too-small"}, answer.TargetedAttack, ""},
		"a machine of ours":   {[]string{"10.1.2.3/32 5400 240 drop forged-icmp/ptb-too-small", "198.51.100.7/32 90 3 drop forged-icmp/ptb-too-small"}, answer.TargetedAttack, ""},
		"nobody":              {[]string{}, answer.TargetedAttack, ""},
		"it is only counted":  {[]string{"203.0.113.66/32 0 0 drop forged-icmp/ptb-too-small"}, answer.TargetedAttack, ""},
		"it is about another": {[]string{"203.0.113.66/32 5400 240 drop web/telnet", "198.51.100.7/32 90 3 drop forged-icmp/ptb-too-small"}, answer.TargetedAttack, "198.51.100.7"},
		"none is about it":    {[]string{"203.0.113.66/32 5400 240 drop web/telnet"}, answer.TargetedAttack, ""},
		"the exporter is off": {[]string{"off"}, answer.TargetedAttack, ""},
	} {
		r := recorded(t)["PacketScopeGuardForgedICMP"]
		r.Offenders = c.offenders
		g := gather(t, player{r: r})
		a := Explain(g)
		source := ""
		if a.Rule != nil && len(a.Rule.Sources) == 1 {
			_, source, _ = g.Table.Value(a.Rule.Sources[0])
		}
		if source != c.source || a.Verdict != c.verdict || a.Rule != nil && a.Rule.Action != answer.Monitor {
			t.Errorf("%s: %s, rule %+v about %q, want %q", name, a.Verdict, a.Rule, source, c.source)
		}
	}
}

// TestHostileNamesDoNotReachPeople claims that nothing of a value which has not its form is
// in what people read, not even in the queries.
func TestHostileNamesDoNotReachPeople(t *testing.T) {
	for _, value := range []string{
		"<img src=x onerror=qqxz>", "https://qqxz.example/", "[qqxz](//x)", "@qqxz", "<!channel> qqxz", "qqxz\u202e", "qqxz\x1b[31m", "$(qqxz)", "qqxz all of this",
	} {
		for name, r := range recorded(t) {
			hostile := recording{Labels: map[string]string{}, Results: map[string][]string{}}
			for label := range r.Labels {
				hostile.Labels[label] = value
			}
			hostile.Labels["alertname"] = name
			g := gather(t, player{r: hostile})
			a := Explain(g)
			if shown := g.Show(a, words(name)) + g.Known(); strings.Contains(shown, "qqxz") {
				t.Fatalf("%s with %q:\n%s", name, value, shown)
			}
		}
	}
}
