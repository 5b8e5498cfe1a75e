//go:build unix

package annotator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/sink"
)

// forged are the labels of an alert of Guarder.
var forged = map[string]string{
	"alertname": "PacketScopeGuardForgedICMP", "attack": "pmtu_poison", "verdict": "drop", "severity": "warning", "instance": "web-1:10142", "job": "packetscope",
}

// forgedFacts knows all that is asked about it.
var forgedFacts = querierFunc(func(_ context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
	switch {
	case time.Since(at) > time.Minute:
		return nil, nil
	case strings.Contains(expr, "tripped"):
		return []evidence.Sample{{Value: 0}}, nil
	case strings.Contains(expr, "topk"):
		return []evidence.Sample{{Labels: map[string]string{"group": "forged-icmp", "rule": "ptb", "class": "x", "protocol": "udp"}, Value: 6}}, nil
	}
	return []evidence.Sample{{Value: 6}}, nil
})

// fakeExporters tell of one host, and remember whom they were asked about.
type fakeExporters struct {
	offenders evidence.Offenders
	flows     []propose.Flow
	err       error

	mu    sync.Mutex
	asked []string
}

func (x *fakeExporters) note(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = append(x.asked, fmt.Sprintf(format, args...))
}

func (x *fakeExporters) all() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.asked...)
}

func (x *fakeExporters) Offenders(_ context.Context, instance string) (evidence.Offenders, error) {
	x.note("sources of %s", instance)
	return x.offenders, nil
}

func (x *fakeExporters) Flows(_ context.Context, instance string, with []netip.Prefix) ([]propose.Flow, error) {
	x.note("flows of %s with %v", instance, with)
	return x.flows, x.err
}

var stranger = netip.MustParsePrefix("203.0.113.66/32")

func attacked() *fakeExporters {
	return &fakeExporters{offenders: evidence.Offenders{Over: time.Second, Drops: 500, Rate: 250, Sources: []evidence.Offender{
		{Source: stranger, Drops: 490, Rate: 245, Dropped: true, Group: "forged-icmp", Rule: "ptb"},
		{Source: netip.MustParsePrefix("10.1.2.3/32"), Drops: 10, Rate: 5},
	}}}
}

// dropping is what a model says that wants to drop what S1 sends.
const dropping = `{"findings":[{"text":"S1 sends 245 packets per second.","weighs":"for","facts":["F5"]},{"text":"They come at 6 packets per second.","weighs":"for","facts":["F1"]}],
	"verdict":"targeted_attack","confidence":"high","summary":"S1 forges errors.","checks":[],"steps":[],
	"rule":{"action":"drop","sources":["S1"],"target":null,"proto":"any","rate_pps":null,"ttl_minutes":60,"why":"It sends forged errors."}}`

// answering runs a test behind an explanation of the forged errors.
// of which the model, unless it says "", says what is said.
func answering(t *testing.T, x *fakeExporters, said string, test func(t *testing.T, p *process, s *memorySink, server *double.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &memorySink{name: "memory"}
		parts := Parts{Querier: forgedFacts, Sinks: []sink.Sink{s}}
		if x != nil {
			parts.Exporters = x
		}
		var server *double.Server
		if said != "" {
			server = models(t, double.Say(said))
			parts.Model = newModel(t, server, nil)
		}
		p := start(t, dbPath(t), Config{Suggest: propose.Defaults}, parts, nil)
		tell(t, p, firing("g", forged))
		pass(time.Second)
		test(t, p, s, server)
	})
}

func TestASourceBecomesAHandleAndIsProposed(t *testing.T) {
	x := attacked()
	answering(t, x, "", func(t *testing.T, p *process, s *memorySink, _ *double.Server) {
		got := one(t, p.Engine)
		if got.Action != "monitor" || !strings.Contains(got.YAML, `src: ["203.0.113.66/32"]`) || got.MatchedShare == nil || *got.MatchedShare != 0 {
			t.Errorf("proposal %+v", got)
		}
		m := s.messages()[0]
		if x := m.Suggestion; x == nil || x.MatchedShare == nil || *x.MatchedShare != 0 {
			t.Errorf("the sink was told of %+v", x)
		}
		said := fmt.Sprint(m.Explanation.Findings)
		if !strings.Contains(said, "203.0.113.66 is the busiest: 245 packets per second") || strings.Contains(said, "Not known") || m.Explanation.Confidence != "high" {
			t.Errorf("it says %s", said)
		}
		want := []string{"sources of web-1:10142", "flows of web-1:10142 with [203.0.113.66/32]"}
		if diff := cmp.Diff(want, x.all()); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"annotator propose monitor, matched share 0"}, audit(t, p.Engine)); diff != "" {
			t.Errorf("audit log (-want +got):\n%s", diff)
		}
	})
}

