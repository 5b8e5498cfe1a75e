package collector

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/wire"
)

// pathReader is an engine that reports the same until a test changes it.
type pathReader struct{ snapshot *locator.Snapshot }

func (r *pathReader) Snapshot() *locator.Snapshot { return r.snapshot }

// statsOf returns the statistics of times in milliseconds.
func statsOf(ms ...int) path.Stats {
	var s path.Stats
	for i, m := range ms {
		rtt := time.Duration(m) * time.Millisecond
		s.Add(rtt)
		if i > 0 {
			s.Pair(time.Duration(ms[i-1])*time.Millisecond, rtt)
		}
	}
	return s
}

// placed returns what databases know of an address at a place.
func placed(lat, lon float64, country, city string) geo.Entry {
	return geo.Entry{
		Kind: geo.Public, Place: geo.Place{Country: country, City: city, Latitude: &lat, Longitude: &lon},
		Network: geo.Network{ASN: 64500, Name: "Example Networks"},
	}
}

// hopAt returns a hop that answered just now, in as many milliseconds as its TTL is.
func hopAt(ttl uint8, addr string, e geo.Entry) locator.Hop {
	ms := time.Duration(ttl) * time.Millisecond
	return locator.Hop{
		TTL: ttl, Addr: netip.MustParseAddr(addr), Primary: true, Entry: e, LastSeen: stopped(),
		Times: statsOf(int(ttl), int(ttl)+2), P50: ms, P95: ms + time.Millisecond, P99: ms + 2*time.Millisecond, Last: ms,
	}
}

// fullPath has something in every field: one path to a destination that answers, with a
// private hop, one that is on a list and where no database can have it, and one at the
// place of nobody; and one to a destination without an address.
func fullPath() *locator.Snapshot {
	home := hopAt(1, "192.168.1.1", geo.Entry{Kind: geo.Private, Label: "home"})
	berlin := hopAt(2, "203.0.113.7", placed(52.52437, 13.41053, "DE", "Berlin"))
	berlin.Name, berlin.Labels, berlin.Blocklisted, berlin.Plausibility = "core1.example.net", []wire.Label{{Value: 24001}, {Value: 17, Bottom: true}}, geo.Clear, judge.Plausible
	sibling := hopAt(2, "203.0.113.8", placed(52.5, 13.4, "DE", "Berlin"))
	sibling.Primary = false
	sydney := hopAt(3, "198.51.100.3", placed(-33.8688, 151.2093, "AU", "Sydney"))
	sydney.Plausibility, sydney.Blocklisted, sydney.Reference = judge.Implausible, geo.Listed, "SBL123456"
	nobody := hopAt(4, "198.51.100.4", placed(0, 0, "", ""))
	end := hopAt(5, "198.51.100.10", placed(50.1155, 8.6842, "DE", "Frankfurt am Main"))
	end.Final, end.Entry.Anycast = true, true

	p := locator.Path{
		Destination: locator.Destination{Name: "web", Host: "www.example.com", Protocol: wire.TCP, Port: 443},
		Address:     netip.MustParseAddr("198.51.100.10"), AddressFamily: 4, Place: end.Entry, State: locator.Steady,
		Reached: true, Known: true, Blocked: netip.MustParseAddr("203.0.113.7"), BlockedReason: "admin_prohibited",
		Length: 5, Width: 2, Branches: true, ID: 0xABCDEF, ReverseHops: 6, MTU: 1400, MTULink: 2, MTUBlackHole: true,
		Hops:        []locator.Hop{home, berlin, sibling, sydney, nobody, end},
		Changes:     map[string]uint64{"ip": 3, "as": 1, "flap": 2},
		Events:      []change.Event{{At: since.Add(50 * time.Minute), Levels: change.Flap}, {At: since.Add(40 * time.Minute), Levels: change.IP | change.AS}, {At: since, Levels: change.IP}},
		ASPath:      []judge.ASHop{{AS: 64500, First: 2, Last: 5}},
		Translators: []judge.Translator{{After: 1, Before: 2, Method: judge.Inferred}},
		Rules: []policy.Result{
			{Rule: policy.Rule{Name: "no-australia"}, State: policy.OK},
			{Rule: policy.Rule{Name: "clean"}, State: policy.Violated, Points: 40},
			{Rule: policy.Rule{Name: "at-home"}, State: policy.Unknown},
		},
		Risk: policy.Risk{Score: 50, Factors: []policy.Factor{{Name: "clean", Points: 40}, {Name: "as_changed", Points: 10}, {Name: "flapping"}}},
	}
	p.End = locator.End{
		Sent: 300, Lost: 3, RTTMin: 5 * time.Millisecond, RTTMedian: 6 * time.Millisecond, Jitter: time.Millisecond, HasJitter: true,
		Loss: path.Loss{Sent: 60, Answered: 57, Apparent: path.Wilson(3, 60, path.Z95), Class: path.Real},
	}
	for range 297 {
		p.End.RTT.Add(6 * time.Millisecond)
	}
	p.Links = []locator.Link{
		{From: home.Addr, To: berlin.Addr, FromTTL: 1, ToTTL: 2},
		{From: berlin.Addr, To: sydney.Addr, FromTTL: 2, ToTTL: 3},
		{From: berlin.Addr, To: end.Addr, FromTTL: 2, ToTTL: 5, Delay: 4 * time.Millisecond},
		{From: berlin.Addr, To: end.Addr, FromTTL: 3, ToTTL: 5, Delay: 3 * time.Millisecond},
		{From: sibling.Addr, To: end.Addr, FromTTL: 2, ToTTL: 5},
	}
	for ttl := uint8(1); ttl <= 5; ttl++ {
		t := locator.TTL{TTL: ttl, Sent: 300, Replies: 290, PathRTT: time.Duration(ttl) * time.Millisecond}
		t.Loss = path.Loss{TTL: ttl, Sent: 60, Answered: 30, Apparent: path.Wilson(30, 60, path.Z95), Path: path.Wilson(3, 60, path.Z95), Class: path.Limited, Limited: true}
		p.TTLs = append(p.TTLs, t)
	}
	lost := locator.Path{
		Destination:   locator.Destination{Name: "2001:db8::1", Host: "2001:db8::1", Protocol: wire.ICMP, Found: true},
		AddressFamily: 6, State: locator.Unresolved, Error: "no route to host",
	}
	return &locator.Snapshot{
		At: stopped(), Since: since, Paths: []locator.Path{p, lost},
		Passive: []locator.Passive{{
			Network: netip.MustParsePrefix("198.51.100.0/24"), Address: p.Address, Dest: "web", Connections: 4, Received: 5000, Sent: 700,
			RTT: 7 * time.Millisecond, RTTMin: 5 * time.Millisecond, Retransmitted: 0.01, HasRetransmitted: true,
		}},
		Self: fullLocator(),
	}
}

