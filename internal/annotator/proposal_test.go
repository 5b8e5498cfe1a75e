//go:build unix

package annotator

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/internal/annotator/sink"
)

var drops = map[string]string{"alertname": "PacketScopePolicyDropsHigh", "severity": "info", "instance": "web-1:10142", "job": "packetscope"}

// oneSender is a Prometheus that knows of a network that sends most.
var oneSender = querierFunc(func(_ context.Context, expr string, _ time.Time) ([]evidence.Sample, error) {
	switch {
	case strings.Contains(expr, "max(sum by (remote)"):
		return []evidence.Sample{{Value: 0.8}}, nil
	case strings.Contains(expr, "sum by (remote)"):
		return []evidence.Sample{{Labels: map[string]string{"remote": "198.51.100.0/24"}, Value: 5200}}, nil
	case strings.Contains(expr, `severity="policy"`):
		return []evidence.Sample{{Value: 2400}}, nil
	}
	return nil, nil
})

// proposing runs a test with an engine of which one episode proposes a rule. The process is
// stopped and started anew by again.
func proposing(t *testing.T, c Config, test func(t *testing.T, p *process, s *memorySink, m message, again func() *process)) {
	synctest.Test(t, func(t *testing.T) {
		if c.Suggest.MostSources == 0 {
			c.Suggest = propose.Defaults
			// Addresses of documentation are no external ones, but for tests.
		}
		s := &memorySink{name: "memory"}
		path := dbPath(t)
		run := func() *process { return start(t, path, c, Parts{Querier: oneSender, Sinks: []sink.Sink{s}}, nil) }
		p := run()
		m := firing("g", drops)
		tell(t, p, m)
		pass(time.Second)
		test(t, p, s, m, func() *process { p.stop(t); p = run(); return p })
	})
}

