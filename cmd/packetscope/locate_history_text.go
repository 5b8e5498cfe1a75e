package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/locator/history"
)

// A historyLine is a record as it is printed: a checkpoint or an event. Fields may be
// added to it; none is renamed or removed. What is not known is left out.
type historyLine struct {
	// Kind is "checkpoint" or "event".
	Kind     string    `json:"kind"`
	Time     time.Time `json:"time"`
	Dest     string    `json:"dest"`
	Protocol string    `json:"protocol"`
	Family   string    `json:"family"`
	// Reached is there for checkpoints, and for events of the level "reach".
	Reached *bool `json:"reached,omitempty"`
	*historyCheckpoint
	*locateEvent
}

// A historyCheckpoint is what was known of a path at a time.
type historyCheckpoint struct {
	Address string `json:"address,omitempty"`
	// Length is the distance of the destination.
	Length    int          `json:"length,omitempty"`
	Hops      []historyHop `json:"hops"`
	ASPath    []uint32     `json:"as_path,omitempty"`
	MTU       int          `json:"mtu_bytes,omitempty"`
	RiskScore *int         `json:"risk_score,omitempty"`
}

// A historyHop is one of who answered at a TTL.
type historyHop struct {
	TTL           int     `json:"ttl"`
	Address       string  `json:"address"`
	Name          string  `json:"name,omitempty"`
	ASN           uint32  `json:"asn,omitempty"`
	ASName        string  `json:"as_name,omitempty"`
	Country       string  `json:"country,omitempty"`
	City          string  `json:"city,omitempty"`
	MinSeconds    float64 `json:"rtt_min_seconds,omitempty"`
	MedianSeconds float64 `json:"rtt_median_seconds,omitempty"`
	// Unanswered is the part of the probes that nobody answered.
	Unanswered *float64 `json:"unanswered_ratio,omitempty"`
}

func newHistoryLine(r history.Record) historyLine {
	key := r.Path()
	line := historyLine{Time: r.When(), Dest: printable(key.Dest), Protocol: printable(key.Proto), Family: ipName(int(key.AF))}
	switch r := r.(type) {
	case history.Checkpoint:
		line.Kind, line.Reached = string(history.KindCheckpoint), &r.Reached
		line.historyCheckpoint = newHistoryCheckpoint(r)
	case history.Event:
		line.Kind, line.locateEvent = string(history.KindEvent), eventOfHistory(r)
		line.Reached = line.locateEvent.Reached
	}
	return line
}

func newHistoryCheckpoint(c history.Checkpoint) *historyCheckpoint {
	r := &historyCheckpoint{
		Address: addressText(c.Address), Hops: []historyHop{}, ASPath: c.ASPath, MTU: c.MTU, RiskScore: c.RiskScore,
	}
	if end, ok := c.Destination(); ok {
		r.Length = int(end.TTL)
	}
	for _, h := range c.Hops {
		r.Hops = append(r.Hops, historyHop{
			int(h.TTL), addressText(h.Addr), printable(h.Name), h.ASN, printable(h.ASName), printable(h.Country), printable(h.City),
			h.RTTMin.Duration().Seconds(), h.RTTMedian.Duration().Seconds(), h.Loss,
		})
	}
	return r
}

func eventOfHistory(e history.Event) *locateEvent {
	r := &locateEvent{
		Time: e.At, Since: e.Since, FirstTTL: int(e.First), LastTTL: int(e.Last),
		RTTBeforeSeconds: e.RTTBefore.Duration().Seconds(), RTTAfterSeconds: e.RTTAfter.Duration().Seconds(),
	}
	for _, level := range e.Levels {
		r.Levels = append(r.Levels, printable(level))
		if level == "reach" {
			r.Reached = &e.Reached
		}
	}
	for _, a := range e.Before {
		r.Before = append(r.Before, addressText(a))
	}
	for _, a := range e.After {
		r.After = append(r.After, addressText(a))
	}
	return r
}

// text returns the line for people.
func (l historyLine) text() string {
	what := ""
	if l.locateEvent != nil {
		what = l.locateEvent.what()
	} else {
		what = l.historyCheckpoint.what(*l.Reached)
	}
	return fmt.Sprintf("%s  %s %s %s  %s", l.Time.Local().Format(time.DateTime), l.Dest, l.Protocol, l.Family, what)
}

// what tells a checkpoint without its time.
func (c historyCheckpoint) what(reached bool) string {
	words := []string{"not reached"}
	switch {
	case reached && c.Length > 0:
		words[0] = "reached in " + counted(c.Length, "hop")
	case reached:
		words[0] = "reached"
	}
	for _, h := range c.Hops {
		if h.TTL == c.Length && h.Address == c.Address && h.MedianSeconds > 0 {
			words = append(words, "median "+milliseconds(h.MedianSeconds)+" ms")
		}
	}
	if len(c.ASPath) > 0 {
		words = append(words, networks(c.ASPath))
	}
	if c.MTU > 0 {
		words = append(words, fmt.Sprintf("MTU %d", c.MTU))
	}
	if c.RiskScore != nil {
		words = append(words, fmt.Sprintf("risk %d", *c.RiskScore))
	}
	return strings.Join(words, ", ")
}

// networks returns "AS64500 > AS64501".
func networks(path []uint32) string {
	var all []string
	for _, asn := range path {
		all = append(all, fmt.Sprintf("AS%d", asn))
	}
	return strings.Join(all, " > ")
}
