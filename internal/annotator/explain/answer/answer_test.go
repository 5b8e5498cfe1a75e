package answer

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// ground is that of a flood: six facts, two senders, a port, a query and a command.
func ground(t testing.TB) Ground {
	t.Helper()
	table := &handle.Table{}
	for _, v := range []struct {
		k     handle.Kind
		value string
	}{
		{handle.Host, "web-1:10142"}, {handle.Source, "198.51.100.0/24"}, {handle.Source, "203.0.113.0/24"}, {handle.Port, "443"},
		{handle.Query, `sum(rate(packetscope_tcp_syn_cookies_total[5m]))`}, {handle.Command, "ss -tn state syn-recv"}, {handle.Destination, "db.example.net"},
	} {
		if _, ok := table.Name(v.k, v.value); !ok {
			t.Fatal("no handle")
		}
	}
	set := &fact.Set{
		Alert: fact.Alert{Name: "PacketScopeSYNFlood", Severity: "critical", Labels: []fact.Label{{Name: "device", Value: "eth0"}, {Name: "instance", Value: "H1"}, {Name: "type", Value: "3"}}},
		Facts: []fact.Fact{
			{Name: "cookies_sent", Value: 1234, Unit: fact.PerSecond, Window: 5 * time.Minute, Query: "Q1"},
			{Name: "cookies_sent", Value: 3, Unit: fact.PerSecond, Window: 5 * time.Minute, Before: time.Hour, Query: "Q1"},
			{Name: "cookies_back", Value: 0.0123, Unit: fact.Ratio, Query: "Q1"},
			{Name: "top_senders", Value: 900, Unit: fact.PacketsPerSec, Query: "Q1", Of: []fact.Label{{Name: "remote", Value: "S1"}}},
			{Name: "loss_by_reason", Value: 12, Unit: fact.PacketsPerSec, Query: "Q1", Of: []fact.Label{{Name: "reason", Value: "NO_SOCKET"}}},
			{Name: "networks", Value: 1, Text: "64500", Query: "Q1"},
		},
	}
	set.Number([]string{"cookies_sent", "cookies_back", "top_senders", "loss_by_reason", "networks"})
	return Ground{Set: set, Table: table}
}

const good = `{"findings":[
 {"text":"This host answers 1230 per second with SYN cookies; 1 hour ago it was 3 per second.","weighs":"for","facts":["F1","F2"]},
 {"text":"Only 1.2 % of the cookies come back, so the senders are forged (type 3, device eth0, NO_SOCKET, AS 64500).","weighs":"for","facts":["F3"]}],
 "verdict":"volumetric_attack","confidence":"high","summary":"H1 is flooded with connection requests from forged addresses; IPv4 only, e.g. to P1.",
 "checks":[{"text":"Does the share of cookies that come back rise?","query":"Q1"},{"text":"Which port is it?","query":"C1"}],
 "steps":["Ask the provider to filter what is sent to P1."],
 "rule":{"action":"monitor","sources":["S1","S2"],"target":"P1","proto":"tcp","rate_pps":null,"ttl_minutes":60,"why":"S1 sends 900 packets per second."}}`

