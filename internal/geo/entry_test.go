package geo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Several databases tell of one address; each want is what they make together.
func TestDatabasesAreMerged(t *testing.T) {
	country := func(code string) m { return m{"country": m{"iso_code": s(code)}} }
	registered := func(code string) m { return m{"registered_country": m{"iso_code": s(code)}} }
	place := func(code string, lat, lon float64) m {
		return m{"country": m{"iso_code": s(code)}, "location": m{"latitude": f64(lat), "longitude": f64(lon)}}
	}
	located := func(p Place, code string) Place {
		p.Country = code
		return p
	}
	for name, test := range map[string]struct {
		first, second m
		want          Entry
	}{
		"one tells the place, the other the AS": {cityRecord, asnRecord,
			Entry{Place: london(), Network: cloudflare, PlaceSource: "1", NetworkSource: "2"}},
		"the first is believed": {place("GB", 51, 0), place("FR", 48, 2),
			Entry{Place: located(at(51, 0, 0), "GB"), PlaceSource: "1"}},
		"coordinates of another country do not fit": {country("GB"), place("FR", 48, 2),
			Entry{Place: Place{Country: "GB"}, PlaceSource: "1"}},
		"those of the same one do": {country("GB"), place("GB", 51, 0),
			Entry{Place: located(at(51, 0, 0), "GB"), PlaceSource: "1"}},
		"use confirms registration": {registered("GB"), country("GB"),
			Entry{Place: Place{Country: "GB"}, PlaceSource: "1"}},
		"use is believed before registration, if it comes later": {registered("GB"), place("FR", 48, 2),
			Entry{Place: located(at(48, 2, 0), "FR"), PlaceSource: "2"}},
		"anycast of the second": {country("GB"), m{"country": s("GB"), "is_anycast": yes(true)},
			Entry{Place: Place{Country: "GB", Anycast: true}, PlaceSource: "1"}},
		"the first AS is believed": {m{"asn": s("AS1")}, m{"asn": s("AS2"), "as_name": s("Two")},
			Entry{Network: Network{ASN: 1}, NetworkSource: "1"}},
		"its name may come later": {m{"asn": s("AS1")}, m{"asn": s("AS1"), "as_name": s("One"), "as_domain": s("one.example")},
			Entry{Network: Network{ASN: 1, Name: "One", Domain: "one.example"}, NetworkSource: "1"}},
		"who announces is believed before who holds": {m{"asn": s("AS1"), "autonomous_system_holder": yes(true)}, m{"asn": s("AS2")},
			Entry{Network: Network{ASN: 2}, NetworkSource: "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := func(name string, r m) string {
				return put(t, dir, name, mmdb(t, "T", map[string]mmdbtype.DataType{"1.0.0.0/8": r}))
			}
			atlas := Open(Config{Databases: []string{file("1", test.first), file("2", test.second)}})
			if err := atlas.Err(); err != nil {
				t.Fatal(err)
			}
			test.want.Kind = Public
			if diff := cmp.Diff(test.want, atlas.Lookup(addr("1.1.1.1"))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIPv6InADatabaseOfIPv4(t *testing.T) {
	// The writer makes such databases only for IPv4; the reader refuses IPv6 in them.
	atlas := Open(Config{Databases: []string{put(t, t.TempDir(), "4.mmdb", mmdb4(t))}})
	if e := atlas.Lookup(addr("2a02:6b8::1")); e != (Entry{Kind: Public}) || atlas.Status()[0].Damaged != 0 {
		t.Errorf("got %+v, %+v", e, atlas.Status())
	}
	if e := atlas.Lookup(addr("81.2.69.1")); e.City != "London" {
		t.Errorf("got %+v", e)
	}
}
