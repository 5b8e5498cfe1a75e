package pathmap

import (
	"cmp"
	"maps"
	"slices"
)

// Steps returns the edges, those with the most samples first. At most the given number are told
// apart, 0: all; the others are added up under [Other].
func (m *Map) Steps(most int) []Step {
	list := make([]Step, 0, len(m.edges))
	for _, s := range m.edges {
		list = append(list, *s)
	}
	slices.SortFunc(list, compareSteps)
	if most == 0 || len(list) <= most {
		return list
	}
	rest := make(map[Edge]Step)
	for _, s := range list[most:] {
		e := Edge{Other, Other, s.Direction, s.Protocol}
		sum := rest[e]
		sum.Edge = e
		sum.Samples += s.Samples
		sum.Times.merge(s.Times)
		rest[e] = sum
	}
	return append(list[:most:most], slices.SortedFunc(maps.Values(rest), compareSteps)...)
}

func compareSteps(a, b Step) int {
	return cmp.Or(cmp.Compare(b.Samples, a.Samples), compareEdges(a.Edge, b.Edge))
}

func compareEdges(a, b Edge) int {
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target),
		cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Protocol, b.Protocol))
}

// A Visited is a function with how many sampled packets came there.
type Visited struct {
	Function
	Packets uint64
	// Times are those of the steps to it.
	Times Times
}

// Functions returns the functions, those where the most time was spent first.
func (m *Map) Functions() []Visited {
	times := make(map[Function]Times)
	for e, s := range m.edges {
		f := Function{e.Target, e.Direction, e.Protocol}
		sum := times[f]
		sum.merge(s.Times)
		times[f] = sum
	}
	list := make([]Visited, 0, len(m.functions))
	for f, n := range m.functions {
		list = append(list, Visited{f, n, times[f]})
	}
	slices.SortFunc(list, func(a, b Visited) int {
		return cmp.Or(cmp.Compare(b.Times.Sum, a.Times.Sum), cmp.Compare(b.Packets, a.Packets), compareFunctions(a.Function, b.Function))
	})
	return list
}

func compareFunctions(a, b Function) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Protocol, b.Protocol))
}

// An Ended is how many packets ended so.
type Ended struct {
	End
	Packets uint64
}

// Ends returns how packets ended, the most frequent first.
func (m *Map) Ends() []Ended {
	list := make([]Ended, 0, len(m.ends))
	for e, n := range m.ends {
		list = append(list, Ended{e, n})
	}
	slices.SortFunc(list, func(a, b Ended) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Fate, b.Fate), cmp.Compare(a.Protocol, b.Protocol))
	})
	return list
}

// A Graph is what a map has at one time.
type Graph struct {
	// Steps, Functions and Ends are in the order of [Map.Steps], [Map.Functions] and [Map.Ends].
	Steps     []Step
	Functions []Visited
	Ends      []Ended
	// Packets is how many packets of each protocol were sampled.
	Packets map[string]uint64
}

// Graph returns what is in the map; most is as for [Map.Steps].
func (m *Map) Graph(most int) Graph {
	return Graph{m.Steps(most), m.Functions(), m.Ends(), maps.Clone(m.packets)}
}
