package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// mostNameRunes is how much of a name that strangers chose is shown, and mostLineRunes
// how much of a sentence that holds such names.
const (
	mostNameRunes = 64
	mostLineRunes = 500
)

// printable returns a name that strangers chose as it can be shown on a terminal: what
// would move the cursor or the direction of writing becomes "?", and what is too long is
// cut.
func printable(s string) string { return printableRunes(s, mostNameRunes) }

// printableLine is printable for a sentence.
func printableLine(s string) string { return printableRunes(s, mostLineRunes) }

func printableRunes(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n' || r == '\t':
			r = ' '
		// Formats (Cf) are marks of direction and what has no width.
		case r == utf8.RuneError || !unicode.IsPrint(r):
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// cells returns how many cells of a terminal a text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

// runeCells follows Unicode Standard Annex 11 with ambiguous characters as narrow.
func runeCells(r rune) int {
	if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut returns the beginning of a text that fits so many cells, with "…" if there is more.
func cut(s string, most int) string {
	if cells(s) <= most {
		return s
	}
	if most < 1 {
		return ""
	}
	taken := 0
	for i, r := range s {
		if taken += runeCells(r); taken > most-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// wrap returns a heading and a text as lines of at most so many cells (0: any); those
// after the first begin below the text. Words that are longer are cut.
func wrap(heading, text string, most int) []string {
	if most == 0 || cells(heading)+cells(text) <= most {
		return []string{heading + text}
	}
	below := strings.Repeat(" ", min(cells(heading), most/2))
	var lines []string
	line, words := cut(heading, most/2), 0
	for word := range strings.FieldsSeq(text) {
		if words > 0 && cells(line)+1+cells(word) > most {
			lines = append(lines, line)
			line, words = below, 0
		}
		if words > 0 {
			line += " "
		}
		line = cut(line+word, most)
		words++
	}
	return append(lines, line)
}
