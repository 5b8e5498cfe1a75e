package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/packetscope/packetscope/internal/dropreason"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/tracer"
)

// mostSteps is how many of the slowest steps are told.
const mostSteps = 10

// A traceSummary is what became of a trace, and the JSON of it. Fields may be added to it;
// none is renamed or removed.
type traceSummary struct {
	Seconds float64 `json:"seconds"`
	Packets int     `json:"packets"`
	// Fates counts packets by what became of them.
	Fates map[tracer.Fate]int `json:"fates"`
	Drops []traceDrops        `json:"drops"`
	Slow  []traceSlow         `json:"slowest"`
	// Events are those of the chosen packets: Lost of them found no room.
	Seen   uint64 `json:"events_seen"`
	Chosen uint64 `json:"events_chosen"`
	Lost   uint64 `json:"events_lost"`
	// Missed is how often no look was taken, as the program was at work already.
	Missed uint64 `json:"events_missed"`
	// Missing are hooks that this kernel does not have.
	Missing []traceMissing `json:"missing_hooks"`
}

// A traceDrops counts packets that were dropped alike.
type traceDrops struct {
	Packets     int    `json:"packets"`
	Severity    string `json:"severity"`
	Reason      string `json:"reason"`
	Function    string `json:"function"`
	Explanation string `json:"explanation"`
}

// A traceSlow is a step that packets took, and how long.
type traceSlow struct {
	// Function is the innermost one that ran all the time; "" if packets waited.
	Function string  `json:"function,omitempty"`
	From     string  `json:"from"`
	To       string  `json:"to"`
	Times    int     `json:"times"`
	Median   float64 `json:"median_seconds"`
	Most     float64 `json:"max_seconds"`
}

type traceMissing struct {
	Hook   string `json:"hook"`
	Reason string `json:"reason"`
}

// A traceTally adds packets up.
type traceTally struct {
	// packets holds a fate by number, as a packet may be told of again.
	packets map[int]packetFate
	// settled counts those whose number is forgotten.
	settled map[packetFate]int
	steps   map[stepKey]*stepTimes
}

// mostUnsettled is how many packets are known by number: as many as [tracer.Live] tells of again.
const mostUnsettled = 100_000

type packetFate struct {
	fate             tracer.Fate
	reason, function string
}

type stepKey struct{ in, from, to string }

// mostTimes is how many times of a step are kept to tell the median; later ones count, and the
// longest is always kept.
const mostTimes = 10_000

type stepTimes struct {
	count int
	most  time.Duration
	times []time.Duration
}

func newTraceTally() *traceTally {
	return &traceTally{packets: make(map[int]packetFate), settled: make(map[packetFate]int), steps: make(map[stepKey]*stepTimes)}
}

func (t *traceTally) add(p *tracer.Packet) {
	fate, event := p.Fate()
	told := packetFate{fate: fate}
	if fate == tracer.Dropped {
		told.reason, told.function = event.Reason, event.Function()
	}
	// What comes later of a packet that was sent, as that its buffer is freed, does not
	// change its fate; that somebody read it does.
	if before, known := t.packets[p.Number]; !known || before.fate == tracer.Unseen || fate == tracer.Delivered || fate == tracer.Dropped && before.fate != tracer.Delivered {
		t.packets[p.Number] = told
	}
	if len(t.packets) > 2*mostUnsettled {
		t.settle()
	}
	for _, s := range p.Steps() {
		key := stepKey{s.In, placeOfStep(s.From), placeOfStep(s.To)}
		times := t.steps[key]
		if times == nil {
			times = new(stepTimes)
			t.steps[key] = times
		}
		times.count++
		times.most = max(times.most, s.Took)
		if len(times.times) < mostTimes {
			times.times = append(times.times, s.Took)
		}
	}
}

// settle forgets the numbers of the older half.
func (t *traceTally) settle() {
	numbers := slices.Sorted(maps.Keys(t.packets))
	for _, n := range numbers[:len(numbers)/2] {
		t.settled[t.packets[n]]++
		delete(t.packets, n)
	}
}

// placeOfStep names an event by its hook, and by the function that begins, or that ended it.
func placeOfStep(e *tracer.Event) string {
	if e.Func != "" {
		return e.Func
	}
	if e.Hook == "kfree_skb" || e.Hook == "consume_skb" {
		return fmt.Sprintf("%s of %s", e.Hook, e.Function())
	}
	return string(e.Hook)
}

