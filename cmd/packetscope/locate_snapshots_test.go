package main

import (
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

// lossOf returns the loss of a TTL whose router answered so many of 100 probes, on a path
// that loses so many of 100.
func lossOf(answered, lost int, class path.Class) path.Loss {
	return path.Loss{
		Sent: 100, Answered: answered, Class: class, Limited: class == path.Limited,
		Apparent: path.Wilson(100-answered, 100, path.Z95), Path: path.Wilson(lost, 100, path.Z95),
	}
}

// hopOf returns a hop that answered in so many milliseconds and around, for so often.
func hopOf(ttl uint8, addr string, ms float64) locator.Hop {
	h := locator.Hop{TTL: ttl, Addr: netip.MustParseAddr(addr), Primary: true, QuotedTTL: 1, LastSeen: epoch.Add(-time.Second)}
	h.Entry.Kind = geo.KindOf(h.Addr)
	before := time.Duration(0)
	for i := range 100 {
		rtt := time.Duration(ms*float64(time.Millisecond)) + time.Duration(i%10)*100*time.Microsecond
		h.Times.Add(rtt)
		if i > 0 {
			h.Times.Pair(before, rtt)
		}
		before, h.Last = rtt, rtt
	}
	h.P50, h.P95, h.P99 = h.Times.Min+400*time.Microsecond, h.Times.Max, h.Times.Max
	return h
}

func placed(h locator.Hop, country, city string, asn uint32, name string) locator.Hop {
	h.Entry.Kind = geo.Public // documentation addresses stand for such
	h.Entry.Country, h.Entry.City = country, city
	h.Entry.ASN, h.Entry.Name = asn, name
	if city != "" {
		latitude, longitude := 52.52, 13.405
		h.Entry.Latitude, h.Entry.Longitude = &latitude, &longitude
	}
	return h
}

// somePath has all that a path can have: a limited router, a silent one, two branches,
// labels, an implausible place, a NAT, changes and a risk.
func somePath() locator.Path {
	gateway := hopOf(1, "192.168.1.1", 0.31)
	gateway.Name = "gateway.example"
	access := placed(hopOf(2, "192.0.2.1", 4.2), "DE", "Berlin", 64500, "EXAMPLE-ACCESS")
	access.Plausibility = judge.Plausible
	left := placed(hopOf(4, "198.51.100.1", 9.1), "DE", "Frankfurt am Main", 64501, "EXAMPLE-TRANSIT")
	left.Name, left.Interface = "ae1.core.transit.example", "ae1.0"
	left.Labels = []wire.Label{{Value: 24001, TTL: 1}, {Value: 17, Class: 5, Bottom: true, TTL: 254}}
	right := placed(hopOf(4, "198.51.100.5", 9.3), "JP", "Tokyo", 64501, "EXAMPLE-TRANSIT")
	right.Primary, right.Plausibility = false, judge.Implausible
	right.Rewritten, right.QuotedTTL = wire.TOSRewritten, 2
	end := placed(hopOf(5, "203.0.113.80", 12.5), "FR", "Paris", 64502, "EXAMPLE-WEB")
	end.Final, end.Name = true, "www.example.com"
	end.Blocklisted, end.Reference = geo.Listed, "SBL123456"
	addr := func(texts ...string) (all []netip.Addr) {
		for _, text := range texts {
			a, _ := netip.ParseAddr(text) // "" is nobody
			all = append(all, a)
		}
		return all
	}
	return locator.Path{
		Destination: locator.Destination{Name: "shop", Host: "www.example.com", Protocol: wire.TCP, Port: 443},
		Address:     netip.MustParseAddr("203.0.113.80"), AddressFamily: 4, Place: end.Entry, State: locator.Steady,
		End: locator.End{
			Sent: 120, Lost: 3, RTTMin: 12500 * time.Microsecond, RTTMedian: 12900 * time.Microsecond, Jitter: 180 * time.Microsecond, HasJitter: true,
			Last: 13 * time.Millisecond, Loss: lossOf(97, 3, path.Real),
		},
		Reached: true, Known: true, Length: 5, Width: 2, Branches: true, ID: 0xabcdef, ReverseHops: 6,
		MTU: 1400, MTULink: 2, MTUBlackHole: true,
		TTLs: []locator.TTL{
			{TTL: 1, Sent: 120, Replies: 120, Loss: lossOf(100, 0, path.None), PathRTT: 310 * time.Microsecond},
			{TTL: 2, Sent: 120, Replies: 37, Loss: lossOf(31, 0, path.Limited), PathRTT: 4200 * time.Microsecond},
			{TTL: 3, Sent: 120, Loss: lossOf(0, 3, path.Unresponsive), PathRTT: 9100 * time.Microsecond},
			{TTL: 4, Sent: 120, Replies: 117, Loss: lossOf(97, 3, path.Real), PathRTT: 9100 * time.Microsecond},
			{TTL: 5, Sent: 121, Replies: 118, Loss: lossOf(97, 3, path.Real), PathRTT: 12500 * time.Microsecond},
		},
		Hops:    []locator.Hop{gateway, access, left, right, end},
		Links:   []locator.Link{{From: gateway.Addr, To: access.Addr, FromTTL: 1, ToTTL: 2, Delay: 3890 * time.Microsecond}},
		ASPath:  []judge.ASHop{{AS: 64500, Name: "EXAMPLE-ACCESS", First: 2, Last: 2}, {AS: 64501, Name: "EXAMPLE-TRANSIT", First: 4, Last: 4}, {AS: 64502, Name: "EXAMPLE-WEB", First: 5, Last: 5}},
		Changes: map[string]uint64{"as": 1, "ip": 2, "rtt": 1, "length": 0},
		Events: []change.Event{
			{At: epoch.Add(-time.Minute), Since: epoch.Add(-2 * time.Minute), Levels: change.IP | change.AS, First: 3, Last: 4,
				Before: addr("192.168.1.1", "192.0.2.1", "", "198.51.100.9", "203.0.113.80"), After: addr("192.168.1.1", "192.0.2.1", "", "198.51.100.1", "203.0.113.80")},
			{At: epoch.Add(-48 * time.Hour), Since: epoch.Add(-48 * time.Hour), Levels: change.RTT, RTTBefore: 11 * time.Millisecond, RTTAfter: 129 * time.Millisecond / 10},
			{At: epoch.Add(-49 * time.Hour), Since: epoch.Add(-49 * time.Hour), Levels: change.Reach, Reached: true},
		},
		Translators: []judge.Translator{{After: 0, Before: 1, Method: judge.Quoted}, {After: 1, Before: 2, Method: judge.Inferred}},
		Rules: []policy.Result{
			{Rule: policy.Rule{Name: "near"}, State: policy.OK, Text: "3 of at most 5 networks"},
			{Rule: policy.Rule{Name: "listed"}, State: policy.Violated, Text: "203.0.113.80 is listed (SBL123456)", TTLs: []uint8{5}, Points: 30},
			{Rule: policy.Rule{Name: "no-points"}, State: policy.Violated, Text: "3 networks of at most 2"},
			{Rule: policy.Rule{Name: "stay-home"}, State: policy.Unknown, Text: "nobody knows where this host is"},
		},
		Risk: policy.Risk{
			Score:   40,
			Factors: []policy.Factor{{Name: "listed", Points: 30, Text: "203.0.113.80 is listed (SBL123456)", TTLs: []uint8{5}}, {Name: "as_changed", Points: 10}},
			Unknown: []string{"stay-home"},
		},
	}
}

func someSnapshot(paths ...locator.Path) *locator.Snapshot {
	return &locator.Snapshot{
		At: epoch, Since: epoch.Add(-2 * time.Minute), Paths: paths,
		Self: locator.Self{Way: "raw", Interval: time.Second, Files: []geo.Status{{Name: "city.mmdb", Role: "database"}}},
	}
}

// unreachedPath ends at a router that refuses, and nothing is known of places.
func unreachedPath() locator.Path {
	last := hopOf(2, "2001:db8::2:1", 3)
	return locator.Path{
		Destination: locator.Destination{Name: "udp://[2001:db8::80]:33434", Host: "2001:db8::80", Protocol: wire.UDP, Port: 33434},
		Address:     netip.MustParseAddr("2001:db8::80"), AddressFamily: 6, State: locator.Steady, Known: true, Width: 1,
		Blocked: last.Addr, BlockedReason: "communication_prohibited",
		End: locator.End{Sent: 10, Lost: 10, Loss: path.Loss{Sent: 10, Class: path.Unknown, Path: path.Wilson(10, 10, path.Z95)}},
		TTLs: []locator.TTL{
			{TTL: 1, Sent: 10, Replies: 10, Loss: lossOf(100, 0, path.None)},
			{TTL: 2, Sent: 10, Replies: 8, Loss: lossOf(80, 20, path.Unknown)},
			{TTL: 3, Sent: 10, Loss: lossOf(0, 100, path.Unknown)},
		},
		Hops: []locator.Hop{hopOf(1, "fe80::1", 0.2), last},
	}
}

// namelessPath is to a name that has no address.
func namelessPath() locator.Path {
	return locator.Path{
		Destination: locator.Destination{Name: "nowhere.example", Host: "nowhere.example", Protocol: wire.ICMP}, AddressFamily: 4,
		State: locator.Unresolved, Error: `look up "nowhere.example": no such host`,
	}
}
