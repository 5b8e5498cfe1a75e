package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
)

// A geoLookup is what is known of one address as the verb prints it. Fields may be added
// to it; none is renamed or removed. What is not known is left out.
type geoLookup struct {
	Address string `json:"address"`
	Kind    string `json:"kind"`
	// Label is the name of the network in an override file.
	Label   string `json:"label,omitempty"`
	Country string `json:"country,omitempty"`
	// Registered says that Country is where the address is registered.
	Registered  bool   `json:"registered,omitempty"`
	CountryName string `json:"country_name,omitempty"`
	City        string `json:"city,omitempty"`
	// Latitude and Longitude are degrees.
	Latitude  *float64 `json:"latitude,omitempty"`
	Longitude *float64 `json:"longitude,omitempty"`
	RadiusKm  float64  `json:"radius_km,omitempty"`
	Anycast   bool     `json:"anycast,omitempty"`
	ASN       uint32   `json:"asn,omitempty"`
	ASName    string   `json:"as_name,omitempty"`
	ASDomain  string   `json:"as_domain,omitempty"`
	// Holder says that ASN is that of the holder by the registry.
	Holder bool `json:"holder,omitempty"`
	// PlaceSource and ASSource are the files that told the country and the AS.
	PlaceSource *geoSourceFile `json:"place_source,omitempty"`
	ASSource    *geoSourceFile `json:"as_source,omitempty"`
}

// A geoSourceFile is a file that told something.
type geoSourceFile struct {
	File  string    `json:"file"`
	Built time.Time `json:"built"`
}

func newGeoLookup(addr netip.Addr, e geo.Entry, files map[string]geo.Status) geoLookup {
	source := func(name string) *geoSourceFile {
		if s, ok := files[name]; ok {
			return &geoSourceFile{name, s.Built.UTC()}
		}
		return nil
	}
	return geoLookup{
		Address: addr.String(), Kind: e.Kind.String(), Label: e.Label,
		Country: e.Country, Registered: e.Registered, CountryName: e.CountryName, City: e.City,
		Latitude: e.Latitude, Longitude: e.Longitude, RadiusKm: e.Radius, Anycast: e.Anycast,
		ASN: e.ASN, ASName: e.Name, ASDomain: e.Domain, Holder: e.Holder,
		PlaceSource: source(e.PlaceSource), ASSource: source(e.NetworkSource),
	}
}

// text returns the address and, indented, a line for each thing that is known of it.
func (l geoLookup) text(now time.Time) string {
	var b strings.Builder
	fmt.Fprintln(&b, l.Address)
	line := func(name string, parts ...string) {
		if text := strings.Join(strings.Fields(strings.Join(parts, " ")), " "); text != "" {
			fmt.Fprintf(&b, "  %-12s %s\n", name, text)
		}
	}
	line("kind", l.Kind)
	line("label", l.Label)
	line("country", l.Country, l.CountryName, remark(l.Registered, "(where it is registered)"))
	line("city", l.City)
	if l.Latitude != nil && l.Longitude != nil {
		line("coordinates", fmt.Sprintf("%.4f, %.4f", *l.Latitude, *l.Longitude), remark(l.RadiusKm > 0, fmt.Sprintf("(within %g km)", l.RadiusKm)))
	}
	line("anycast", remark(l.Anycast, "many places answer for it"))
	if l.ASN != 0 {
		line("AS", fmt.Sprint(l.ASN), l.ASName, l.ASDomain, remark(l.Holder, "(of the holder by the registry)"))
	}
	if s := l.PlaceSource; s != nil {
		line("place from", s.File, geoAge(s.Built, now))
	}
	if s := l.ASSource; s != nil {
		line("AS from", s.File, geoAge(s.Built, now))
	}
	return b.String()
}

// remark returns a text if it holds.
func remark(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}
