package geo

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The lists of the tests have the form of Spamhaus's, with prefixes for documentation.
const (
	dropText = `; Spamhaus DROP List 2026/03/01 - (c) 2026 The Spamhaus Project SLU
; https://www.spamhaus.org/drop/drop.txt
; Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT
; Expires: Sun, 01 Mar 2026 18:00:00 GMT
192.0.2.0/24 ; SBL256894
198.51.100.0/25 ; SBL1
198.51.100.16/28 ; SBL2
`
	drop4JSON = `{"cidr":"192.0.2.0/24","sblid":"SBL256894","rir":"apnic"}
{"cidr":"198.51.100.0/25","sblid":"SBL1","rir":"arin"}
{"type":"metadata","timestamp":1772366400,"size":130,"records":2,"copyright":"(c) 2026 The Spamhaus Project SLU","terms":"https://www.spamhaus.org/drop/terms/"}
`
	drop6JSON = `{"cidr":"2001:db8::/32","sblid":"SBL6","rir":"ripencc"}
{"type":"metadata","timestamp":1772366400,"records":1}
`
	asnJSON = `{"asn":64500,"rir":"ripencc","domain":"bad.example","cc":"DE","asname":"BAD-AS"}
{"asn":"AS4200000001","rir":"arin","domain":"worse.example","cc":"US","asname":""}
{"type":"metadata","timestamp":1772366400,"size":99,"records":2}
`
	plain = "# mine\n203.0.113.7\n2001:db8:1::/48 # six\n\nAS64501\tsome other words\n"
)

func TestBlocklists(t *testing.T) {
	dir := t.TempDir()
	path := map[string]string{}
	for name, text := range map[string]string{
		"drop.txt": dropText, "drop_v4.json": drop4JSON, "drop_v6.json": drop6JSON, "asndrop.json": asnJSON,
		"plain.txt": strings.Replace(plain, "AS64501\tsome", "AS64501 ; some", 1), "bad.txt": "", "asndrop.txt": "AS64500 ; DE | BAD-AS\n",
	} {
		path[name] = put(t, dir, name, []byte(text))
	}
	path["missing.txt"] = dir + "/missing.txt"
	listed := func(list, reference, prefix string) Listing {
		l := Listing{State: Listed, List: list, Reference: reference}
		if prefix != "" {
			l.Prefix = netip.MustParsePrefix(prefix)
		}
		return l
	}
	clear, unknown := Listing{State: Clear}, Listing{}
	for name, test := range map[string]struct {
		files []string
		addrs map[string]Listing
		ases  map[uint32]Listing
	}{
		"none": {nil, map[string]Listing{"192.0.2.1": unknown, "2001:db8::1": unknown}, map[uint32]Listing{64500: unknown}},
		"text": {[]string{"drop.txt"}, map[string]Listing{
			"192.0.2.1": listed("drop.txt", "SBL256894", "192.0.2.0/24"), "::ffff:192.0.2.1": listed("drop.txt", "SBL256894", "192.0.2.0/24"),
			"198.51.100.17": listed("drop.txt", "SBL2", "198.51.100.16/28"), "198.51.100.1": listed("drop.txt", "SBL1", "198.51.100.0/25"),
			"198.51.100.128": clear, "192.0.3.0": clear, "192.0.1.255": clear,
			"2001:db8::1": unknown, // the list has no IPv6
		}, map[uint32]Listing{64500: unknown}},
		"JSON of IPv4": {[]string{"drop_v4.json"}, map[string]Listing{
			"192.0.2.1": listed("drop_v4.json", "SBL256894", "192.0.2.0/24"), "192.0.3.0": clear, "2001:db8::1": unknown,
		}, map[uint32]Listing{64500: unknown}},
		"all of Spamhaus": {[]string{"drop_v4.json", "drop_v6.json", "asndrop.json"}, map[string]Listing{
			"192.0.2.1": listed("drop_v4.json", "SBL256894", "192.0.2.0/24"), "192.0.3.0": clear,
			"2001:db8::1": listed("drop_v6.json", "SBL6", "2001:db8::/32"), "2001:db8::1%eth0": listed("drop_v6.json", "SBL6", "2001:db8::/32"),
			"2001:db9::1": clear,
		}, map[uint32]Listing{64500: listed("asndrop.json", "BAD-AS", ""), 4200000001: listed("asndrop.json", "worse.example", ""), 64502: clear, 0: unknown}},
		"plain": {[]string{"plain.txt"}, map[string]Listing{
			"203.0.113.7": listed("plain.txt", "", "203.0.113.7/32"), "203.0.113.8": clear,
			"2001:db8:1::1": listed("plain.txt", "six", "2001:db8:1::/48"), "2001:db8:2::1": clear,
		}, map[uint32]Listing{64501: listed("plain.txt", "some", ""), 64500: clear}},
		"AS in text": {[]string{"asndrop.txt"}, map[string]Listing{"192.0.2.1": unknown}, map[uint32]Listing{64500: listed("asndrop.txt", "DE", ""), 1: clear}},
		"the first of two": {[]string{"drop_v4.json", "drop.txt"}, map[string]Listing{
			"198.51.100.17": listed("drop_v4.json", "SBL1", "198.51.100.0/25"), "192.0.3.0": clear,
		}, nil},
		"one is bad": {[]string{"drop.txt", "bad.txt"}, map[string]Listing{
			"192.0.2.1": listed("drop.txt", "SBL256894", "192.0.2.0/24"), "192.0.3.0": unknown,
		}, map[uint32]Listing{64500: unknown}},
		"one is missing": {[]string{"missing.txt", "asndrop.json"}, map[string]Listing{"192.0.3.0": unknown},
			map[uint32]Listing{64500: listed("asndrop.json", "BAD-AS", ""), 1: unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			var files []string
			for _, f := range test.files {
				files = append(files, path[f])
			}
			b := OpenBlocklists(BlockConfig{Files: files, Now: later})
			same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
			for a, want := range test.addrs {
				if diff := cmp.Diff(want, b.Addr(addr(a)), same); diff != "" {
					t.Errorf("%s (-want +got):\n%s", a, diff)
				}
			}
			for asn, want := range test.ases {
				if diff := cmp.Diff(want, b.AS(asn), same); diff != "" {
					t.Errorf("AS%d (-want +got):\n%s", asn, diff)
				}
			}
		})
	}
	if got := OpenBlocklists(BlockConfig{Files: []string{path["drop.txt"]}}).Addr(netip.Addr{}); got != unknown {
		t.Errorf("no address is %+v", got)
	}
}

