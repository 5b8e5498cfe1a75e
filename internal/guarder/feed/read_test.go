package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// feedOf returns a feed with small limits.
func feedOf(format policy.FeedFormat) *policy.Feed {
	f := &policy.Feed{Name: "f", File: "list", Format: format, MinEntries: 1, MaxEntries: 5, Widest4: 8, Widest6: 16, Action: policy.Drop}
	if format == policy.CrowdSec {
		f.MinEntries, f.Exclude = 0, true
	}
	return f
}

// stream is a decision stream with these decisions.
func stream(decisions ...string) string {
	return `{"deleted":[{"id":3,"value":"192.0.2.9","x":[[{}],{"y":null}]}],"new":[` + strings.Join(decisions, ",") + "]}\n"
}

func decide(scope, value, duration, more string) string {
	return fmt.Sprintf(`{"duration":%q,"id":1,"scenario":"ssh-bf","scope":%q,"value":%q%s}`, duration, scope, value, more)
}

const ban = `,"type":"ban","origin":"CAPI"`

const drop4 = `{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"apnic"}
{"cidr":"198.51.100.0/25","sblid":"SBL2","rir":"arin"}
{"type":"metadata","timestamp":1772366400,"size":130,"records":2,"copyright":"(c)","terms":"https://example.org/"}
`

func entries(texts ...string) []Entry {
	var all []Entry
	for _, text := range texts {
		prefix, left, timed := strings.Cut(text, " ")
		e := Entry{Prefix: netip.MustParsePrefix(prefix)}
		if timed {
			d, err := time.ParseDuration(left)
			if err != nil {
				panic(err)
			}
			e.Until = noon.Add(d).Unix()
		}
		all = append(all, e)
	}
	return all
}