// TestWithoutAnExporterThereAreNoSources: nothing is invented, and nothing is missed where
// nobody is to be asked.
func TestWithoutAnExporterThereAreNoSources(t *testing.T) {
	answering(t, nil, "", func(t *testing.T, p *process, s *memorySink, _ *double.Server) {
		if list := all(t, p.Engine); len(list) != 0 {
			t.Errorf("proposed %+v", list)
		}
		if said := fmt.Sprint(s.messages()[0].Explanation.Findings); strings.Contains(said, "Not known") {
			t.Errorf("it says %s", said)
		}
	})
}

// TestADropIsHeldAgainstLiveFlows has a model that wants to drop, and a host that talks with
// the source or does not.
func TestADropIsHeldAgainstLiveFlows(t *testing.T) {
	talk := propose.Flow{Remote: stranger, Protocol: "tcp", Role: "server", Port: 443, Received: 20, Sent: 9}
	flood := propose.Flow{Remote: stranger, Protocol: "icmp", Role: "peer", Received: 980}
	for name, c := range map[string]struct {
		flows  []propose.Flow
		err    error
		action string
		share  *float64
		audit  string
	}{
		"it only sends": {[]propose.Flow{flood}, nil, "drop", new(0.), "drop, matched share 0"},
		"it talks, too": {[]propose.Flow{flood, talk}, nil, "monitor", new(0.02), "monitor in place of drop, as it would hit established traffic, matched share 0.02"},
		"nobody knows":  {nil, errors.New("down"), "monitor", nil, "monitor in place of drop, as whether it would hit established traffic is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			x := attacked()
			x.flows, x.err = c.flows, c.err
			answering(t, x, dropping, func(t *testing.T, p *process, _ *memorySink, _ *double.Server) {
				var got Proposal
				for _, one := range all(t, p.Engine) {
					if one.By == "model" {
						got = one
					}
				}
				if diff := cmp.Diff(c.share, got.MatchedShare); got.Action != c.action || diff != "" || strings.Contains(got.YAML, "action drop was asked for") != (c.action == "monitor") {
					t.Errorf("proposal %+v\nshare (-want +got):\n%s", got, diff)
				}
				lines := audit(t, p.Engine)
				if last := lines[len(lines)-1]; last != "annotator propose "+c.audit {
					t.Errorf("audited %s", last)
				}
				// What is proposed is fit for the JSON of the API and of sinks.
				if text := asJSON(t, got); strings.Contains(text, "matched_share") != (c.share != nil) {
					t.Error(text)
				}
			})
		})
	}
}

// TestNoSourceLeavesForAModel looks at the bytes that a model is sent.
func TestNoSourceLeavesForAModel(t *testing.T) {
	x := attacked()
	x.offenders.Sources = append(x.offenders.Sources, evidence.Offender{Source: netip.MustParsePrefix("2001:db8:5:6::/64"), Drops: 1})
	answering(t, x, dropping, func(t *testing.T, _ *process, _ *memorySink, server *double.Server) {
		calls := server.Calls()
		if len(calls) == 0 {
			t.Fatal("no model was asked")
		}
		for _, c := range calls {
			sent := fmt.Sprint(c.Header, string(c.Body))
			for _, secret := range []string{"203.0.113", "10.1.2.3", "2001:db8", "web-1", "10142"} {
				if strings.Contains(sent, secret) {
					t.Errorf("the model is told %q in\n%s", secret, sent)
				}
			}
			for _, handle := range []string{`S1`, `S2`, `S3`, "private", "documentation"} {
				if !strings.Contains(sent, handle) {
					t.Errorf("the model is not told %s in\n%s", handle, sent)
				}
			}
		}
	})
}

// TestOfWhatIsOverExportersAreNotAsked: they tell of now.
func TestOfWhatIsOverExportersAreNotAsked(t *testing.T) {
	x := attacked()
	e := &Engine{Parts: Parts{Exporters: x}}
	if _, err := e.about(forged, true).Offenders(t.Context()); !errors.Is(err, evidence.ErrOver) || x.all() != nil {
		t.Errorf("%v, asked %v", err, x.all())
	}
	if a := (&Engine{}).about(forged, false); a.Offenders != nil {
		t.Error("nobody is asked")
	}
}

func TestProtectedAddressesAreCalledSo(t *testing.T) {
	e := &Engine{config: Config{Suggest: propose.Limits{Protected: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}}}
	for addr, want := range map[string]string{"203.0.113.66": evidence.Protected, "10.1.2.3": "private", "8.8.8.8": "public", "fe80::1": "link-local"} {
		if got := e.placeOf(netip.MustParseAddr(addr)).Kind; got != want {
			t.Errorf("%s is %s, want %s", addr, got, want)
		}
	}
}
