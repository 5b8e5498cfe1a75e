package main

import (
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/policy"
)

// A locateHop is who answers at a TTL.
type locateHop struct {
	Address string `json:"address"`
	// Name is by reverse DNS.
	Name string `json:"name,omitempty"`
	geoWords
	// Plausibility says whether it can be where a database has it: "plausible",
	// "doubtful" or "implausible"; absent if that was not checked.
	Plausibility string `json:"plausibility,omitempty"`
	// Final is set for the destination, Primary for who answers most at its TTL.
	Final   bool `json:"final,omitempty"`
	Primary bool `json:"primary,omitempty"`
	// Answers counts those that the times are of.
	Answers       uint64     `json:"answers"`
	LastSeen      *time.Time `json:"last_seen,omitempty"`
	LastSeconds   float64    `json:"rtt_last_seconds,omitempty"`
	MinSeconds    float64    `json:"rtt_min_seconds,omitempty"`
	MaxSeconds    float64    `json:"rtt_max_seconds,omitempty"`
	MeanSeconds   float64    `json:"rtt_mean_seconds,omitempty"`
	MedianSeconds float64    `json:"rtt_median_seconds,omitempty"`
	P95Seconds    float64    `json:"rtt_p95_seconds,omitempty"`
	P99Seconds    float64    `json:"rtt_p99_seconds,omitempty"`
	StddevSeconds *float64   `json:"rtt_stddev_seconds,omitempty"`
	JitterSeconds *float64   `json:"jitter_seconds,omitempty"`
	// MPLS are the labels that probes arrive with, the top first.
	MPLS []locateLabel `json:"mpls,omitempty"`
	// Interface is the name that the router gives to where probes come in.
	Interface   string `json:"interface,omitempty"`
	ReverseHops int    `json:"reverse_hops,omitempty"`
	// Rewritten are the fields of probes that it quotes otherwise than they were sent,
	// such as "source,checksum", and QuotedTTL what was left of the TTL, if more than 1.
	Rewritten string `json:"rewritten,omitempty"`
	QuotedTTL *uint8 `json:"quoted_ttl,omitempty"`
	// Blocklisted is absent if no list could tell; Reference is what the list says.
	Blocklisted *bool  `json:"blocklisted,omitempty"`
	Reference   string `json:"blocklist_reference,omitempty"`
}

// A locateLabel is an entry of an MPLS label stack.
type locateLabel struct {
	Label uint32 `json:"label"`
	Class uint8  `json:"traffic_class"`
	TTL   uint8  `json:"ttl"`
}

func newLocateHop(h locator.Hop) locateHop {
	r := locateHop{
		Address: addressText(h.Addr), Name: printable(h.Name), geoWords: newGeoWords(h.Entry), Final: h.Final, Primary: h.Primary,
		Answers: h.Times.Count, LastSeconds: h.Last.Seconds(), MinSeconds: h.Times.Min.Seconds(), MaxSeconds: h.Times.Max.Seconds(),
		MeanSeconds: h.Times.Mean().Seconds(), MedianSeconds: h.P50.Seconds(), P95Seconds: h.P95.Seconds(), P99Seconds: h.P99.Seconds(),
		Interface: printable(h.Interface), ReverseHops: h.ReverseHops, Rewritten: h.Rewritten.String(), Reference: printable(h.Reference),
	}
	if h.Plausibility != 0 {
		r.Plausibility = h.Plausibility.String()
	}
	if !h.LastSeen.IsZero() {
		r.LastSeen = &h.LastSeen
	}
	if d, ok := h.Times.Stddev(); ok {
		r.StddevSeconds = seconds(d)
	}
	if d, ok := h.Times.Jitter(); ok {
		r.JitterSeconds = seconds(d)
	}
	for _, l := range h.Labels {
		r.MPLS = append(r.MPLS, locateLabel{l.Value, l.Class, l.TTL})
	}
	// 0 is also what error queues leave it at, which do not tell.
	if h.QuotedTTL > 1 && !h.Final {
		r.QuotedTTL = &h.QuotedTTL
	}
	if h.Blocklisted != geo.Unknown {
		listed := h.Blocklisted == geo.Listed
		r.Blocklisted = &listed
	}
	return r
}

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}

