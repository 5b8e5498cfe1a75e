package collector

import (
	"cmp"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/guarder"
)

// A Locate tells the country that an address belongs to, by its code (ISO 3166-1), and
// the number and the name of the AS that announces it; "" and 0 are unknown. It may be
// called from several goroutines.
type Locate func(netip.Addr) (country string, asn uint32, name string)

// topSystems is how many AS have series of their own.
const topSystems = 20

// What stands in place of a country, unknownPlace also in place of the number of an AS.
const (
	localCountry    = "private"  // addresses of local networks
	reservedCountry = "reserved" // those that nobody has in the Internet
	unknownPlace    = "unknown"  // those that no database tells of
	noCountry       = "none"     // packets without an address
)

// countryOf returns what stands for an address of which a country, or "", is known.
func countryOf(addr netip.Addr, country string) string {
	if country != "" {
		return country
	}
	switch geo.KindOf(addr) {
	case geo.Invalid:
		return noCountry
	case geo.Public, geo.Translated:
		return unknownPlace
	case geo.Private, geo.CGNAT, geo.Loopback, geo.LinkLocal, geo.Unspecified: // the last one asks for an address
		return localCountry
	}
	return reservedCountry
}

// A systemKey is an AS, by the labels of its series.
type systemKey struct{ asn, name string }

// Compare implements ledgerKey.
func (k systemKey) Compare(l systemKey) int {
	return cmp.Or(strings.Compare(k.asn, l.asn), strings.Compare(k.name, l.name))
}

// freshCounts are what was added since the last table, which is no sum of all before.
type freshCounts struct{ serviceCounts }

// Plus implements tally.
func (c freshCounts) Plus(d freshCounts) freshCounts {
	return freshCounts{c.serviceCounts.Plus(d.serviceCounts)}
}

// Since implements tally.
func (c freshCounts) Since(freshCounts) freshCounts { return c }

// Zip implements tally.
func (c freshCounts) Zip(d freshCounts, f func(x, y uint64) uint64) freshCounts {
	return freshCounts{c.serviceCounts.Zip(d.serviceCounts, f)}
}

func (c freshCounts) all() uint64 { return c.serviceCounts.all() }

// freshOf returns what was added to an entry; false if its rule does not mean to drop.
func freshOf(h guarder.Hit) (freshCounts, bool) {
	switch h.Effect {
	case "drop":
		return freshCounts{serviceCounts{dropped: h.Packets}}, true
	case "would_drop":
		return freshCounts{serviceCounts{wouldDrop: h.Packets}}, true
	}
	return freshCounts{}, false
}

// A placeLedger adds up what sources sent by where their addresses belong. None of its
// counts falls, whatever becomes of the table of sources. What is counted goes by what is
// known of an address then: a new edition of a database moves nothing.
type placeLedger struct {
	where Locate
	hits  hitLedger
	// began is when all counts were zero.
	began     time.Time
	countries map[string]freshCounts
	systems   *ledger[systemKey, freshCounts]
	total     freshCounts
}

// newPlaceLedger begins with a table, whose counts are of before: the places in it have
// series that begin at zero.
func newPlaceLedger(where Locate, now time.Time, table []guarder.Hit) *placeLedger {
	l := &placeLedger{
		where: where, began: now, countries: make(map[string]freshCounts),
		systems: newLedger[systemKey](topSystems, now, freshCounts.all),
	}
	countries, systems := l.added(table)
	for country := range countries {
		l.countries[country] = freshCounts{}
	}
	l.systems.begin(now, maps.All(systems), l.total)
	return l
}

// enter adds what the next table tells.
func (l *placeLedger) enter(now time.Time, table []guarder.Hit) {
	countries, systems := l.added(table)
	for country, n := range countries {
		l.countries[country] = l.countries[country].Plus(n)
		l.total = l.total.Plus(n)
	}
	l.systems.enter(now, maps.All(systems), l.total)
}

// An origin is what is told of an address, before it is made fit for labels: addresses
// are many, and most have theirs in common with others.
type origin struct {
	country string
	asn     uint32
	name    string
}

// originOf looks an address up.
func (l *placeLedger) originOf(addr netip.Addr) origin {
	var o origin
	if addr.IsValid() {
		o.country, o.asn, o.name = l.where(addr)
	}
	o.country = countryOf(addr, o.country)
	return o
}

// added returns what was added since the last table.
func (l *placeLedger) added(table []guarder.Hit) (countries map[string]freshCounts, systems map[systemKey]freshCounts) {
	origins := make(map[origin]freshCounts)
	for _, h := range l.hits.enter(table) {
		if n, ok := freshOf(h); ok {
			from := l.originOf(h.Source)
			origins[from] = origins[from].Plus(n)
		}
	}
	countries, systems = make(map[string]freshCounts), make(map[systemKey]freshCounts)
	for from, n := range origins {
		country, system := strangersText(from.country), systemKey{cmp.Or(asnText(from.asn), unknownPlace), strangersText(from.name)}
		countries[country] = countries[country].Plus(n)
		systems[system] = systems[system].Plus(n)
	}
	return countries, systems
}

// send sends the series, of countries within their limit.
func (l *placeLedger) send(ch chan<- prometheus.Metric, within *limits) {
	countries := newGroup[count](metric.GuarderCountryPackets, 2*len(l.countries))
	for country, n := range l.countries {
		countries.add(count(n.dropped), country, "drop")
		countries.add(count(n.wouldDrop), country, "would_drop")
	}
	emit(emitter{within, l.began, ch}, countries)
	system := func(n freshCounts, created time.Time, asn, name string) {
		ch <- metric.GuarderASPackets.Counter(float64(n.dropped), created, asn, name, "drop")
		ch <- metric.GuarderASPackets.Counter(float64(n.wouldDrop), created, asn, name, "would_drop")
	}
	for key, listed := range l.systems.listed {
		system(listed.counts, listed.created, key.asn, key.name)
	}
	system(l.systems.other, l.began, "other", "other")
}
