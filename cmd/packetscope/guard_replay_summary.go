package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// replayTotals are the JSON of the summary. Fields may be added to it; none is renamed
// or removed. Packets that were not judged are in Packets and Bytes, and nowhere else.
type replayTotals struct {
	Packets    uint64 `json:"packets"`
	Bytes      uint64 `json:"bytes"` // on the wire
	Passed     uint64 `json:"passed"`
	Dropped    uint64 `json:"dropped"`
	WouldDrop  uint64 `json:"would_drop"`
	Unmatched  uint64 `json:"unmatched"`
	Unparsable uint64 `json:"unparsable"`
	// Cut is how many packets the capture holds only in part.
	Cut uint64 `json:"cut"`
	// Elsewhere is how many came from interfaces that the policy would not be attached
	// to.
	Elsewhere uint64 `json:"elsewhere"`
	// Rules are those of --policy that were credited, by their order in it.
	Rules []replayRule `json:"rules"`
	// Feeds are those that were credited, by their order in the policy.
	Feeds []replayFeed `json:"feeds,omitempty"`
	// Bans are by who decided them, by name.
	Bans []replayBans `json:"bans,omitempty"`
	// Unjudged are packets that no XDP program would see.
	Unjudged []replayUnjudged `json:"unjudged"`
	// With --against: how many packets are treated otherwise, and in which ways.
	Differ  *uint64        `json:"differ,omitempty"`
	Changes []replayChange `json:"changes,omitempty"`
	// JudgedBy is "the kernel's program", or says that it was not.
	JudgedBy string `json:"judged_by"`
}

