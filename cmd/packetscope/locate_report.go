package main

import (
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/path"
)

// A locateReport is the JSON of the verb locate, and what its text is made of. Fields may
// be added to it; none is renamed or removed. What is not known is left out. All text in
// it can be shown on a terminal, whoever wrote it.
type locateReport struct {
	Time time.Time `json:"time"`
	// Since is when the counters stood at 0.
	Since time.Time `json:"since"`
	// Way is how probes are sent: "raw" or "queue", and WayReason why not in a better one.
	Way       string `json:"way,omitempty"`
	WayReason string `json:"way_reason,omitempty"`
	// IntervalSeconds is the time from round to round.
	IntervalSeconds float64 `json:"interval_seconds,omitempty"`
	// Places tells whether any file says where addresses are.
	Places bool         `json:"places"`
	Paths  []locatePath `json:"paths"`
}

// A locatePath is the path to one destination.
type locatePath struct {
	Dest string `json:"dest"`
	// URL is the destination with its protocol and port.
	URL      string `json:"url"`
	Protocol string `json:"protocol"`
	Family   string `json:"family"`
	Address  string `json:"address,omitempty"`
	geoWords
	// State is "unresolved", "discovering" or "steady".
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	// Reached is absent as long as it is not known.
	Reached       *bool  `json:"reached,omitempty"`
	BlockedBy     string `json:"blocked_by,omitempty"`
	BlockedReason string `json:"blocked_reason,omitempty"`
	// Length is the distance of the destination, Width the most branches at one TTL, and
	// BranchesComplete tells whether all of them were found.
	Length           int    `json:"length,omitempty"`
	Width            int    `json:"width,omitempty"`
	BranchesComplete bool   `json:"branches_complete"`
	PathID           uint64 `json:"path_id,omitempty"`
	// ReverseHops is how many hops the destination's answers seem to come.
	ReverseHops int               `json:"reverse_hops,omitempty"`
	MTU         *locateMTU        `json:"mtu,omitempty"`
	End         locateEnd         `json:"end"`
	TTLs        []locateTTL       `json:"ttls"`
	Links       []locateLink      `json:"links,omitempty"`
	ASPath      []locateAS        `json:"as_path,omitempty"`
	NAT         []locateNAT       `json:"nat,omitempty"`
	Changes     map[string]uint64 `json:"changes,omitempty"`
	// Events are the last ones, the newest first.
	Events []locateEvent `json:"events,omitempty"`
	Rules  []locateRule  `json:"rules,omitempty"`
	Risk   locateRisk    `json:"risk"`
}

// A locateMTU is the largest packet that gets through.
type locateMTU struct {
	Bytes int `json:"bytes"`
	// LinkTTL is the TTL of the router behind which larger packets do not get, and Link
	// its address; absent if that is this host, or nobody.
	LinkTTL int    `json:"link_ttl,omitempty"`
	Link    string `json:"link,omitempty"`
	// BlackHole is set if larger ones vanish and nobody says so.
	BlackHole bool `json:"black_hole,omitempty"`
}

// A locateEnd is what is known of the destination itself.
type locateEnd struct {
	Sent uint64 `json:"sent"`
	Lost uint64 `json:"lost"`
	// The rest is of the last 10 minutes.
	Loss          *lossRatio `json:"loss,omitempty"`
	Class         string     `json:"class"`
	LastSeconds   float64    `json:"rtt_last_seconds,omitempty"`
	MinSeconds    float64    `json:"rtt_min_seconds,omitempty"`
	MedianSeconds float64    `json:"rtt_median_seconds,omitempty"`
	JitterSeconds *float64   `json:"jitter_seconds,omitempty"`
}

