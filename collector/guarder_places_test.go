package collector

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// hitsReader is a packet filter with a table of sources.
type hitsReader func() ([]guarder.Hit, error)

func (f hitsReader) Status() (guarder.Status, error) { return guarder.Status{Since: since}, nil }
func (f hitsReader) Hits() (guarder.HitList, error) {
	hits, err := f()
	return guarder.HitList{Hits: hits}, err
}

// placesAt is the collector over a table that a test changes.
func placesAt(limit int, where Locate, read hitsReader) Collector {
	return newGuarderAt(since, read, NewStack(reader{}, StackOptions{SeriesLimit: limit, Since: since}), where)
}

// TestPlacesAddUpAndNeverFall drives random histories through scrapes, some of which
// fail: countries are exactly those of the model, and with AS no packet is lost, nor
// counted twice.
func TestPlacesAddUpAndNeverFall(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 11))
		m := newSourceTable(seed, 60)
		where := func(a netip.Addr) (string, uint32, string) { // 9 countries and what is unknown, 40 AS
			n := a.As4()[3]
			return []string{"NZ", "CH", "US", "BR", "ZA", "JP", "IN", "FR", "EG", ""}[n%10], 1 + uint32(n%40), "system"
		}
		want, sum := make(map[string]float64), 0.0
		var fault error
		c := placesAt(DefaultSeriesLimit, where, func() ([]guarder.Hit, error) {
			if fault != nil {
				return nil, fault
			}
			table, added := m.read()
			for key, n := range added {
				country, _, _ := where(key.source)
				series := countryOf(key.source, country) + " " + m.hits[key].Effect
				want[series] += float64(n)
				sum += float64(n)
			}
			return table, nil
		})
		highest, listed := make(map[string]float64), make(map[string]bool)
		for step := range 200 {
			m.live(100, func(i int) netip.Addr { return numbered(i) })
			fault = nil
			if random.IntN(10) == 0 {
				fault = errBroken
			}
			first := step == 0
			if first {
				fault = nil
			}
			countries := seriesOfGuarder(t, c, metric.GuarderCountryPackets)
			if fault != nil {
				if len(countries) > 0 {
					t.Fatalf("seed %d, step %d: there are countries after an error", seed, step)
				}
				continue
			}
			if first { // that was before the exporter started
				clear(want)
				sum = 0
			}
			for series, n := range countries {
				if n != want[series] || n < highest[series] {
					t.Fatalf("seed %d, step %d: %s is %v, was %v, want %v", seed, step, series, n, highest[series], want[series])
				}
				highest[series] = n
			}
			for series, n := range want {
				if _, ok := countries[series]; !ok {
					t.Fatalf("seed %d, step %d: %s is missing, want %v", seed, step, series, n)
				}
			}
			// Reading again adds nothing, so that both families are of the same table.
			systems := seriesOfGuarder(t, c, metric.GuarderASPackets)
			if len(systems) > 2*(topSystems+1) {
				t.Fatalf("seed %d, step %d: %d series", seed, step, len(systems))
			}
			total := 0.0
			for series, n := range systems {
				if n < highest[series] {
					t.Fatalf("seed %d, step %d: %s fell from %v to %v", seed, step, series, highest[series], n)
				}
				highest[series], listed[series] = n, true
			}
			for series := range listed {
				total += highest[series]
			}
			if total != sum {
				t.Fatalf("seed %d, step %d: AS add up to %v, want %v", seed, step, total, sum)
			}
		}
		if len(listed) <= 2*(topSystems+1) || sum == 0 {
			t.Errorf("seed %d: %d series of AS, %v packets: the history shows little", seed, len(listed), sum)
		}
	}
}

// TestPlacesBeginAtZero: what was counted before the exporter started is no peak, and a
// rate does not see the first packets of a series that begins with them.
func TestPlacesBeginAtZero(t *testing.T) {
	for f, labels := range map[*metric.Family]string{metric.GuarderCountryPackets: "NZ", metric.GuarderASPackets: "AS64496 Example"} {
		packets := uint64(0)
		c := placesAt(DefaultSeriesLimit, whereFull, func() ([]guarder.Hit, error) {
			return []guarder.Hit{{Source: netip.MustParseAddr("203.0.113.7"), Effect: "drop", Packets: packets, First: 1}}, nil
		})
		// What is added is more than the time before, nothing, and less.
		for _, n := range []float64{0, 7, 16, 16, 17, 25} {
			packets = 1000 + uint64(n)
			want := map[string]float64{labels + " drop": n, labels + " would_drop": 0}
			if f == metric.GuarderASPackets {
				want["other other drop"], want["other other would_drop"] = 0, 0
			}
			if diff := cmp.Diff(want, seriesOfGuarder(t, c, f)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", f.Name, diff)
			}
		}
	}
}

