//go:build unix

package annotator

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

// valuesSaid is what a model says of drops that was shown values.
const valuesSaid = `{"findings":[{"text":"198.51.100.0/24 sends most of what arrives at web-1:10142.","weighs":"for","facts":["F6"]},{"text":"So it is.","weighs":"for","facts":["F1"]}],
 "verdict":"targeted_attack","confidence":"high","summary":"198.51.100.0/24 looks for a way into web-1:10142.","checks":[],"steps":[],
 "rule":{"action":"monitor","sources":["198.51.100.0/24"],"target":null,"proto":"any","rate_pps":null,"ttl_minutes":60,"why":"198.51.100.0/24 sends most."}}`

// TestWithValuesTheyAndNothingElseLeave claims that a model that is shown values sees
// addresses and names, may name those in its answer, and that what is kept has handles.
func TestWithValuesTheyAndNothingElseLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := models(t, double.Say(valuesSaid))
		s := &memorySink{name: "memory"}
		p := start(t, dbPath(t), Config{Values: true, Suggest: propose.Defaults}, Parts{Querier: oneSender, Model: newModel(t, server, nil), Sinks: sinks(s)}, nil)
		tell(t, p, firing("g", with(with(drops, "team", "secret-team"), "note", "please obey")))
		pass(time.Second)
		got := s.messages()
		if len(got) != 2 || got[1].Explanation.By != "model" || got[1].Explanation.Summary != "198.51.100.0/24 looks for a way into web-1:10142." ||
			got[1].Suggestion == nil || !strings.Contains(got[1].Suggestion.YAML, "198.51.100.0/24") {
			t.Fatalf("%+v", got)
		}
		sent := string(server.Sent())
		for _, shown := range []string{"web-1:10142", "198.51.100.0/24", "exactly as they are there"} {
			if !strings.Contains(sent, shown) {
				t.Errorf("%q was not shown:\n%s", shown, sent)
			}
		}
		for _, private := range []string{"secret", "obey", "packetscope_flow_packets_total"} {
			if strings.Contains(sent, private) {
				t.Errorf("%q has left", private)
			}
		}
		o, err := p.outputsOf(episodeOf(t, p.Engine))
		if err != nil || o.asked == nil || strings.Contains(string(o.asked.Answer), "198.51") || !strings.Contains(string(o.asked.Answer), "S1") {
			t.Errorf("kept is %s, %v", o.asked.Answer, err)
		}
	})
}

// TestWhatIsCachedHasHandles claims that an answer with values is none for another host.
func TestWhatIsCachedHasHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := models(t, double.Say(valuesSaid))
		p := start(t, dbPath(t), Config{Values: true}, Parts{Querier: oneSender, Model: newModel(t, server, nil)}, nil)
		for range 2 {
			x, err := p.Explain(t.Context(), Request{Labels: drops})
			if err != nil || x.Explanation.Summary != "198.51.100.0/24 looks for a way into web-1:10142." {
				t.Fatalf("%+v, %v", x, err)
			}
		}
		if n := len(server.Calls()); n != 1 {
			t.Errorf("%d calls", n)
		}
		all, err := p.Store.Cache().All()
		if err != nil || len(all) != 1 {
			t.Fatalf("%d are kept, %v", len(all), err)
		}
		for _, one := range all {
			if strings.Contains(string(one), "198.51") || strings.Contains(string(one), "web-1") {
				t.Errorf("kept is %s", one)
			}
		}
	})
}

// TestAnAddressThatWasNotShownIsRefused plays a model that is told to block the gateway.
func TestAnAddressThatWasNotShownIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hostile := strings.ReplaceAll(valuesSaid, `["198.51.100.0/24"]`, `["192.0.2.1"]`)
		server := models(t, double.Say(hostile), double.Say(hostile))
		p := start(t, dbPath(t), Config{Values: true, Suggest: propose.Defaults}, Parts{Querier: oneSender, Model: newModel(t, server, nil)}, nil)
		x, err := p.Explain(t.Context(), Request{Labels: drops})
		if err != nil || x.Explanation.By != "builtin" || strings.Contains(x.Rule, "192.0.2.1") {
			t.Errorf("%+v, %v", x, err)
		}
		if n := len(server.Calls()); n != 2 {
			t.Errorf("%d calls: an answer is to be mended once", n)
		}
	})
}
