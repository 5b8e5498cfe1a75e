package names

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOnlyHostNamesAreTold(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := "xe-0-0-1." + label + ".example.net"
	for in, want := range map[string]string{
		"AE1.cr-2.Fra_1.example.net.":    "ae1.cr-2.fra_1.example.net",
		"localhost":                      "localhost",
		"a.b":                            "a.b",
		long:                             "…" + long[len(long)-63:],
		strings.Repeat("a", 60) + ".net": strings.Repeat("a", 60) + ".net",
		strings.Repeat(label+".", 3) + label[:61]: "…a." + label[:61],
		// No host names:
		"": "", ".": "", "..": "", "a..b": "", ".a": "", "a.b..": "",
		"a b.example": "", "a\n.example": "", "<b>.example": "", "a\"}.example": "", "bücher.example": "", "a\x00.example": "",
		"\u212aelvin.example": "", "a\xff.example": "",
		"a" + label + ".net": "", strings.Repeat("a.", 127) + "a": "",
		// Look like addresses:
		"192.0.2.1": "", "1.2": "", "12345": "", "2001:db8::1": "",
	} {
		if got := host(in); got != want {
			t.Errorf("%q is told as %q, want %q", in, got, want)
		}
	}
}

func TestOfSeveralNamesTheFirstInTheAlphabetIsTold(t *testing.T) {
	for _, all := range [][]string{{"b.example.", "A.example.", "!", "c.example"}, {"c.example", "a.example", "b.example", ""}} {
		if got := pick(all); got != "a.example" {
			t.Errorf("of %q: %q", all, got)
		}
	}
	if got := pick(nil); got != "" {
		t.Errorf("of none: %q", got)
	}
}

func FuzzHost(f *testing.F) {
	f.Add("R1.Example.NET.")
	f.Add("192.0.2.1")
	f.Add(strings.Repeat("a.", 100) + "b")
	f.Fuzz(func(t *testing.T, name string) {
		got := host(name)
		if _, err := netip.ParseAddr(got); err == nil || utf8.RuneCountInString(got) > maxHost {
			t.Errorf("%q is told as %q", name, got)
		}
		rest := strings.TrimPrefix(got, cut)
		if strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			t.Errorf("%q is told as %q", name, got)
		}
		if got != "" && rest == got && host(got) != got {
			t.Errorf("%q is told as %q, and that as %q", name, got, host(got))
		}
	})
}
