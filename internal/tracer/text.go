package tracer

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A TextOptions says what [WriteText] writes. Each function may be nil: nobody knows.
type TextOptions struct {
	// Layers asks for the fields of all headers.
	Layers bool
	// Stacks asks for the whole stack of each event.
	Stacks bool
	// Explain returns what a reason of drops means.
	Explain func(reason string) string
	// Clock returns the time of the day of a time of the events' clock.
	Clock func(time.Duration) time.Time
	// Owner returns whose socket it is that a packet has at an event; "" if it is not known.
	Owner func(*Event) string
	// Namespace returns the name of a network namespace; "" if it has none.
	Namespace func(inode uint32) string
}

// WriteText writes a packet as a tree: each function is indented below the one that called it,
// and each event stands where it was, with the time since the one before.
func (p *Packet) WriteText(to io.Writer, o TextOptions) error {
	w := &textWriter{to: to, options: o}
	first := p.Events[0]
	head := fmt.Sprintf("packet %d", p.Number)
	if p.Again {
		head += ", later"
	}
	if o.Clock != nil {
		head += " at " + o.Clock(first.Time).Format("15:04:05.000000")
	}
	w.line(0, "%s: %s, %d bytes%s", head, Summary(first.Frame), first.Length, segmentsOf(first))
	if o.Layers {
		for _, l := range Layers(first.Frame) {
			w.line(1, "%s", layerText(l))
		}
	}
	w.last = first.Time
	for _, r := range p.Runs() {
		w.run(r)
	}
	if verdicts := verdictText(p.Verdicts()); verdicts != "" {
		w.line(1, "%s", verdicts)
	}
	w.fate(p)
	return w.err
}

type textWriter struct {
	to      io.Writer
	options TextOptions
	// last is when the event before was, place where, and owner whose socket it had.
	last         time.Duration
	place, owner string
	skb          uint64
	err          error
}

func (w *textWriter) line(depth int, format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.to, "%s%s\n", strings.Repeat("  ", depth), plain(fmt.Sprintf(format, args...)))
	}
}

// plain returns a line without what would move a terminal's cursor: names of processes and
// devices may hold anything.
func plain(line string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, line)
}

func layerText(l Layer) string {
	var b strings.Builder
	b.WriteString(l.Name)
	for _, f := range l.Fields {
		fmt.Fprintf(&b, " %s=%q", f[0], f[1])
	}
	return strings.ReplaceAll(b.String(), `"`, "")
}

func segmentsOf(e Event) string {
	if e.Segments > 1 {
		return fmt.Sprintf(" for %d segments", e.Segments)
	}
	return ""
}

func (w *textWriter) run(r *Run) {
	who := string(r.Context)
	if who == "" {
		who = "somewhere"
	}
	if r.First.Command != "" {
		who = fmt.Sprintf("%s of %s[%d]", who, r.First.Command, r.First.Process)
	}
	w.line(1, "%s, cpu %d", who, r.First.CPU)
	for _, n := range r.Calls {
		w.node(n, 2)
	}
}

func (w *textWriter) node(n *Node, depth int) {
	if n.Event != nil {
		w.event(n.Event, depth)
		return
	}
	w.line(depth, "%s", n.Function)
	for _, c := range n.Calls {
		w.node(c, depth+1)
	}
}

func (w *textWriter) event(e *Event, depth int) {
	var notes []string
	if place := w.placeOf(e); place != w.place && place != "" {
		w.place = place
		notes = append(notes, place)
	}
	if w.options.Owner != nil {
		if owner := w.options.Owner(e); owner != w.owner && owner != "" {
			w.owner = owner
			notes = append(notes, "socket of "+owner)
		}
	}
	if w.skb != 0 && w.skb != e.Descriptor {
		notes = append(notes, "as a clone")
	}
	w.skb = e.Descriptor
	if d := e.Detail(); d != "" {
		notes = append(notes, d)
	}
	text := strings.Join(notes, ", ")
	if text != "" {
		text = ": " + text
	}
	what := string(e.Hook)
	if e.Func != "" {
		what = "begins"
	}
	w.line(depth, "* %s +%s%s", what, microseconds(e.Time-w.last), text)
	w.last = e.Time
	if w.options.Stacks && len(e.Stack) > 0 {
		inner := slices.Clone(e.Stack)
		slices.Reverse(inner)
		w.line(depth, "  in %s", strings.Join(inner, " < "))
	}
}

func (w *textWriter) placeOf(e *Event) string {
	if e.Namespace == 0 {
		return ""
	}
	place := fmt.Sprintf("netns %d", e.Namespace)
	if e.Device != "" {
		place = fmt.Sprintf("dev %s %s", e.Device, place)
	}
	if w.options.Namespace != nil {
		if name := w.options.Namespace(e.Namespace); name != "" {
			place += " (" + name + ")"
		}
	}
	return place
}

func microseconds(d time.Duration) string { return fmt.Sprintf("%.1fµs", float64(d)/1e3) }

// Detail says what an event's value means; "" if it has none.
func (e *Event) Detail() string {
	for _, h := range hooks {
		if h.hook != e.Hook {
			continue
		}
		switch {
		case h.meaning == dropReason:
			return e.Reason
		case h.meaning == code && e.Value < 0:
			return fmt.Sprintf("error %d", -e.Value)
		case h.meaning == code && e.Value > 0:
			return fmt.Sprintf("refused with %d", e.Value)
		case h.meaning == bytesRead:
			return fmt.Sprintf("%d bytes", e.Value)
		case h.meaning == icmpMessage:
			return fmt.Sprintf("type %d code %d", e.Value>>8, e.Value&0xff)
		}
	}
	return ""
}

func (w *textWriter) fate(p *Packet) {
	fate, e := p.Fate()
	where := e.Function()
	after := microseconds(e.Time - p.Events[0].Time)
	text := fmt.Sprintf("%s in %s after %s", fate, where, after)
	switch fate {
	case Unseen:
		text = fmt.Sprintf("%s after %s, %s from the first event", fate, where, after)
	case Dropped:
		text += ": " + e.Reason
		if w.options.Explain != nil {
			if why := w.options.Explain(e.Reason); why != "" {
				text += ": " + why
			}
		}
	}
	w.line(1, "= %s", text)
}
