package collector

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/path"
)

// TestHopsBeyondEightAreOther: of ten at one distance two are told together, and what is
// bad about them is not hidden.
func TestHopsBeyondEightAreOther(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	p := &r.snapshot.Paths[0]
	p.Hops = nil
	for i := range 10 {
		h := hopOn(7, fmt.Sprint("203.0.113.", i), false)
		for range 10 - i {
			h.Times.Add(time.Duration(10-i) * time.Millisecond)
		}
		p.Hops = append(p.Hops, h)
	}
	p.Hops[8].Blocklisted, p.Hops[9].Plausibility = geo.Listed, judge.Implausible
	want := func(other float64, own float64) map[string]float64 {
		m := map[string]float64{"07 other": other}
		for i := range 8 {
			m[fmt.Sprint("07 203.0.113.", i)] = own
		}
		return m
	}
	for range 2 { // they are counted once
		check(t, c, metric.LocatorHopBlocklisted, want(1, 0), "ttl", "hop")
	}
	check(t, c, metric.LocatorHopImplausible, want(1, 0), "ttl", "hop")
	own := want(0, 1)
	delete(own, "07 other")
	check(t, c, metric.LocatorHopInfo, own, "ttl", "hop")
	if least := valuesOf(t, c, metric.LocatorHopRTTMin, "hop")["other"]; least != 0.001 {
		t.Errorf("the least time of the others is %v s, want 1 ms", least)
	}
	if n := len(valuesOf(t, c, metric.LocatorHopRTT, "hop")); n != 8 {
		t.Errorf("%d hops have times", n)
	}
	check(t, c, metric.LocatorOverflow, map[string]float64{"dest": 0, "ttl": 2, "hour": 0, "link": 0, "total": 0}, "reason")

	// Who answers most has series in any case, and is on the line of the map.
	p.Hops[9].Primary, p.Hops[9].Plausibility = true, judge.Plausible
	check(t, c, metric.LocatorPathPoint, map[string]float64{"203.0.113.9": 7}, "hop")
}

// TestHopsWithoutAddressAreOther: an engine may add up those that it keeps no more of.
func TestHopsWithoutAddressAreOther(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	sum := hopOn(7, "203.0.113.1", false)
	sum.Addr = netip.Addr{}
	r.snapshot.Paths[0].Hops = []locator.Hop{sum, hopOn(7, "203.0.113.2", true)}
	check(t, c, metric.LocatorHopRTTMin, map[string]float64{"other": 0.007, "203.0.113.2": 0.007}, "hop")
	check(t, c, metric.LocatorHopInfo, map[string]float64{"203.0.113.2": 1}, "hop")
}

// TestNothingIsSaidOfLossThatNobodyCanTell: where nobody further on answers, what was
// not answered is known, and what the path lost is not.
func TestNothingIsSaidOfLossThatNobodyCanTell(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	ttls := r.snapshot.Paths[0].TTLs
	ttls[3].Loss.Class = path.Unknown
	ttls[4].Loss = path.Loss{}
	check(t, c, metric.LocatorTTLLoss, map[string]float64{
		"01 apparent": 0.5, "02 apparent": 0.5, "03 apparent": 0.5, "04 apparent": 0.5, "01 path": 0.05, "02 path": 0.05, "03 path": 0.05,
	}, "ttl", "kind")
	check(t, c, metric.LocatorTTLLimited, map[string]float64{"01": 1, "02": 1, "03": 1, "04": 1}, "ttl")
}

// TestNewHopsOfAnHourAreBounded: a path that is another one at each scrape.
func TestNewHopsOfAnHourAreBounded(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	p := &r.snapshot.Paths[0]
	var new []int // hops with series that had none before, by hour
	seen := make(map[string]bool)
	for hour := range 3 {
		new = append(new, 0)
		for minute := range 60 {
			r.snapshot.At = stopped().Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
			p.Hops = nil
			for ttl := 1; ttl <= 5; ttl++ {
				h := hopOn(ttl, fmt.Sprintf("203.%d.%d.%d", hour, minute, ttl), true)
				h.LastSeen = r.snapshot.At
				p.Hops = append(p.Hops, h)
			}
			for hop := range valuesOf(t, c, metric.LocatorHopRTT, "ttl", "hop") {
				if !seen[hop] {
					seen[hop] = true
					new[hour]++
				}
			}
		}
	}
	if want := []int{100, 100, 100}; fmt.Sprint(new) != fmt.Sprint(want) {
		t.Errorf("%v hops were new, want %v", new, want)
	}
	check(t, c, metric.LocatorOverflow, map[string]float64{"dest": 0, "ttl": 0, "hour": 600, "link": 0, "total": 0}, "reason")
	if m := c.(*pathCollector).paths[keyOf(p)]; len(m.hops.in) > 110 || len(m.shown) > 110 || len(m.infos.in) > 110 {
		t.Errorf("%d hops, %d texts and %d shown ones are remembered", len(m.hops.in), len(m.infos.in), len(m.shown))
	}
}