func TestListsAreRead(t *testing.T) {
	for name, test := range map[string]struct {
		format policy.FeedFormat
		text   string
		want   List
	}{
		"plain": {policy.PlainList, "# mine\n198.51.100.7 # him\n192.0.2.0/24\n\n2001:db8::/32\n",
			List{Entries: entries("192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32")}},
		"FireHOL's": {policy.Netset, "#\n# firehol_level1\n#\n192.0.2.0/24\r\n198.51.100.7\r\n",
			List{Entries: entries("192.0.2.0/24", "198.51.100.7/32")}},
		"Spamhaus's text": {policy.SpamhausText, "; Spamhaus DROP List\n; Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT\n192.0.2.0/24 ; SBL1\n",
			List{Entries: entries("192.0.2.0/24"), Built: noon}},
		"Spamhaus's JSON": {policy.SpamhausJSON, drop4, List{Entries: entries("192.0.2.0/24", "198.51.100.0/25"), Built: noon}},
		"what lies within goes, halves are joined": {policy.PlainList, "192.0.2.0/25\n192.0.2.64/26\n192.0.2.128/25\n192.0.3.0/24\n192.0.2.5\n",
			List{Entries: entries("192.0.2.0/23")}},
		"addresses stay addresses": {policy.PlainList, "192.0.2.1\n192.0.2.0\n192.0.2.1\n", List{Entries: entries("192.0.2.0/32", "192.0.2.1/32")}},
		"a decision stream": {policy.CrowdSec, stream(
			decide("Ip", "192.0.2.1", "1h", ban), decide("ip", "::ffff:192.0.2.2", "1m0.5s", ban), decide("Range", "198.51.100.128/24", "4h", `,"type":"ban","origin":"cscli"`),
			decide("Ip", "192.0.2.1", "2h", ban), decide("Ip", "192.0.2.3", "-5s", ban),
			decide("Country", "XX", "4h", ban), decide("Ip", "192.0.2.4", "4h", `,"type":"captcha","origin":"CAPI"`),
		), List{Entries: entries("192.0.2.1/32 2h", "192.0.2.2/32 1m", "198.51.100.0/24 4h"), Origins: map[string]int{"CAPI": 3, "cscli": 1}, Skipped: 3}},
		"an address that is a range": {policy.CrowdSec, stream(decide("Ip", "192.0.2.1", "1h", ban), decide("Ip", "198.51.100.7/24", "1h", ban)),
			List{Entries: entries("192.0.2.1/32 1h", "198.51.100.0/24 1h"), Origins: map[string]int{"CAPI": 2}}},
		"decisions that cannot be read, among others": {policy.CrowdSec, stream(
			decide("Ip", "nobody", "1h", ban), decide("Ip", "192.0.2.1", "soon", ban), `{"value":7}`, `[]`, decide("Ip", "fe80::1%eth0", "1h", ban),
			decide("Range", "::ffff:192.0.2.0/120", "1h", ban), decide("Ip", "192.0.2.2", "1h", ban), decide("Ip", "", "1h", ban),
		), List{Entries: entries("192.0.2.2/32 1h"), Origins: map[string]int{"CAPI": 1}, Skipped: 7}},
		"a decision stream with nothing": {policy.CrowdSec, `{"new":null,"deleted":null}`, List{Origins: map[string]int{}}},
		"a decision within another that ends sooner": {policy.CrowdSec, stream(decide("Range", "192.0.2.0/24", "1m", ban), decide("Ip", "192.0.2.1", "1h", ban)),
			List{Entries: entries("192.0.2.0/24 1m", "192.0.2.1/32 1h"), Origins: map[string]int{"CAPI": 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
				got, err := Read("list", from, feedOf(test.format), noon)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&test.want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("list (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	const html = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body>\n</body></html>\n"
	six := "192.0.2.1\n192.0.2.3\n192.0.2.5\n192.0.2.7\n192.0.2.9\n192.0.2.11\n"
	few := feedOf(policy.PlainList)
	few.MinEntries = 3
	for name, test := range map[string]struct {
		feed *policy.Feed
		text string
		want string
	}{
		"HTML":                        {nil, html, "not_a_list: list:1:1: bad prefix"},
		"HTML for JSON":               {feedOf(policy.SpamhausJSON), html, "not_a_list: list:1:1: bad prefix"},
		"HTML for decisions":          {feedOf(policy.CrowdSec), html, "not_a_list: list: byte 0: invalid character '<'"},
		"HTML behind entries":         {nil, "192.0.2.1\n" + html, "not_a_list: list:2:1: bad prefix"},
		"nothing":                     {nil, "", "empty: list:1:1: no entry in the list"},
		"comments alone":              {nil, "# nothing\n", "empty: list:1:1: no entry in the list"},
		"nothing for decisions":       {feedOf(policy.CrowdSec), "", "empty: list: nothing was sent"},
		"garbage":                     {nil, "\x00\xff\x1f\x8b\n", "not_a_list: list:1:1: bad prefix"},
		"words":                       {nil, "192.0.2.1 evil\n", "not_a_list: list:1:1: bad prefix"},
		"a line without an end":       {nil, strings.Repeat("1", 100_000), "not_a_list: list:1:1: a line of more than 65536 bytes"},
		"host bits":                   {nil, "192.0.2.1/24\n", "not_a_list: list:1:1: prefix \"192.0.2.1/24\" has bits set"},
		"an AS":                       {nil, "AS64500\n", "not_a_list: list:1:1: AS64500: a feed lists addresses"},
		"all of IPv4":                 {nil, "192.0.2.1\n0.0.0.0/0\n", "too_wide: list:2:1: 0.0.0.0/0 is wider than /8 (see widest_prefix)"},
		"all of IPv6":                 {nil, "::/0\n", "too_wide: list:1:1: ::/0 is wider than /16"},
		"half of IPv4":                {nil, "128.0.0.0/1\n", "too_wide: list:1:1: 128.0.0.0/1 is wider than /8"},
		"a wide one of IPv6":          {nil, "2000::/15\n", "too_wide: list:1:1: 2000::/15 is wider than /16"},
		"all of IPv4 in JSON":         {feedOf(policy.SpamhausJSON), strings.Replace(drop4, "192.0.2.0/24", "0.0.0.0/0", 1), "too_wide: list:1:9: 0.0.0.0/0"},
		"all of IPv4 by decision":     {feedOf(policy.CrowdSec), stream(decide("Range", "0.0.0.0/0", "1h", ban)), "too_wide: list: byte "},
		"too few":                     {few, "192.0.2.1\n192.0.2.3\n", "too_few: list: 2 entries, and min_entries is 3"},
		"too many":                    {nil, six, "too_many: list: more than 5 entries"},
		"too many decisions":          {feedOf(policy.CrowdSec), stream(strings.Split(strings.Repeat(decide("Ip", "192.0.2.1", "1h", ban)+"|", 6), "|")[:6]...), "too_many: list: more than 5 entries"},
		"too many bytes":              {nil, "192.0.2.1\n" + strings.Repeat("# a comment\n", 1<<17), "too_large: list: more than 1051136 bytes"},
		"JSON without its end":        {feedOf(policy.SpamhausJSON), drop4[:strings.Index(drop4, `{"type"`)], "truncated: list:2:1: no metadata"},
		"JSON with a hole":            {feedOf(policy.SpamhausJSON), strings.Replace(drop4, `{"cidr":"198.51.100.0/25","sblid":"SBL2","rir":"arin"}`+"\n", "", 1), "truncated: list:2:1: 1 records, but the metadata count 2"},
		"JSON cut in a line":          {feedOf(policy.SpamhausJSON), drop4[:40], "not_a_list: list:1:1: not a JSON object a line"},
		"JSON for text":               {nil, drop4, "not_a_list: list: JSON lines, where format plain has text"},
		"text for JSON":               {feedOf(policy.SpamhausJSON), "192.0.2.1\n", "not_a_list: list: text, where format spamhaus-json has JSON lines"},
		"decisions without their end": {feedOf(policy.CrowdSec), stream(decide("Ip", "192.0.2.1", "1h", ban))[:150], "truncated: list: it ends at byte "},
		"a wide one by address":       {feedOf(policy.CrowdSec), stream(decide("Ip", "nobody", "1h", ban), decide("Ip", "10.0.0.0/7", "1h", ban)), "too_wide: list: byte "},
		"something behind decisions":  {feedOf(policy.CrowdSec), stream() + "{}", "not_a_list: list: something behind the decisions"},
		"an error for decisions":      {feedOf(policy.CrowdSec), `{"message":"access forbidden"}`, `not_a_list: list: no key "new"`},
		"decisions that are no list":  {feedOf(policy.CrowdSec), `{"new":{}}`, "not_a_list: list: byte 8: decisions are {, and no list"},
		"a decision of another form":  {feedOf(policy.CrowdSec), `{"new":[{"value":7}]}`, "not_a_list: list: byte "},
		"a decision of what is none":  {feedOf(policy.CrowdSec), stream(decide("Ip", "nobody", "1h", ban), decide("Country", "XX", "1h", ban)), "not_a_list: list: byte 174: bad value \"nobody\" of scope \"Ip\" (want"},
		"a decision without an end":   {feedOf(policy.CrowdSec), stream(decide("Ip", "192.0.2.1", "", ban)), "not_a_list: list: byte "},
	} {
		t.Run(name, func(t *testing.T) {
			f := test.feed
			if f == nil {
				f = feedOf(policy.PlainList)
			}
			l, err := Read("list", strings.NewReader(test.text), f, noon)
			var refusal *Refusal
			if l != nil || !errors.As(err, &refusal) || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("list %v, error %.300v\nwant %s", l, err, test.want)
			}
		})
	}
}

type slow struct{}

func (slow) Error() string   { return "slow" }
func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

func TestAnErrorInTheMiddleIsTold(t *testing.T) {
	for err, want := range map[error]Reason{
		io.ErrUnexpectedEOF: Truncated, slow{}: TimedOut, errors.New("reset by peer"): Unreachable,
	} {
		for format, text := range map[policy.FeedFormat]string{policy.PlainList: "192.0.2.1\n", policy.CrowdSec: `{"new":[`} {
			_, got := Read("list", io.MultiReader(strings.NewReader(text), iotest.ErrReader(err)), feedOf(format), noon)
			var refusal *Refusal
			if !errors.As(got, &refusal) || refusal.Reason != want {
				t.Errorf("%v of %v: got %v, want %v", err, format, got, want)
			}
		}
	}
}

// FuzzRead: whatever is sent, it is refused for one of the reasons, or it is a list within
// the limits, in order.
func FuzzRead(f *testing.F) {
	for format := range policy.CrowdSec + 1 {
		for _, text := range []string{
			"", "192.0.2.1\n2001:db8::/32 ; x\n", drop4, "<html>", stream(decide("Ip", "192.0.2.1", "1h", ban), decide("Range", "192.0.2.0/24", "1h", ban)),
			"0.0.0.0/0\n", `{"new":null}`, "10.0.0.0/9\n10.128.0.0/9\n", `{"new":[{"duration":"9999999h","scope":"ip","type":"ban","value":"1.1.1.1"}]}`,
		} {
			f.Add(uint8(format), []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, format uint8, text []byte) {
		feed := feedOf(policy.FeedFormat(format) % (policy.CrowdSec + 1))
		l, err := Read("list", bytes.NewReader(text), feed, noon)
		if err != nil {
			var refusal *Refusal
			if l != nil || !errors.As(err, &refusal) || !known(refusal.Reason) {
				t.Fatalf("list %v, error %v", l, err)
			}
			return
		}
		if n := len(l.Entries); n > feed.MaxEntries || n == 0 && feed.MinEntries > 0 {
			t.Fatalf("%d entries", n)
		}
		for i, e := range l.Entries {
			if e.Prefix != e.Prefix.Masked() || e.Prefix.Bits() < 7 || i > 0 && compareEntries(l.Entries[i-1], e) >= 0 {
				t.Fatalf("entry %v behind %v", e, l.Entries[max(i-1, 0)])
			}
		}
	})
}

func known(reason Reason) bool {
	for _, r := range Reasons {
		if r == reason {
			return true
		}
	}
	return false
}