// TestAddressesWithoutACountrySayWhy: nobody in the Internet has some of them.
func TestAddressesWithoutACountrySayWhy(t *testing.T) {
	for addr, want := range map[string]string{
		"9.9.9.9": "unknown", "2600::": "unknown", "64:ff9b::": "unknown",
		"10.1.2.3": "private", "100.64.0.1": "private", "127.0.0.1": "private", "fe80::": "private", "fd00::": "private", "0.0.0.0": "private",
		"192.0.2.1": "reserved", "198.18.0.1": "reserved", "240.0.0.1": "reserved", "224.0.0.1": "reserved", "255.255.255.255": "reserved", "2001:db8::": "reserved",
	} {
		if got := countryOf(netip.MustParseAddr(addr), ""); got != want {
			t.Errorf("%s is %q, want %q", addr, got, want)
		}
		if got := countryOf(netip.MustParseAddr(addr), "CH"); got != "CH" {
			t.Errorf("%s of which the country is known is %q", addr, got)
		}
	}
	asked := false
	c := placesAt(DefaultSeriesLimit, func(netip.Addr) (string, uint32, string) { asked = true; return "", 0, "" }, func() ([]guarder.Hit, error) {
		return []guarder.Hit{{Effect: "drop", Packets: 5, First: 1}}, nil
	})
	if got := seriesOfGuarder(t, c, metric.GuarderCountryPackets); len(got) != 2 || asked {
		t.Errorf("packets without an address: %v, looked up: %t", got, asked)
	} else if _, ok := got["none drop"]; !ok {
		t.Errorf("packets without an address: %v", got)
	}
}

// TestCountriesBeyondTheLimitAreOthers has an address in each of many countries.
func TestCountriesBeyondTheLimitAreOthers(t *testing.T) {
	packets := uint64(1)
	c := placesAt(10, whereOf(Host{GuarderCountries: 1}), func() ([]guarder.Hit, error) {
		hits := make([]guarder.Hit, 300)
		for i := range hits {
			hits[i] = guarder.Hit{Source: numbered(i), Effect: "drop", Packets: packets, First: 1}
		}
		return hits, nil
	})
	seriesOfGuarder(t, c, metric.GuarderCountryPackets)
	packets = 3
	got, sum := seriesOfGuarder(t, c, metric.GuarderCountryPackets), 0.0
	for _, n := range got {
		sum += n
	}
	if _, ok := got["other other"]; len(got) != 10 || sum != 600 || !ok {
		t.Errorf("%d series with %v packets: %v", len(got), sum, got)
	}
}

// TestWithoutHitsThereAreNoCountriesAndNoFailure: of an agent that is older, or does not
// tell addresses to all. An agent that cannot tell them is another matter.
func TestWithoutHitsThereAreNoCountriesAndNoFailure(t *testing.T) {
	told := func() ([]guarder.Hit, error) { return fullHits[:1:1], nil }
	fails := func(err error) hitsReader { return func() ([]guarder.Hit, error) { return nil, err } }
	for name, c := range map[string]struct {
		where   Locate
		read    hitsReader
		success float64
		there   bool
	}{
		"told":          {whereFull, told, 1, true},
		"nobody looks":  {nil, fails(errBroken), 1, false},
		"older agent":   {whereFull, fails(fmt.Errorf("hits: %w", guarder.ErrNotTold)), 1, false},
		"gone since":    {whereFull, fails(fmt.Errorf("no socket: %w", ErrNoGuarder)), 1, false},
		"broken agent":  {whereFull, fails(errBroken), 0, false},
		"without agent": {whereFull, fails(errors.Join(errBroken, guarder.ErrNoAgent)), 0, false},
	} {
		there := false
		for _, f := range gatherFrom(t, NewSet(quiet, stopped, placesAt(DefaultSeriesLimit, c.where, c.read))) {
			there = there || strings.HasPrefix(f.GetName(), "packetscope_guarder_country") || strings.HasPrefix(f.GetName(), "packetscope_guarder_as_")
			if f.GetName() == metric.ScrapeCollectorSuccess.Name && f.Metric[0].Gauge.GetValue() != c.success {
				t.Errorf("%s: success %v, want %v", name, f.Metric[0].Gauge.GetValue(), c.success)
			}
		}
		if there != c.there {
			t.Errorf("%s: there are countries: %t, want %t", name, there, c.there)
		}
	}
}

// BenchmarkPlaces enters a full table in which every source is new, as in a flood from
// forged addresses, without looking them up.
func BenchmarkPlaces(b *testing.B) {
	where := func(a netip.Addr) (string, uint32, string) {
		n := a.As4()
		return string([]byte{'A' + n[3]%16, 'A' + n[3]/16}), 1 + uint32(n[2])<<8 + uint32(n[3]), "system"
	}
	l := newPlaceLedger(where, since, nil)
	now, first := since, uint64(0)
	table := make([]guarder.Hit, 16384)
	b.ReportAllocs()
	for b.Loop() {
		now, first = now.Add(15*time.Second), first+1
		for i := range table {
			table[i] = guarder.Hit{Source: numbered(i + int(first%2)*30_000), Effect: "drop", Packets: 64, First: first}
		}
		l.enter(now, table)
	}
}
