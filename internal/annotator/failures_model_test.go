//go:build unix

package annotator

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
	"github.com/packetscope/packetscope/rules"
)

// replies are those of a provider.
type replies []double.Reply

// ask gives a scene providers, which are named m1, m2 and so on.
func (s *scene) ask(t testing.TB, c model.Config, providers ...replies) (servers []*double.Server) {
	t.Helper()
	for i, all := range providers {
		servers = append(servers, models(t, all...))
		c.Providers = append(c.Providers, model.Provider{Name: fmt.Sprint("m", i+1), BaseURL: fmt.Sprintf("http://127.0.0.1:%d/v1", i+1), Model: "small"})
	}
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(address)
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, err
		}
		return servers[n-1].Dial(ctx, network, address)
	}
	var err error
	if s.parts.Model, err = model.New(c); err != nil {
		t.Fatal(err)
	}
	return servers
}

// asked starts an engine whose providers reply so, and tells it of an alert of group a.
func asked(t *testing.T, c model.Config, providers ...replies) (*process, *scene, []*double.Server) {
	t.Helper()
	s := newScene(t, floodFacts)
	servers := s.ask(t, c, providers...)
	p := start(t, dbPath(t), Config{}, s.parts, nil)
	tell(t, p, firing("a", flood))
	pass(time.Second)
	return p, s, servers
}

var (
	answers = double.Say(modelSays)
	fails   = double.Fail(500, "{}")
	noQuota = double.Error(429, "insufficient_quota", "insufficient_quota", "", "You exceeded your quota")
	noKey   = double.Error(401, "invalid_request_error", "invalid_api_key", "", "Incorrect API key")
)