func TestOldListsDoNotClear(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
	for _, f := range []struct{ name, text string }{{"drop.txt", dropText}, {"drop_v4.json", drop4JSON}} {
		b := OpenBlocklists(BlockConfig{
			Files: []string{put(t, dir, f.name, []byte(f.text))}, MaxAge: 7 * 24 * time.Hour, Now: func() time.Time { return now },
		})
		now = time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
		if got := b.Status()[0].Built; !got.Equal(now.AddDate(0, 0, -7)) {
			t.Errorf("%s was made at %v", f.name, got)
		}
		for _, test := range []struct {
			after time.Duration
			want  State
		}{{0, Clear}, {time.Second, Unknown}} {
			now = now.Add(test.after)
			if got := b.Addr(addr("192.0.3.0")).State; got != test.want {
				t.Errorf("%s after 7 days and %v: %v, want %v", f.name, test.after, got, test.want)
			}
			if got := b.Addr(addr("192.0.2.0")).State; got != Listed {
				t.Errorf("%s after 7 days and %v: %v, want listed", f.name, test.after, got)
			}
		}
	}
}

func TestFaultsOfBlocklists(t *testing.T) {
	const cutOff = "no metadata at the end of the list, so it may have been cut off (fetch it again; lists of your own may be text, one prefix a line)"
	for name, test := range map[string]struct{ text, want string }{
		"empty of entries": {"; nothing\n", "x:1:1: no entry in the list (was it fetched to its end? EDROP became part of DROP in 2024)"},
		"a page":           {"<html>\n", `x:1:1: bad prefix "<html>" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`},
		"host bits":        {"192.0.2.0/24\n  192.0.2.1/24 ; SBL1\n", `x:2:3: prefix "192.0.2.1/24" has bits set behind its length (write 192.0.2.0/24)`},
		"everything":       {"0.0.0.0/0\n", "x:1:1: 0.0.0.0/0 would list every address (remove it)"},
		"bad AS":           {"AS4294967296\n", `x:1:1: bad AS number "AS4294967296" (write AS64512)`},
		"JSON, cut off":    {drop4JSON[:strings.Index(drop4JSON, `{"type"`)], "x:2:1: " + cutOff},
		"JSON, cut within": {drop4JSON[:len(drop4JSON)-20], "x:3:1: not a JSON object a line: unexpected end of JSON input (was it fetched to its end?)"},
		"JSON, lines lost": {drop4JSON[strings.Index(drop4JSON, "\n")+1:], "x:2:1: 1 records, but the metadata count 2 (fetch it again)"},
		"JSON, no entry":   {`{"type":"metadata","timestamp":1,"records":0}`, "x:1:1: no entry in the list (was it fetched to its end? EDROP became part of DROP in 2024)"},
		"JSON, array":      {`[{"cidr":"192.0.2.0/24"}]`, "x:1:1: a JSON array (write one object a line)"},
		"JSON, bad prefix": {`{"rir":"ü", "cidr":"192.0.2.0/33"}`, `x:1:20: bad prefix "192.0.2.0/33" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`},
		"JSON, bad AS":     {`{"asn":0}`, `x:1:1: bad AS number "0"`},
		"JSON, stranger":   {`{"ip":"192.0.2.0"}`, "x:1:1: neither cidr nor asn in the entry"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseBlocklist("x", []byte(test.text))
			if err == nil || err.Error() != test.want {
				t.Errorf("the fault is\n%v, want\n%s", err, test.want)
			}
		})
	}
}

// A list that says less than it has was not cut off.
func TestMoreRecordsThanTheMetadataCount(t *testing.T) {
	text := strings.Replace(drop4JSON, `"records":2`, `"records":1`, 1)
	if l, _, err := parseBlocklist("x", []byte(text)); err != nil || l.entries() != 2 {
		t.Errorf("got %+v, %v", l, err)
	}
}

func TestBadListLeavesTheOldOneInForce(t *testing.T) {
	dir := t.TempDir()
	b := OpenBlocklists(BlockConfig{Files: []string{put(t, dir, "drop.json", []byte(drop4JSON))}, Now: later})
	put(t, dir, "drop.json", []byte(drop4JSON[:100]))
	b.Reload()
	s := b.Status()[0]
	if got := b.Addr(addr("192.0.2.1")).State; got != Listed || s.Failed != 1 || s.Err == nil || s.Entries != 2 {
		t.Errorf("the state is %v, the status %+v", got, s)
	}
}
