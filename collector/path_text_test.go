package collector

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/packetscope/packetscope/internal/geo"
)

var nan = math.NaN()

func TestTextOfStrangers(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"core1.example.net":             "core1.example.net",
		" two\nlines\t":                 "two lines",
		"bell\a\x00 and\x1b[31m colour": "bell and[31m colour",
		"not \xff\xfeUTF-8 \xc3":        "not UTF-8",
		"\u202eright to left":           "right to left",
		"Zürich 東京":                     "Zürich 東京",
		`quotes " and \ stay`:           `quotes " and \ stay`,
		strings.Repeat("é", 70):         strings.Repeat("é", 64),
		strings.Repeat("\n", 10_000):    "",
	} {
		if got := strangersText(text); got != want {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
	if got := len(ownText(strings.Repeat("a", 300))); got != 255 {
		t.Errorf("a name of the configuration has %d characters", got)
	}
}

func FuzzTextOfStrangers(f *testing.F) {
	f.Add("a\xffb\n")
	f.Add(strings.Repeat(" x", 70))
	f.Fuzz(func(t *testing.T, text string) {
		got := strangersText(text)
		if fault := faultOf(got, 64); fault != "" {
			t.Errorf("%q: %q %s", text, got, fault)
		}
		if again := strangersText(got); again != got {
			t.Errorf("%q: %q, and then %q", text, got, again)
		}
	})
}

// faultOf says what is wrong with a label value, or "".
func faultOf(value string, most int) string {
	switch {
	case !utf8.ValidString(value):
		return "is no UTF-8"
	case utf8.RuneCountInString(value) > most:
		return "is too long"
	case strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return "has what cannot be seen"
	case strings.TrimSpace(value) != value:
		return "begins or ends with a blank"
	}
	return ""
}

func TestPositions(t *testing.T) {
	at := func(lat, lon float64) geo.Place { return geo.Place{Latitude: &lat, Longitude: &lon} }
	for name, c := range map[string]struct {
		place geo.Place
		want  position
	}{
		"unknown":     {geo.Place{}, position{}},
		"nowhere":     {at(0, 0), position{}},
		"almost":      {at(-0.0004, 0.0004), position{}},
		"impossible":  {at(90.1, 0), position{}},
		"not numbers": {at(nan, nan), position{}},
		"Berlin":      {at(52.52437, 13.41053), position{"52.524", "13.411", "u33dc1t"}},
		"equator":     {at(-0.0001, -78.5), position{"0", "-78.5", "d200j8n"}},
	} {
		if got := positionOf(c.place); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	// A new edition that moves a city by 30 m is no news.
	if a, b := positionOf(at(52.5241, 13.4108)), positionOf(at(52.5244, 13.4112)); a != b {
		t.Errorf("%+v and %+v", a, b)
	}
}
