package geo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oschwald/maxminddb-golang/v2"
)

// The delegated files of the tests have the form of the registries'. Of the holders one
// has an AS, h2 has two, h3 has a block of them, h4 none.
const ripe = `# a comment
2|ripencc|1772323199|12|19830705|20260228|+0100
ripencc|*|ipv4|*|6|summary
ripencc|*|asn|*|4|summary
ripencc|*|ipv6|*|2|summary
ripencc|CH|ipv4|193.0.0.0|768|19930901|allocated|h1
ripencc|CH|asn|64496|1|19930901|allocated|h1
ripencc|NL|ipv4|193.0.4.0|256|19930901|assigned|h2
ripencc|NL|asn|64497|1|19930901|allocated|h2
ripencc|NL|asn|64498|1|19930901|allocated|h2
ripencc|DE|ipv4|193.0.5.0|256|19930901|assigned|h3
ripencc|DE|asn|64500|4|19930901|allocated|h3
ripencc|EU|ipv4|193.0.6.0|256|19930901|assigned|h4
ripencc||ipv4|193.0.7.0|256||available|
ripencc|FR|ipv4|10.0.0.0|256|19930901|assigned|h4
ripencc|CH|ipv6|2a00:100::|32|20080101|allocated|h1
ripencc|FR|ipv6|2a00:200::|29|20080101|allocated|h4|e-stats
`

// arin has a holder with the same id, who is somebody else.
const arin = `2.3|arin|1772323199|2|19830705|20260228|-0500
arin|US|ipv4|8.0.0.0|16777216|19921201|allocated|h1
arin|CA|ipv4|193.0.5.128|128|20200101|assigned|h9
`

// build writes what a Builder was given and opens it.
func build(t *testing.T, b *Builder) (*Atlas, []byte) {
	t.Helper()
	var file bytes.Buffer
	if err := b.Write(&file, made); err != nil {
		t.Fatal(err)
	}
	reader, err := maxminddb.OpenBytes(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Verify(); err != nil {
		t.Errorf("the database is not right: %v", err)
	}
	atlas := Open(Config{Databases: []string{put(t, t.TempDir(), "built.mmdb", file.Bytes())}})
	if err := atlas.Err(); err != nil {
		t.Fatal(err)
	}
	return atlas, file.Bytes()
}

// built is an entry of the database.
func built(p Place, n Network) Entry {
	e := Entry{Kind: Public, Place: p, Network: n}
	if p.Country != "" {
		e.PlaceSource = "built.mmdb"
	}
	if n.ASN != 0 {
		e.NetworkSource = "built.mmdb"
	}
	return e
}

func checkEntries(t *testing.T, atlas *Atlas, want map[string]Entry) {
	t.Helper()
	for a, want := range want {
		if diff := cmp.Diff(want, atlas.Lookup(addr(a))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a, diff)
		}
	}
}

func in(country string) Place { return Place{Country: country, Registered: true} }

