package pathmap

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/tracer"
)

// MaxEdges is how many edges a map shows; what there is beyond is one edge from [Other] to
// [Other] for each direction and protocol.
const MaxEdges = 500

// Other is the name of what is not told apart.
const Other = "other"

// An Edge is a step that packets made.
type Edge struct {
	// Source and Target are functions. Target may be a fate: see [IsFate].
	Source, Target string
	Direction      Direction
	Protocol       string
}

// A Function is a node by what came to it.
type Function struct {
	Name      string
	Direction Direction
	Protocol  string
}

// A Step is an edge with what was counted of it.
type Step struct {
	Edge
	// Samples is how often sampled packets made the step.
	Samples uint64
	// Times are from when a packet was seen before to when it was seen next, if that was behind
	// this edge: the whole of it is counted where the two ways part. So they say how long the
	// target and what it calls took, until a packet was seen.
	Times Times
}

// An End is how packets ended.
type End struct {
	// Fate is the name of a node: see [IsFate], or [tracer.Unseen].
	Fate     string
	Protocol string
}

const dropped = "dropped: "

// FateName returns the name of the node of a fate: that of a drop has its reason.
func FateName(f tracer.Fate, reason string) string {
	if f == tracer.Dropped {
		return dropped + cmp.Or(reason, "NOT_SPECIFIED")
	}
	return string(f)
}

// IsFate tells whether a node is a fate and no function.
func IsFate(name string) bool {
	switch tracer.Fate(name) {
	case tracer.Delivered, tracer.Sent, tracer.Consumed, tracer.Merged, tracer.Unseen:
		return true
	}
	return IsDrop(name)
}

// IsDrop tells whether a node is the fate of packets that were dropped.
func IsDrop(name string) bool { return strings.HasPrefix(name, dropped) }

// A Map adds up the ways of packets. The zero value is ready; it has no limit.
type Map struct {
	// Limit is how many edges, and how many functions, are told apart; 0: all. It is for maps
	// that grow for ever: what comes when it is reached is added to [Other] for good, so that no
	// number falls. Fates stay what they are: beyond the limit there is an edge from Other to each.
	Limit     int
	edges     map[Edge]*Step
	functions map[Function]uint64
	ends      map[End]uint64
	packets   map[string]uint64
}

// Add adds a packet.
func (m *Map) Add(p *tracer.Packet) { m.add(p, protocolOf(p.Events[0].Frame)) }

// add adds a packet of a protocol.
func (m *Map) add(p *tracer.Packet, protocol string) {
	if m.edges == nil {
		m.edges, m.functions = make(map[Edge]*Step), make(map[Function]uint64)
		m.ends, m.packets = make(map[End]uint64), make(map[string]uint64)
	}
	if !p.Again {
		m.packets[protocol]++
	}
	w := walk{m: m, protocol: protocol, been: make(map[Function]bool)}
	for _, r := range p.Runs() {
		w.run(r)
	}
	fate, last := fateOf(p)
	name := FateName(fate, last.Reason)
	m.ends[m.end(End{name, protocol})]++
	if unseen := (End{string(tracer.Unseen), protocol}); p.Again && m.ends[unseen] > 0 {
		m.ends[unseen]-- // as which it was counted before
	}
	if fate != tracer.Unseen {
		from := last.Function()
		m.step(Edge{from, name, w.where(from), protocol})
	}
}

// end returns under which name an end is counted: reasons of drops are the kernel's, and few.
func (m *Map) end(e End) End {
	if _, ok := m.ends[e]; !ok && m.Limit > 0 && len(m.ends) >= m.Limit {
		return End{Other, Other}
	}
	return e
}

// wakes is the hook at which the owner of a socket is told of a packet.
const wakes tracer.Hook = "sk_data_ready"

// fateOf returns what became of a packet: when its socket's owner was told of it and it was not
// dropped, it was delivered.
func fateOf(p *tracer.Packet) (tracer.Fate, tracer.Event) {
	fate, last := p.Fate()
	if fate == tracer.Queued {
		fate = tracer.Delivered
	}
	return fate, last
}

// step counts an edge and returns it.
func (m *Map) step(e Edge) *Step {
	s := m.edges[e]
	if s == nil && m.Limit > 0 && len(m.edges) >= m.Limit {
		e.Source = Other
		if !IsFate(e.Target) { // of these there are few, and they matter most
			e.Target = Other
		}
		s = m.edges[e]
	}
	if s == nil {
		s = &Step{Edge: e}
		m.edges[e] = s
	}
	s.Samples++
	return s
}