var modelFailures = []failure{
	{"no key, provider list empty", bubble(func(t *testing.T) {
		p, s, _ := asked(t, model.Config{})
		expectHeld(t, p, "a", "builtin", "")
		expectPaged(t, s, "firing -1")

		s = newScene(t, floodFacts)
		var err error
		s.parts.Model, err = model.New(model.Config{Providers: []model.Provider{{Name: "m1", BaseURL: "http://127.0.0.1:1/v1", Model: "small", KeyFile: dbPath(t)}}})
		if err != nil {
			t.Fatal(err)
		}
		p = start(t, dbPath(t), Config{}, s.parts, nil)
		tell(t, p, firing("a", flood))
		pass(time.Second)
		expectHeld(t, p, "a", "builtin", "no_key")
		if n := p.Snapshot(); len(n.Models) != 0 || n.Skipped["no_key"] != 1 || len(n.Rejections) != 0 {
			t.Errorf("counted as errors: %v, skipped %v, rejections %v", n.Models, n.Skipped, n.Rejections)
		}
	})},
	{"provider down: retry, then the breaker", bubble(func(t *testing.T) {
		var at []time.Duration
		p, s, _ := asked(t, model.Config{}, replies{timed(&at, time.Now(), fails)})
		pass(11 * time.Minute)
		expectHeld(t, p, "a", "builtin", "server")
		expectPaged(t, s, "firing -1")
		expectNoLetters(t, p)
		if len(at) < 6 {
			t.Fatalf("asked at %v", at)
		}
		for i, now := range at[1:] {
			least := 5 * time.Second
			if i >= 4 { // five have failed
				least = 2 * time.Minute
			}
			if pause := now - at[i]; pause < least || pause > 5*time.Minute || now > 10*time.Minute {
				t.Errorf("asked at %v: a pause of %v behind %d failures", at, pause, i+1)
			}
		}
	})},
	{"provider down: the next one", bubble(func(t *testing.T) {
		p, s, servers := asked(t, model.Config{}, replies{fails}, replies{answers})
		expectHeld(t, p, "a", "model", "")
		expectPaged(t, s, "firing -1", "firing -2")
		if n, m := len(servers[0].Calls()), len(servers[1].Calls()); n != 1 || m != 1 {
			t.Errorf("%d and %d calls", n, m)
		}
	})},
	{"provider slow: the next one", bubble(func(t *testing.T) {
		p, s, _ := asked(t, model.Config{}, replies{double.Dribble}, replies{answers})
		expectPaged(t, s, "firing -1")
		pass(90 * time.Second)
		expectHeld(t, p, "a", "model", "")
		expectPaged(t, s, "firing -1", "firing -2")
	})},
	{"429: wait as long as told", bubble(func(t *testing.T) {
		p, s, servers := asked(t, model.Config{}, replies{double.Busy("120"), answers})
		pass(118 * time.Second)
		if n := len(servers[0].Calls()); n != 1 {
			t.Errorf("%d calls in two minutes", n)
		}
		pass(3 * time.Second)
		expectHeld(t, p, "a", "model", "")
		expectPaged(t, s, "firing -1", "firing -2")
	})},
	{"429: an hour at most", bubble(func(t *testing.T) {
		p, _, servers := asked(t, model.Config{}, replies{double.Busy("86400"), answers})
		expectHeld(t, p, "a", "builtin", "rate_limited")
		expectPause(t, p, servers[0], time.Hour, "rate")
	})},
	{"429: the next provider", bubble(func(t *testing.T) {
		p, _, _ := asked(t, model.Config{}, replies{double.Busy("3600")}, replies{answers})
		expectHeld(t, p, "a", "model", "")
	})},
	{"quota: the breaker for 30 min", bubble(func(t *testing.T) {
		p, _, servers := asked(t, model.Config{}, replies{noQuota, answers})
		expectHeld(t, p, "a", "builtin", "quota")
		expectPause(t, p, servers[0], 30*time.Minute, "breaker")
	})},
	{"auth: the breaker for 30 min, and an alert", bubble(func(t *testing.T) {
		p, _, servers := asked(t, model.Config{}, replies{noKey, answers})
		expectHeld(t, p, "a", "builtin", "auth")
		if got := p.Snapshot().Providers[0]; got.Skip != model.SkipBreaker {
			t.Errorf("the metric of the alert says %+v", got)
		}
		if !slices.ContainsFunc(rules.Alerts(), func(a rules.Alert) bool { return a.Name == "PacketScopeAnnotatorModelFailing" }) {
			t.Error("no alert is made of it")
		}
		expectPause(t, p, servers[0], 30*time.Minute, "breaker")
	})},
	{"refusal, filter, truncated, invalid twice", func(t *testing.T) {
		for why, test := range map[string]struct {
			reply double.Reply
			calls int
		}{
			"refused":      {double.Refuse("no"), 1},
			"filtered":     {double.Finish("", "content_filter"), 1},
			"truncated":    {double.Finish(modelSays[:100], "length"), 1},
			"invalid_json": {double.Say("It is an attack."), 2},
			"invalid":      {double.Say(strings.Replace(modelSays, "1230", "999", 1)), 2},
		} {
			t.Run(why, bubble(func(t *testing.T) {
				p, s, servers := asked(t, model.Config{}, replies{test.reply})
				expectHeld(t, p, "a", "builtin", why)
				pass(15 * time.Minute)
				expectPaged(t, s, "firing -1")
				if n := len(servers[0].Calls()); n != test.calls || p.Snapshot().Models[Asked{"m1", why}] != uint64(test.calls) {
					t.Errorf("%d calls, counted %v", n, p.Snapshot().Models)
				}
			}))
		}
	}},
	{"budget spent: critical alerts use the reserve", bubble(func(t *testing.T) {
		spent := &spender{model.State{Spent: model.Spent{Day: time.Now().UTC().Format("2006-01-02"), Tokens: 700_000}}}
		c := model.Config{Budget: model.Budget{TokensPerDay: 1_000_000, ReserveCritical: 0.3}, Keeper: spent}
		p, _, servers := asked(t, c, replies{answers})
		expectHeld(t, p, "a", "model", "")
		tell(t, p, firing("b", with(with(flood, "severity", "warning"), "instance", "web-2:10142")))
		pass(3 * time.Second)
		expectHeld(t, p, "b", "builtin", "budget")
		if n := len(servers[0].Calls()); n != 1 {
			t.Errorf("%d calls", n)
		}
	})},
	{"a model that lies", bubble(func(t *testing.T) {
		lie := strings.NewReplacer("1230", "999999", "volumetric_attack", "false_alarm", `"rule":null`,
			`"rule":{"action":"drop","sources":["S9"],"target":null,"proto":"tcp","rate_pps":null,"ttl_minutes":60,"why":"See http://evil.example."}`).Replace(modelSays)
		p, s, _ := asked(t, model.Config{}, replies{double.Say(lie)})
		expectHeld(t, p, "a", "builtin", "invalid")
		expectPaged(t, s, "firing -1")
		if text := s.board.Annotations("packetscope")[0].Text; strings.Contains(text, "999999") || strings.Contains(text, "evil") {
			t.Errorf("the annotation says %q", text)
		}
	})},
}

// expectPause expects that a provider is left alone for some time and not longer, and answers
// then. The first alert came a second ago.
func expectPause(t testing.TB, p *process, server *double.Server, pause time.Duration, why string) {
	t.Helper()
	pass(pause - time.Minute)
	tell(t, p, firing("b", flood))
	pass(time.Second)
	if n := len(server.Calls()); n != 1 {
		t.Errorf("asked %d times before %s", n, pause)
	}
	if v := viewOf(t, p.Engine, "b"); v.NoModel != why && v.Waits != "asked" {
		t.Errorf("before %s: no model because of %q, waits for %q", pause, v.NoModel, v.Waits)
	}
	pass(time.Minute)
	tell(t, p, firing("c", flood))
	pass(time.Second)
	expectHeld(t, p, "c", "model", "")
}
