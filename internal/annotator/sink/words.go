package sink

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// mostMarks is how many combining marks a letter may carry. Vietnamese and Hebrew
// need up to three; stacks of them cover the lines around them.
const mostMarks = 3

// clean returns a stranger's words as one line of visible characters: controls,
// marks of the direction of writing, tag characters and all else that cannot be
// seen are left out, and white space becomes single spaces. It is idempotent.
func clean(s string) string {
	var b strings.Builder
	space, marks := false, 0
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case r == utf8.RuneError:
			r = '?'
		case unseen(r):
			continue
		}
		if unicode.In(r, unicode.Mn, unicode.Me) {
			if marks++; marks > mostMarks {
				continue
			}
		} else {
			marks = 0
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// unseen tells what is not drawn, letters and marks among it. Variation selectors
// are: 256 of them can carry a hidden text. U+2800 is Braille without a dot.
func unseen(r rune) bool {
	return !unicode.IsPrint(r) || r == '\u2800' || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// plain is clean with links that nobody can follow: "https://" becomes
// "https[:]//", and "www." becomes "www[.]".
func plain(s string) string {
	s = strings.ReplaceAll(clean(s), "://", "[:]//")
	var b strings.Builder
	for {
		i := indexFold(s, "www.")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		i += len("www")
		b.WriteString(s[:i] + "[.]")
		s = s[i+1:]
	}
}

// indexFold finds ASCII in a text, whatever its case.
func indexFold(s, ascii string) int {
	for i := 0; i+len(ascii) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(ascii)], ascii) {
			return i
		}
	}
	return -1
}

// A measure is how a target counts the length of a text.
type measure func(string) int

func inBytes(s string) int { return len(s) }
func inRunes(s string) int { return utf8.RuneCountInString(s) }

// inUnits counts as JavaScript and Java do.
func inUnits(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// A dialect is how a target reads text.
type dialect struct {
	escape func(rune) string
	length measure
}

// literal is for targets that show a text as it is.
func literal(r rune) string { return string(r) }

// entities is for HTML and for Slack, which reads the same three.
func entities(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

// fit escapes a text and clips it to the most that the target takes. What is cut
// ends with an ellipsis and never within an escape.
func (d dialect) fit(s string, most int) string {
	const ellipsis = "…"
	var whole strings.Builder
	size, cut := 0, 0 // cut is where the ellipsis would still fit
	room := most - d.length(ellipsis)
	for _, r := range s {
		e := d.escape(r)
		n := d.length(e)
		if size+n > most {
			if room < 0 {
				return ""
			}
			return whole.String()[:cut] + ellipsis
		}
		whole.WriteString(e)
		if size += n; size <= room {
			cut = whole.Len()
		}
	}
	return whole.String()
}

// lines joins as many of the texts as fit, the last of them clipped. Texts after
// the first that does not fit are left out.
func (d dialect) lines(texts []string, most int) string {
	var b strings.Builder
	for i, text := range texts {
		left := most - d.length(b.String())
		if i > 0 {
			left--
		}
		// A few letters of a sentence tell nothing.
		const fewest = 24
		piece := d.fit(text, left)
		whole := d.length(d.fit(text, most)) <= left
		if !whole && i > 0 && left < fewest {
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(piece)
		if !whole {
			break
		}
	}
	return b.String()
}
