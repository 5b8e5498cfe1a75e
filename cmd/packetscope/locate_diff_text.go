package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/locator/history"
)

// A pathDiff is how a path differs between two times. Fields may be added to it; none is
// renamed or removed. What does not differ is left out.
type pathDiff struct {
	Dest     string    `json:"dest"`
	Protocol string    `json:"protocol"`
	Family   string    `json:"family"`
	Before   time.Time `json:"before"`
	After    time.Time `json:"after"`
	// TTLs are those at which others answer.
	TTLs      []ttlDiff             `json:"ttls,omitempty"`
	ASPath    *difference[[]uint32] `json:"as_path,omitempty"`
	Countries *difference[[]string] `json:"countries,omitempty"`
	Reached   *difference[bool]     `json:"reached,omitempty"`
	// Of these 0 is unknown.
	Length     *difference[uint8]   `json:"length,omitempty"`
	RTTSeconds *difference[float64] `json:"rtt_median_seconds,omitempty"`
	MTU        *difference[int]     `json:"mtu_bytes,omitempty"`
	RiskScore  *difference[*int]    `json:"risk_score,omitempty"`
}

// difference is what something was at two times.
type difference[T any] struct {
	Before T `json:"before"`
	After  T `json:"after"`
}

// A ttlDiff is who answers at a TTL now and did not, or the other way round.
type ttlDiff struct {
	TTL      int          `json:"ttl"`
	Appeared []historyHop `json:"appeared,omitempty"`
	Vanished []historyHop `json:"vanished,omitempty"`
	Moved    []movedHop   `json:"moved,omitempty"`
}

// A movedHop answered at another TTL before.
type movedHop struct {
	Address string `json:"address"`
	FromTTL int    `json:"from_ttl"`
}

func newPathDiff(key history.Key, d history.Diff) pathDiff {
	r := pathDiff{
		Dest: printable(key.Dest), Protocol: printable(key.Proto), Family: ipName(int(key.AF)), Before: d.At.Before, After: d.At.After,
		ASPath: differs(d.ASPath, networks), Countries: differs(cleanCountries(d.Countries), countryPath), Reached: differs(d.Reached, yes),
		Length: differs(d.Length, number), MTU: differs(d.MTU, number), RiskScore: differs(d.RiskScore, score),
		RTTSeconds: differs(history.Change[float64]{Before: d.RTT.Before.Seconds(), After: d.RTT.After.Seconds()}, rttText),
	}
	for _, t := range d.TTLs {
		of := newHistoryCheckpoint(history.Checkpoint{Hops: t.Appeared}).Hops
		ttl := ttlDiff{TTL: int(t.TTL), Appeared: of, Vanished: newHistoryCheckpoint(history.Checkpoint{Hops: t.Vanished}).Hops}
		for _, m := range t.Moved {
			ttl.Moved = append(ttl.Moved, movedHop{addressText(m.Addr), int(m.From)})
		}
		r.TTLs = append(r.TTLs, ttl)
	}
	return r
}

// differs returns nil if there is no difference that people would see.
func differs[T any](c history.Change[T], text func(T) string) *difference[T] {
	if text(c.Before) == text(c.After) {
		return nil
	}
	return &difference[T]{c.Before, c.After}
}

func cleanCountries(c history.Change[[]string]) history.Change[[]string] {
	clean := func(all []string) (r []string) {
		for _, one := range all {
			r = append(r, printable(one))
		}
		return r
	}
	return history.Change[[]string]{Before: clean(c.Before), After: clean(c.After)}
}

func countryPath(all []string) string { return cmp.Or(strings.Join(all, " > "), "unknown") }

func yes(reached bool) string {
	if reached {
		return "yes"
	}
	return "no"
}

func number[N uint8 | int](n N) string {
	if n == 0 {
		return "unknown"
	}
	return strconv.Itoa(int(n))
}

func score(n *int) string {
	if n == nil {
		return "unknown"
	}
	return strconv.Itoa(*n)
}

func rttText(seconds float64) string {
	if seconds == 0 {
		return "unknown"
	}
	return milliseconds(seconds) + " ms"
}

// lines returns the difference for people.
func (d pathDiff) lines() []string {
	at := func(t time.Time) string { return t.Local().Format(time.DateTime) }
	lines := []string{fmt.Sprintf("%s %s %s  %s > %s", d.Dest, d.Protocol, d.Family, at(d.Before), at(d.After))}
	add := func(heading, text string) {
		if text != "" {
			lines = append(lines, fmt.Sprintf("%-10s %s", heading, text))
		}
	}
	for _, t := range d.TTLs {
		add(fmt.Sprintf("TTL %d", t.TTL), t.text())
	}
	add("AS path", became(d.ASPath, func(path []uint32) string { return cmp.Or(networks(path), "unknown") }))
	add("countries", became(d.Countries, countryPath))
	add("reached", became(d.Reached, yes))
	add("length", became(d.Length, number[uint8]))
	add("RTT", became(d.RTTSeconds, rttText))
	add("MTU", became(d.MTU, number[int]))
	add("risk", became(d.RiskScore, score))
	if len(lines) == 1 {
		add("nothing", "differs")
	}
	return lines
}

// became returns "" for nil.
func became[T any](c *difference[T], text func(T) string) string {
	if c == nil {
		return ""
	}
	return text(c.Before) + " became " + text(c.After)
}

func (t ttlDiff) text() string {
	var parts []string
	for _, h := range t.Vanished {
		parts = append(parts, h.who()+" is gone")
	}
	for _, h := range t.Appeared {
		parts = append(parts, h.who()+" is new")
	}
	for _, m := range t.Moved {
		parts = append(parts, fmt.Sprintf("%s was at TTL %d", m.Address, m.FromTTL))
	}
	return strings.Join(parts, ", ")
}

// who returns the address with what is known of it.
func (h historyHop) who() string {
	known := []string{}
	for _, word := range []string{h.Name, geoWords{ASN: h.ASN, ASName: h.ASName}.network(), geoWords{City: h.City, Country: h.Country}.place()} {
		if word != "" {
			known = append(known, word)
		}
	}
	if len(known) == 0 {
		return h.Address
	}
	return h.Address + " (" + strings.Join(known, ", ") + ")"
}
