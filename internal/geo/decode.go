package geo

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// maxValues is the most values of one record that are looked at. GeoLite2's largest have
// about 100; a record that refers to itself over and over would have no end.
const maxValues = 4096

// keyHolder is a key of the databases that this package makes and that MaxMind's have not: see
// [Network.Holder].
const keyHolder = "autonomous_system_holder"

var errTooLarge = errors.New("a record has no end")

// UnmarshalMaxMindDBCursor reads a record of whatever layout: what is not known, or not
// of a type that can be understood, is passed over. A value may be a number in one
// database and a text in another.
func (r *raw) UnmarshalMaxMindDBCursor(c mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	*r = raw{lat: math.NaN(), lon: math.NaN()}
	d := decoder{left: maxValues}
	return d.each(c, func(key string, v value) {
		switch key {
		case "country":
			r.flatCountry = v.text
			d.named(v, &r.country)
		case "registered_country":
			d.named(v, &r.registered)
		case "city":
			r.city.name = v.text
			d.named(v, &r.city)
		case "name":
			r.plainName = v.text
		case "domain": // in traits that of the user, who is not the AS
			r.plainDomain = v.text
		case "location", "traits":
			d.sub(v, func(key string, v value) { r.set(key, v) })
		default:
			r.set(key, v)
		}
	})
}

// set takes a value that is no map.
func (r *raw) set(key string, v value) {
	switch key {
	case "country_code":
		r.countryCode = v.text
	case "country_name":
		r.countryName = v.text
	case "latitude", "lat":
		r.lat = v.number()
	case "longitude", "lng", "lon":
		r.lon = v.number()
	case "accuracy_radius", "radius":
		r.radius = v.number()
	case "autonomous_system_number", "asn":
		if n := v.asn(); n != 0 {
			r.asn = n
		}
	case "autonomous_system_organization", "as_name":
		r.asName = v.text
	case "as_domain":
		r.asDomain = v.text
	case "is_anycast":
		r.anycast = r.anycast || v.yes()
	case keyHolder:
		r.holder = v.yes()
	}
}

// A decoder walks the maps of one record.
type decoder struct {
	left int // values
	err  error
}

// A value is a scalar, or the place of a map.
type value struct {
	text string // of a scalar
	at   mmdbdata.Cursor
	kind mmdbdata.Kind
}

// each calls f with every entry of a map and returns what comes behind it. Something
// else than a map is passed over.
func (d *decoder) each(c mmdbdata.Cursor, f func(key string, v value)) (mmdbdata.Cursor, error) {
	if kind, err := c.Kind(); err != nil || kind != mmdbdata.KindMap {
		if err != nil {
			return c, err
		}
		return c.Skip()
	}
	entries, err := c.Map()
	if err != nil {
		return c, err
	}
	var next mmdbdata.Cursor
	for {
		key, at, ok := entries.Next(next)
		if !ok {
			break
		}
		if d.left--; d.left < 0 {
			return c, errTooLarge
		}
		v := value{at: at}
		if v.kind, err = at.Kind(); err != nil {
			return c, err
		}
		if v.text, next, err = scalar(at, v.kind); err != nil {
			return c, err
		}
		if f(string(key), v); d.err != nil {
			return c, d.err
		}
	}
	return entries.End()
}

// sub calls f with every entry of a map within a map.
func (d *decoder) sub(v value, f func(key string, v value)) {
	if v.kind != mmdbdata.KindMap || d.err != nil {
		return
	}
	_, d.err = d.each(v.at, f)
}

// named reads {iso_code: ..., names: {en: ...}}.
func (d *decoder) named(v value, to *named) {
	d.sub(v, func(key string, v value) {
		switch key {
		case "iso_code":
			to.code = v.text
		case "names":
			d.sub(v, func(language string, v value) {
				if language == "en" {
					to.name = v.text
				}
			})
		}
	})
}

// scalar returns the text of a scalar, "" for others, and what comes behind.
func scalar(c mmdbdata.Cursor, kind mmdbdata.Kind) (text string, next mmdbdata.Cursor, err error) {
	switch kind {
	case mmdbdata.KindString:
		return c.ReadString()
	case mmdbdata.KindFloat64:
		f, next, err := c.ReadFloat64()
		return strconv.FormatFloat(f, 'g', -1, 64), next, err
	case mmdbdata.KindFloat32:
		f, next, err := c.ReadFloat32()
		return strconv.FormatFloat(float64(f), 'g', -1, 32), next, err
	case mmdbdata.KindUint16, mmdbdata.KindUint32, mmdbdata.KindUint64:
		n, next, err := c.ReadUint()
		return strconv.FormatUint(n, 10), next, err
	case mmdbdata.KindInt32:
		n, next, err := c.ReadInt32()
		return strconv.Itoa(int(n)), next, err
	case mmdbdata.KindBool:
		b, next, err := c.ReadBool()
		return strconv.FormatBool(b), next, err
	}
	next, err = c.Skip()
	return "", next, err
}

// number returns the value of a number or of its text, or NaN.
func (v value) number() float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// asn returns the value of 13335 or "AS13335", or 0.
func (v value) asn() uint32 {
	n, _ := parseASN(v.text)
	return n
}

func (v value) yes() bool { return v.text == "true" || v.text == "1" }

// parseASN reads the number of an AS, with or without "AS" before it.
func parseASN(text string) (uint32, bool) {
	if len(text) > 2 && strings.EqualFold(text[:2], "AS") {
		text = text[2:]
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, false
	}
	return uint32(n), true
}