// TestHopsThatComeBackAreNotNew: a path that goes to and fro has all its series.
func TestHopsThatComeBackAreNotNew(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	for i := range 300 {
		r.snapshot.At = stopped().Add(time.Duration(i) * 10 * time.Second)
		p := &r.snapshot.Paths[0]
		p.Hops = nil
		for ttl := 1; ttl <= 10; ttl++ {
			h := hopOn(ttl, fmt.Sprintf("203.0.%d.%d", i%2, ttl), true)
			h.LastSeen = r.snapshot.At
			p.Hops = append(p.Hops, h)
		}
		if n := len(valuesOf(t, c, metric.LocatorHopInfo, "hop")); n != 10 {
			t.Fatalf("%d hops have series at round %d", n, i)
		}
	}
	check(t, c, metric.LocatorOverflow, map[string]float64{"dest": 0, "ttl": 0, "hour": 0, "link": 0, "total": 0}, "reason")
}

// TestSilentHopsVanish: after ten minutes, or three rounds if those are longer.
func TestSilentHopsVanish(t *testing.T) {
	for interval, stay := range map[time.Duration]time.Duration{10 * time.Second: 10 * time.Minute, 5 * time.Minute: 15 * time.Minute} {
		r, c := newPaths(DefaultSeriesLimit)
		r.snapshot.Self.Interval = interval
		r.snapshot.Paths[0].Hops[0].LastSeen = stopped().Add(-stay)
		r.snapshot.Paths[0].Hops[1].LastSeen = stopped().Add(-stay - time.Nanosecond)
		for _, f := range metric.Of(metric.CollectorPath) {
			if !f.HasLabel("hop") {
				continue
			}
			got := valuesOf(t, c, f, "hop")
			if _, ok := got["203.0.113.7"]; ok {
				t.Errorf("rounds of %v: %s has a hop that is gone", interval, f.Name)
			}
			if _, ok := got["192.168.1.1"]; f == metric.LocatorHopInfo && !ok {
				t.Errorf("rounds of %v: a hop is gone too early", interval)
			}
		}
	}
}

// TestNamesThatChangeAllTheTimeStay: a name that is another one at each scrape is told
// a hundred times in an hour; then the last one stays.
func TestNamesThatChangeAllTheTimeStay(t *testing.T) {
	r, c := newPaths(DefaultSeriesLimit)
	names := make(map[string]bool)
	for i := range 200 {
		r.snapshot.At = stopped().Add(time.Duration(i) * time.Second)
		h := hopOn(1, "203.0.113.1", true)
		h.Name = fmt.Sprint("router", i)
		r.snapshot.Paths[0].Hops = []locator.Hop{h}
		shown := valuesOf(t, c, metric.LocatorHopInfo, "name")
		if len(shown) != 1 {
			t.Fatalf("%d names at once: %v", len(shown), shown)
		}
		for name := range shown {
			names[name] = true
		}
	}
	if len(names) != 100 || !names["router99"] {
		t.Errorf("%d names, want the first 100: %v", len(names), names)
	}
	r.snapshot.At = stopped().Add(2 * time.Hour)
	r.snapshot.Paths[0].Hops[0].LastSeen = r.snapshot.At
	check(t, c, metric.LocatorHopInfo, map[string]float64{"router199": 1}, "name")
}

// TestHopsBeyondTheLimitAreFolded: the limit of all paths together. What is bad about
// those without series is told of them together.
func TestHopsBeyondTheLimitAreFolded(t *testing.T) {
	r, c := newPaths(5)
	r.snapshot.Paths[0].Hops[5].Blocklisted = geo.Listed
	check(t, c, metric.LocatorHopInfo, map[string]float64{"01 192.168.1.1": 1, "02 203.0.113.7": 1, "02 203.0.113.8": 1, "03 198.51.100.3": 1}, "ttl", "hop")
	check(t, c, metric.LocatorHopBlocklisted, map[string]float64{"web 203.0.113.7": 0, "web 198.51.100.3": 1, "other other": 1}, "dest", "hop")
	check(t, c, metric.LocatorTTLProbesSent, map[string]float64{"01": 300, "02": 300, "03": 300, "04": 300}, "ttl")
	// Two of six hops, and one of five distances.
	check(t, c, metric.LocatorOverflow, map[string]float64{"dest": 0, "ttl": 0, "hour": 0, "link": 0, "total": 3}, "reason")
}

// TestFoldedHopsGetSeriesWhenThereIsRoom: a destination leaves the configuration, and the
// others have its room.
func TestFoldedHopsGetSeriesWhenThereIsRoom(t *testing.T) {
	r, c := newPaths(6)
	r.snapshot = hostPath(Host{Destinations: 2, PathTTLs: 5, PathHops: 5}, true)
	check(t, c, metric.LocatorHopInfo, map[string]float64{"dest0 01": 1, "dest0 02": 1, "dest0 03": 1, "dest0 04": 1, "dest0 05": 1}, "dest", "ttl")
	check(t, c, metric.LocatorTTLReplies, map[string]float64{"dest0 01": 290, "dest0 02": 290, "dest0 03": 290, "dest0 04": 290, "dest0 05": 290}, "dest", "ttl")
	r.snapshot.Paths = r.snapshot.Paths[1:]
	check(t, c, metric.LocatorHopInfo, map[string]float64{"dest1 01": 1, "dest1 02": 1, "dest1 03": 1, "dest1 04": 1, "dest1 05": 1}, "dest", "ttl")
	check(t, c, metric.LocatorTTLReplies, map[string]float64{"dest1 01": 290, "dest1 02": 290, "dest1 03": 290, "dest1 04": 290, "dest1 05": 290}, "dest", "ttl")
	// Five hops and five distances, and three of eight factors.
	check(t, c, metric.LocatorOverflow, map[string]float64{"dest": 0, "ttl": 0, "hour": 0, "link": 0, "total": 13}, "reason")
}
