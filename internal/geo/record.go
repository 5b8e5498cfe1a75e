package geo

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A record is what a database says of an address.
type record struct {
	Place
	Network
}

// raw holds what a record of any layout may have, before it is judged.
type raw struct {
	country, registered named // GeoLite2's maps
	// flatCountry is the text behind "country": a name if there is a code, else a code.
	flatCountry, countryCode, countryName string
	city                                  named
	// lat and lon are NaN where they are missing.
	lat, lon, radius float64
	asn              uint32
	asName, asDomain string
	// plainName and plainDomain are about the AS only in databases of AS numbers.
	plainName, plainDomain string
	anycast, holder        bool
}

// named is a map such as {iso_code: CH, names: {en: Switzerland}}.
type named struct {
	code, name string
}

// judge keeps what can be true.
func (r *raw) judge() record {
	var to record
	to.Place = r.place()
	if r.asn != 0 {
		to.ASN, to.Holder = r.asn, r.holder
		to.Name, to.Domain = clean(first(r.asName, r.plainName)), clean(first(r.asDomain, r.plainDomain))
	}
	return to
}

func (r *raw) place() Place {
	p := Place{
		Country:     first(countryCode(r.country.code), countryCode(r.countryCode)),
		CountryName: clean(first(r.country.name, r.countryName)),
		City:        clean(r.city.name),
		Anycast:     r.anycast,
	}
	if code := countryCode(r.flatCountry); code != "" && r.countryCode == "" {
		p.Country = first(p.Country, code)
	} else {
		p.CountryName = first(p.CountryName, clean(r.flatCountry))
	}
	if p.Country == "" {
		if p.Country = countryCode(r.registered.code); p.Country != "" {
			p.Registered, p.CountryName = true, clean(r.registered.name)
		}
	}
	at := Point{round4(r.lat), round4(r.lon)}
	// Databases write 0, 0 for what they do not know. No city is there.
	if at.Valid() && (at != Point{} || p.City != "") {
		p.setPoint(at)
		if r.radius > 0 && r.radius < math.Pi*earthRadius {
			p.Radius = r.radius
		}
	}
	return p
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// round4 rounds to 4 decimals, as far as any database is right: so neither the noise of
// 32 bit numbers nor a new edition changes a label without need.
func round4(degrees float64) float64 {
	return math.Round(degrees*1e4)/1e4 + 0 // no -0
}

// countryCode returns a code of ISO 3166-1 in capitals, or "" for what is no country:
// the registries and older databases write EU and AP for regions, ZZ for nobody.
func countryCode(text string) string {
	if len(text) != 2 {
		return ""
	}
	code := strings.ToUpper(text)
	for i := range 2 {
		if code[i] < 'A' || code[i] > 'Z' {
			return ""
		}
	}
	switch code {
	case "EU", "AP", "XX", "ZZ":
		return ""
	}
	return code
}

// maxText is the most bytes of a text that is kept.
const maxText = 128

// clean makes the text of a stranger fit to be shown: valid UTF-8 on one line, without
// control and format characters, of bounded length.
func clean(text string) string {
	fine := func(r rune) bool { return r != utf8.RuneError && unicode.IsGraphic(r) }
	if strings.ContainsFunc(text, func(r rune) bool { return !fine(r) }) {
		text = strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case !fine(r):
				return -1
			}
			return r
		}, strings.ToValidUTF8(text, ""))
	}
	if len(text) > maxText {
		cut := maxText
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	return strings.TrimSpace(text)
}