type replayRule struct {
	Rule   string `json:"rule"`
	Effect string `json:"effect"` // as in guard status
	Place  string `json:"place"`
	// Packets and Bytes are those that the rule was credited with.
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// A replayFeed is a feed with what it was credited with.
type replayFeed struct {
	Feed    string `json:"feed"`
	Effect  string `json:"effect"` // "drop", "would_drop" or "count"
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// replayBans are the bans that a rule made, and what they were credited with.
type replayBans struct {
	Origin string `json:"origin"`
	Effect string `json:"effect"` // "drop" or "would_drop"
	// Bans is how many there were.
	Bans    uint64 `json:"bans"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

type replayUnjudged struct {
	Reason  string `json:"reason"`
	Packets uint64 `json:"packets"`
}

// A replayChange is what became of packets by one rule, and becomes by another.
type replayChange struct {
	Before  string `json:"before"`
	After   string `json:"after"`
	Packets uint64 `json:"packets"`
	// Sources is how many addresses they come from; at most mostSources are told apart.
	Sources int `json:"sources"`
}

// mostSources bounds the memory for sources of packets that are treated otherwise.
const mostSources = 100_000

func (c replayChange) who() string { return fromSources(c.Packets, c.Sources) }

func fromSources(packets uint64, sources int) string {
	if sources == mostSources {
		return fmt.Sprintf("%s from more than %d sources", counted(int(packets), "packet"), sources-1)
	}
	return fmt.Sprintf("%s from %s", counted(int(packets), "packet"), counted(sources, "source"))
}

// A replaySummary adds up what became of packets.
type replaySummary struct {
	subject, other *judged
	replayTotals   // but for what is in the maps
	rules          map[credited]*replayRule
	feeds          map[[2]string]*replayFeed // by name and effect
	bans           map[[2]string]*replayBans // the same
	unjudged       map[string]uint64
	byChange       map[[2]string]*changed
	byWay          [ways]changed
}

// credited is a rule of the subject with what it did.
type credited struct {
	rule   int
	effect string
}

// changed are packets that are treated otherwise.
type changed struct {
	packets uint64
	sources map[netip.Addr]bool
}

func (c *changed) add(source netip.Addr) {
	c.packets++
	if c.sources == nil {
		c.sources = make(map[netip.Addr]bool)
	}
	if len(c.sources) < mostSources {
		c.sources[source] = true
	}
}

// The ways in which a packet can be treated otherwise, in the order in which they
// matter.
const (
	droppedNow = iota
	passedNow
	auditedNow // an audited rule would drop it
	spared     // none would any more
	byAnother  // rule, to the same end
	ways
)

var wayWords = [ways]string{
	droppedNow: "would be dropped that pass now", passedNow: "would pass that are dropped now",
	auditedNow: "would be audited drops that are none now", spared: "would be no audited drops any more",
	byAnother: "would be treated the same by another rule",
}

func newReplaySummary(r *replay, subject, other *judged) *replaySummary {
	s := &replaySummary{
		subject: subject, other: other, rules: make(map[credited]*replayRule), feeds: make(map[[2]string]*replayFeed), bans: make(map[[2]string]*replayBans), unjudged: make(map[string]uint64), byChange: make(map[[2]string]*changed),
	}
	s.JudgedBy = "the kernel's program"
	if r.interpreter {
		s.JudgedBy = "the interpreter, not by the kernel's program"
	}
	return s
}

func (s *replaySummary) add(p replayed, parsed *packet.Packet) {
	s.Packets++
	size := uint64(max(p.record.Length, len(p.record.Frame)))
	s.Bytes += size
	if p.unjudged != nil {
		s.unjudged[p.unjudged.Error()]++
		return
	}
	if p.record.Length > len(p.record.Frame) {
		s.Cut++
	}
	if d := p.record.Interface; d != "" && s.subject.Attach != nil && !policy.Interfaces(s.subject.Attach).Has(d) {
		s.Elsewhere++
	}
	s.credit(p.subject, size)
	if s.other == nil || same(s.subject, p.subject, s.other, p.other) {
		return
	}
	s.byWay[s.way(p)].add(parsed.Source)
	key := [2]string{s.other.what(p.other), s.subject.what(p.subject)}
	if s.byChange[key] == nil {
		s.byChange[key] = &changed{}
	}
	s.byChange[key].add(parsed.Source)
}

// credit adds a packet to the totals and to the rules that it is credited to.
func (s *replaySummary) credit(j outcome, size uint64) {
	switch {
	case j.Verdict == policy.Dropped:
		s.Dropped++
	default:
		s.Passed++
	}
	switch {
	case j.Reason != packet.OK:
		s.Unparsable++
		if s.subject.Unparsable == policy.Drop && j.Verdict == policy.Passed {
			s.WouldDrop++
		}
		return
	case j.WouldDrop != policy.None:
		s.WouldDrop++
		s.creditRule(j.WouldDrop, "would_drop", size)
	case j.Listed.WouldDrop != "" || j.Ban == policy.BanWouldDrop:
		s.WouldDrop++
	}
	s.creditFeeds(&j.Listed, size)
	s.creditBans(j, size)
	switch {
	case j.By != policy.None:
		s.creditRule(j.By, verdictWords[j.Verdict], size)
	case j.Listed.By == "" && j.Ban != policy.BanDropped:
		s.Unmatched++
	}
	for _, i := range j.Counted {
		s.creditRule(i, s.subject.Rules[i].Action.String(), size)
	}
}

func (s *replaySummary) creditFeeds(l *policy.Listed, size uint64) {
	credit := func(name, effect string) {
		if name == "" {
			return
		}
		key := [2]string{name, effect}
		if s.feeds[key] == nil {
			s.feeds[key] = &replayFeed{Feed: name, Effect: effect}
		}
		s.feeds[key].Packets++
		s.feeds[key].Bytes += size
	}
	credit(l.By, "drop")
	credit(l.WouldDrop, "would_drop")
	for _, name := range l.Counted {
		credit(name, "count")
	}
}

// creditBans counts a ban that was made, and a packet that met one.
func (s *replaySummary) creditBans(o outcome, size uint64) {
	of := func(b *ban.Ban) *replayBans {
		key := [2]string{banOrigin(b), "drop"}
		if s.subject.bans.Audits(b) {
			key[1] = "would_drop"
		}
		if s.bans[key] == nil {
			s.bans[key] = &replayBans{Origin: key[0], Effect: key[1]}
		}
		return s.bans[key]
	}
	if o.made != nil {
		of(o.made).Bans++
	}
	if o.met != nil && (o.Ban == policy.BanDropped || o.Ban == policy.BanWouldDrop) {
		by := of(o.met)
		by.Packets++
		by.Bytes += size
	}
}

func (s *replaySummary) creditRule(i int, effect string, size uint64) {
	key := credited{i, effect}
	r := s.rules[key]
	if r == nil {
		r = &replayRule{Rule: s.subject.ruleName(i), Effect: effect, Place: s.subject.place(i)}
		s.rules[key] = r
	}
	r.Packets++
	r.Bytes += size
}

// way tells how a packet is treated otherwise.
func (s *replaySummary) way(p replayed) int {
	would := func(j *judged, x outcome) bool {
		return x.WouldDrop != policy.None || x.Listed.WouldDrop != "" || x.Ban == policy.BanWouldDrop || j.unreadable(x.Judgement)
	}
	before, after := would(s.other, p.other), would(s.subject, p.subject)
	switch {
	case p.subject.Verdict != p.other.Verdict && p.subject.Verdict == policy.Dropped:
		return droppedNow
	case p.subject.Verdict != p.other.Verdict:
		return passedNow
	case after && !before:
		return auditedNow
	case before && !after:
		return spared
	}
	return byAnother
}

// differ tells whether any packet is treated otherwise.
func (s *replaySummary) differ() bool { return len(s.byChange) > 0 }

// changes returns a line for each way in which packets are treated otherwise.
func (s *replaySummary) changes() (lines []string) {
	for way, c := range s.byWay {
		if c.packets > 0 {
			lines = append(lines, fromSources(c.packets, len(c.sources))+" "+wayWords[way])
		}
	}
	if lines == nil {
		return []string{"both policies treat all packets the same"}
	}
	return lines
}

// totals returns all of it, sorted.
func (s *replaySummary) totals() replayTotals {
	t := s.replayTotals
	t.Rules, t.Unjudged = []replayRule{}, []replayUnjudged{}
	var keys []credited
	for key := range s.rules {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b credited) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.effect, b.effect))
	})
	for _, key := range keys {
		t.Rules = append(t.Rules, *s.rules[key])
	}
	for i := range s.subject.Feeds {
		for _, effect := range []string{"drop", "would_drop", "count"} {
			if f := s.feeds[[2]string{s.subject.Feeds[i].Name, effect}]; f != nil {
				t.Feeds = append(t.Feeds, *f)
			}
		}
	}
	for _, b := range s.bans {
		t.Bans = append(t.Bans, *b)
	}
	slices.SortFunc(t.Bans, func(a, b replayBans) int {
		return cmp.Or(cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Effect, b.Effect))
	})
	for reason, n := range s.unjudged {
		t.Unjudged = append(t.Unjudged, replayUnjudged{reason, n})
	}
	slices.SortFunc(t.Unjudged, func(a, b replayUnjudged) int { return cmp.Compare(a.Reason, b.Reason) })
	if s.other == nil {
		return t
	}
	differ := uint64(0)
	for key, c := range s.byChange {
		differ += c.packets
		t.Changes = append(t.Changes, replayChange{key[0], key[1], c.packets, len(c.sources)})
	}
	t.Differ = &differ
	slices.SortFunc(t.Changes, func(a, b replayChange) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	return t
}