func (m *Map) function(f Function) {
	if _, ok := m.functions[f]; !ok && m.Limit > 0 && len(m.functions) >= m.Limit {
		f.Name = Other
	}
	m.functions[f]++
}

// A walk adds one packet to a map.
type walk struct {
	m        *Map
	protocol string
	// been are the functions where the packet was.
	been map[Function]bool
	// last is when it was seen, 0 before the first time, and in which function, going which way.
	last      time.Duration
	in        string
	direction Direction
	// counted are the edges of the present run, by where they lead, and fresh tells that there
	// are none yet.
	counted map[counted]*Step
	fresh   bool
	onward  map[*tracer.Event]bool
}

// A counted is a node of a run: a packet may come there again, another way.
type counted struct {
	node      *tracer.Node
	direction Direction
}

// where returns which way the packet went in a function.
func (w *walk) where(function string) Direction {
	for _, d := range []Direction{w.direction, Receive, Transmit, Forward} {
		if w.been[Function{function, d, w.protocol}] {
			return d
		}
	}
	return cmp.Or(w.direction, Transmit)
}

func (w *walk) run(r *tracer.Run) {
	w.counted, w.fresh = make(map[counted]*Step), true
	w.onward = onward(r)
	eachEvent(r.Calls, nil, w.event)
}

// onward returns the events of a run at which the packet was on its way to another host: the
// same packet was received in it before and then sent. That is better known than by functions:
// those that say so may be missing in stacks, as they jump to the next one.
func onward(r *tracer.Run) map[*tracer.Event]bool {
	on := make(map[*tracer.Event]bool)
	var received []*tracer.Event // that were not sent on yet
	passed := false
	eachEvent(r.Calls, nil, func(e *tracer.Event, path []*tracer.Node) {
		_, names := namesOf(e, path)
		switch d, _ := course(names); {
		case d == Receive:
			received = append(received, e)
		case d == Forward, passed, len(received) > 0:
			passed, on[e] = true, true
			for _, before := range received {
				on[before] = true
			}
			received = nil
		}
	})
	return on
}

// eachEvent calls do with the events below some nodes, and the functions they were in.
func eachEvent(nodes, path []*tracer.Node, do func(*tracer.Event, []*tracer.Node)) {
	for _, n := range nodes {
		if n.Event != nil {
			do(n.Event, path)
			continue
		}
		eachEvent(n.Calls, append(slices.Clip(path), n), do)
	}
}

// event counts the steps to an event that were not counted for one before it.
func (w *walk) event(e *tracer.Event, path []*tracer.Node) {
	path, names := namesOf(e, path)
	direction, from := course(names)
	if w.onward[e] {
		direction, from = Forward, 0
	}
	path, names = path[from:], names[from:]
	var way, behind *Step // the first that is new, and the last of all
	w.visit(names[0], direction)
	if w.fresh && w.in != "" {
		way = w.m.step(Edge{w.in, names[0], direction, w.protocol})
		behind = way
	}
	if !w.fresh && len(path) == 1 && w.in != names[0] && w.counted[counted{path[0], direction}] == nil {
		// Functions without stacks stand side by side: one comes after the other.
		way = w.m.step(Edge{w.in, names[0], direction, w.protocol})
		w.counted[counted{path[0], direction}] = way
	}
	for i := 1; i < len(path); i++ {
		w.visit(names[i], direction)
		at := counted{path[i], direction}
		s := w.counted[at]
		if s == nil {
			s = w.m.step(Edge{names[i-1], names[i], direction, w.protocol})
			w.counted[at] = s
			way = cmp.Or(way, s)
		}
		behind = s
	}
	if way = cmp.Or(way, behind); way != nil && w.last != 0 {
		way.Times.add(e.Time - w.last)
	}
	w.last, w.in, w.direction, w.fresh = e.Time, names[len(names)-1], direction, false
}

// namesOf cuts off functions that only free the packet. An event without a stack is in a
// function that is called as its hook.
func namesOf(e *tracer.Event, path []*tracer.Node) ([]*tracer.Node, []string) {
	in := e.Function()
	for n := len(path); n > 0; n-- {
		if path[n-1].Function == in {
			path = path[:n]
			break
		}
	}
	if len(path) == 0 {
		path = []*tracer.Node{{Function: in}}
	}
	names := make([]string, len(path))
	for i, n := range path {
		names[i] = n.Function
	}
	return path, names
}

func (w *walk) visit(function string, d Direction) {
	f := Function{function, d, w.protocol}
	if !w.been[f] {
		w.been[f] = true
		w.m.function(f)
	}
}
