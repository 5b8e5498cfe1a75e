package clean

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns a text as one line of at most most bytes: white space becomes single
// spaces, and what has no shape of its own is left out, combining marks included, as
// stacks of them cover other lines. It never cuts a character in two.
func Line(s string, most int) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		if !visible(r) {
			continue
		}
		need := utf8.RuneLen(r)
		if space {
			need++
		}
		if b.Len()+need > most {
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// visible tells characters that are seen. The replacement character stands for bytes
// that are none; unassigned ones are not seen by anybody yet.
func visible(r rune) bool {
	return r != utf8.RuneError && unicode.IsOneOf([]*unicode.RangeTable{unicode.L, unicode.N, unicode.P, unicode.S}, r) && !filler(r)
}

// filler tells letters and symbols that are blank all the same: the fillers of Hangul,
// and the empty pattern of Braille.
func filler(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return true
	}
	return false
}

// Changed tells whether a text has something that Line would take out, other than white
// space: the mark of somebody who hides something.
func Changed(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) && !visible(r) && !unicode.Is(unicode.Mn, r) {
			return true
		}
	}
	return false
}
