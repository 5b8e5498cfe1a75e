package geo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// london is what City databases say of the tests' network.
func london() Place {
	p := at(51.5142, -0.0931, 10)
	p.Country, p.CountryName, p.City = "GB", "United Kingdom", "London"
	return p
}

func with(p Place, change func(*Place)) Place {
	change(&p)
	return p
}

var cloudflare = Network{ASN: 13335, Name: "CLOUDFLARENET"}

// layouts are the records of all the vendors whose layout is known.
var layouts = map[string]struct {
	kind    string
	record  mmdbtype.DataType
	place   Place
	network Network
}{
	"GeoLite2 City":    {"GeoLite2-City", cityRecord, london(), Network{}},
	"GeoLite2 Country": {"GeoLite2-Country", countryRecord, Place{Country: "GB", CountryName: "United Kingdom"}, Network{}},
	"GeoLite2 ASN":     {"GeoLite2-ASN", asnRecord, Place{}, cloudflare},
	"GeoIP2 ISP": {"GeoIP2-ISP", m{
		"autonomous_system_number":       u32(4200000001),
		"autonomous_system_organization": s("Example AS"),
		"isp":                            s("Example"), "organization": s("Another"),
	}, Place{}, Network{ASN: 4200000001, Name: "Example AS"}},
	"GeoIP2 Enterprise": {"GeoIP2-Enterprise", func() m {
		r := cityRecord.Copy().(m)
		r["country"].(m)["confidence"] = u16(99)
		r["traits"] = m{
			"autonomous_system_number": u32(13335), "autonomous_system_organization": s("CLOUDFLARENET"),
			"domain": s("customer.example"), "is_anycast": yes(true),
		}
		return r
	}(), with(london(), func(p *Place) { p.Anycast = true }), cloudflare},
	"GeoIP2 Country with anycast": {"GeoIP2-Country", m{
		"registered_country": m{"iso_code": s("US"), "names": names("United States")},
		"traits":             m{"is_anycast": yes(true)},
	}, Place{Country: "US", CountryName: "United States", Registered: true, Anycast: true}, Network{}},
	"DB-IP City": {"DBIP-City-Lite", m{
		"city":      m{"names": m{"en": s("London")}},
		"continent": m{"code": s("EU"), "names": m{"en": s("Europe")}},
		"country":   m{"is_in_european_union": yes(false), "iso_code": s("GB"), "names": m{"en": s("United Kingdom")}},
		"location":  m{"latitude": f32(51.5142), "longitude": f32(-0.0931)},
	}, with(london(), func(p *Place) { p.Radius = 0 }), Network{}},
	"DB-IP Country": {"DBIP-Country-Lite", countryRecord, Place{Country: "GB", CountryName: "United Kingdom"}, Network{}},
	"DB-IP ASN":     {"DBIP-ASN-Lite (compat=GeoLite2-ASN)", asnRecord, Place{}, cloudflare},
	"IPinfo Lite": {"ipinfo ipinfo_lite.mmdb", m{
		"as_domain": s("cloudflare.com"), "as_name": s("Cloudflare, Inc."), "asn": s("AS13335"),
		"continent": s("Europe"), "continent_code": s("EU"), "country": s("United Kingdom"), "country_code": s("GB"),
	}, Place{Country: "GB", CountryName: "United Kingdom"}, Network{ASN: 13335, Name: "Cloudflare, Inc.", Domain: "cloudflare.com"}},
	"IPinfo country and ASN": {"ipinfo generic_country_free_country_asn.mmdb", m{
		"as_domain": s("cloudflare.com"), "as_name": s("Cloudflare, Inc."), "asn": s("AS13335"),
		"continent": s("EU"), "continent_name": s("Europe"), "country": s("GB"), "country_name": s("United Kingdom"),
	}, Place{Country: "GB", CountryName: "United Kingdom"}, Network{ASN: 13335, Name: "Cloudflare, Inc.", Domain: "cloudflare.com"}},
	"IPinfo ASN": {"ipinfo standard_asn.mmdb", m{
		"asn": s("AS13335"), "domain": s("cloudflare.com"), "name": s("Cloudflare, Inc."), "route": s("1.1.1.0/24"), "type": s("hosting"),
	}, Place{}, Network{ASN: 13335, Name: "Cloudflare, Inc.", Domain: "cloudflare.com"}},
	"IPinfo Core": {"ipinfo bundle_location_core.mmdb", m{
		"city": s("London"), "country": s("United Kingdom"), "country_code": s("GB"), "region": s("England"),
		"latitude": f64(51.5142), "longitude": f64(-0.0931), "radius": u32(10), "timezone": s("Europe/London"),
		"asn": s("AS13335"), "as_name": s("CLOUDFLARENET"), "is_anycast": yes(true),
	}, with(london(), func(p *Place) { p.Anycast = true }), cloudflare},
	"IPinfo with texts as coordinates": {"ipinfo extended_location_v2.mmdb", m{
		"city": s("London"), "country": s("GB"), "country_name": s("United Kingdom"), "lat": s("51.51420"), "lng": s("-0.09310"), "radius": s("10"),
	}, london(), Network{}},
	"a name that nobody knows": {"My-Own-Places", cityRecord, london(), Network{}},
}