// A lossRatio is a part of packets, and between which limits it is within 95 %.
type lossRatio struct {
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// A locateTTL is one distance and who answers there.
type locateTTL struct {
	TTL     int    `json:"ttl"`
	Sent    uint64 `json:"sent"`
	Replies uint64 `json:"replies"`
	// PathLoss is the most that the path up to here can have lost of the newest probes,
	// absent if nothing can be told; Unanswered the part that nobody answered here, for
	// which a router that answers few is enough.
	PathLoss   *lossRatio `json:"path_loss,omitempty"`
	Unanswered *lossRatio `json:"unanswered,omitempty"`
	// Class is "none", "real", "icmp_limited", "unresponsive" or "unknown".
	Class string `json:"class"`
	// Limited is set if the router leaves out answers, even if the class is "real".
	Limited bool `json:"limited,omitempty"`
	// PathSeconds is the least time to there and back.
	PathSeconds float64     `json:"path_rtt_seconds,omitempty"`
	Hops        []locateHop `json:"hops"`
}

// A locateLink is between two hops that answer one flow.
type locateLink struct {
	From         string  `json:"from"`
	To           string  `json:"to"`
	FromTTL      int     `json:"from_ttl"`
	ToTTL        int     `json:"to_ttl"`
	DelaySeconds float64 `json:"delay_seconds"`
}

// geoWords are what databases know of an address.
type geoWords struct {
	// Kind is such as "public" or "private", Label the name that an override file gives.
	Kind    string `json:"kind,omitempty"`
	Label   string `json:"label,omitempty"`
	Country string `json:"country,omitempty"`
	// Registered says that Country is only where the address is registered.
	Registered bool     `json:"registered,omitempty"`
	City       string   `json:"city,omitempty"`
	Latitude   *float64 `json:"latitude,omitempty"`
	Longitude  *float64 `json:"longitude,omitempty"`
	Anycast    bool     `json:"anycast,omitempty"`
	ASN        uint32   `json:"asn,omitempty"`
	ASName     string   `json:"as_name,omitempty"`
}

func newGeoWords(e geo.Entry) geoWords {
	w := geoWords{
		Label: printable(e.Label), Country: printable(e.Country), Registered: e.Registered, City: printable(e.City),
		Latitude: e.Latitude, Longitude: e.Longitude, Anycast: e.Anycast, ASN: e.ASN, ASName: printable(e.Name),
	}
	if e.Kind != geo.Invalid {
		w.Kind = e.Kind.String()
	}
	return w
}

// newLocateReport says in words and seconds what a snapshot says.
func newLocateReport(s *locator.Snapshot) locateReport {
	r := locateReport{
		Time: s.At, Since: s.Since, Way: s.Self.Way, WayReason: printable(s.Self.Reason),
		IntervalSeconds: s.Self.Interval.Seconds(),
		Places:          slices.ContainsFunc(s.Self.Files, func(f geo.Status) bool { return f.Role != "blocklist" }),
		Paths:           []locatePath{},
	}
	for _, p := range s.Paths {
		r.Paths = append(r.Paths, newLocatePath(p))
	}
	return r
}

func newLocatePath(p locator.Path) locatePath {
	r := locatePath{
		Dest: printable(p.Name), URL: printable(p.Destination.String()), Protocol: p.Protocol.String(), Family: ipName(p.AddressFamily),
		Address: addressText(p.Address), geoWords: newGeoWords(p.Place), State: string(p.State), Error: printableLine(p.Error),
		BlockedBy: addressText(p.Blocked), BlockedReason: printable(p.BlockedReason),
		Length: p.Length, Width: p.Width, BranchesComplete: p.Branches, PathID: p.ID, ReverseHops: p.ReverseHops,
		MTU: newLocateMTU(p), End: newLocateEnd(p.End), TTLs: newLocateTTLs(p),
		Changes: p.Changes, Risk: newLocateRisk(p.Risk),
	}
	if reached, known := answers(p); known {
		r.Reached = &reached
	}
	for _, l := range p.Links {
		r.Links = append(r.Links, locateLink{l.From.String(), l.To.String(), int(l.FromTTL), int(l.ToTTL), l.Delay.Seconds()})
	}
	for _, a := range p.ASPath {
		r.ASPath = append(r.ASPath, locateAS{a.AS, printable(a.Name), int(a.First), int(a.Last)})
	}
	for _, t := range p.Translators {
		r.NAT = append(r.NAT, locateNAT{int(t.After), int(t.Before), string(t.Method)})
	}
	for _, e := range p.Events {
		r.Events = append(r.Events, newLocateEvent(e))
	}
	for _, result := range p.Rules {
		r.Rules = append(r.Rules, newLocateRule(result))
	}
	return r
}

// answers tells whether a destination answers. The engine is certain after some rounds
// only; until then an answer is proof enough, of its own probes or of those that look for
// it.
func answers(p locator.Path) (reached, known bool) {
	final := slices.ContainsFunc(p.Hops, func(h locator.Hop) bool { return h.Final })
	if !p.Known && (final || p.End.Sent > p.End.Lost) {
		return true, true
	}
	return p.Reached, p.Known
}

func newLocateMTU(p locator.Path) *locateMTU {
	if p.MTU == 0 {
		return nil
	}
	m := &locateMTU{Bytes: p.MTU, LinkTTL: p.MTULink, BlackHole: p.MTUBlackHole}
	for _, h := range p.Hops {
		if int(h.TTL) == p.MTULink && (m.Link == "" || h.Primary) {
			m.Link = h.Addr.String()
		}
	}
	return m
}

func newLocateEnd(e locator.End) locateEnd {
	r := locateEnd{
		Sent: e.Sent, Lost: e.Lost, Loss: newLossRatio(e.Loss.Path, e.Loss.Sent), Class: e.Loss.Class.String(),
		LastSeconds: e.Last.Seconds(), MinSeconds: e.RTTMin.Seconds(), MedianSeconds: e.RTTMedian.Seconds(),
	}
	if e.HasJitter {
		jitter := e.Jitter.Seconds()
		r.JitterSeconds = &jitter
	}
	return r
}

// newLossRatio returns nil if there were no probes.
func newLossRatio(r path.Ratio, sent int) *lossRatio {
	if sent == 0 {
		return nil
	}
	return &lossRatio{r.Value, r.Low, r.High}
}

// newLocateTTLs returns all TTLs with their hops, as they appeared.
func newLocateTTLs(p locator.Path) []locateTTL {
	all := []locateTTL{}
	for _, t := range p.TTLs {
		r := locateTTL{
			TTL: int(t.TTL), Sent: t.Sent, Replies: t.Replies, Unanswered: newLossRatio(t.Loss.Apparent, t.Loss.Sent),
			Class: t.Loss.Class.String(), Limited: t.Loss.Limited, PathSeconds: t.PathRTT.Seconds(), Hops: []locateHop{},
		}
		// Of the unknown class it is that nobody further on answers, so that a router
		// which only answers few cannot be told from a lossy path.
		if t.Loss.Class != path.Unknown {
			r.PathLoss = newLossRatio(t.Loss.Path, t.Loss.Sent)
		}
		for _, h := range p.Hops {
			if h.TTL == t.TTL {
				r.Hops = append(r.Hops, newLocateHop(h))
			}
		}
		all = append(all, r)
	}
	return all
}

func ipName(version int) string {
	if version == 6 {
		return "ipv6"
	}
	return "ipv4"
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
