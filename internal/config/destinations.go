package config

import (
	"fmt"
	"slices"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/target"
)

// destinations are those of the config and of lists, in this order. They have different
// names. Its zero value is empty.
type destinations struct {
	all   []locator.Destination
	first map[string]place // by name
	// tooMany is set when that has been told.
	tooMany bool
}

// A place is a line of the config, or a list as a whole.
type place struct {
	file string
	line int // 0: of a list
}

// String says where the place is, for a fault that stands in the config.
func (p place) String() string {
	if p.line == 0 {
		return "in " + p.file
	}
	return fmt.Sprintf("on line %d", p.line)
}

// add adds a destination, or returns why it cannot be and a cure. That there are too
// many is told of the first of them alone.
func (l *destinations) add(dest locator.Destination, at place) (message, cure string) {
	cure = fmt.Sprintf("give it a name of its own: {name: ..., address: %q}",
		target.Target{Host: dest.Host, Protocol: dest.Protocol, Port: dest.Port})
	if first, taken := l.first[dest.Name]; taken {
		return fmt.Sprintf("duplicate destination name %q, first %v", dest.Name, first), cure
	}
	if dest.Name == otherLabel {
		return fmt.Sprintf("destination name %q is taken by what exceeds the series limit", dest.Name), cure
	}
	if l.first == nil {
		l.first = map[string]place{}
	}
	l.first[dest.Name] = at
	switch {
	case len(l.all) < locator.MaxDestinations:
		l.all = append(l.all, dest)
	case !l.tooMany:
		l.tooMany = true
		return fmt.Sprintf("more than %d destinations", locator.MaxDestinations), "measure some from another host"
	}
	return "", ""
}

// addList adds those of a list, but for what is there already: a list may repeat what
// another one or the config has.
func (l *destinations) addList(file string, targets []target.Target, fault func(message, cure string)) {
	for _, t := range targets {
		dest := named(t)
		if slices.Contains(l.all, dest) {
			continue
		}
		if message, cure := l.add(dest, place{file: file}); message != "" {
			fault(message, cure)
		}
	}
}