func all(t testing.TB, e *Engine) []Proposal {
	t.Helper()
	list, err := e.Proposals()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// one returns the only proposal.
func one(t testing.TB, e *Engine) Proposal {
	t.Helper()
	list := all(t, e)
	if len(list) != 1 {
		t.Fatalf("%d proposals", len(list))
	}
	return list[0]
}

func TestAProposalIsKeptToldAndDecidedOnce(t *testing.T) {
	proposing(t, Config{}, func(t *testing.T, p *process, s *memorySink, _ message, again func() *process) {
		got := one(t, p.Engine)
		if got.State != Pending || got.By != "builtin" || got.Action != "monitor" || !strings.Contains(got.YAML, "198.51.100.0/24") {
			t.Errorf("proposal %+v", got)
		}
		if x := s.messages()[0].Suggestion; x == nil || x.ID != got.ID || x.State != "pending" || x.YAML != got.YAML {
			t.Errorf("the sink was told of %+v", x)
		}
		if err := p.Decide("000000000000", "ann", Decision{Approve: true}); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		for _, ttl := range []time.Duration{time.Second, 5 * time.Hour, -time.Hour} {
			if err := p.Decide(got.ID, "ann", Decision{Approve: true, TTL: ttl}); !errors.Is(err, ErrRequest) {
				t.Errorf("%s: %v", ttl, err)
			}
		}
		if err := p.Decide(got.ID, " \u202e", Decision{Approve: true}); !errors.Is(err, ErrRequest) {
			t.Error(err)
		}
		for _, share := range []float64{-0.1, 1.1, math.NaN()} {
			if err := p.Decide(got.ID, "ann", Decision{Approve: true, MatchedShare: &share}); !errors.Is(err, ErrRequest) {
				t.Errorf("share %v: %v", share, err)
			}
		}
		if err := p.Decide(got.ID, "ann", Decision{Approve: true, TTL: 2 * time.Hour, Reason: "it is an attack", MatchedShare: new(0.00125)}); err != nil {
			t.Fatal(err)
		}
		p = again()
		approved := one(t, p.Engine)
		if approved.State != Approved || approved.Actor != "ann" || approved.TTL != 2*time.Hour || approved.Ends.Sub(approved.Decided) != 2*time.Hour || *approved.MatchedShare != 0.00125 {
			t.Errorf("approved %+v", approved)
		}
		if err := p.Decide(got.ID, "bob", Decision{}); !errors.Is(err, ErrDecided) {
			t.Error(err)
		}
		pass(2*time.Hour + time.Minute)
		if got := one(t, p.Engine); got.State != Expired || got.Actor != "annotator" {
			t.Errorf("after its time %+v", got)
		}
		want := []string{"annotator propose monitor", "ann approve for 2h0m0s, matched share 0.00125: it is an attack", "annotator expire its time is over"}
		if diff := cmp.Diff(want, audit(t, p.Engine)); diff != "" {
			t.Errorf("audit log (-want +got):\n%s", diff)
		}
	})
}

func TestAProposalIsRejected(t *testing.T) {
	proposing(t, Config{}, func(t *testing.T, p *process, _ *memorySink, m message, _ func() *process) {
		if err := p.Decide(one(t, p.Engine).ID, "ann", Decision{Reason: "they are ours"}); err != nil {
			t.Fatal(err)
		}
		tell(t, p, m.over())
		pass(48 * time.Hour)
		if got := one(t, p.Engine); got.State != Rejected || got.Reason != "they are ours" {
			t.Errorf("%+v", got)
		}
	})
}

func TestAProposalEndsWithItsEpisodeOrItsTime(t *testing.T) {
	for name, ends := range map[string]bool{"its episode is over": true, "its time is over": false} {
		t.Run(name, func(t *testing.T) {
			proposing(t, Config{}, func(t *testing.T, p *process, s *memorySink, m message, _ func() *process) {
				if ends {
					other := firing("other", with(drops, "instance", "web-2:10142"))
					tell(t, p, other)
					pass(time.Second)
					tell(t, p, other.over())
					pass(time.Second)
					for _, got := range all(t, p.Engine) {
						if other := got.Episode == episodeOf(t, p.Engine); (got.State == Expired) != other {
							t.Errorf("the end of another episode left %+v", got)
						}
					}
					tell(t, p, m.over())
					pass(time.Second)
					got := s.messages()
					if x := got[len(got)-1].Suggestion; x == nil || x.State != "expired" {
						t.Errorf("the sink was told of %+v", x)
					}
				} else {
					pass(24*time.Hour + time.Minute)
				}
				for _, got := range all(t, p.Engine) {
					if got.State != Expired || got.Reason != name {
						t.Errorf("%+v", got)
					}
					if err := p.Decide(got.ID, "ann", Decision{Approve: true}); !errors.Is(err, ErrDecided) {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestWhatExpiredIsProposedAgainWhileTheAlertGoesOn(t *testing.T) {
	for name, test := range map[string]struct {
		most  int
		state State
	}{"with room": {2, Pending}, "with others pending": {1, Expired}} {
		t.Run(name, func(t *testing.T) {
			proposing(t, Config{MaxOpen: test.most}, func(t *testing.T, p *process, s *memorySink, m message, _ func() *process) {
				first := one(t, p.Engine)
				if err := p.Decide(first.ID, "ann", Decision{Approve: true, TTL: time.Hour}); err != nil {
					t.Fatal(err)
				}
				pass(90 * time.Minute)
				tell(t, p, firing("other", with(drops, "instance", "web-2:10142")))
				pass(time.Second)
				m.alerts = append(m.alerts, with(drops, "port", "443"))
				tell(t, p, m)
				pass(time.Second)
				list := all(t, p.Engine)
				at := slices.IndexFunc(list, func(p Proposal) bool { return p.ID == first.ID })
				if len(list) != 2 || at < 0 || list[at].State != test.state {
					t.Fatalf("%+v", list)
				}
				if test.state != Pending {
					return
				}
				got := s.messages()
				if x := got[len(got)-1].Suggestion; x == nil || x.ID != first.ID || x.State != "pending" {
					t.Errorf("the sink was told of %+v", x)
				}
				if again := list[at]; again.Created.Sub(first.Created) < time.Hour || again.Actor != "" || again.TTL != first.TTL {
					t.Errorf("%+v, and first %+v", again, first)
				}
				if err := p.Decide(first.ID, "bob", Decision{Approve: true}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestWhatIsProtectedOrTooMuchIsNotProposed(t *testing.T) {
	limits := propose.Defaults
	limits.Protected = []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")}
	for name, test := range map[string]struct {
		config Config
		code   string
	}{
		"protected": {Config{Suggest: limits}, "protected"},
		"too many":  {Config{MaxOpen: -1}, "too_many_open"},
	} {
		t.Run(name, func(t *testing.T) {
			proposing(t, test.config, func(t *testing.T, p *process, s *memorySink, _ message, _ func() *process) {
				if all, err := p.Proposals(); err != nil || len(all) != 0 || s.messages()[0].Suggestion != nil {
					t.Errorf("%+v, %v", all, err)
				}
				if diff := cmp.Diff(map[string]uint64{test.code: 1}, p.Snapshot().Refused); diff != "" {
					t.Errorf("refused (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestNothingIsProposedWithoutLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, dbPath(t), Config{}, Parts{Querier: oneSender}, nil)
		tell(t, p, firing("g", drops))
		pass(time.Second)
		if all, err := p.Proposals(); err != nil || len(all) != 0 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// A process that dies while a rule is proposed leaves one proposal, and the audit log names
// it.
func TestACrashWhileARuleIsProposedLeavesOneProposal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, c := dbPath(t), Config{Suggest: propose.Defaults}
		const model = `{"findings":[{"text":"S1 sends 5200 packets per second, 80 % of all.","weighs":"for","facts":["F6","F7"]}],"verdict":"volumetric_attack","confidence":"high",
			"summary":"S1 floods H1.","checks":[],"steps":[],"rule":{"action":"monitor","sources":["S1"],"target":null,"proto":"tcp","rate_pps":null,"ttl_minutes":60,"why":"It sends most."}}`
		server := models(t, double.Say(model))
		for _, place := range []string{"audited propose", "done explained", "done validated", ""} {
			p := start(t, path, c, Parts{Querier: oneSender, Model: newModel(t, server, nil)}, func(where string) bool { return where == place })
			m := firing("g", drops)
			m.starts = m.starts.Truncate(24 * time.Hour)
			post(t, p.Engine, m.body(t))
			pass(time.Second)
			if place != "" {
				p.stop(t)
				continue
			}
			all, err := p.Proposals()
			if err != nil || len(all) != 2 || all[0].ID == all[1].ID {
				t.Errorf("%+v, %v", all, err)
			}
			want := []string{"annotator propose monitor", "annotator propose monitor", "annotator propose monitor"}
			if diff := cmp.Diff(want, audit(t, p.Engine)); diff != "" {
				t.Errorf("audit log, with one entry too many of the crash (-want +got):\n%s", diff)
			}
		}
	})
}
