package geo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/inserter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
)

// BuiltType is the type of the databases that a [Builder] writes.
const BuiltType = "PacketScope-Country-ASN"

// A Builder makes a small database of countries and AS numbers, for who has no other.
//
//	var b geo.Builder
//	b.AddDelegated("delegated-ripencc-extended-latest", ripe)
//	b.AddCSV("ip2asn-combined.tsv", origins)
//	err := b.Write(file, time.Now())
//
// What is added later counts more than what was there, and of one file the longer prefix
// counts more than the shorter. Its zero value is empty.
type Builder struct {
	layers []layer
	// Stats count what was read.
	Stats BuildStats
}

// BuildStats count what a [Builder] read.
type BuildStats struct {
	// Networks are ranges with a country or an AS, of which Systems have an AS.
	Networks, Systems int
	// Skipped are records that say nothing of use: addresses that nobody has, AS
	// numbers, special-purpose ranges.
	Skipped int
}

// A layer is what one file says.
type layer []span

// A span is a range of addresses with what is known of it.
type span struct {
	addresses netipx.IPRange
	country   string
	// registered and holder say that the registry's word is all there is.
	registered, holder bool
	asn                uint32
	asName             string
}

// Write writes the database, which is made at a time that it will tell as its age.
// Nothing to write is an error.
func (b *Builder) Write(w io.Writer, made time.Time) error {
	if b.Stats.Networks == 0 {
		return errors.New("no network with a country or an AS number to write")
	}
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:   made.Unix(),
		DatabaseType: BuiltType,
		Description:  map[string]string{"en": "Countries and AS numbers of addresses, as registries and routes say"},
		Languages:    []string{"en"},
		IPVersion:    6,
		RecordSize:   28,
		// What is reserved was skipped, range by range.
		IncludeReservedNetworks: true,
		DisableIPv4Aliasing:     true,
	})
	if err != nil {
		return err
	}
	for _, layer := range b.layers {
		for _, part := range layer.parts() {
			if err := tree.InsertFunc(ipNet(part.prefix), inserter.TopLevelMergeWith(part.record())); err != nil {
				return fmt.Errorf("write %v: %w", part.prefix, err)
			}
		}
	}
	_, err = tree.WriteTo(w)
	return err
}

// A part is a prefix of a span.
type part struct {
	prefix netip.Prefix
	*span
}

// parts returns the prefixes of all spans, the shorter before the longer ones.
func (l layer) parts() []part {
	var all []part
	for i := range l {
		for _, p := range l[i].addresses.Prefixes() {
			all = append(all, part{p, &l[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b part) int { return a.prefix.Bits() - b.prefix.Bits() })
	return all
}

// record returns what is known of a span, as GeoLite2 would have it. Keys that come in
// pairs are written together, so that no half of an older layer stays beside them.
func (s *span) record() mmdbtype.Map {
	m := mmdbtype.Map{}
	if s.country != "" {
		key := mmdbtype.String("country")
		if s.registered {
			key = "registered_country"
		}
		m[key] = mmdbtype.Map{"iso_code": mmdbtype.String(s.country)}
	}
	if s.asn != 0 {
		m["autonomous_system_number"] = mmdbtype.Uint32(s.asn)
		m["autonomous_system_organization"] = mmdbtype.String(s.asName)
		m[keyHolder] = mmdbtype.Bool(s.holder)
	}
	return m
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// add takes a span into a layer, unless it says nothing or is about no public addresses.
func (b *Builder) add(l *layer, s span) {
	if s.country == "" && s.asn == 0 || !worthwhile(s.addresses) {
		b.Stats.Skipped++
		return
	}
	b.Stats.Networks++
	if s.asn != 0 {
		b.Stats.Systems++
	}
	*l = append(*l, s)
}

// global6 is the global unicast part of IPv6.
var global6 = netip.MustParsePrefix("2000::/3")

// worthwhile reports whether a range holds public addresses, at one end at least. One of
// IPv6 must not reach beyond its global part: the tree has IPv4 below ::/96.
func worthwhile(r netipx.IPRange) bool {
	from, to := r.From(), r.To()
	if from.Is6() && !(global6.Contains(from) && global6.Contains(to)) {
		return false
	}
	return KindOf(from) == Public || KindOf(to) == Public
}
