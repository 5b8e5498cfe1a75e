package query

import (
	"maps"
	"slices"
	"strings"
)

// Labels is a set of names of labels.
type Labels struct {
	names map[string]bool
	// open tells that there may be any other label.
	open bool
}

func labelSet(names []string, more ...string) Labels {
	l := Labels{names: make(map[string]bool)}
	for _, name := range append(slices.Clone(names), more...) {
		l.names[name] = true
	}
	return l
}

// Has tells whether a series may have the label.
func (l Labels) Has(name string) bool { return l.open || l.names[name] }

// Names returns the known names, sorted.
func (l Labels) Names() []string { return slices.Sorted(maps.Keys(l.names)) }

// String returns the known names, or "no labels".
func (l Labels) String() string {
	if len(l.names) == 0 {
		return "no labels"
	}
	return strings.Join(l.Names(), ", ")
}

func (l Labels) with(names ...string) Labels {
	out := labelSet(l.Names(), names...)
	out.open = l.open
	return out
}

func (l Labels) without(names ...string) Labels {
	out := l.with()
	for _, name := range names {
		delete(out.names, name)
	}
	return out
}

func (l Labels) union(m Labels) Labels {
	out := l.with(m.Names()...)
	out.open = l.open || m.open
	return out
}
