package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
)

// inUTC shows times as if this host were in Greenwich, until the test ends.
func inUTC(t *testing.T) {
	was := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = was })
}

func reportText(s *locator.Snapshot, p page) string {
	return strings.Join(newLocateReport(s).lines(p), "\n") + "\n"
}

func TestPathsAreTables(t *testing.T) {
	inUTC(t)
	without := someSnapshot(unreachedPath(), namelessPath())
	without.Self = locator.Self{Way: "queue", Reason: "CAP_NET_RAW is missing", Interval: 1500 * time.Millisecond}
	for file, text := range map[string]string{
		"locate.txt":           reportText(someSnapshot(somePath()), page{}),
		"locate_120.txt":       reportText(someSnapshot(somePath()), page{width: 120}),
		"locate_80.txt":        reportText(someSnapshot(somePath()), page{width: 80}),
		"locate_40.txt":        reportText(someSnapshot(somePath()), page{width: 40}),
		"locate_unreached.txt": reportText(without, page{}),
	} {
		compareGolden(t, file, text)
	}
}

func TestPathsInJSONHaveAllThatIsKnown(t *testing.T) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(newLocateReport(someSnapshot(somePath(), unreachedPath(), namelessPath()))); err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "locate.json", b.String())
}

func TestTablesFitTheWidth(t *testing.T) {
	s := someSnapshot(somePath(), unreachedPath(), namelessPath())
	s.Self.Files = nil
	for width := 36; width < 300; width++ {
		for _, line := range newLocateReport(s).lines(page{width: width}) {
			if cells(line) > width {
				t.Errorf("width %d: %d cells in %q", width, cells(line), line)
			}
		}
	}
}

// TestColorsChangeNothingElse takes them out again.
func TestColorsChangeNothingElse(t *testing.T) {
	s := someSnapshot(somePath(), unreachedPath())
	with, without := reportText(s, page{width: 100, color: true}), reportText(s, page{width: 100})
	for _, style := range []string{plain, bold, dim, red, yellow} {
		if !strings.Contains(with, style) {
			t.Errorf("no %q", style)
		}
		with = strings.ReplaceAll(with, style, "")
	}
	if with != without {
		t.Errorf("with colors:\n%s\nwithout:\n%s", with, without)
	}
}

// hostilePath has text that strangers chose wherever there can be any.
func hostilePath(text string) locator.Path {
	p := somePath()
	p.Name, p.Host, p.Error, p.BlockedReason = text, text, text, text
	p.Blocked, p.Known, p.Reached = netip.MustParseAddr("192.0.2.66"), true, false
	for i := range p.Hops {
		h := &p.Hops[i]
		h.Name, h.Interface, h.Reference = text, text, text
		h.Entry = geo.Entry{Label: text, Place: geo.Place{Country: text, City: text}, Network: geo.Network{ASN: 7, Name: text}}
	}
	for i := range p.ASPath {
		p.ASPath[i].Name = text
	}
	for i := range p.Risk.Factors {
		p.Risk.Factors[i].Text = text
	}
	for i := range p.Rules {
		p.Rules[i].Text = text
	}
	return p
}

func TestStrangersDoNotWriteToTheTerminal(t *testing.T) {
	for _, text := range []string{
		"\x1b]0;title\x07\x1b[2J", "a\nb\rc\td\be", "\u009b31m", "\u202eright to left\u2066", "\xff\xfe\x80", "\x00\x7f", strings.Repeat("long", 3000),
	} {
		s := someSnapshot(hostilePath(text))
		s.Self.Reason = text
		encoded, err := json.Marshal(newLocateReport(s))
		if err != nil {
			t.Fatal(err)
		}
		for _, shown := range []string{reportText(s, page{}), reportText(s, page{width: 80}), string(encoded), fmt.Sprint(unreached(s))} {
			for _, r := range shown {
				if r != '\n' && printable(string(r)) != string(r) || r == '\ufffd' {
					t.Errorf("%q shows %q", text, r)
				}
			}
			if len(shown) > 20_000 {
				t.Errorf("%.20q… shows %d bytes", text, len(shown))
			}
		}
	}
}

func TestPrintableKeepsWhatNamesAreMadeOf(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"ae1.core-2.example":    "ae1.core-2.example",
		"São Paulo, 東京":         "São Paulo, 東京",
		"a\nb":                  "a b",
		"a\x1b[1mb\u202e":       "a?[1mb?",
		"\xffx":                 "?x",
		strings.Repeat("ä", 65): strings.Repeat("ä", 64) + "…",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTextIsCutByCells(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"東京都", 6, "東京都"}, {"東京都", 5, "東京…"}, {"東京都", 4, "東…"}, {"e\u0301e\u0301", 2, "e\u0301e\u0301"}, {"abc", 1, "…"}, {"abc", 0, ""},
	} {
		if got := cut(c.text, c.most); got != c.want || cells(got) > c.most {
			t.Errorf("cut(%q, %d) = %q, want %q", c.text, c.most, got, c.want)
		}
	}
}
