package collector

import (
	"time"

	"github.com/packetscope/packetscope/internal/locator"
)

const (
	// maxTTLHops is how many hops of one TTL have series of their own.
	maxTTLHops = 8
	// maxNewHops is how many hops, how many texts about them, and how many links of a
	// path may be new in an hour.
	maxNewHops = 100
)

// A pathMemory is what was exposed of a path. A server keeps each label set for hours,
// however short it was there; so new ones are let in at a bounded rate.
type pathMemory struct {
	hops  *admission[hopKey]
	infos *admission[infoKey]
	links *admission[linkKey]
	// shown is what was last told of each hop.
	shown map[hopKey]hopInfo
	// crowded and late are the hops that had to go without series of their own.
	crowded, late *news[hopKey]
	hidden        *news[infoKey]
	cut           *news[linkKey]
}

// A hopKey tells hops of a path apart: the labels ttl and hop.
type hopKey struct{ ttl, hop string }

// An infoKey is a hop with what is told of it.
type infoKey struct {
	hopKey
	hopInfo
}

// A linkKey tells links of a path apart: the labels source and target.
type linkKey struct{ source, target string }

func newPathMemory() *pathMemory {
	return &pathMemory{
		hops: newAdmission[hopKey](), infos: newAdmission[infoKey](), links: newAdmission[linkKey](),
		shown:   make(map[hopKey]hopInfo),
		crowded: newNews[hopKey](), late: newNews[hopKey](), hidden: newNews[infoKey](), cut: newNews[linkKey](),
	}
}

// turn begins a scrape.
func (m *pathMemory) turn(now time.Time) {
	m.hops.turn(now)
	m.infos.turn(now)
	m.links.turn(now)
	m.crowded.turn()
	m.late.turn()
	m.hidden.turn()
	m.cut.turn()
}

// info returns what to tell of a hop: what is known now or, if too much was new of late,
// what was told before. Late is set if that is so and was not yet.
func (m *pathMemory) info(key hopKey, h *locator.Hop) (shown hopInfo, late bool) {
	now := infoOf(h)
	if m.infos.admit(infoKey{key, now}) {
		m.shown[key] = now
		return now, false
	}
	if last, ok := m.shown[key]; ok {
		m.infos.admit(infoKey{key, last}) // to be remembered
		return last, m.hidden.add(infoKey{key, now})
	}
	return hopInfo{}, m.hidden.add(infoKey{key, now})
}

// An admission lets in so many new keys in an hour.
type admission[K comparable] struct {
	now  time.Time
	room int
	// in are those that are there, or were let in within the last hour.
	in map[K]*admitted
}

type admitted struct {
	at   time.Time
	here bool // since the last turn
}

func newAdmission[K comparable]() *admission[K] { return &admission[K]{in: make(map[K]*admitted)} }

// turn begins a scrape: keys must be admitted again. Those that are not are forgotten at
// the next turn, but for those that count for the hour.
func (a *admission[K]) turn(now time.Time) {
	a.now, a.room = now, maxNewHops
	for k, e := range a.in {
		switch recent := now.Sub(e.at) < time.Hour; {
		case recent:
			a.room--
		case !e.here:
			delete(a.in, k)
		}
		e.here = false
	}
}

// has tells whether a key is in.
func (a *admission[K]) has(k K) bool { return a.in[k] != nil }

// admit lets a key in, unless it is new and there is no room.
func (a *admission[K]) admit(k K) bool {
	e := a.in[k]
	if e == nil {
		if a.room <= 0 {
			return false
		}
		a.room--
		e = &admitted{at: a.now}
		a.in[k] = e
	}
	e.here = true
	return true
}

// news tells which keys were not there at the last scrape.
type news[K comparable] struct{ before, now map[K]bool }

func newNews[K comparable]() *news[K] { return &news[K]{now: make(map[K]bool)} }

// add reports whether a key is there for the first time.
func (n *news[K]) add(k K) bool {
	fresh := !n.before[k] && !n.now[k]
	n.now[k] = true
	return fresh
}

// turn ends a scrape, or begins one.
func (n *news[K]) turn() { n.before, n.now = n.now, make(map[K]bool) }
