package plan

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Scheduler plans the probes to some targets.
type Scheduler struct {
	config   Config
	interval time.Duration // Config.Interval, or longer if that does not suffice
	targets  map[string]*target
	order    []*target // by name
	global   *bucket
	routers  map[netip.Addr]*router
	nodes    map[nodeKey]*node
	common   map[classTTL]netip.Addr
	// strangers are the budgets of TTLs where nobody has answered.
	strangers map[classTTL]*bucket
	counts    Counts
	swept     time.Time
}

// New returns a scheduler without targets.
func New(c Config) *Scheduler {
	c = c.withDefaults()
	return &Scheduler{
		config: c, interval: c.Interval,
		targets: make(map[string]*target), routers: make(map[netip.Addr]*router),
		nodes: make(map[nodeKey]*node), common: make(map[classTTL]netip.Addr),
		strangers: make(map[classTTL]*bucket),
		counts:    Counts{Sent: make(map[Purpose]uint64), Skipped: make(map[string]uint64)},
	}
}

// A Target is what Add takes.
type Target struct {
	// Name is unique.
	Name string
	// Class is such as a protocol and family: targets of one class share near routers.
	Class string
	// Flows take turns in the rounds, one at least. The first is used for discovery.
	Flows []int
	// Single is for TCP, whose SYNs leave the destination with a half-open connection
	// for a while: at most one probe per second reaches it. Discovery then probes one TTL
	// after the other, so that it takes as long as all round trips together, and a
	// timeout for each silent router.
	Single bool
}

// Add begins the discovery of a target. One of the same name begins anew.
func (s *Scheduler) Add(new Target, now time.Time) {
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64(nil, s.config.Seed))
	h.Write([]byte(new.Name))
	t := &target{
		name: new.Name, class: new.Class, flows: slices.Clone(new.Flows), hash: h.Sum64(),
		lengths: make(map[int]uint8), missed: make(map[int]int), bucket: newBucket(s.config.Destination, now),
		extras: newBucket(Rate{float64(s.config.ExtraPerHour) / 3600, float64(s.config.ExtraPerHour)}, now),
	}
	if new.Single {
		t.ends = newBucket(Rate{1, 1}, now)
	}
	if s.global == nil {
		// Together the burst and what grows in a second are what is allowed in one.
		burst := max(1, float64(s.config.Global)/10)
		s.global = newBucket(Rate{max(1, float64(s.config.Global)-burst), burst}, now)
	}
	s.targets[t.name] = t
	s.sort()
	s.discover(t, t.flows[0], 1, now)
}

// Remove forgets a target. Results of its probes are ignored from now on.
func (s *Scheduler) Remove(name string) {
	delete(s.targets, name)
	s.sort()
	s.fit()
}

// sort keeps the order of the targets the same in each run.
func (s *Scheduler) sort() {
	s.order = slices.SortedFunc(maps.Values(s.targets), func(a, b *target) int { return strings.Compare(a.name, b.name) })
}

// SetFlows sets the flows that take turns in the rounds, one at least. New ones are taken
// to be as long as the longest so far, until they are measured.
func (s *Scheduler) SetFlows(name string, flows []int) {
	t := s.targets[name]
	if t == nil {
		return
	}
	t.flows = slices.Clone(flows)
	for _, flow := range flows {
		if t.lengths[flow] == 0 && t.length > 0 {
			t.lengths[flow] = t.length
		}
	}
	maps.DeleteFunc(t.lengths, func(flow int, _ uint8) bool { return !slices.Contains(flows, flow) })
}

// Rediscover looks for the whole path of a target again.
func (s *Scheduler) Rediscover(name string, now time.Time) {
	if t := s.targets[name]; t != nil {
		t.seen = [End + 1]seen{}
		t.top, t.length = 0, 0
		clear(t.lengths)
		s.discover(t, t.flows[0], 1, now)
	}
}

// Ask plans extra probes of a target, each with its TTL and flow, within the budgets. It
// reports whether there was room for all; if not, none is sent.
func (s *Scheduler) Ask(name string, probes []Probe, now time.Time) bool {
	t := s.targets[name]
	if t == nil {
		return false
	}
	t.extras.refill(now)
	if t.extras.tokens < float64(len(probes)) {
		return false
	}
	t.extras.tokens -= float64(len(probes))
	for _, p := range probes {
		if t.extraAt.Before(now) {
			t.extraAt = now
		}
		t.push(slot{due: t.extraAt, ttl: p.TTL, flow: p.Flow, why: Extra, own: true})
		t.extraAt = t.extraAt.Add(time.Duration(float64(time.Second) / s.config.Extra.PerSecond))
	}
	return true
}

// Discovering reports whether the path of a target is still looked for.
func (s *Scheduler) Discovering(name string) bool {
	t := s.targets[name]
	return t != nil && t.discovery != nil
}

// Searching reports whether the path of any target is still looked for.
func (s *Scheduler) Searching() bool {
	return slices.ContainsFunc(s.order, func(t *target) bool { return t.discovery != nil })
}

// Length returns the distance of a target, 0 if it is unknown.
func (s *Scheduler) Length(name string) uint8 {
	if t := s.targets[name]; t != nil {
		return t.length
	}
	return 0
}

// Interval returns the time from round to round: that of the config, or more if the
// rounds of all targets do not fit into the global budget.
func (s *Scheduler) Interval() time.Duration { return s.interval }

// Counts returns what was done so far.
func (s *Scheduler) Counts() Counts {
	c := s.counts
	c.Sent, c.Skipped = maps.Clone(c.Sent), maps.Clone(c.Skipped)
	return c
}

// fit makes the interval as long as the rounds need, with a fifth of the budget left for
// what is beside them.
func (s *Scheduler) fit() {
	packets := 0
	for _, t := range s.targets {
		packets += t.cost
	}
	need := time.Duration(float64(packets) / (0.8 * float64(s.config.Global)) * 1e9)
	s.interval = max(s.config.Interval, need)
}
