package geo

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// maxList is the most bytes of an override file or a blocklist.
const maxList = 256 << 20

// A Config names the files of an [Atlas].
type Config struct {
	// Databases are files of MaxMind's format; the first that knows something counts.
	Databases []string
	// Overrides are files for own networks, in YAML or CSV; of several the longest
	// prefix counts, of equal ones the first file.
	Overrides []string
	// Logger tells of loads; nil: nobody.
	Logger *slog.Logger
	// Now is normally time.Now, as is nil.
	Now func() time.Time
	// Timing says when Watch looks at the files; its zero value is right.
	Timing Timing
}

// An Atlas looks addresses up in files.
type Atlas struct {
	databases []*file[*database]
	overrides []*file[*overrides]
	watcher
}

// Open loads the files. One that cannot be loaded is told by Status and Err, and is tried
// again by [Atlas.Watch] when it changes; the others work. Nothing need be closed.
func Open(c Config) *Atlas {
	a := &Atlas{watcher: newWatcher(c.Logger, c.Now, c.Timing)}
	name := shortNames(append(slices.Clone(c.Databases), c.Overrides...))
	for _, path := range c.Databases {
		f := newFile(Status{Name: name[path], Path: path, Role: "database"}, maxDatabase, a.now, parseDatabase)
		a.databases = append(a.databases, f)
		a.files = append(a.files, f)
	}
	for _, path := range c.Overrides {
		f := newFile(Status{Name: name[path], Path: path, Role: "override"}, maxList, a.now, parseOverrides)
		a.overrides = append(a.overrides, f)
		a.files = append(a.files, f)
	}
	a.Reload()
	return a
}

// Lookup returns what is known of an address. An IPv4 address that is written as IPv6 is
// that IPv4 address.
func (a *Atlas) Lookup(addr netip.Addr) Entry {
	addr = addr.Unmap().WithZone("")
	e := Entry{Kind: KindOf(addr)}
	if e.Kind == Invalid {
		return e
	}
	a.override(addr, &e)
	if e.Kind != Public {
		return e
	}
	for _, f := range a.databases {
		db, ok := f.get()
		if !ok {
			continue
		}
		switch r, err := db.data.lookup(addr); {
		case err == nil:
			e.add(r, f.name)
		case !errors.Is(err, errNoRecord):
			f.damaged.Add(1)
		}
	}
	return e
}

// override sets what the override files say.
func (a *Atlas) override(addr netip.Addr, e *Entry) {
	var best override
	length, source := -1, ""
	for _, f := range a.overrides {
		o, ok := f.get()
		if !ok {
			continue
		}
		if p, found, ok := o.data.trie.Lookup(addr); ok && p.Bits() > length {
			best, length, source = found, p.Bits(), f.name
		}
	}
	if length < 0 {
		return
	}
	e.Label, e.Place, e.Network = best.label, best.Place, best.Network
	if e.Place != (Place{}) {
		e.PlaceSource = source
	}
	if e.ASN != 0 {
		e.NetworkSource = source
	}
}
