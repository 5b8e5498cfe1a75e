package geo

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Whatever is in a file of text: it is read, or its faults have places; what is read can
// be asked for.

func FuzzOverrides(f *testing.F) {
	f.Add("x.yaml", goodYAML)
	f.Add("x.csv", "# comment\n10.1.0.0/16,\"Zürich, lab\",47.37,8.54,CH,64512,Example\n")
	f.Add("x.csv", "asn,prefix\n1,\"a\nb\"\n")
	f.Add("x.yaml", "networks: &a [*a]")
	f.Add("x.yaml", "\r0")
	f.Add("x.yaml", "---")
	f.Add("x.yaml", "networks:\n- {prefix: 10.0.0.0/8, <<: {name: x}}\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		o, _, err := parseOverrides(name, []byte(text))
		checkFaults(t, text, err)
		if err != nil {
			return
		}
		for p, one := range o.trie.All() {
			if at, ok := one.Point(); ok && !at.Valid() || one.Country != countryCode(one.Country) || !shown(one.label) || !shown(one.Name) {
				t.Errorf("%v is %+v", p, one)
			}
		}
	})
}

func FuzzBlocklist(f *testing.F) {
	for _, text := range []string{dropText, drop4JSON, drop6JSON, asnJSON, plain, `{"cidr":"::/0","sblid":7}`, `{"type":"metadata","records":-1}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, facts, err := parseBlocklist("x", []byte(text))
		checkFaults(t, text, err)
		if err != nil {
			return
		}
		if facts.entries == 0 {
			t.Error("an empty list is taken")
		}
		for p, reference := range l.prefixes.All() {
			if !l.about(p.Addr()) || !shown(reference) || p.Bits() == 0 {
				t.Errorf("%v is listed as %q", p, reference)
			}
		}
	})
}

func FuzzDelegated(f *testing.F) {
	f.Add(ripe)
	f.Add(arin)
	f.Add("2|x|1|0|1|1|+0\nx|CH|ipv6|::|1|1|assigned|h\nx|CH|ipv4|0.0.0.0|4294967296|1|assigned\n")
	f.Fuzz(func(t *testing.T, text string) {
		var b Builder
		fuzzBuild(t, &b, text, b.AddDelegated("x", strings.NewReader(text)))
	})
}

func FuzzCSV(f *testing.F) {
	f.Add("1.0.0.0/24,US,13335,\"CLOUDFLARENET, the\"\n")
	f.Add("1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n::\t2000::\t1\tUS\t\n")
	f.Add("end,start\n")
	f.Fuzz(func(t *testing.T, text string) {
		var b Builder
		fuzzBuild(t, &b, text, b.AddCSV("x", strings.NewReader(text)))
	})
}

// fuzzBuild writes what was read, and finds it again.
func fuzzBuild(t *testing.T, b *Builder, text string, err error) {
	if err != nil {
		checkFaults(t, text, err)
		return
	}
	if b.Stats.Networks == 0 {
		return
	}
	var file bytes.Buffer
	if err := b.Write(&file, made); err != nil {
		t.Fatal(err)
	}
	db, _, err := parseDatabase("x", file.Bytes())
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	for _, one := range b.layers[0] {
		got, err := db.lookup(one.addresses.From())
		if err != nil || got.Country == "" && got.ASN == 0 {
			t.Fatalf("%v is %+v, %v", one.addresses, got, err)
		}
	}
}

// FuzzDatabase damages a database, which must be refused or looked up without a panic.
func FuzzDatabase(f *testing.F) {
	whole := mmdb(f, "GeoLite2-City", map[string]mmdbtype.DataType{"81.2.69.0/24": cityRecord, "2a02:6b8::/32": asnRecord})
	f.Add(uint16(0), []byte{}, []byte{81, 2, 69, 1})
	for i := 0; i < len(whole); i += 16 {
		f.Add(uint16(i), []byte{0xff, 0x00, 0x20, 0xe1}, []byte{81, 2, 69, 1})
	}
	f.Fuzz(func(t *testing.T, at uint16, damage, address []byte) {
		data := append([]byte{}, whole...)
		copy(data[int(at)%len(data):], damage)
		db, _, err := parseDatabase("x", data)
		if err != nil {
			return
		}
		a, ok := netip.AddrFromSlice(address)
		if !ok {
			return
		}
		if r, err := db.lookup(a); err == nil && (!shown(r.City) || !shown(r.Name)) {
			t.Errorf("got %+v", r)
		}
	})
}

// checkFaults requires of each line of an error a place within the text.
func checkFaults(t *testing.T, text string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return // what could not be read to its end
	}
	lines := 2 // what is missing at the end is behind it
	for _, r := range text {
		if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) { // all of them end a line of YAML
			lines++
		}
	}
	for _, one := range joined.Unwrap() {
		fault, ok := one.(*Fault)
		if !ok {
			continue // how many more there are
		}
		if fault.Line < 1 || fault.Line > lines || fault.Column < 1 || fault.Message == "" {
			t.Errorf("of %d lines: %#v", lines, fault)
		}
	}
}

// shown reports whether a text may be shown.
func shown(text string) bool {
	return utf8.ValidString(text) && len(text) <= maxText && !strings.ContainsAny(text, "\n\r\t\x00")
}