func TestBuildFromDelegatedFiles(t *testing.T) {
	var b Builder
	for _, text := range []string{ripe, arin} {
		if err := b.AddDelegated("x", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	// 5 ranges of ripencc with a country and two of arin; 4 records of AS numbers, one
	// range that is free, one without a country (nor an AS), one private.
	if want := (BuildStats{Networks: 7, Systems: 2, Skipped: 7}); b.Stats != want {
		t.Errorf("the counts are %+v, want %+v", b.Stats, want)
	}
	atlas, _ := build(t, &b)
	h1 := Network{ASN: 64496, Holder: true}
	checkEntries(t, atlas, map[string]Entry{
		"193.0.0.0": built(in("CH"), h1), "193.0.1.255": built(in("CH"), h1), "193.0.2.255": built(in("CH"), h1),
		"193.0.3.0":   {Kind: Public},
		"193.0.4.1":   built(in("NL"), Network{}), // of two AS numbers it could be either
		"193.0.5.1":   built(in("DE"), Network{}),
		"193.0.5.200": built(in("CA"), Network{}), // the other registry's
		"193.0.6.1":   {Kind: Public},
		"193.0.7.1":   {Kind: Public},
		"10.0.0.1":    {Kind: Private},
		"8.8.8.8":     built(in("US"), Network{}),
		"2a00:100::1": built(in("CH"), h1), "2a00:207:ffff::1": built(in("FR"), Network{}), "2a00:208::1": {Kind: Public},
	})
	s := atlas.Status()[0]
	if s.Type != BuiltType || !s.Built.Equal(made) || s.Contents != (Contents{Country: true, ASN: true}) {
		t.Errorf("the status is %+v", s)
	}
}

func TestBuildFromCSV(t *testing.T) {
	routes := map[string]Entry{
		"1.0.0.1": built(Place{Country: "US"}, Network{ASN: 13335, Name: "CLOUDFLARENET, the"}),
		"1.0.5.1": built(Place{}, Network{ASN: 38803}),
		"1.0.1.1": {Kind: Public}, "10.0.0.1": {Kind: Private},
		"2a00:100::1": built(Place{Country: "CH"}, Network{}),
	}
	for name, text := range map[string]string{
		"prefixes": "1.0.0.0/24,US,13335,\"CLOUDFLARENET, the\"\n1.0.4.0/22,,AS38803\n10.0.0.0/8,US,1,private\n2a00:100::/32,CH\n1.0.1.0/24,ZZ,0,nobody\n",
		"ranges": "1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET, the\n1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n" +
			"1.0.4.0\t1.0.7.255\t38803\tNone\t\n2a00:100::\t2a00:100:ffff:ffff:ffff:ffff:ffff:ffff\t0\tCH\t\n",
		"named": "country_code,comment,AS_Number,as_description,range_start,range_end\nUS,x,13335,\"CLOUDFLARENET, the\",1.0.0.0,1.0.0.255\n" +
			",,38803,,1.0.4.0,1.0.7.255\nCH,,,,2a00:100::,2a00:100:ffff:ffff:ffff:ffff:ffff:ffff\n",
	} {
		t.Run(name, func(t *testing.T) {
			var b Builder
			if err := b.AddCSV(name, strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			if b.Stats.Networks != 3 || b.Stats.Systems != 2 {
				t.Errorf("the counts are %+v", b.Stats)
			}
			atlas, _ := build(t, &b)
			checkEntries(t, atlas, routes)
		})
	}
}

func TestColumnsWithoutNames(t *testing.T) {
	var b Builder
	for _, text := range []string{
		"1.0.0.0,1.0.0.255,CH\n2.0.0.0,2.0.0.255,AT\n",
		"1.0.0.0,1.0.0.255,13335,DE\n", // a name, and no country
	} {
		if err := b.AddCSV("x", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	atlas, _ := build(t, &b)
	checkEntries(t, atlas, map[string]Entry{
		"1.0.0.1": built(Place{Country: "CH"}, Network{ASN: 13335, Name: "DE"}),
		"2.0.0.1": built(Place{Country: "AT"}, Network{}),
	})
}

// Routes are laid over registrations; of one file the order of the lines does not matter.
func TestBuildInLayers(t *testing.T) {
	var b Builder
	if err := b.AddDelegated("ripencc", strings.NewReader(ripe)); err != nil {
		t.Fatal(err)
	}
	if err := b.AddCSV("routes", strings.NewReader("prefix,asn,as_name\n193.0.2.0/25,65001,Narrow\n193.0.0.0/21,65000,Wide\n")); err != nil {
		t.Fatal(err)
	}
	if err := b.AddCSV("places", strings.NewReader("193.0.0.0/24,AT\n")); err != nil {
		t.Fatal(err)
	}
	atlas, first := build(t, &b)
	wide := Network{ASN: 65000, Name: "Wide"}
	checkEntries(t, atlas, map[string]Entry{
		"193.0.0.1":   built(Place{Country: "AT"}, wide),
		"193.0.1.1":   built(in("CH"), wide),
		"193.0.2.1":   built(in("CH"), Network{ASN: 65001, Name: "Narrow"}),
		"193.0.3.1":   built(Place{}, wide),
		"193.0.4.1":   built(in("NL"), wide),
		"2a00:100::1": built(in("CH"), Network{ASN: 64496, Holder: true}),
	})
	if _, again := build(t, &b); !bytes.Equal(first, again) {
		t.Error("the same sources do not make the same file")
	}
}

func TestFaultsOfSources(t *testing.T) {
	header := "2|ripencc|20260301|1|19830705|20260228|+0100\n"
	for name, test := range map[string]struct {
		csv        bool
		text, want string
	}{
		"not delegated":     {false, "<html>\n<body>\n", "x:1:1: not the first line of a delegated file of version 2 (give the file delegated-*-extended-latest of a registry)"},
		"delegated, empty":  {false, "# nothing\n", "x:1:1: nothing in the file (fetch it again)"},
		"count":             {false, "2|ripencc|20260301|many|19830705|20260228|+0100\n", `x:1:1: bad count of records "many" (fetch it again)`},
		"delegated, cut":    {false, "2|ripencc|20260301|2|1|1|+0\nripencc|CH|ipv4|193.0.0.0|256|1|allocated|h\n", "x:2:1: 1 records, but its first line counts 2 (it was cut off: fetch it again)"},
		"cut within a line": {false, header + "ripencc|CH|ipv4|193\n", "x:2:1: 4 columns instead of 7 or more (fetch it again)"},
		"value":             {false, header + "ripencc|CH|ipv4|193.0.0.0|-1|1|allocated|h\n", `x:2:27: bad value "-1" (fetch it again)`},
		"beyond the end":    {false, header + "ripencc|CH|ipv4|255.0.0.0|16777217|1|allocated|h\n", "x:2:17: 255.0.0.0 with the value 16777217 is no range of ipv4 (fetch it again)"},
		"wrong family":      {false, header + "ripencc|CH|ipv4|2a00::|32|1|allocated|h\n", "x:2:17: 2a00:: with the value 32 is no range of ipv4 (fetch it again)"},
		"prefix of 129":     {false, header + "ripencc|CH|ipv6|2a00::|129|1|allocated|h\n", "x:2:17: 2a00:: with the value 129 is no range of ipv6 (fetch it again)"},
		"type":              {false, header + "ripencc|CH|ipv5|2a00::|12|1|allocated|h\n", `x:2:12: unknown type "ipv5" (fetch it again)`},
		"AS":                {false, header + "ripencc|CH|asn|ASx|1|1|allocated|h\n", `x:2:16: bad AS number "ASx" (fetch it again)`},

		"CSV, empty":        {true, "\n", "x:1:1: nothing in the file"},
		"CSV, columns":      {true, "start,country\n1.0.0.0,CH\n", "x:1:1: no column of addresses (name a column prefix, or two start and end)"},
		"CSV, prefix":       {true, "1.0.0.0/24,CH\n1.0.0/24,CH\n", `x:2:1: bad prefix "1.0.0/24" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`},
		"CSV, address":      {true, "1.0.0.0,1.0.0.9,CH\n1.0.0.0,1.0.0.999,CH\n", `x:2:9: bad address "1.0.0.999" (write an address such as 192.0.2.7)`},
		"CSV, backwards":    {true, "1.0.0.9,1.0.0.0,CH\n", "x:1:1: no range of addresses (the first must not be behind the last)"},
		"CSV, half":         {true, "start,end\n1.0.0.9\n", "x:2:1: no range of addresses (the first must not be behind the last)"},
		"CSV, two families": {true, "1.0.0.9,2a00::,CH\n", "x:1:1: no range of addresses (the first must not be behind the last)"},
		"CSV, AS":           {true, "1.0.0.0/24,CH,first\n", `x:1:15: bad AS number "first" (write a number such as 64512, or 0 for none)`},
	} {
		t.Run(name, func(t *testing.T) {
			var b Builder
			add := b.AddDelegated
			if test.csv {
				add = b.AddCSV
			}
			err := add("x", strings.NewReader(test.text))
			if err == nil || err.Error() != test.want {
				t.Errorf("the fault is\n%v, want\n%s", err, test.want)
			}
			if b.Stats != (BuildStats{}) || len(b.layers) != 0 {
				t.Errorf("something was added: %+v", b)
			}
		})
	}
}

func TestNothingToBuild(t *testing.T) {
	var b Builder
	if err := b.AddCSV("x", strings.NewReader("10.0.0.0/8,CH\n::/2,CH\n")); err != nil || b.Stats.Skipped != 2 {
		t.Errorf("error %v, %+v", err, b.Stats)
	}
	if err := b.Write(&bytes.Buffer{}, made); err == nil {
		t.Error("an empty database is written")
	}
}