func fullLocator() locator.Self {
	return locator.Self{
		Way: "raw", Sent: map[string]uint64{"round": 1500, "end": 300}, Skipped: map[string]uint64{"router": 7}, Shared: 11,
		Lag: 2 * time.Millisecond, Interval: 10 * time.Second, Late: 1, Duplicates: 2, Unmatched: 3, Dropped: 4,
		KernelSent: 1700, KernelReceived: 1690, UserSent: 100, UserReceived: 5, Refused: 6,
		Files: []geo.Status{
			{Name: "city.mmdb", Path: "/var/lib/city.mmdb", Role: "database", Type: "GeoLite2-City", Built: since, Entries: 1000, Succeeded: 2, Failed: 1, Err: errors.New("is no database"), Damaged: 3},
			{Name: "drop.json", Path: "/etc/drop.json", Role: "blocklist"},
		},
		History:       &locator.HistoryStatus{Bytes: 4096, Records: 12, Dropped: 1, Err: "no space left on device"},
		PositionKnown: true,
	}
}

// hostPath returns the paths of a host on which every combination of labels occurs that
// can. Narrow has one hop at each distance.
func hostPath(h Host, narrow bool) *locator.Snapshot {
	s := &locator.Snapshot{At: stopped(), Since: since, Self: fullLocator()}
	s.Self.Sent = map[string]uint64{"discovery": 1, "last_ditch": 1, "round": 1, "beyond": 1, "end": 1, "extra": 1}
	s.Self.Skipped = map[string]uint64{"global": 1, "destination": 1, "router": 1}
	s.Self.Files = nil
	for i := range h.LocatorFiles {
		s.Self.Files = append(s.Self.Files, geo.Status{Name: fmt.Sprint(i), Built: since})
	}
	for d := range h.Destinations {
		p := fullPath().Paths[0]
		p.Name, p.Hops, p.TTLs, p.Links, p.Rules, p.Risk.Factors = fmt.Sprint("dest", d), nil, nil, nil, nil, nil
		address := func(ttl, n int) string { return fmt.Sprintf("203.%d.%d.%d", d, ttl, n) }
		for ttl := 1; ttl <= h.PathTTLs; ttl++ {
			t := fullPath().Paths[0].TTLs[0]
			t.TTL = uint8(ttl)
			p.TTLs = append(p.TTLs, t)
			p.Hops = append(p.Hops, hopOn(ttl, address(ttl, 0), true))
		}
		wide := 0
		for ; !narrow && wide < h.PathHops-h.PathTTLs; wide++ {
			p.Hops = append(p.Hops, hopOn(wide%h.PathTTLs+1, address(wide%h.PathTTLs+1, wide/h.PathTTLs+1), false))
		}
		for gap := 1; gap < h.PathTTLs; gap++ {
			for ttl := 1; ttl+gap <= h.PathTTLs && len(p.Links) < h.PathLinks; ttl++ {
				p.Links = append(p.Links, locator.Link{From: netip.MustParseAddr(address(ttl, 0)), To: netip.MustParseAddr(address(ttl+gap, 0))})
			}
		}
		for r := range h.PathRules {
			p.Rules = append(p.Rules, policy.Result{Rule: policy.Rule{Name: fmt.Sprint("rule", r)}, State: policy.OK})
		}
		for f := range h.PathRules + riskWeights {
			p.Risk.Factors = append(p.Risk.Factors, policy.Factor{Name: fmt.Sprint("factor", f), Points: 1})
		}
		s.Paths = append(s.Paths, p)
		passive := fullPath().Passive[0]
		passive.Network = netip.PrefixFrom(netip.AddrFrom4([4]byte{203, byte(d), 0, 0}), 24)
		s.Passive = append(s.Passive, passive)
	}
	return s
}

func hopOn(ttl int, addr string, primary bool) locator.Hop {
	h := hopAt(uint8(ttl), addr, placed(50, float64(ttl), "DE", "Town"))
	h.Primary, h.Plausibility, h.Blocklisted = primary, judge.Plausible, geo.Clear
	return h
}

// newHostPath returns the collector of a host that had narrow paths before.
func newHostPath(h Host, st *Stack) Collector {
	r := &pathReader{hostPath(h, true)}
	c := NewPath(r, st)
	if _, err := gather(newScrape(), c); err != nil {
		panic(err)
	}
	r.snapshot = hostPath(h, false)
	return c
}