func TestEveryLayoutIsRead(t *testing.T) {
	for name, test := range layouts {
		t.Run(name, func(t *testing.T) {
			path := put(t, t.TempDir(), "it.mmdb", mmdb(t, test.kind, map[string]mmdbtype.DataType{
				"81.2.69.0/24": test.record, "2a02:6b8::/32": test.record,
			}))
			atlas := Open(Config{Databases: []string{path}})
			if err := atlas.Err(); err != nil {
				t.Fatal(err)
			}
			want := Entry{Kind: Public, Place: test.place, Network: test.network}
			if want.Country != "" {
				want.PlaceSource = "it.mmdb"
			}
			if want.ASN != 0 {
				want.NetworkSource = "it.mmdb"
			}
			// Twice: the second time from the cache.
			for _, a := range []string{"81.2.69.142", "81.2.69.142", "::ffff:81.2.69.1", "2a02:6b8::1"} {
				if diff := cmp.Diff(want, atlas.Lookup(addr(a))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", a, diff)
				}
			}
			for _, a := range []string{"81.2.70.1", "2a02:6b9::1"} {
				if diff := cmp.Diff(Entry{Kind: Public}, atlas.Lookup(addr(a))); diff != "" {
					t.Errorf("%s, which is in no database (-want +got):\n%s", a, diff)
				}
			}
			_, located := want.Point()
			contents := Contents{Country: want.Country != "", City: want.City != "", Coordinates: located, ASN: want.ASN != 0}
			s := atlas.Status()[0]
			if s.Type != test.kind || !s.Built.Equal(made) || s.Contents != contents || s.Succeeded != 1 || s.Failed != 0 || s.Damaged != 0 {
				t.Errorf("the status is %+v, want the contents %+v", s, contents)
			}
		})
	}
}

func TestRecordsAreJudged(t *testing.T) {
	for name, test := range map[string]struct {
		record mmdbtype.DataType
		want   record
	}{
		"0, 0 is no place": {m{"location": m{"latitude": f64(0), "longitude": f64(0)}, "country": m{"iso_code": s("GB")}},
			record{Place: Place{Country: "GB"}}},
		"0, 0 with a city is one": {m{"location": m{"latitude": f64(0), "longitude": f64(0)}, "city": m{"names": m{"en": s("Null Island")}}},
			record{Place: with(at(0, 0, 0), func(p *Place) { p.City = "Null Island" })}},
		"a latitude alone is none":    {m{"location": m{"latitude": f64(5)}}, record{}},
		"nor is one beyond the pole":  {m{"latitude": f64(91), "longitude": f64(5)}, record{}},
		"nor a word":                  {m{"latitude": s("north"), "longitude": s("5")}, record{}},
		"nor the text NaN":            {m{"latitude": s("NaN"), "longitude": s("5")}, record{}},
		"no number is too exact":      {m{"latitude": f64(1.23456789), "longitude": f64(-0.00001)}, record{Place: at(1.2346, 0, 0)}},
		"a radius beyond Earth":       {m{"latitude": f64(1), "longitude": f64(2), "radius": u32(65535)}, record{Place: at(1, 2, 0)}},
		"the EU is no country":        {m{"country": m{"iso_code": s("EU")}}, record{}},
		"nor is ZZ, but gb is":        {m{"country": s("ZZ"), "registered_country": m{"iso_code": s("gb")}}, record{Place: Place{Country: "GB", Registered: true}}},
		"a name is no code":           {m{"country": s("United Kingdom")}, record{Place: Place{CountryName: "United Kingdom"}}},
		"AS 0 is none":                {m{"asn": s("AS0"), "as_name": s("nobody")}, record{}},
		"nor one of more than 32 bit": {m{"asn": mmdbtype.Uint64(1 << 32)}, record{}},
		"AS in small letters":         {m{"asn": s("as42")}, record{Network: Network{ASN: 42}}},
		"hostile names": {m{"asn": u32(1), "as_name": s("a\nb\x00\u202ec\xff\"d\te")},
			record{Network: Network{ASN: 1, Name: "a bc\"d e"}}},
		"unexpected types": {m{"country": mmdbtype.Slice{s("GB")}, "city": u32(5), "location": s("here"), "traits": u32(1), "asn": m{}},
			record{Place: Place{City: "5"}}},
		"no map": {mmdbtype.Slice{s("GB")}, record{}},
	} {
		t.Run(name, func(t *testing.T) {
			// A good record beside it, so that the database is one.
			db, _, err := parseDatabase("it.mmdb", mmdb(t, "Any", map[string]mmdbtype.DataType{"1.0.0.0/24": test.record, "2.0.0.0/24": cityRecord}))
			if err != nil {
				t.Fatal(err)
			}
			got, err := db.lookup(addr("1.0.0.1"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesAreCutBetweenCharacters(t *testing.T) {
	long := ""
	for range 50 {
		long += "€" // 3 bytes
	}
	if got := clean(long); len(got) != 126 || got != long[:126] {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func BenchmarkLookup(b *testing.B) {
	dir := b.TempDir()
	atlas := Open(Config{Databases: []string{
		put(b, dir, "city.mmdb", mmdb(b, "GeoLite2-City", map[string]mmdbtype.DataType{"81.2.69.0/24": cityRecord})),
		put(b, dir, "asn.mmdb", mmdb(b, "GeoLite2-ASN", map[string]mmdbtype.DataType{"81.2.69.0/24": asnRecord})),
	}})
	a := addr("81.2.69.142")
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			atlas.Lookup(a)
		}
	})
	b.Run("decoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, f := range atlas.databases {
				clear(f.data.Load().data.cache)
			}
			atlas.Lookup(a)
		}
	})
}
