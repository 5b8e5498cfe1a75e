package alert

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/packetscope/packetscope/internal/guarder"
)

const (
	// mostNamed is how many sources, countries and networks an alert names.
	mostNamed = 5
	// sampleBytes is how much of a packet it shows.
	sampleBytes = 64
	// longestName is that of a network, in bytes.
	longestName = 64
)

// Locate tells of an address in which country it is, and whose network: "" and 0 if not
// known.
type Locate func(netip.Addr) (country string, asn uint32, network string)

// Evidence is what the agent knows beside its counters. What it was not asked for, or does
// not tell, is empty.
type Evidence struct {
	Hits    guarder.HitList
	Samples []guarder.Sample
	// Locate may be nil.
	Locate Locate
}

// fields returns what the annotations of an alert can tell.
func (e *Evidence) of(r *guarder.RuleStatus, a *Alert) (sources, countries, networks, sample string) {
	bySource, byCountry, byNetwork := map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
	for _, h := range e.Hits.Hits {
		if r.Number == nil || h.Rule != *r.Number || !h.Source.IsValid() || e.before(h, a.ActiveAt.Add(-r.Alert.Over())) {
			continue
		}
		source := h.Source.String()
		if h.Source.Is6() {
			source = netip.PrefixFrom(h.Source, 64).String()
		}
		bySource[source] += h.Packets
		if e.Locate == nil {
			continue
		}
		country, asn, name := e.Locate(h.Source)
		if country != "" {
			byCountry[country] += h.Packets
		}
		if asn != 0 {
			byNetwork[strings.TrimSpace(fmt.Sprintf("AS%d %s", asn, plain(name)))] += h.Packets
		}
	}
	for _, s := range slices.Backward(e.Samples) {
		if s.Group == r.Group && s.Rule == r.Rule {
			sample = hex.EncodeToString(s.Frame[:min(len(s.Frame), sampleBytes)])
			break
		}
	}
	return top(bySource), top(byCountry), top(byNetwork), sample
}

// before tells whether a source was hit last before a time.
func (e *Evidence) before(h guarder.Hit, since time.Time) bool {
	return !e.Hits.Boot.IsZero() && e.Hits.Boot.Add(time.Duration(h.Last)).Before(since)
}

// top names those with most packets, with how many that were.
func top(packets map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(packets), func(a, b string) int {
		return cmp.Or(cmp.Compare(packets[b], packets[a]), cmp.Compare(a, b))
	})
	var all []string
	for _, name := range names[:min(len(names), mostNamed)] {
		all = append(all, fmt.Sprintf("%s (%d)", name, packets[name]))
	}
	if more := len(names) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	return strings.Join(all, ", ")
}

// plain returns a name from a database as one short line.
func plain(name string) string {
	name = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), longestName)], "")
}
