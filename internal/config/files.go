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
		d.unreadable(path, err)
		return nil
	}
	p, err := policy.Parse(path, data)
	if err != nil {
		d.others = append(d.others, err)
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
			d.fault(d.named[pattern], "write \\ before a * ? or [ that is meant as such", "bad pattern %q", d.named[pattern].Value)
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
		d.unreadable(l.pattern, err)
		return
	}
	targets, err := target.ParseFile(l.path, data, wire.ICMP)
	if err != nil {
		d.others = append(d.others, err)
	}
	d.destinations.addList(l.path, targets, func(message, cure string) {
		d.fault(d.named[l.pattern], cure, "%s: %s", l.path, message)
	})
}

// unreadable records that a file cannot be read, where its path stands or the pattern
// that it was found by.
func (d *decoder) unreadable(path string, err error) {
	cure := ""
	switch {
	case errors.Is(err, os.ErrPermission):
		cure = permissionCure()
	case errors.Is(err, os.ErrNotExist):
		cure = "correct the path, or make the file"
	}
	d.fault(d.named[path], cure, "%v", err)
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
			d.others = append(d.others, s.Err)
		default:
			d.unreadable(s.Path, s.Err)
		}
	}
}
