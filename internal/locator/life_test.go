package locator

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/history"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/locator/sim"
	"github.com/packetscope/packetscope/internal/wire"
)

// levels are the changes of a path, the oldest first.
func levels(p Path) []string {
	var all []string
	for _, e := range slices.Backward(p.Events) {
		all = append(all, e.Levels.String())
	}
	return all
}

// stages is a chain of n routers, of which the third has three branches.
func stages(n int) [][]*sim.Router {
	var all [][]*sim.Router
	for k := range n {
		all = append(all, []*sim.Router{router(0, k+1)})
	}
	all[2] = []*sim.Router{router(1, 1), router(1, 2), router(1, 3)}
	return all
}

func TestChangesAreToldOnceAndCounted(t *testing.T) {
	net := sim.New(3)
	way := stages(8)
	dest := net.Chain(way...)
	cfg := Config{Destinations: []Destination{{Name: "d", Host: dest.String(), Protocol: wire.UDP}}}
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.wait(time.Hour)
		first := w.Snapshot().Paths[0]
		if len(first.Events) != 0 || first.ID == 0 {
			t.Fatalf("at rest: %v, id %d", levels(first), first.ID)
		}
		way[4] = []*sim.Router{router(2, 1)}
		net.Chain(way...)
		w.wait(20 * time.Minute)
		p := w.Snapshot().Paths[0]
		if got := fmt.Sprint(levels(p), p.Changes); got != "[ip] map[ip:1]" || p.ID == first.ID {
			t.Errorf("after another router: %s, id %d, before %d", got, p.ID, first.ID)
		}
		way = slices.Insert(way, 4, []*sim.Router{router(2, 2)}, []*sim.Router{router(2, 3)})
		net.Chain(way...)
		w.wait(20 * time.Minute)
		p = w.Snapshot().Paths[0]
		if got := fmt.Sprint(levels(p), p.Length); got != "[ip ip+length rtt] 10" {
			t.Errorf("after two more: %s", got)
		}
		net.Route(way[3][0], dest)
		w.wait(20 * time.Minute)
		p = w.Snapshot().Paths[0]
		if got := fmt.Sprint(levels(p)); got != "[ip ip+length rtt reach]" || p.Reached || p.End.Loss.Apparent.Value != 1 {
			t.Errorf("after an outage: %s, reached %v, %+v", got, p.Reached, p.End.Loss)
		}
		net.Route(way[3][0], dest, way[4]...)
		w.wait(20 * time.Minute)
		p = w.Snapshot().Paths[0]
		if got := fmt.Sprint(levels(p)); got != "[ip ip+length rtt reach reach]" || !p.Reached {
			t.Errorf("after that: %s, reached %v", got, p.Reached)
		}
	})
}

func TestBaselinesSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	net := sim.New(3)
	way := stages(8)
	dest := net.Chain(way...)
	cfg := Config{Destinations: []Destination{{Name: "d", Host: dest.String(), Protocol: wire.UDP}}, History: dir}
	var id uint64
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.wait(time.Hour)
		id = w.Snapshot().Paths[0].ID
		if other, err := New(cfg, Parts{Network: w.fake}); err == nil {
			other.close()
			t.Error("two engines write one history")
		}
	})
	way[4] = []*sim.Router{router(2, 1)} // while nobody looks
	net.Chain(way...)
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.wait(5 * time.Second)
		if got := w.Snapshot().Paths[0].ID; got != id || id == 0 {
			t.Errorf("after the restart the path is %d, before it was %d", got, id)
		}
		w.wait(20 * time.Minute)
		if p := w.Snapshot().Paths[0]; fmt.Sprint(levels(p)) != "[ip]" {
			t.Errorf("what changed meanwhile: %v", levels(p))
		}
		if s := w.Snapshot().Self.History; s == nil || s.Records < 3 || s.Err != "" {
			t.Errorf("history: %+v", s)
		}
	})
	var events []string
	for r, err := range history.Read(dir, history.Filter{Dest: "d", Kinds: []history.Kind{history.KindEvent}}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, strings.Join(r.(history.Event).Levels, "+"))
	}
	if fmt.Sprint(events) != "[ip]" {
		t.Errorf("events on disk: %v", events)
	}
}

func TestPathMTUIsFound(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		net := sim.New(1)
		dest := chain(net, 0, 6)
		cfg := Config{Destinations: []Destination{{Name: "d", Host: dest.String(), Protocol: wire.UDP}}}
		inWorld(t, net, cfg, Parts{}, func(w *world) {
			w.fake.mu.Lock()
			w.fake.mtus, w.fake.hideMTU = map[netip.Addr]int{router(0, 4).Addr: 1412}, hidden
			w.fake.mu.Unlock()
			w.wait(30 * time.Minute)
			if p := w.Snapshot().Paths[0]; p.MTU != 1412 || p.MTULink != 4 || p.MTUBlackHole != hidden || p.End.Lost != 0 {
				t.Errorf("hidden %v: MTU %d behind TTL %d, black hole %v, end %+v", hidden, p.MTU, p.MTULink, p.MTUBlackHole, p.End)
			}
		})
	}
}

