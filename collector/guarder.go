package collector

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// A GuarderReader tells what the packet filter did. It may be called from several
// goroutines.
type GuarderReader interface {
	// Status returns an error that matches [ErrNoGuarder] if there is no packet filter
	// on this host and that is all right.
	Status() (guarder.Status, error)
	// Hits returns an error that matches [guarder.ErrNotTold] if the packet filter does
	// not tell them, which is all right.
	Hits() (guarder.HitList, error)
}

// ErrNoGuarder is returned by a [GuarderReader] on a host without a packet filter.
var ErrNoGuarder = errors.New("guarder is not used on this host")

// NewGuarder returns the collector "guarder". It shares the limits of st. Counters may
// be older than the process: they go on where an agent before has left them, but for
// those of services, of places and of other devices, which the process chooses. The same collector
// must answer all scrapes. If where is nil, nothing is told by country, and the table of
// sources is not read.
func NewGuarder(reader GuarderReader, st *Stack, where Locate) Collector {
	return &guarderCollector{reader: reader, limits: st.limits, where: where, now: time.Now}
}

type guarderCollector struct {
	reader GuarderReader
	limits *limits
	where  Locate
	now    func() time.Time

	// mu is held while the status is read, too: an older one must not be entered after
	// a newer one.
	mu sync.Mutex
	// since is that of the counters that devices and services are of, and began when
	// those of services did.
	since    time.Time
	began    time.Time
	devices  *deviceLedger
	services *serviceLedger
	// places is nil before the first table of sources.
	places *placeLedger
}

// Name implements Collector.
func (*guarderCollector) Name() string { return metric.CollectorGuarder }

// Update implements Collector.
func (c *guarderCollector) Update(ch chan<- prometheus.Metric) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.reader.Status()
	if errors.Is(err, ErrNoGuarder) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.services == nil || !c.since.Equal(s.Since) {
		// Counters that were made anew begin at zero.
		c.since, c.began = s.Since, c.now()
		c.devices, c.services = newDeviceLedger(s), newServiceLedger(s, c.began)
	}
	if err := c.sendPlaces(ch); err != nil {
		return err
	}
	e := emitter{c.limits, s.Since, ch}
	c.sendRules(e, s)
	c.sendPackets(e, s)
	c.sendServices(ch, s)
	sendICMP(e, s)
	sendLife(e, s)
	sendTables(e, s)
	sendConnections(ch, s)
	sendLearning(e, s)
	sendFeeds(e, s)
	sendBans(e, s)
	sendFloods(e, s.Floods)
	return nil
}

// sendPlaces sends where those belong whose packets are dropped, if anybody tells.
func (c *guarderCollector) sendPlaces(ch chan<- prometheus.Metric) error {
	if c.where == nil {
		return nil
	}
	list, err := c.reader.Hits()
	if errors.Is(err, guarder.ErrNotTold) || errors.Is(err, ErrNoGuarder) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.places == nil {
		c.places = newPlaceLedger(c.where, c.now(), list.Hits)
	} else {
		c.places.enter(c.now(), list.Hits)
	}
	c.places.send(ch, c.limits)
	return nil
}

// sendPackets sends what became of packets.
func (c *guarderCollector) sendPackets(e emitter, s guarder.Status) {
	packets := newGroup[count](metric.GuarderPackets, 2*len(s.Devices)+2)
	for key, n := range c.devices.enter(s) {
		packets.add(count(n), key.device, key.verdict)
	}
	for verdict, n := range c.devices.other {
		packets.add(count(n), "other", verdict)
	}
	emit(e, packets)
	e.ch <- metric.GuarderWouldDrop.Counter(float64(s.WouldDrop.Packets), s.Since)
	e.ch <- metric.GuarderUnmatched.Counter(float64(s.Unmatched.Packets), s.Since)
	e.ch <- metric.GuarderKept.Counter(float64(s.Kept.Packets), s.Since)
	e.ch <- metric.GuarderLimitFull.Counter(float64(s.LimitsFull.Packets), s.Since)
	for reason, n := range s.Unparsable {
		e.ch <- metric.GuarderUnparsable.Counter(float64(n.Packets), s.Since, reason)
	}
	for found, n := range s.Sockets {
		e.ch <- metric.GuarderSocketLookups.Counter(float64(n.Packets), s.Since, found)
	}
	e.ch <- metric.GuarderSources.Gauge(float64(s.Sources))
}

// inForce is what may be in force.
var inForce = []string{guarder.InForcePolicy, guarder.InForceEarlier, guarder.InForceNothing}

// sendLife sends what is in force, where, and for how long.
func sendLife(e emitter, s guarder.Status) {
	attached := newGroup[level](metric.GuarderAttached, len(s.Devices))
	for _, d := range s.Devices {
		attached.add(level(oneIf(d.Hook != guarder.None)), d.Name, string(d.Hook))
	}
	emit(e, attached)
	if s.Ceiling != "" {
		e.ch <- metric.GuarderModeCeiling.Gauge(1, s.Ceiling)
	}
	for _, state := range inForce {
		e.ch <- metric.GuarderInForce.Gauge(oneIf(s.InForce == state), state)
	}
	e.ch <- metric.GuarderGeneration.Gauge(float64(s.Generation))
	if s.InForce == guarder.InForcePolicy { // of others nobody knows
		e.ch <- metric.GuarderApplied.Gauge(unixSeconds(s.Applied))
	}
	e.ch <- metric.GuarderApplySuccessful.Gauge(oneIf(!s.ApplyFailed))
	e.ch <- metric.GuarderUnconfirmed.Gauge(oneIf(s.ConfirmBy != nil))
	if s.ConfirmBy != nil {
		e.ch <- metric.GuarderConfirmBy.Gauge(unixSeconds(*s.ConfirmBy))
	}
	e.ch <- metric.GuarderTripped.Gauge(oneIf(s.Tripped))
	e.ch <- metric.GuarderKeptConnections.Gauge(float64(s.KeptConnections))
	if s.ProtectedUntil != nil {
		e.ch <- metric.GuarderProtectedUntil.Gauge(unixSeconds(*s.ProtectedUntil))
	}
}

// sendTables sends what tables hold, and what the program costs.
func sendTables(e emitter, s guarder.Status) {
	sets := newGroup[level](metric.GuarderSetEntries, len(s.Sets))
	for name, n := range s.Sets {
		sets.add(level(n), name)
	}
	emit(e, sets)
	for _, m := range s.Maps {
		e.ch <- metric.GuarderMapEntries.Gauge(float64(m.Entries), m.Name)
		e.ch <- metric.GuarderMapRoom.Gauge(float64(m.Room), m.Name)
	}
	e.ch <- metric.GuarderSamples.Counter(float64(s.Samples.Taken), s.Since)
	e.ch <- metric.GuarderSamplesLost.Counter(float64(s.Samples.Lost), s.Since)
	e.ch <- metric.GuarderProgramRuns.Counter(float64(s.Program.Runs), s.Since)
	e.ch <- metric.GuarderProgramSeconds.Counter(s.Program.Seconds, s.Since)
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