// A locateAS is a run of hops in one autonomous system.
type locateAS struct {
	ASN      uint32 `json:"asn"`
	Name     string `json:"as_name,omitempty"`
	FirstTTL int    `json:"first_ttl"`
	LastTTL  int    `json:"last_ttl"`
}

// A locateNAT is a translator of addresses, somewhere behind the hop at one TTL (0: this
// host) and not behind the hop at the other.
type locateNAT struct {
	AfterTTL  int    `json:"after_ttl"`
	BeforeTTL int    `json:"before_ttl"`
	Method    string `json:"method"`
}

// A locateEvent is a change of a path.
type locateEvent struct {
	Time  time.Time `json:"time"`
	Since time.Time `json:"since"`
	// Levels are how the path differs, such as "ip" and "as".
	Levels   []string `json:"levels"`
	FirstTTL int      `json:"first_ttl,omitempty"`
	LastTTL  int      `json:"last_ttl,omitempty"`
	// Before and After are who answered, by TTL less one; "" where nobody is known.
	Before []string `json:"before,omitempty"`
	After  []string `json:"after,omitempty"`
	// Reached is there for the level "reach".
	Reached          *bool   `json:"reached,omitempty"`
	RTTBeforeSeconds float64 `json:"rtt_before_seconds,omitempty"`
	RTTAfterSeconds  float64 `json:"rtt_after_seconds,omitempty"`
}

func newLocateEvent(e change.Event) locateEvent {
	r := locateEvent{
		Time: e.At, Since: e.Since, Levels: e.Levels.Names(), FirstTTL: int(e.First), LastTTL: int(e.Last),
		RTTBeforeSeconds: e.RTTBefore.Seconds(), RTTAfterSeconds: e.RTTAfter.Seconds(),
	}
	for _, a := range e.Before {
		r.Before = append(r.Before, addressText(a))
	}
	for _, a := range e.After {
		r.After = append(r.After, addressText(a))
	}
	if e.Levels&change.Reach != 0 {
		r.Reached = &e.Reached
	}
	return r
}

// A locateRule is what a rule of the policy says: "ok", "violated" or "unknown".
type locateRule struct {
	Rule  string `json:"rule"`
	State string `json:"state"`
	// Points are of the risk if it is violated.
	Points int    `json:"points"`
	Text   string `json:"text,omitempty"`
	TTLs   []int  `json:"ttls,omitempty"`
}

func newLocateRule(r policy.Result) locateRule {
	return locateRule{printable(r.Rule.Name), string(r.State), r.Points, printableLine(r.Text), wholeTTLs(r.TTLs)}
}

// A locateRisk is how much speaks against a path.
type locateRisk struct {
	Score   int            `json:"score"`
	Factors []locateFactor `json:"factors,omitempty"`
	// Unknown are rules that add nothing since nobody knows.
	Unknown []string `json:"unknown,omitempty"`
}

// A locateFactor is a part of the risk.
type locateFactor struct {
	Name   string `json:"name"`
	Points int    `json:"points"`
	Text   string `json:"text,omitempty"`
	TTLs   []int  `json:"ttls,omitempty"`
}

func newLocateRisk(risk policy.Risk) locateRisk {
	r := locateRisk{Score: risk.Score}
	for _, f := range risk.Factors {
		r.Factors = append(r.Factors, locateFactor{printable(f.Name), f.Points, printableLine(f.Text), wholeTTLs(f.TTLs)})
	}
	for _, name := range risk.Unknown {
		r.Unknown = append(r.Unknown, printable(name))
	}
	return r
}

// wholeTTLs returns numbers that JSON does not take for bytes.
func wholeTTLs(ttls []uint8) (all []int) {
	for _, t := range ttls {
		all = append(all, int(t))
	}
	return all
}