// atlas knows the routers of the first chain: those at 1 to 3 are in Berlin, 4 to 6 in
// Tokyo in another network, and the rest in Paris.
func atlas(t *testing.T) *geo.Atlas {
	t.Helper()
	file := filepath.Join(t.TempDir(), "places.csv")
	text := "prefix,name,latitude,longitude,country,city,asn,as_name\n" +
		"198.51.100.0/24,home,52.52,13.40,DE,Berlin,64500,Home\n" +
		"203.0.113.0/30,,52.52,13.40,DE,Berlin,64500,Home\n" +
		"203.0.113.4/30,,35.68,139.69,JP,Tokyo,64501,Far\n" +
		"203.0.113.8/29,,48.85,2.35,FR,Paris,64502,Goal\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := geo.Open(geo.Config{Overrides: []string{file}})
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPathsAreJudged(t *testing.T) {
	rules, err := policy.Parse("paths.yml", []byte(`
version: 1
rules:
- {name: no-japan, forbid_country: [JP], points: 30}
- {name: no-france, forbid_country: [FR], points: 15}
- {name: our-goal, require_as: [AS64502], points: 10}
- {name: listed, blocklist: prefix, points: 50}
`))
	if err != nil {
		t.Fatal(err)
	}
	net := sim.New(1)
	dest := chain(net, 0, 9)
	cfg := Config{Destinations: []Destination{{Name: "d", Host: dest.String(), Protocol: wire.UDP}}, Policy: rules}
	inWorld(t, net, cfg, Parts{Atlas: atlas(t)}, func(w *world) {
		w.wait(10 * time.Minute)
		p := w.Snapshot().Paths[0]
		var states []string
		for _, r := range p.Rules {
			states = append(states, r.Rule.Name+" "+string(r.State))
		}
		// Light takes 60 ms to Tokyo and back, and those hops answer within 20.
		want := "[no-japan unknown no-france violated our-goal ok listed unknown]"
		if got := fmt.Sprint(states); got != want {
			t.Errorf("rules: %s, want %s", got, want)
		}
		var as []string
		for _, a := range p.ASPath {
			as = append(as, fmt.Sprintf("%d %s %d-%d", a.AS, a.Name, a.First, a.Last))
		}
		if got := fmt.Sprint(as); got != "[64500 Home 1-3 64501 Far 4-7 64502 Goal 8-9]" {
			t.Errorf("AS path: %s", got)
		}
		for _, h := range p.Hops {
			if far := h.TTL >= 4 && h.TTL <= 7; (h.Plausibility == judge.Implausible) != far {
				t.Errorf("TTL %d in %s is %v", h.TTL, h.Entry.City, h.Plausibility)
			}
			if h.Blocklisted != geo.Unknown {
				t.Errorf("TTL %d is %v without a list", h.TTL, h.Blocklisted)
			}
		}
		if p.Risk.Score != 15+5 || len(p.Risk.Unknown) != 2 || !w.Snapshot().Self.PositionKnown {
			t.Errorf("risk: %+v", p.Risk)
		}
	})
}

func TestATranslatorIsInferred(t *testing.T) {
	net := sim.New(1)
	dest := chain(net, 0, 4)
	cfg := Config{Destinations: []Destination{{Name: "d", Host: dest.String()}}}
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.fake.mu.Lock()
		w.fake.source = netip.MustParseAddr("10.0.0.2")
		w.fake.mu.Unlock()
		w.wait(time.Minute)
		want := []judge.Translator{{After: 0, Before: 1, Method: judge.Inferred}}
		if got := w.Snapshot().Paths[0].Translators; !slices.Equal(got, want) {
			t.Errorf("translators: %+v, want %+v", got, want)
		}
	})
}

func TestALimitedRouterIsNotLossy(t *testing.T) {
	net := sim.New(1)
	routers := stages(6)
	routers[3][0].Limits = []*sim.Limit{{Every: 25 * time.Second, Burst: 1}}
	dest := net.Chain(routers...)
	cfg := Config{Destinations: []Destination{{Name: "d", Host: dest.String(), Protocol: wire.UDP}}, NoBranches: true}
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.wait(5 * time.Minute)
		p := w.Snapshot().Paths[0]
		if l := p.TTLs[3].Loss; l.Class != path.Limited || l.Answered == l.Sent || l.Path.Value > 0 {
			t.Errorf("after 5 minutes the limited router is %+v", l)
		}
		w.wait(2 * time.Hour)
		// It is asked less often now, and leaves out nothing.
		p = w.Snapshot().Paths[0]
		for _, ttl := range p.TTLs {
			if l := ttl.Loss; l.Class != path.None || l.Path.Value > 0 {
				t.Errorf("after two hours TTL %d is %+v", ttl.TTL, l)
			}
		}
		if p.End.Lost != 0 {
			t.Errorf("%d probes to the destination were lost", p.End.Lost)
		}
	})
}

func TestLossOnTheWayIsThatOfTheDestination(t *testing.T) {
	net := sim.New(1)
	routers := stages(6)
	routers[4][0].ForwardLoss = 0.2
	dest := net.Chain(routers...)
	cfg := Config{Destinations: []Destination{{Name: "d", Host: dest.String(), Protocol: wire.UDP}}}
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.wait(2 * time.Hour)
		p := w.Snapshot().Paths[0]
		var classes []string
		for _, ttl := range p.TTLs {
			classes = append(classes, ttl.Loss.Class.String())
		}
		if got := fmt.Sprint(classes); got != "[none none none none real real]" {
			t.Errorf("classes: %v", classes)
		}
		truth := path.Wilson(int(p.End.Lost), int(p.End.Sent), path.Z99)
		if p.End.Loss.Class != path.Real || truth.Low > 0.2 || truth.High < 0.2 {
			t.Errorf("end: %d of %d lost, %+v", p.End.Lost, p.End.Sent, p.End.Loss)
		}
	})
}
