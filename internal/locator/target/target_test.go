package target

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/wire"
)

func TestTargetsAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]Target{
		"example.com":                     {"example.com", wire.ICMP, 0},
		"Example.COM.":                    {"example.com.", wire.ICMP, 0},
		"my_host-1":                       {"my_host-1", wire.ICMP, 0},
		"3d":                              {"3d", wire.ICMP, 0},
		"192.0.2.1":                       {"192.0.2.1", wire.ICMP, 0},
		"2001:DB8:0::1":                   {"2001:db8::1", wire.ICMP, 0},
		"[2001:db8::1]":                   {"2001:db8::1", wire.ICMP, 0},
		"[2001:db8::1]:443":               {"2001:db8::1", wire.TCP, 443},
		"example.com:80":                  {"example.com", wire.TCP, 80},
		"tcp://example.com":               {"example.com", wire.TCP, 443},
		"tcp://example.com:8443":          {"example.com", wire.TCP, 8443},
		"udp://example.com":               {"example.com", wire.UDP, 33434},
		"UDP://192.0.2.1:53":              {"192.0.2.1", wire.UDP, 53},
		"udp://[2001:db8::1]:53":          {"2001:db8::1", wire.UDP, 53},
		"icmp://2001:db8::1":              {"2001:db8::1", wire.ICMP, 0},
		"127.0.0.1":                       {"127.0.0.1", wire.ICMP, 0},
		strings.Repeat("a.", 126) + "a":   {strings.Repeat("a.", 126) + "a", wire.ICMP, 0},
		strings.Repeat("a", 63) + ".test": {strings.Repeat("a", 63) + ".test", wire.ICMP, 0},
	} {
		got, err := Parse(text, 0)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
		if again, err := Parse(got.String(), wire.UDP); err != nil || again != want {
			t.Errorf("%s, printed as %s: %+v, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]Target{
		"example.com":        {"example.com", wire.UDP, 33434},
		"icmp://example.com": {"example.com", wire.ICMP, 0},
		"example.com:80":     {"example.com", wire.TCP, 80},
	} {
		if got, err := Parse(text, wire.UDP); err != nil || got != want {
			t.Errorf("%s, by default of UDP: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestBadTargetsAreRefused(t *testing.T) {
	for _, c := range [][2]string{
		{"", `bad target "": it is empty (write a name or an address)`},
		{"-x", `bad target "-x": a host that begins with a hyphen (options have no place here)`},
		{"--output=/etc/passwd", `bad target "--output=/etc/passwd": "/" has no place in a target (write host and port alone, such as tcp://example.com:443)`},
		{"tcp://-x:80", `bad target "tcp://-x:80": a host that begins with a hyphen (options have no place here)`},
		{"../../etc", `bad target "../../etc": "/" has no place in a target (write host and port alone, such as tcp://example.com:443)`},
		{"a\x1b[2J", `bad target "a\x1b[2J": bad brackets (write [2001:db8::1] or [2001:db8::1]:443)`},
		{"a\x1bb", `bad target "a\x1bb": a control character, or no UTF-8 (use letters, digits, dots, hyphens and underscores)`},
		{"a\x00b", `bad target "a\x00b": a control character, or no UTF-8 (use letters, digits, dots, hyphens and underscores)`},
		{"a\xffb", `bad target "a\xffb": a control character, or no UTF-8 (use letters, digits, dots, hyphens and underscores)`},
		{"a\nb", `bad target "a\nb": a control character, or no UTF-8 (use letters, digits, dots, hyphens and underscores)`},
		{"a b", `bad target "a b": ' ' has no place in a name (use letters, digits, dots, hyphens and underscores)`},
		{"a$(b)", `bad target "a$(b)": '$' has no place in a name (use letters, digits, dots, hyphens and underscores)`},
		{"müller.test", `bad target "m\u00fcller.test": 'ü' is no letter of ASCII (write the name as the DNS has it: xn--…)`},
		{"a..b", `bad target "a..b": a name with an empty part (write one dot between parts)`},
		{".", `bad target ".": a name with an empty part (write one dot between parts)`},
		{"a.-b.c", `bad target "a.-b.c": a part that begins or ends with a hyphen (see RFC 1123 section 2.1)`},
		{"a.b-", `bad target "a.b-": a part that begins or ends with a hyphen (see RFC 1123 section 2.1)`},
		{strings.Repeat("a", 64), `bad target "` + strings.Repeat("a", 64) + `": a part of 64 bytes (parts of names have at most 63)`},
		{strings.Repeat("a.", 127), `bad target "` + strings.Repeat("a.", 32) + `"…: a host of 254 bytes (names have at most 253)`},
		{"127.1", `bad target "127.1": neither an address nor a name, whose last part is no number (write all four parts of an address, such as 192.0.2.1)`},
		{"0x7f000001", `bad target "0x7f000001": neither an address nor a name, whose last part is no number (write all four parts of an address, such as 192.0.2.1)`},
		{"192.0.2.256", `bad target "192.0.2.256": neither an address nor a name, whose last part is no number (write all four parts of an address, such as 192.0.2.1)`},
		{"192.0.2.0/24", `bad target "192.0.2.0/24": "/" has no place in a target (write host and port alone, such as tcp://example.com:443)`},
		{"2001:db8::g", `bad target "2001:db8::g": bad address "2001:db8::g" (write one such as 2001:db8::1)`},
		{"fe80::1%eth0", `bad target "fe80::1%eth0": an address with a zone (its neighbours on a link need no path; leave it out)`},
		{"::ffff:192.0.2.1", `bad target "::ffff:192.0.2.1": an IPv4 address inside IPv6 (write 192.0.2.1)`},
		{"0.0.0.0", `bad target "0.0.0.0": the address is unspecified (name one host)`},
		{"224.0.0.1", `bad target "224.0.0.1": the address is multicast (name one host)`},
		{"255.255.255.255", `bad target "255.255.255.255": the address is broadcast (name one host)`},
		{"https://example.com", `bad target "https://example.com": unknown protocol "https" (begin with icmp://, udp:// or tcp://, or with the host)`},
		{"tcp://example.com/path", `bad target "tcp://example.com/path": "/" has no place in a target (write host and port alone, such as tcp://example.com:443)`},
		{"tcp://me@example.com", `bad target "tcp://me@example.com": "@" has no place in a target (write host and port alone, such as tcp://example.com:443)`},
		{"tcp://", `bad target "tcp://": there is no host (write a name or an address)`},
		{":443", `bad target ":443": there is no host (write a name or an address)`},
		{"icmp://example.com:7", `bad target "icmp://example.com:7": ICMP has no ports (leave the port out, or write udp:// or tcp://)`},
		{"example.com:", `bad target "example.com:": bad port "" (write a number from 1 to 65535)`},
		{"example.com:0", `bad target "example.com:0": bad port "0" (write a number from 1 to 65535)`},
		{"example.com:65536", `bad target "example.com:65536": bad port "65536" (write a number from 1 to 65535)`},
		{"example.com:+1", `bad target "example.com:+1": bad port "+1" (write a number from 1 to 65535)`},
		{"example.com:https", `bad target "example.com:https": bad port "https" (write a number from 1 to 65535)`},
		{"[2001:db8::1", `bad target "[2001:db8::1": bad brackets (write [2001:db8::1] or [2001:db8::1]:443)`},
		{"[2001:db8::1]443", `bad target "[2001:db8::1]443": bad brackets (write [2001:db8::1] or [2001:db8::1]:443)`},
		{"[192.0.2.1]:443", `bad target "[192.0.2.1]:443": bad brackets (write [2001:db8::1] or [2001:db8::1]:443)`},
	} {
		got, err := Parse(c[0], 0)
		if err == nil {
			t.Errorf("%q is %+v, want %s", c[0], got, c[1])
			continue
		}
		if diff := cmp.Diff(c[1], err.Error()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c[0], diff)
		}
	}
}

// What is taken can be given to a program as its argument, be the name of a file in a
// folder, and be printed.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"example.com:80", "[2001:db8::1]:443", "icmp://192.0.2.1", "-x", "a\x1b[2J", "udp://[::1]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text, 0)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q: control characters in %q", text, err)
			}
			return
		}
		if got.Host == "" || len(got.Host) > 253 || got.Host[0] == '-' || got.Host[0] == '.' ||
			strings.Trim(got.Host, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") != "" {
			t.Errorf("%q: host %q", text, got.Host)
		}
		if again, err := Parse(got.String(), 0); err != nil || again != got {
			t.Errorf("%q is %+v, printed as %s it is %+v, %v", text, got, got, again, err)
		}
	})
}
