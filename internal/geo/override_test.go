package geo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

const goodYAML = `# own networks
networks:
- prefix: 10.0.0.0/8
  name: Company
  country: ch
- prefix: 10.1.0.0/16
  name: Zürich lab
  country: CH
  city: Zürich
  latitude: 47.37
  longitude: 8.54
  radius_km: 5
  asn: AS64512
  as_name: Example
- prefix: 2001:db8::7
  anycast: true
- prefix: 81.2.69.0/25
  city: Slough
  asn: 64513
`

func TestOverrides(t *testing.T) {
	lab := at(47.37, 8.54, 5)
	lab.Country, lab.City = "CH", "Zürich"
	slough := london()
	slough.City = "Slough"
	own := func(e Entry, name string) Entry { // of the override file
		if e.Place != (Place{}) {
			e.PlaceSource = name
		}
		if e.ASN != 0 {
			e.NetworkSource = name
		}
		return e
	}
	for name, test := range map[string]struct {
		text string
		want map[string]Entry
	}{
		"own.yaml": {goodYAML, map[string]Entry{
			"10.2.0.1":    own(Entry{Kind: Private, Label: "Company", Place: Place{Country: "CH"}}, "own.yaml"),
			"10.1.0.1":    own(Entry{Kind: Private, Label: "Zürich lab", Place: lab, Network: Network{ASN: 64512, Name: "Example"}}, "own.yaml"),
			"2001:db8::7": own(Entry{Kind: Documentation, Place: Place{Anycast: true}}, "own.yaml"),
			"2001:db8::8": {Kind: Documentation},
			// The database adds what the file does not say.
			"81.2.69.1": {Kind: Public, Place: slough, Network: Network{ASN: 64513}, PlaceSource: "city.mmdb", NetworkSource: "own.yaml"},
			// That it has something of private addresses does not matter.
			"192.168.0.1": {Kind: Private},
		}},
		"own.csv": {"# comment\n10.1.0.0/16,\"Zürich, lab\",47.37,8.54,CH,64512,Example\n10.2.0.0/16,,,,AT\n", map[string]Entry{
			"10.1.0.1": own(Entry{Kind: Private, Label: "Zürich, lab", Place: with(lab, func(p *Place) { p.City, p.Radius = "", 0 }),
				Network: Network{ASN: 64512, Name: "Example"}}, "own.csv"),
			"10.2.0.1": own(Entry{Kind: Private, Place: Place{Country: "AT"}}, "own.csv"),
		}},
		"named.CSV": {"\ufeffASN,CIDR,lng,LAT\n64512, 10.1.0.0/16 ,8.54,47.37\n", map[string]Entry{
			"10.1.0.1": own(Entry{Kind: Private, Place: at(47.37, 8.54, 0), Network: Network{ASN: 64512}}, "named.CSV"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			city := put(t, dir, "city.mmdb", mmdb(t, "GeoLite2-City", map[string]mmdbtype.DataType{
				"81.2.69.0/24": cityRecord, "192.168.0.0/16": cityRecord, "10.0.0.0/8": cityRecord,
			}))
			atlas := Open(Config{Databases: []string{city}, Overrides: []string{put(t, dir, name, []byte(test.text))}})
			if err := atlas.Err(); err != nil {
				t.Fatal(err)
			}
			for a, want := range test.want {
				if diff := cmp.Diff(want, atlas.Lookup(addr(a))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", a, diff)
				}
			}
		})
	}
}

func TestLongestOfSeveralOverrides(t *testing.T) {
	dir := t.TempDir()
	atlas := Open(Config{Overrides: []string{
		put(t, dir, "a.csv", []byte("10.0.0.0/8,wide\n10.1.0.0/16,first\n")),
		put(t, dir, "b.csv", []byte("10.1.0.0/16,second\n10.2.0.0/16,narrow\n")),
	}})
	for a, want := range map[string]string{"10.3.0.1": "wide", "10.1.0.1": "first", "10.2.0.1": "narrow"} {
		if got := atlas.Lookup(addr(a)).Label; got != want {
			t.Errorf("%s is %q, want %q", a, got, want)
		}
	}
}

func TestFaultsOfOverrides(t *testing.T) {
	for name, test := range map[string]struct {
		file, text string
		want       string
	}{
		"two at once": {"x.yaml", "networks:\n- prefix: 10.0.0.1/8\n  country: Chile\n",
			`x.yaml:2:11: prefix "10.0.0.1/8" has bits set behind its length (write 10.0.0.0/8)` + "\n" +
				`x.yaml:3:12: bad country "Chile" (write the two letters of ISO 3166-1, such as CH)`},
		"no YAML":        {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n name: x\n", "x.yaml:2:1: not YAML: did not find expected key"},
		"nothing":        {"x.yaml", "# nothing\n", "x.yaml:1:1: nothing in the file (begin it with networks:)"},
		"null":           {"x.yaml", "---\n", "x.yaml:1:1: nothing in the file (begin it with networks:)"},
		"a list":         {"x.yaml", "- prefix: 10.0.0.0/8\n", "x.yaml:1:1: the file must be a mapping of keys to values (keys are networks)"},
		"no list":        {"x.yaml", "networks: 10.0.0.0/8\n", `x.yaml:1:11: networks must be a list (begin each network with "- ")`},
		"no network":     {"x.yaml", "networks:\n- 10.0.0.0/8\n", "x.yaml:2:3: a network must be a mapping of keys to values (keys are anycast, as_name, asn, city, country, latitude, longitude, name, prefix, radius_km)"},
		"unknown key":    {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  lattitude: 5\n", `x.yaml:3:3: unknown key "lattitude" in a network (keys are anycast, as_name, asn, city, country, latitude, longitude, name, prefix, radius_km)`},
		"twice a key":    {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  prefix: 10.0.0.0/9\n", `x.yaml:3:3: duplicate key "prefix", first on line 2`},
		"alias":          {"x.yaml", "networks:\n- prefix: &p 10.0.0.0/8\n- prefix: *p\n", "x.yaml:3:11: an alias of YAML (write the value itself)"},
		"list of names":  {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  name: [a, b]\n", "x.yaml:3:9: name must be a text or a number"},
		"no prefix":      {"x.yaml", "networks:\n- name: lab\n", "x.yaml:2:3: a network without a prefix (write prefix: 10.1.0.0/16)"},
		"bad prefix":     {"x.yaml", "networks:\n- prefix: 10.0.0/8\n", `x.yaml:2:11: bad prefix "10.0.0/8" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`},
		"zone":           {"x.yaml", "networks:\n- prefix: fe80::1%eth0\n", `x.yaml:2:11: bad prefix "fe80::1%eth0" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`},
		"mapped":         {"x.yaml", "networks:\n- prefix: ::ffff:10.0.0.1\n", `x.yaml:2:11: prefix "::ffff:10.0.0.1" is an IPv4 address inside IPv6 (write it as IPv4)`},
		"twice a prefix": {"x.yaml", "networks:\n- prefix: 10.0.0.1\n- prefix: 10.0.0.1/32\n", "x.yaml:3:11: 10.0.0.1/32 is there twice, first on line 2 (remove one)"},
		"half a place":   {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  latitude: 5\n", "x.yaml:3:13: a latitude without a longitude (add the longitude)"},
		"other half":     {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  longitude: 5\n", "x.yaml:3:14: a longitude without a latitude (add the latitude)"},
		"beyond a pole":  {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  latitude: 90.5\n  longitude: 5\n", `x.yaml:3:13: bad latitude "90.5" (write a number from -90 to 90)`},
		"NaN":            {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  latitude: 1\n  longitude: nan\n", `x.yaml:4:14: bad longitude "nan" (write a number from -180 to 180)`},
		"radius alone":   {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  radius_km: 5\n", "x.yaml:3:14: a radius around no place (add latitude and longitude)"},
		"AS 0":           {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  asn: 0\n", `x.yaml:3:8: bad AS number "0" (write a number from 1 to 4294967295, such as 64512)`},
		"name of no AS":  {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  as_name: x\n", "x.yaml:3:12: as_name without an AS number (add its asn)"},
		"anycast":        {"x.yaml", "networks:\n- prefix: 10.0.0.0/8\n  anycast: maybe\n", `x.yaml:3:12: bad anycast "maybe" (write true or false)`},
		"not UTF-8":      {"x.yaml", "networks: \xff", "x.yaml:1:1: not UTF-8 text (write it in UTF-8)"},

		"CSV, by characters": {"x.csv", "10.0.0.0/8,Zürich,1,2,Schweiz\n", `x.csv:1:23: bad country "Schweiz" (write the two letters of ISO 3166-1, such as CH)`},
		"CSV, many lines":    {"x.csv", "10.0.0.0/8,\"a\nb\"\n10.0.0.0/33,c\n", `x.csv:3:1: bad prefix "10.0.0.0/33" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`},
		"CSV, columns":       {"x.csv", "10.0.0.0/8,a,1,2,CH,5,b,c\n", "x.csv:1:25: more than 7 columns (quote texts with commas)"},
		"CSV, no such name":  {"x.csv", "prefix,town\n10.0.0.0/8,x\n", `x.csv:1:8: unknown column "town" (columns are anycast, as_name, asn, city, country, latitude, longitude, name, prefix, radius_km)`},
		"CSV, twice":         {"x.csv", "prefix,cidr\n10.0.0.0/8,10.0.0.0/8\n", `x.csv:1:8: column "prefix" is there twice (remove one)`},
		"CSV, quote":         {"x.csv", "10.0.0.0/8,a\"b\n", `x.csv:1:13: not CSV: bare " in non-quoted-field (write a quote within quotes twice)`},
		"CSV, nothing":       {"x.csv", "prefix,name\n", "x.csv:1:1: no network in the file (write one network a line)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseOverrides(test.file, []byte(test.text))
			if err == nil {
				t.Fatal("no fault is found")
			}
			if diff := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyFaultsAreBounded(t *testing.T) {
	_, _, err := parseOverrides("x.csv", []byte(strings.Repeat("nonsense\n", 1000)))
	told := strings.Split(err.Error(), "\n")
	if len(told) != maxFaults+1 || told[maxFaults] != "x.csv: and 980 more faults" {
		t.Errorf("%d lines, the last is %q", len(told), told[len(told)-1])
	}
}

func TestBadOverridesLeaveTheOldOnesInForce(t *testing.T) {
	dir := t.TempDir()
	atlas := Open(Config{Overrides: []string{put(t, dir, "own.csv", []byte("10.0.0.0/8,old\n"))}, Now: later})
	put(t, dir, "own.csv", []byte("10.0.0.0/8,new\n10.1.0.0/99,bad\n"))
	atlas.Reload()
	if got := atlas.Lookup(addr("10.0.0.1")).Label; got != "old" || atlas.Status()[0].Failed != 1 {
		t.Errorf("the label is %q, the status %+v", got, atlas.Status()[0])
	}
	put(t, dir, "own.csv", []byte("10.0.0.0/8,new\n"))
	atlas.Reload()
	if got := atlas.Lookup(addr("10.0.0.1")).Label; got != "new" || atlas.Err() != nil {
		t.Errorf("the label is %q, the error %v", got, atlas.Err())
	}
}
