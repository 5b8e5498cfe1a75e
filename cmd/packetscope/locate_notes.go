package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A note is a line below the table.
type note struct{ heading, text, style string }

// mostEvents is how many changes of a path are told below its table.
const mostEvents = 5

// notes tell what is known of the path as a whole.
func (p locatePath) notes(now time.Time) []note {
	var all []note
	add := func(heading, text, style string) {
		if text != "" {
			all = append(all, note{heading, text, style})
		}
	}
	add("error", p.Error, red)
	add("end to end", p.endText(), "")
	add("AS path", p.asText(), "")
	add("MTU", p.mtuText(), "")
	for _, n := range p.NAT {
		add("NAT", n.text(), "")
	}
	add("branches", p.branchText(), "")
	add("changes", p.changeText(), "")
	for _, e := range p.Events[:min(len(p.Events), mostEvents)] {
		add("", e.text(now), "")
	}
	for _, r := range p.Rules {
		if r.State == "violated" && r.Points == 0 { // else it is a factor of the risk
			add("rule", fmt.Sprintf("%s is violated: %s", r.Rule, r.Text), yellow)
		}
	}
	risk := ""
	if p.Risk.Score > 0 {
		risk = yellow
	}
	add("risk", p.riskText(), risk)
	for _, h := range p.remarkable() {
		add(fmt.Sprintf("TTL %d", h.ttl), h.text, yellow)
	}
	return all
}

func (p locatePath) endText() string {
	e := p.End
	if e.Sent == 0 {
		return ""
	}
	text := fmt.Sprintf("%d sent, %d lost", e.Sent, e.Lost)
	if e.Loss != nil && e.Class != "unknown" {
		text += fmt.Sprintf("; loss %s (%s to %s), %s", percent(e.Loss.Ratio), percent(e.Loss.Low), percent(e.Loss.High), e.Class)
	}
	if e.MedianSeconds > 0 {
		text += fmt.Sprintf("; min %s, median %s", milliseconds(e.MinSeconds), milliseconds(e.MedianSeconds))
	}
	if e.JitterSeconds != nil {
		text += ", jitter " + milliseconds(*e.JitterSeconds)
	}
	return text
}

func (p locatePath) asText() string {
	var all []string
	for _, a := range p.ASPath {
		all = append(all, strings.TrimSpace(fmt.Sprintf("AS%d %s", a.ASN, a.Name))+" ("+ttlRange(a.FirstTTL, a.LastTTL)+")")
	}
	return strings.Join(all, " > ")
}

func ttlRange(first, last int) string {
	if first == last {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}

func (p locatePath) mtuText() string {
	if p.MTU == nil {
		return ""
	}
	text := fmt.Sprintf("%d bytes", p.MTU.Bytes)
	if p.MTU.LinkTTL > 0 {
		text += fmt.Sprintf(", by the link behind TTL %d", p.MTU.LinkTTL)
		if p.MTU.Link != "" {
			text += " (" + p.MTU.Link + ")"
		}
	}
	if p.MTU.BlackHole {
		text += "; larger packets vanish and nobody says so"
	}
	return text
}

func (n locateNAT) text() string {
	where := fmt.Sprintf("between TTL %d and %d", n.AfterTTL, n.BeforeTTL)
	if n.AfterTTL == 0 {
		where = fmt.Sprintf("between this host and TTL %d", n.BeforeTTL)
	}
	return where + " (" + n.Method + ")"
}

func (p locatePath) branchText() string {
	switch {
	case p.State != "steady" || p.Width == 0 || p.Width == 1 && !p.BranchesComplete:
		return ""
	case p.Width == 1:
		return "none"
	case p.BranchesComplete:
		return fmt.Sprintf("up to %d at one TTL, all found", p.Width)
	}
	return fmt.Sprintf("up to %d at one TTL so far", p.Width)
}

func (p locatePath) changeText() string {
	var all []string
	for _, level := range slices.Sorted(maps.Keys(p.Changes)) {
		if n := p.Changes[level]; n > 0 {
			all = append(all, fmt.Sprintf("%s %d", level, n))
		}
	}
	return strings.Join(all, ", ")
}

// text tells an event with its time, and with the date if that is not today.
func (e locateEvent) text(now time.Time) string {
	layout := time.TimeOnly
	if now.Local().Format(time.DateOnly) != e.Time.Local().Format(time.DateOnly) {
		layout = time.DateTime
	}
	return e.Time.Local().Format(layout) + " " + e.what()
}

// what tells an event without its time.
func (e locateEvent) what() string {
	text := strings.Join(e.Levels, "+")
	if e.FirstTTL > 0 {
		text += fmt.Sprintf(" at TTL %s: %s became %s", ttlRange(e.FirstTTL, e.LastTTL), hopRange(e.Before, e.FirstTTL, e.LastTTL), hopRange(e.After, e.FirstTTL, e.LastTTL))
	}
	if e.Reached != nil {
		text += map[bool]string{true: ": it answers again", false: ": it answers no longer"}[*e.Reached]
	}
	if e.RTTAfterSeconds > 0 {
		text += fmt.Sprintf(": %s became %s ms", milliseconds(e.RTTBeforeSeconds), milliseconds(e.RTTAfterSeconds))
	}
	return text
}

// hopRange returns who answered from one TTL to another.
func hopRange(hops []string, first, last int) string {
	var all []string
	for ttl := first; ttl <= last; ttl++ {
		hop := "?"
		if ttl-1 < len(hops) {
			hop = cmp.Or(hops[ttl-1], "?")
		}
		all = append(all, hop)
	}
	return strings.Join(all, " ")
}

// riskText returns "" if nothing speaks against the path and nobody asked.
func (p locatePath) riskText() string {
	if p.Risk.Score == 0 && len(p.Rules) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of 100", p.Risk.Score)
	var why []string
	for _, f := range p.Risk.Factors {
		reason := fmt.Sprintf("%s +%d", f.Name, f.Points)
		if f.Text != "" {
			reason += " (" + f.Text + ")"
		}
		why = append(why, reason)
	}
	if why != nil {
		text += ": " + strings.Join(why, "; ")
	}
	if p.Risk.Unknown != nil {
		text += "; not known: " + strings.Join(p.Risk.Unknown, ", ")
	}
	return text
}

type hopRemark struct {
	ttl  int
	text string
}

// remarkable returns what is odd about hops beside how they answer.
func (p locatePath) remarkable() (all []hopRemark) {
	for _, t := range p.TTLs {
		for _, h := range t.Hops {
			if h.Blocklisted != nil && *h.Blocklisted {
				all = append(all, hopRemark{t.TTL, strings.TrimSpace(fmt.Sprintf("%s is on a blocklist %s", h.Address, h.Reference))})
			}
			switch h.Plausibility {
			case "implausible":
				all = append(all, hopRemark{t.TTL, fmt.Sprintf("%s cannot be in %s, where a database has it: light would take longer to get there and back", h.Address, h.place())})
			case "doubtful":
				all = append(all, hopRemark{t.TTL, fmt.Sprintf("%s can hardly be in %s, where a database has it: glass fibre would take longer to get there and back", h.Address, h.place())})
			}
		}
	}
	return all
}
