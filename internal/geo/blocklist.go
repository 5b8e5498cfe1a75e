package geo

import (
	"log/slog"
	"net/netip"
	"time"
)

// A State says whether something is on a list.
type State uint8

// The states.
const (
	// Unknown means that no list could tell: there is none about such addresses, or one
	// could not be loaded, or is too old.
	Unknown State = iota
	Clear         // on none of the lists
	Listed
)

// String returns "unknown", "clear" or "listed".
func (s State) String() string {
	switch s {
	case Clear:
		return "clear"
	case Listed:
		return "listed"
	}
	return "unknown"
}

// A Listing is the answer of blocklists.
type Listing struct {
	State State
	// List is the name of the file that lists it, and Reference what that says of it,
	// such as "SBL256894"; they are "" if it is not listed, and Reference may be.
	List, Reference string
	// Prefix is the one on the list that covers an address.
	Prefix netip.Prefix
}

// A BlockConfig names the files of [Blocklists].
type BlockConfig struct {
	// Files are lists of prefixes and AS numbers, see [OpenBlocklists].
	Files []string
	// MaxAge is how old a list may be to say that something is not on it; 0: any age.
	MaxAge time.Duration
	// Logger, Now and Timing are as in [Config].
	Logger *slog.Logger
	Now    func() time.Time
	Timing Timing
}

// Blocklists answer whether addresses and AS numbers are on lists.
type Blocklists struct {
	lists  []*file[*blocklist]
	maxAge time.Duration
	watcher
}

// OpenBlocklists loads lists. What cannot be loaded is told by Status and Err, and is
// tried again by [Blocklists.Watch] when it changes.
//
// A list has one entry a line: a prefix, an address or "AS" and a number. What stands
// behind ; or # is a comment, whose first word is kept as the reference. Spamhaus's
// drop.txt, asndrop.txt and FireHOL's lists look so. Or it has one JSON object a line,
// as Spamhaus's drop_v4.json, drop_v6.json and asndrop.json; the last one must be the
// metadata, as a list that was cut off would make all clear. A list without entries is
// refused for the same reason.
func OpenBlocklists(c BlockConfig) *Blocklists {
	b := &Blocklists{maxAge: c.MaxAge, watcher: newWatcher(c.Logger, c.Now, c.Timing)}
	name := shortNames(c.Files)
	for _, path := range c.Files {
		f := newFile(Status{Name: name[path], Path: path, Role: "blocklist"}, maxList, b.now, parseBlocklist)
		b.lists = append(b.lists, f)
		b.files = append(b.files, f)
	}
	b.Reload()
	return b
}

// Addr tells whether an address is on a list. Of several lists the first counts.
func (b *Blocklists) Addr(addr netip.Addr) Listing {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return Listing{}
	}
	return b.ask(func(l *blocklist) bool { return l.about(addr) }, func(l *blocklist, to *Listing) bool {
		p, reference, ok := l.prefixes.Lookup(addr)
		to.Prefix, to.Reference = p, reference
		return ok
	})
}

// AS tells whether the number of an AS is on a list. The AS 0 is none.
func (b *Blocklists) AS(asn uint32) Listing {
	if asn == 0 {
		return Listing{}
	}
	return b.ask(func(l *blocklist) bool { return len(l.systems) > 0 }, func(l *blocklist, to *Listing) bool {
		reference, ok := l.systems[asn]
		to.Reference = reference
		return ok
	})
}

// ask asks all lists; about says whether one has entries of the sort that is looked for.
func (b *Blocklists) ask(about func(*blocklist) bool, find func(*blocklist, *Listing) bool) Listing {
	answers, sure := false, true
	for _, f := range b.lists {
		l, ok := f.get()
		if !ok {
			sure = false // it could be on that one
			continue
		}
		if !about(l.data) {
			continue
		}
		found := Listing{State: Listed, List: f.name}
		if find(l.data, &found) {
			return found
		}
		answers = true
		if b.maxAge > 0 && b.now().Sub(l.built) > b.maxAge {
			sure = false
		}
	}
	if answers && sure {
		return Listing{State: Clear}
	}
	return Listing{}
}

// A blocklist is one list. Its values are references.
type blocklist struct {
	prefixes Trie[string]
	systems  map[uint32]string
	v4, v6   bool // there are such prefixes
}

func (l *blocklist) about(addr netip.Addr) bool {
	if addr.Is4() {
		return l.v4
	}
	return l.v6
}

func (l *blocklist) addPrefix(p netip.Prefix, reference string) {
	if p.Addr().Is4() {
		l.v4 = true
	} else {
		l.v6 = true
	}
	l.prefixes.Insert(p, reference)
}

func (l *blocklist) addSystem(asn uint32, reference string) {
	if l.systems == nil {
		l.systems = map[uint32]string{}
	}
	l.systems[asn] = reference
}

func (l *blocklist) entries() int { return l.prefixes.Len() + len(l.systems) }