// summary returns what was added up.
func (t *traceTally) summary() traceSummary {
	s := traceSummary{Fates: make(map[tracer.Fate]int), Drops: []traceDrops{}, Slow: []traceSlow{}, Missing: []traceMissing{}}
	fates := maps.Clone(t.settled)
	for _, f := range t.packets {
		fates[f]++
	}
	for f, n := range fates {
		s.Packets += n
		s.Fates[f.fate] += n
		if f.fate == tracer.Dropped {
			s.Drops = append(s.Drops, traceDrops{n, stack.SeverityOf(f.reason).String(), f.reason, f.function, dropreason.Explain(f.reason)})
		}
	}
	slices.SortFunc(s.Drops, func(a, b traceDrops) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Function, b.Function))
	})
	s.Slow = t.slowest()
	return s
}

// slowest returns the steps with the longest medians.
func (t *traceTally) slowest() []traceSlow {
	all := make([]traceSlow, 0, len(t.steps))
	for key, times := range t.steps {
		slices.Sort(times.times)
		median := times.times[len(times.times)/2]
		all = append(all, traceSlow{key.in, key.from, key.to, times.count, median.Seconds(), times.most.Seconds()})
	}
	slices.SortFunc(all, func(a, b traceSlow) int {
		return cmp.Or(cmp.Compare(b.Median, a.Median), cmp.Compare(a.Function, b.Function), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return all[:min(len(all), mostSteps)]
}

// text returns the summary for people.
func (s traceSummary) text() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s in %s", counted(s.Packets, "packet"), shortDuration(s.Seconds))
	var fates []string
	for _, f := range slices.SortedFunc(maps.Keys(s.Fates), func(a, b tracer.Fate) int {
		return cmp.Or(cmp.Compare(s.Fates[b], s.Fates[a]), cmp.Compare(a, b))
	}) {
		fates = append(fates, fmt.Sprintf("%d %s", s.Fates[f], f))
	}
	if len(fates) > 0 {
		fmt.Fprintf(&b, ": %s", strings.Join(fates, ", "))
	}
	b.WriteString("\n")
	for _, d := range s.Drops {
		fmt.Fprintf(&b, "dropped (%s): %s in %s, %s: %s\n", d.Severity, counted(d.Packets, "packet"), d.Function, cmp.Or(d.Reason, "no reason"), d.Explanation)
	}
	s.slowText(&b)
	b.WriteString(s.lossText())
	if s.Chosen == 0 {
		fmt.Fprintf(&b, "no packet fits the filter; of others, %s\n", counted(int(s.Seen), "event"))
	}
	for _, m := range s.Missing {
		fmt.Fprintf(&b, "not looked at: %s: %s\n", m.Hook, m.Reason)
	}
	return b.String()
}

func (s traceSummary) slowText(b *bytes.Buffer) {
	if len(s.Slow) == 0 {
		return
	}
	b.WriteString("slowest steps:\n")
	table := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "MEDIAN\tLONGEST\tTIMES\tIN\tFROM\tTO")
	for _, p := range s.Slow {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", shortDuration(p.Median), shortDuration(p.Most), p.Times, cmp.Or(p.Function, "(waiting)"), p.From, p.To)
	}
	table.Flush() // into memory
}

// lossText says whether all was seen.
func (s traceSummary) lossText() string {
	var text string
	switch {
	case s.Lost > 0:
		text = fmt.Sprintf("%d of %d events were LOST, because they were not read in time: packets above may lack parts, and some are missing. "+
			"Choose fewer packets by the filter, or end the trace after --count of them\n", s.Lost, s.Chosen)
	case s.Missed == 0:
		text = fmt.Sprintf("no event was lost: all %d were read\n", s.Chosen)
	}
	if s.Missed > 0 {
		text += fmt.Sprintf("%d times a packet was not looked at, because its CPU was interrupted while it looked at others: parts may be missing\n", s.Missed)
	}
	return text
}

// shortDuration writes a time with three digits.
func shortDuration(seconds float64) string {
	for _, u := range []struct {
		unit string
		size float64
	}{{"s", 1}, {"ms", 1e-3}} {
		if seconds >= u.size {
			return fmt.Sprintf("%.3g%s", seconds/u.size, u.unit)
		}
	}
	return fmt.Sprintf("%.3gµs", seconds/1e-6)
}
