package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
)

// A page is what text is made for: a terminal, or with its zero value a file of any
// width.
type page struct {
	width, height int // cells; 0: any
	color         bool
}

// lines returns the report for people to read.
func (r locateReport) lines(p page) []string {
	how := ""
	if r.Way != "" {
		how = "  by " + r.Way
		if r.WayReason != "" {
			how += " (" + r.WayReason + ")"
		}
	}
	head := fmt.Sprintf("after %v, a round every %v%s; times in ms", max(0, r.Time.Sub(r.Since)).Round(time.Second), duration(r.IntervalSeconds), how)
	lines := wrap(r.Time.Local().Format(time.TimeOnly)+"  ", head, p.width)
	for _, one := range r.Paths {
		lines = append(lines, "")
		lines = append(lines, one.lines(r.Time, p)...)
	}
	if !r.Places {
		lines = append(lines, "")
		lines = append(lines, wrap("", "Without databases there are no places and networks: name some with --database (packetscope geodb makes one of public files).", p.width)...)
	}
	return lines
}

// locateColumns are those of the table. The times and the loss of a path stay longest.
var locateColumns = []tableColumn{
	{title: "TTL", right: true},
	{title: "HOP", least: 15},
	{title: "NAME", least: 12, drop: 8},
	{title: "AS", least: 12, drop: 5},
	{title: "PLACE", least: 10, drop: 7},
	{title: "LOSS", right: true},
	{title: "CLASS", drop: 2},
	{title: "ANSWERED", right: true, drop: 6},
	{title: "SENT", right: true, drop: 4},
	{title: "LAST", right: true, drop: 3},
	{title: "MIN", right: true, drop: 1},
	{title: "MEDIAN", right: true},
	{title: "P95", right: true, drop: 10},
	{title: "JITTER", right: true, drop: 9},
	{title: "STDDEV", right: true, drop: 11},
}

func (p locatePath) lines(now time.Time, to page) []string {
	title := p.URL
	if p.Dest != "" && !strings.Contains(p.URL, p.Dest) {
		title = p.Dest + "  " + title
	}
	if status := p.status(); len(status) > 0 {
		title += "  " + strings.Join(status, ", ")
	}
	lines := wrap("", title, to.width)
	if len(p.TTLs) > 0 {
		var rows []tableRow
		for _, t := range p.TTLs {
			rows = append(rows, t.rows()...)
		}
		lines = append(lines, tableLines(locateColumns, rows, to.width, to.color)...)
	}
	for _, n := range p.notes(now) {
		text := wrap(fmt.Sprintf("%-11s", n.heading), n.text, to.width)
		if to.color && n.style != "" {
			for i := range text {
				text[i] = n.style + text[i] + plain
			}
		}
		lines = append(lines, text...)
	}
	return lines
}

// status tells how far the measurement is, and what came of it.
func (p locatePath) status() []string {
	words := []string{cmp.Or(p.Address, "no address")}
	if p.Address != "" && p.Address == p.host() {
		words = nil // it is in the title
	}
	switch {
	case p.Reached != nil && *p.Reached && p.Length > 0:
		words = append(words, "reached in "+counted(p.Length, "hop"))
	case p.Reached != nil && *p.Reached:
		words = append(words, "reached")
	case p.BlockedBy != "":
		words = append(words, fmt.Sprintf("blocked by %s (%s)", p.BlockedBy, cmp.Or(p.BlockedReason, "unreachable")))
	case p.Reached != nil:
		words = append(words, "not reached")
	}
	if p.State != "steady" {
		words = append(words, p.State)
	}
	return words
}

// host returns what stands between the protocol and the port.
func (p locatePath) host() string {
	_, host, _ := strings.Cut(p.URL, "://")
	if p.Protocol != "icmp" {
		host = host[:max(0, strings.LastIndex(host, ":"))]
	}
	return strings.Trim(host, "[]")
}

