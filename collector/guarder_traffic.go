package collector

import (
	"cmp"
	"iter"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// topServices is how many services have series of their own.
const topServices = 20

// A serviceKey is a port of a protocol.
type serviceKey struct {
	protocol string
	port     uint16
}

// Compare implements ledgerKey.
func (k serviceKey) Compare(l serviceKey) int {
	return cmp.Or(cmp.Compare(k.protocol, l.protocol), cmp.Compare(k.port, l.port))
}

// serviceCounts are the packets that were sent to a service and did not get there, or
// would not have.
type serviceCounts struct{ dropped, wouldDrop uint64 }

// Plus implements tally.
func (c serviceCounts) Plus(d serviceCounts) serviceCounts {
	return c.Zip(d, func(x, y uint64) uint64 { return x + y })
}

// Since implements tally. Counts that fell began anew.
func (c serviceCounts) Since(before serviceCounts) serviceCounts {
	if c.dropped < before.dropped || c.wouldDrop < before.wouldDrop {
		return c
	}
	return c.Zip(before, func(x, y uint64) uint64 { return x - y })
}

// Zip implements tally.
func (c serviceCounts) Zip(d serviceCounts, f func(x, y uint64) uint64) serviceCounts {
	return serviceCounts{f(c.dropped, d.dropped), f(c.wouldDrop, d.wouldDrop)}
}

func (c serviceCounts) all() uint64 { return c.dropped + c.wouldDrop }

type serviceLedger = ledger[serviceKey, serviceCounts]

// newServiceLedger begins at what the kernel has counted so far: which services were
// listed before is not known, and a series that began with what it never showed would
// be a peak that never was.
func newServiceLedger(s guarder.Status, now time.Time) *serviceLedger {
	l := newLedger[serviceKey](topServices, now, serviceCounts.all)
	table, total := servicesOf(s)
	l.begin(now, table, total)
	return l
}

// servicesOf returns the services, and their sum.
func servicesOf(s guarder.Status) (table iter.Seq2[serviceKey, serviceCounts], total serviceCounts) {
	counts := func(i int) serviceCounts {
		of := s.Services[i].Counts
		return serviceCounts{of["drop"].Packets, of["would_drop"].Packets}
	}
	for i := range s.Services {
		total = total.Plus(counts(i))
	}
	return func(yield func(serviceKey, serviceCounts) bool) {
		for i, service := range s.Services {
			if !yield(serviceKey{service.Protocol, service.Port}, counts(i)) {
				return
			}
		}
	}, total
}

// sendServices sends the services that most was dropped for.
func (c *guarderCollector) sendServices(ch chan<- prometheus.Metric, s guarder.Status) {
	table, total := servicesOf(s)
	c.services.enter(c.now(), table, total)
	send := func(n serviceCounts, created time.Time, protocol, port string) {
		ch <- metric.GuarderServicePackets.Counter(float64(n.dropped), created, protocol, port, "drop")
		ch <- metric.GuarderServicePackets.Counter(float64(n.wouldDrop), created, protocol, port, "would_drop")
	}
	for key, l := range c.services.listed {
		send(l.counts, l.created, key.protocol, strconv.Itoa(int(key.port)))
	}
	send(c.services.other, c.began, "other", "other")
}

// sendICMP sends what messages of ICMP arrived.
func sendICMP(e emitter, s guarder.Status) {
	types := newGroup[count](metric.GuarderICMPPackets, len(s.ICMP))
	for _, m := range s.ICMP {
		types.add(count(m.Packets), familyName(m.Family), m.Name)
	}
	emit(e, types)
	for _, q := range s.Quoted {
		e.ch <- metric.GuarderICMPQuoted.Counter(float64(q.Packets), s.Since, familyName(q.Family), q.Class, q.Protocol)
	}
}

// familyName returns the label value of a version of IP.
func familyName(version uint8) string { return "ipv" + strconv.Itoa(int(version)) }
