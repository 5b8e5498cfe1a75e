package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/locator/target"
	"github.com/packetscope/packetscope/internal/wire"
)

// readFiles reads what the config names and the engines want to have read for them.
func (d *decoder) readFiles(config *Config) {
	l := config.Locator
	if l == nil {
		return
	}
	if l.PolicyFile != "" {
		l.Config.Policy = d.readPolicy(l.PolicyFile)
	}
	for _, list := range d.match(l.Files) {
		d.readList(list)
	}
	l.Config.Destinations = d.destinations.all
}

// readPolicy returns nil in case of a fault.
func (d *decoder) readPolicy(path string) *policy.Policy {
	data, err := os.ReadFile(path)
	if err != nil {
		d.Unreadable(path, err)
		return nil
	}
	p, err := policy.Parse(path, data)
	if err != nil {
		d.Join(err)
	}
	return p
}

// A list is a file with destinations, and the pattern that it was first found by.
type list struct{ path, pattern string }

// match returns the files that patterns stand for, each once, in the order of the
// patterns and then of their names. A folder of lists may be empty, but a file that is
// named without a wildcard must be there: its name is more likely mistyped.
func (d *decoder) match(patterns []string) []list {
	var lists []list
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			d.Fault(d.At(pattern), "write \\ before a * ? or [ that is meant as such", "bad pattern %q", d.At(pattern).Value)
			continue
		}
		if !strings.ContainsAny(pattern, `*?[\`) {
			paths = []string{pattern}
		}
		for _, path := range paths {
			if !slices.ContainsFunc(lists, func(l list) bool { return l.path == path }) {
				lists = append(lists, list{path, pattern})
			}
		}
	}
	return lists
}

// readList adds the destinations of a list.
func (d *decoder) readList(l list) {
	data, err := os.ReadFile(l.path)
	if err != nil {
		d.Unreadable(l.pattern, err)
		return
	}
	targets, err := target.ParseFile(l.path, data, wire.ICMP)
	if err != nil {
		d.Join(err)
	}
	d.destinations.addList(l.path, targets, func(message, cure string) {
		d.Fault(d.At(l.pattern), cure, "%s: %s", l.path, message)
	})
}

// checkGeo records what is wrong with the files that tell of addresses.
func (d *decoder) checkGeo(files GeoFiles) {
	all := geo.Open(geo.Config{Databases: files.Databases, Overrides: files.Overrides}).Status()
	all = append(all, geo.OpenBlocklists(geo.BlockConfig{Files: files.Blocklists}).Status()...)
	for _, s := range all {
		var inside *geo.Fault
		switch {
		case s.Err == nil:
		case errors.As(s.Err, &inside):
			d.Join(s.Err)
		default:
			d.Unreadable(s.Path, s.Err)
		}
	}
}
