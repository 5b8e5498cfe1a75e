package geo

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// overrides are the networks of an override file.
type overrides struct {
	trie Trie[override]
}

// An override is what a file says of a network.
type override struct {
	label string
	record
}

// A field is a text and its place.
type field struct {
	text         string
	line, column int
}

// A row is a network as the file has it: the keys of columns with what stands there.
// Keys that are missing or empty are not in it.
type row struct {
	at     field // where it begins
	fields map[string]field
}

// columns are the keys of a network, with their other names in CSV files.
var columns = map[string]string{
	"prefix": "prefix", "cidr": "prefix", "network": "prefix",
	"name": "name", "label": "name",
	"country": "country", "country_code": "country",
	"city":     "city",
	"latitude": "latitude", "lat": "latitude",
	"longitude": "longitude", "lon": "longitude", "lng": "longitude",
	"radius_km": "radius_km",
	"asn":       "asn",
	"as_name":   "as_name",
	"anycast":   "anycast",
}

// keys are the names of columns in YAML.
var keys = slices.Compact(slices.Sorted(maps.Values(columns)))

// parseOverrides reads a file for own networks, CSV if its name ends so, else YAML:
//
//	networks:
//	- prefix: 10.1.0.0/16   # or an address
//	  name: Zurich lab      # shown instead of nothing
//	  country: CH
//	  city: Zurich
//	  latitude: 47.37
//	  longitude: 8.54
//	  radius_km: 5
//	  asn: 64512
//	  as_name: Example
//	  anycast: false
//
// Only the prefix is needed. A CSV file has the same columns in any order, named by its
// first line; without names they are prefix, name, latitude, longitude, country, asn,
// as_name. Lines that begin with # are comments. The error is all faults of the file,
// each a [Fault].
func parseOverrides(path string, data []byte) (*overrides, facts, error) {
	l := &faultList{file: path}
	kind := "YAML"
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // spreadsheets write it
	var rows []row
	if !utf8.Valid(data) {
		l.add(1, 1, "write it in UTF-8", "not UTF-8 text")
	} else if strings.EqualFold(filepath.Ext(path), ".csv") {
		kind = "CSV"
		rows = csvRows(l, data)
	} else {
		rows = yamlRows(l, data)
	}
	o := &overrides{}
	first := map[netip.Prefix]int{}
	for _, r := range rows {
		p, one := l.override(r)
		if !p.IsValid() {
			continue
		}
		if line, twice := first[p]; twice {
			at := r.fields["prefix"]
			l.add(at.line, at.column, "remove one", "%v is there twice, first on line %d", p, line)
			continue
		}
		first[p] = r.fields["prefix"].line
		o.trie.Insert(p, one)
	}
	if l.any() {
		return nil, facts{}, l.err()
	}
	return o, facts{kind: kind, entries: o.trie.Len()}, nil
}

// override reads one network.
func (l *faultList) override(r row) (netip.Prefix, override) {
	var o override
	at, ok := r.fields["prefix"]
	if !ok {
		l.add(r.at.line, r.at.column, "write prefix: 10.1.0.0/16", "a network without a prefix")
		return netip.Prefix{}, o
	}
	prefix := l.prefix(at)
	o.label = clean(r.fields["name"].text)
	o.City = clean(r.fields["city"].text)
	o.Name = clean(r.fields["as_name"].text)
	if f, ok := r.fields["country"]; ok {
		if o.Country = countryCode(f.text); o.Country == "" {
			l.add(f.line, f.column, "write the two letters of ISO 3166-1, such as CH", "bad country %q", f.text)
		}
	}
	if f, ok := r.fields["asn"]; ok {
		if o.ASN, ok = parseASN(f.text); !ok || o.ASN == 0 {
			l.add(f.line, f.column, "write a number from 1 to 4294967295, such as 64512", "bad AS number %q", f.text)
		}
	} else if f, ok := r.fields["as_name"]; ok {
		l.add(f.line, f.column, "add its asn", "as_name without an AS number")
	}
	if f, ok := r.fields["anycast"]; ok {
		if f.text != "true" && f.text != "false" {
			l.add(f.line, f.column, "write true or false", "bad anycast %q", f.text)
		}
		o.Anycast = f.text == "true"
	}
	l.place(r, &o)
	return prefix, o
}

// place reads the coordinates.
func (l *faultList) place(r row, o *override) {
	lat, hasLat := r.fields["latitude"]
	lon, hasLon := r.fields["longitude"]
	switch {
	case hasLat && hasLon:
		o.setPoint(Point{
			round4(l.number(lat, "latitude", -90, 90)),
			round4(l.number(lon, "longitude", -180, 180)),
		})
	case hasLat:
		l.add(lat.line, lat.column, "add the longitude", "a latitude without a longitude")
	case hasLon:
		l.add(lon.line, lon.column, "add the latitude", "a longitude without a latitude")
	}
	f, ok := r.fields["radius_km"]
	if !ok {
		return
	}
	if o.Radius = l.number(f, "radius_km", 0, math.Round(math.Pi*earthRadius)); !hasLat && !hasLon {
		l.add(f.line, f.column, "add latitude and longitude", "a radius around no place")
	}
}

// number reads a number within bounds.
func (l *faultList) number(f field, what string, least, most float64) float64 {
	v, err := strconv.ParseFloat(f.text, 64)
	if err != nil || math.IsNaN(v) || v < least || v > most {
		l.add(f.line, f.column, fmt.Sprintf("write a number from %g to %g", least, most), "bad %s %q", what, f.text)
		return 0
	}
	return v
}

// prefix reads a prefix or an address, or records why there is none.
func (l *faultList) prefix(f field) netip.Prefix {
	p, err := parsePrefix(f.text)
	switch {
	case err != nil:
		l.add(f.line, f.column, "write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32",
			"bad prefix %q", f.text)
		return netip.Prefix{}
	case p.Addr().Is4In6():
		l.add(f.line, f.column, "write it as IPv4", "prefix %q is an IPv4 address inside IPv6", f.text)
		return netip.Prefix{}
	case p != p.Masked():
		l.add(f.line, f.column, "write "+p.Masked().String(), "prefix %q has bits set behind its length", f.text)
		return netip.Prefix{}
	}
	return p
}

var errZone = errors.New("an address with a zone")

// parsePrefix reads a prefix; an address is one of its full length.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	if err == nil && addr.Zone() != "" {
		err = errZone
	}
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
