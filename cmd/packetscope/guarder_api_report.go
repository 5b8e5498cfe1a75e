package main

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
)

// A guarderReport is the JSON of /api/v1/guarder/top. Fields may be added to it; none is
// renamed or removed.
type guarderReport struct {
	Time time.Time `json:"time"`
	// Seconds is the time that rates are over; 0 if none were asked for.
	Seconds float64 `json:"seconds"`
	// Estimate tells that all counts of sources are right on average only, if rules hit more
	// packets than the table can note one by one: see [guarder.SourceStatus]. It cannot be
	// told afterwards whether they did, so it is always true.
	Estimate bool `json:"estimate"`
	// Sources are those that rules hit, those first that are, or would be, dropped most now.
	Sources []guarderSourceRow `json:"sources"`
	// Total is over all sources of the table, listed or not; Known is how many there are.
	Total guarderCounts `json:"total"`
	Known int           `json:"known"`
	// Dropped and WouldDrop are exact, and of all packets since the counters were made, also
	// of sources that had to leave the table.
	Dropped   uint64 `json:"dropped"`
	WouldDrop uint64 `json:"would_drop"`
}

// guarderCounts are packets since the source came into the table. Packets are all that a
// rule dropped, would drop, counts or samples; those that a rule simply passes are not in it.
type guarderCounts struct {
	Packets   uint64 `json:"packets"`
	Dropped   uint64 `json:"dropped"`
	WouldDrop uint64 `json:"would_drop"`
	// PacketsPerSecond is of Packets, and DropsPerSecond of Dropped and WouldDrop together.
	PacketsPerSecond float64 `json:"packets_per_second"`
	DropsPerSecond   float64 `json:"drops_per_second"`
}

// A guarderSourceRow is one source with all rules that hit it.
type guarderSourceRow struct {
	// Source is an IPv4 address, or an IPv6 prefix of 64 bits; "" are packets without an
	// address.
	Source string `json:"source"`
	guarderCounts
	// The times are absent if the agent does not tell them.
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
	// Rules are those that hit it, the busiest first.
	Rules []guarderRuleRow `json:"rules"`
}

// A guarderRuleRow is what a rule did to a source. Group and Rule are absent for a rule that
// is in force no more.
type guarderRuleRow struct {
	Group   string `json:"group,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Effect  string `json:"effect"`
	Packets uint64 `json:"packets"`
}

// A hitKey tells entries of the table apart.
type hitKey struct {
	source netip.Addr
	rule   uint32
}

// fill adds the table up by source, and leaves the first ones.
func (r *guarderReport) fill(before, now guarder.HitList, rules []guarder.RuleStatus, top int) {
	was := make(map[hitKey]guarder.Hit, len(before.Hits))
	for _, h := range before.Hits {
		was[hitKey{h.Source, h.Rule}] = h
	}
	named := make(map[uint32]guarder.RuleStatus)
	for _, rule := range rules {
		if rule.Number != nil {
			named[*rule.Number] = rule
		}
	}
	rows := make(map[netip.Addr]*guarderSourceRow)
	for _, h := range now.Hits {
		row := rows[h.Source]
		if row == nil {
			row = &guarderSourceRow{Source: shownSource(h.Source)}
			rows[h.Source] = row
		}
		counts := countsOfHit(h, was[hitKey{h.Source, h.Rule}], r.Seconds)
		row.add(counts)
		r.Total.add(counts)
		row.see(now.Boot, h)
		rule := named[h.Rule]
		row.Rules = append(row.Rules, guarderRuleRow{rule.Group, rule.Rule, h.Effect, h.Packets})
	}
	r.Known, r.Sources = len(rows), []guarderSourceRow{}
	for _, row := range rows {
		r.Sources = append(r.Sources, *row)
	}
	slices.SortFunc(r.Sources, compareSources)
	r.Sources = r.Sources[:min(top, len(r.Sources))]
	for _, row := range r.Sources {
		slices.SortFunc(row.Rules, func(a, b guarderRuleRow) int {
			return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Rule, b.Rule))
		})
	}
}

// compareSources puts those first that are, or would be, dropped most: now, and if that is
// the same, since they are known.
func compareSources(a, b guarderSourceRow) int {
	return cmp.Or(
		cmp.Compare(b.DropsPerSecond, a.DropsPerSecond), cmp.Compare(b.Dropped+b.WouldDrop, a.Dropped+a.WouldDrop),
		cmp.Compare(b.PacketsPerSecond, a.PacketsPerSecond), cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Source, b.Source),
	)
}

// countsOfHit counts an entry, with the rate since what it was before. One that was made, or
// left and came back, in between has all of its packets of this time.
func countsOfHit(h, before guarder.Hit, seconds float64) guarderCounts {
	c := guarderCounts{Packets: h.Packets}
	added := h.Packets
	if before.First == h.First && before.Packets <= h.Packets {
		added -= before.Packets
	}
	if seconds > 0 {
		c.PacketsPerSecond = float64(added) / seconds
	}
	switch h.Effect {
	case "drop":
		c.Dropped, c.DropsPerSecond = h.Packets, c.PacketsPerSecond
	case "would_drop":
		c.WouldDrop, c.DropsPerSecond = h.Packets, c.PacketsPerSecond
	}
	return c
}

func (c *guarderCounts) add(d guarderCounts) {
	c.Packets += d.Packets
	c.Dropped += d.Dropped
	c.WouldDrop += d.WouldDrop
	c.PacketsPerSecond += d.PacketsPerSecond
	c.DropsPerSecond += d.DropsPerSecond
}

// see widens the time in which the source was seen. Boot is when the clock was zero.
func (r *guarderSourceRow) see(boot time.Time, h guarder.Hit) {
	if boot.IsZero() {
		return
	}
	first, last := boot.Add(time.Duration(h.First)).UTC(), boot.Add(time.Duration(h.Last)).UTC()
	if r.FirstSeen.IsZero() || first.Before(r.FirstSeen) {
		r.FirstSeen = first
	}
	if last.After(r.LastSeen) {
		r.LastSeen = last
	}
}

// shownSource returns an address as [guarder.SourceStatus] has it.
func shownSource(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return ""
	case a.Is6():
		return netip.PrefixFrom(a, 64).String()
	}
	return a.String()
}