func TestAGoodAnswerIsTaken(t *testing.T) {
	g := ground(t)
	if code := g.Check([]byte(good)); code != Number {
		t.Errorf("a rule that says a number of a fact which no finding cites: %q", code)
	}
	fixed := strings.Replace(good, `"facts":["F3"]`, `"facts":["F3","F4"]`, 1)
	a, code := g.Parse([]byte(fixed))
	if code != OK {
		t.Fatalf("refused: %s", code)
	}
	port := "P1"
	want := Answer{
		Findings: []Finding{
			{"This host answers 1230 per second with SYN cookies; 1 hour ago it was 3 per second.", For, []string{"F1", "F2"}},
			{"Only 1.2 % of the cookies come back, so the senders are forged (type 3, device eth0, NO_SOCKET, AS 64500).", For, []string{"F3", "F4"}},
		},
		Verdict: VolumetricAttack, Confidence: High,
		Summary: "H1 is flooded with connection requests from forged addresses; IPv4 only, e.g. to P1.",
		Checks:  []Check{{"Does the share of cookies that come back rise?", "Q1"}, {"Which port is it?", "C1"}},
		Steps:   []string{"Ask the provider to filter what is sent to P1."},
		Rule:    &Rule{Action: Monitor, Sources: []string{"S1", "S2"}, Target: &port, Proto: TCP, TTLMinutes: 60, Why: "S1 sends 900 packets per second."},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEvidenceCapsConfidence(t *testing.T) {
	answer := func(confidence string, facts ...string) string {
		findings := "[]"
		if facts != nil {
			ids, err := json.Marshal(facts)
			if err != nil {
				t.Fatal(err)
			}
			findings = `[{"text":"It is so.","weighs":"for","facts":` + string(ids) + `}]`
		}
		return `{"findings":` + findings + `,"verdict":"unknown","confidence":"` + confidence + `","summary":"So it is.","checks":[],"steps":[],"rule":null}`
	}
	for _, c := range []struct {
		says  string
		facts []string
		gap   *fact.Gap
		want  Confidence
	}{
		{"high", []string{"F1", "F3"}, nil, High},
		{"high", []string{"F1", "F1"}, nil, Medium},
		{"high", []string{"F1", "F2"}, nil, Medium}, // F2 is how it was
		{"high", []string{"F2"}, nil, Low},
		{"high", []string{"F1", "F3"}, &fact.Gap{Name: "x", Why: fact.NoData}, Medium},
		{"high", []string{"F1", "F3"}, &fact.Gap{Name: "x", Why: fact.NoData, Before: time.Hour}, High},
		{"medium", []string{"F1", "F3"}, nil, Medium},
		{"low", []string{"F1", "F3"}, nil, Low},
		{"low", nil, nil, Low},
	} {
		g := ground(t)
		if c.gap != nil {
			g.Set.Gaps = []fact.Gap{*c.gap}
		}
		a, code := g.Parse([]byte(answer(c.says, c.facts...)))
		if code != OK || a.Confidence != c.want {
			t.Errorf("%s with %v and gap %v: %q, %s; want %s", c.says, c.facts, c.gap, code, a.Confidence, c.want)
		}
	}
	if code := ground(t).Check([]byte(answer("medium"))); code != UnsureVerdict {
		t.Errorf("without findings: %q", code)
	}
}

func TestOnlyAHostIsInconspicuous(t *testing.T) {
	g := ground(t)
	text := []byte(`{"findings":[{"text":"It is so.","weighs":"for","facts":["F1"]}],"verdict":"inconspicuous","confidence":"low","summary":"So it is.","checks":[],"steps":[],"rule":null}`)
	if code := g.Check(text); code != WrongForm {
		t.Errorf("of an alert: %q", code)
	}
	g.Set.Host = &fact.Host{}
	if a, code := g.Parse(text); code != OK || a.Verdict != Inconspicuous {
		t.Errorf("of a host: %q, %s", code, a.Verdict)
	}
	if strings.Contains(string(Schema()), "inconspicuous") || !strings.Contains(string(g.Schema()), `"inconspicuous"`) {
		t.Error("the schemas do not say so")
	}
}

// TestTheJudgeKnowsTheSchema claims that the schema names the verdicts and all else that
// the types of Go have.
func TestTheJudgeKnowsTheSchema(t *testing.T) {
	if diff := cmp.Diff(slices.Sorted(maps.Keys(verdictWords)), slices.Sorted(func(yield func(Verdict) bool) {
		for _, v := range hostForm.Properties["verdict"].Enum {
			if !yield(Verdict(v)) {
				return
			}
		}
	})); diff != "" {
		t.Errorf("verdicts (-words +schema)\n%s", diff)
	}
	full, err := json.Marshal(Answer{Findings: []Finding{{Facts: []string{}, Weighs: For}}, Verdict: Unknown, Confidence: Low, Checks: []Check{{}}, Steps: []string{""},
		Rule: &Rule{Action: Drop, Sources: []string{}, Proto: UDP}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := read(full)
	if err != nil || !form.conforms(v) {
		t.Errorf("%s does not conform: %v", full, err)
	}
	if !strings.HasPrefix(schema, `{"type":"object","properties":{"findings"`) || !json.Valid(Schema()) {
		t.Error("evidence does not come first, or the schema is no JSON")
	}
	for _, word := range []string{"minLength", "maxItems", "pattern", "format", "$ref", "oneOf"} {
		if strings.Contains(schema, word) {
			t.Errorf("the schema has %q, which not all servers understand", word)
		}
	}
}
