package collector

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/locator"
)

// A PathReader is an engine that measures paths to destinations. It may be called from
// several goroutines.
type PathReader interface {
	// Snapshot returns what is known now; nil if that is nothing.
	Snapshot() *locator.Snapshot
}

// NewPath returns the collector "path". Reader may be nil; then it has no metrics. It
// shares the limits of st, which bound how many hops, links, distances and rules have
// series; destinations have theirs in any case, as there are at most
// [metric.MostDestinations]. The same collector must answer all scrapes.
//
// Names of routers, of networks and of cities are the text of strangers. It changes when
// they want it to, and so do the paths. Whatever they do, the number of series at a time
// is bounded, and so is that of new ones in an hour: see pathMemory.
func NewPath(reader PathReader, st *Stack) Collector {
	return &pathCollector{
		reader: reader, limits: st.limits, paths: make(map[pathKey]*pathMemory),
		overflow: make(map[string]uint64), refused: newNews[pathKey](),
	}
}

type pathCollector struct {
	reader PathReader
	limits *limits

	// mu is held while the snapshot is read, too: an older one must not be taken after
	// a newer one.
	mu    sync.Mutex
	paths map[pathKey]*pathMemory
	// overflow counts label sets without series by the reason.
	overflow map[string]uint64
	refused  *news[pathKey]
}

// A pathKey is what tells paths apart: the labels dest, protocol and family.
type pathKey struct{ dest, protocol, family string }

// with returns the values of labels: those of the path and more.
func (k pathKey) with(more ...string) []string {
	return append([]string{k.dest, k.protocol, k.family}, more...)
}

func keyOf(p *locator.Path) pathKey {
	family := p.AddressFamily
	if family == 0 {
		family = 4
	}
	return pathKey{ownText(p.Name), p.Protocol.String(), familyName(uint8(family))}
}

// A knownPath is a path with what was exposed of it before.
type knownPath struct {
	*locator.Path
	key    pathKey
	memory *pathMemory
}

// Name implements Collector.
func (*pathCollector) Name() string { return metric.CollectorPath }

// Update implements Collector.
func (c *pathCollector) Update(ch chan<- prometheus.Metric) error {
	if c.reader == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.reader.Snapshot()
	if s == nil {
		return nil
	}
	e := emitter{c.limits, s.Since, ch}
	paths := c.choose(s)
	for _, p := range paths {
		sendEnd(e, p)
		sendPath(e, p)
		sendChanges(e, p)
	}
	c.sendTTLs(e, paths)
	c.sendHops(e, s, paths)
	c.sendRules(e, paths)
	sendPassive(e, s.Passive)
	sendLocator(e, s)
	c.sendOverflow(e)
	return nil
}

// choose returns the paths that have series, and forgets those that are gone.
func (c *pathCollector) choose(s *locator.Snapshot) []knownPath {
	before := c.paths
	c.paths = make(map[pathKey]*pathMemory)
	var chosen []knownPath
	for i := range s.Paths {
		p := &s.Paths[i]
		key := keyOf(p)
		if c.paths[key] != nil || len(chosen) == metric.MostDestinations {
			c.count("dest", c.refused.add(key))
			continue
		}
		memory := before[key]
		if memory == nil {
			memory = newPathMemory()
		}
		memory.turn(s.At)
		c.paths[key] = memory
		chosen = append(chosen, knownPath{p, key, memory})
	}
	c.refused.turn()
	return chosen
}

// count counts a label set without series, if it is a new one.
func (c *pathCollector) count(reason string, fresh bool) {
	if fresh {
		c.overflow[reason]++
	}
}

// The reasons for which label sets have no series of their own.
var overflowReasons = []string{"dest", "ttl", "hour", "link", "total"}

func (c *pathCollector) sendOverflow(e emitter) {
	total := uint64(0)
	for _, f := range foldedPaths {
		total += c.limits.folded(f)
	}
	c.overflow["total"] = total
	for _, reason := range overflowReasons {
		e.ch <- metric.LocatorOverflow.Counter(float64(c.overflow[reason]), e.since, reason)
	}
}

// foldedPaths are the families by whose label sets it is decided which ones have series:
// in those others that have the same labels, too.
var foldedPaths = []*metric.Family{
	metric.LocatorTTLProbesSent, metric.LocatorHopRTTMin, metric.LocatorLink, metric.LocatorRisk, metric.LocatorRiskPoints,
}