// rows returns one row for each hop, with lines for what does not fit into columns. What
// is of the TTL and not of a hop stands in the first one only.
func (t locateTTL) rows() []tableRow {
	ttl := tableCell{strconv.Itoa(t.TTL), ""}
	shared := []tableCell{{t.loss(), t.style()}, {t.Class, t.style()}, {part(t.Unanswered), ""}, {strconv.FormatUint(t.Sent, 10), ""}}
	row := func(hop, times []tableCell) tableRow {
		return tableRow{cells: slices.Concat([]tableCell{ttl}, hop, shared, times)}
	}
	if len(t.Hops) == 0 {
		return []tableRow{row([]tableCell{{"no answer", dim}, {}, {}, {}}, make([]tableCell, 6))}
	}
	var rows []tableRow
	for _, h := range t.Hops {
		rows = append(rows, row(h.who(), h.times()))
		for _, line := range h.remarks() {
			rows = append(rows, tableRow{line: "     " + line})
		}
		ttl, shared = tableCell{}, make([]tableCell, len(shared))
	}
	return rows
}

// loss is what the path can have lost, which is never more because its router answers
// few probes.
func (t locateTTL) loss() string {
	if t.PathLoss == nil {
		return "-"
	}
	return percent(t.PathLoss.Ratio)
}

func (t locateTTL) style() string {
	switch t.Class {
	case path.Real.String():
		return red
	case path.Limited.String():
		return yellow
	case path.None.String():
		return ""
	}
	return dim
}

// part returns how much of the probes was answered.
func part(unanswered *lossRatio) string {
	if unanswered == nil {
		return "-"
	}
	return percent(1 - unanswered.Ratio)
}

func percent(ratio float64) string { return strconv.FormatFloat(100*ratio, 'f', 1, 64) + "%" }

// who returns the hop, its name, network and place.
func (h locateHop) who() []tableCell {
	style := ""
	place := h.place()
	if h.Plausibility == "implausible" || h.Plausibility == "doubtful" {
		place, style = place+"?", yellow
	}
	return []tableCell{{cmp.Or(h.Address, "others"), ""}, {h.Name, ""}, {h.network(), ""}, {place, style}}
}

// network returns such as "AS64500 EXAMPLE".
func (g geoWords) network() string {
	if g.ASN == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("AS%d %s", g.ASN, g.ASName))
}

// place returns such as "Berlin, DE", or what kind of address it is if that is nowhere.
func (g geoWords) place() string {
	switch {
	case g.Anycast:
		return "many (anycast)"
	case g.Registered:
		return g.Country + " (registered)"
	case g.City != "" && g.Country != "":
		return g.City + ", " + g.Country
	case g.City != "" || g.Country != "":
		return g.City + g.Country
	case g.Label != "":
		return g.Label
	case g.Kind == "public":
		return ""
	}
	return g.Kind
}

func (h locateHop) times() []tableCell {
	if h.Answers == 0 {
		return make([]tableCell, 6)
	}
	of := func(s *float64) tableCell {
		if s == nil {
			return tableCell{"-", ""}
		}
		return tableCell{milliseconds(*s), ""}
	}
	last := tableCell{"-", ""}
	if h.LastSeconds > 0 {
		last = of(&h.LastSeconds)
	}
	return []tableCell{last, of(&h.MinSeconds), of(&h.MedianSeconds), of(&h.P95Seconds), of(h.JitterSeconds), of(h.StddevSeconds)}
}

// remarks are what a router tells beside its address.
func (h locateHop) remarks() []string {
	var all []string
	if len(h.MPLS) > 0 {
		var labels []string
		for _, l := range h.MPLS {
			labels = append(labels, fmt.Sprintf("%d (class %d, TTL %d)", l.Label, l.Class, l.TTL))
		}
		all = append(all, "MPLS "+strings.Join(labels, ", "))
	}
	if h.Interface != "" {
		all = append(all, "came in by "+h.Interface)
	}
	if h.Rewritten != "" {
		all = append(all, "quotes probes with other fields: "+h.Rewritten)
	}
	if h.QuotedTTL != nil {
		all = append(all, fmt.Sprintf("quotes probes with TTL %d left", *h.QuotedTTL))
	}
	return all
}

// milliseconds returns three digits or so.
func milliseconds(seconds float64) string {
	ms := seconds * 1000
	switch {
	case ms < 0.0995:
		return strconv.FormatFloat(ms, 'f', 3, 64) // within one host
	case ms < 9.995:
		return strconv.FormatFloat(ms, 'f', 2, 64)
	case ms < 99.95:
		return strconv.FormatFloat(ms, 'f', 1, 64)
	}
	return strconv.FormatFloat(ms, 'f', 0, 64)
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
}
