package talkers

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/locator/passive"
)

// Config are the limits of a ranking. A field that is zero or less means its default.
type Config struct {
	// Top is how many networks of a scan count as top, and how many targets there are at
	// most: 20.
	Top int
	// Enter is in how many scans on end a network must be among the top to become a
	// target: 2.
	Enter int
	// Leave is for how long a target may be outside: 70 min.
	Leave time.Duration
}

// A Flow is how much a flow table says was moved to and from a network since the scan
// before.
type Flow struct {
	// Prefix has the same length as those of the peers.
	Prefix netip.Prefix
	Bytes  uint64
}

// A Target is a network whose path is to be watched.
type Target struct {
	Prefix netip.Prefix
	// Addr is the address to probe: the one with most bytes when the network became a
	// target. It stays, as another one may have another path.
	Addr netip.Addr
	// Since is the scan in which it became a target, Top the last one in which it was
	// among the top.
	Since, Top time.Time
	// Bytes are those of the last scan.
	Bytes uint64
}

// A Ranking finds the targets. See [New].
type Ranking struct {
	config Config
	// targets are in the order in which they entered, those of one scan by their rank.
	targets []Target
	waiting map[netip.Prefix]waiting
}

// waiting is a network that is no target yet.
type waiting struct {
	addr  netip.Addr
	scans int // on end, in which it was among the top
}

// New returns a ranking without targets.
func New(c Config) *Ranking {
	return &Ranking{config: Config{
		Top:   cmp.Or(max(c.Top, 0), 20),
		Enter: cmp.Or(max(c.Enter, 0), 2),
		Leave: cmp.Or(max(c.Leave, 0), 70*time.Minute),
	}}
}

// Targets returns the targets in the order in which they became ones.
func (r *Ranking) Targets() []Target { return slices.Clone(r.targets) }

// Update takes a scan: the peers of the connections and, if there is a flow table, what it
// says; of a network that both know the greater number counts, as each contains what the
// other does not see. It returns which targets are new and which are none any
// more, in the order of [Ranking.Targets].
func (r *Ranking) Update(now time.Time, peers []passive.Peer, flows []Flow) (entered, left []Target) {
	ranked := rank(peers, flows, r.addresses())
	top := make(map[netip.Prefix]bool)
	for _, c := range ranked[:min(len(ranked), r.config.Top)] {
		top[c.prefix] = true
	}
	left = r.leave(now, ranked, top)
	return r.enter(now, ranked, top), left
}

// leave brings targets up to date, and removes those that were outside for too long.
func (r *Ranking) leave(now time.Time, ranked []candidate, top map[netip.Prefix]bool) (left []Target) {
	bytes := make(map[netip.Prefix]uint64, len(ranked))
	for _, c := range ranked {
		bytes[c.prefix] = c.bytes
	}
	kept := r.targets[:0]
	for _, t := range r.targets {
		t.Bytes = bytes[t.Prefix]
		if top[t.Prefix] {
			t.Top = now
		}
		if now.Sub(t.Top) > r.config.Leave {
			left = append(left, t)
		} else {
			kept = append(kept, t)
		}
	}
	r.targets = kept
	return left
}

// enter counts the scans of those that are no targets, and takes in who may.
func (r *Ranking) enter(now time.Time, ranked []candidate, top map[netip.Prefix]bool) (entered []Target) {
	next := make(map[netip.Prefix]waiting)
	for _, c := range ranked {
		if !top[c.prefix] || r.has(c.prefix) {
			continue
		}
		scans := r.waiting[c.prefix].scans + 1
		if scans < r.config.Enter || len(r.targets) == r.config.Top {
			next[c.prefix] = waiting{c.addr, scans}
			continue
		}
		t := Target{Prefix: c.prefix, Addr: c.addr, Since: now, Top: now, Bytes: c.bytes}
		r.targets, entered = append(r.targets, t), append(entered, t)
	}
	r.waiting = next
	return entered
}

func (r *Ranking) has(p netip.Prefix) bool {
	return slices.ContainsFunc(r.targets, func(t Target) bool { return t.Prefix == p })
}

// addresses are those of the targets and of who waits.
func (r *Ranking) addresses() map[netip.Prefix]netip.Addr {
	known := make(map[netip.Prefix]netip.Addr)
	for _, t := range r.targets {
		known[t.Prefix] = t.Addr
	}
	for prefix, w := range r.waiting {
		known[prefix] = w.addr
	}
	return known
}
