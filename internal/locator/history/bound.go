package history

import (
	"slices"
	"strings"
	"unicode"
)

// maxText is how many characters of a stranger's name are kept, as many as labels of
// metrics have.
const maxText = 64

// text bounds a name, and leaves out what is not to be printed, such as the sequences that
// terminals obey.
func text(s string) string {
	kept := 0
	return strings.Map(func(r rune) rune {
		if kept == maxText || r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		kept++
		return r
	}, s)
}

// bounded implements Record.
func (c Checkpoint) bounded() Record {
	c.At = c.At.UTC()
	c.Hops = slices.Clone(c.Hops)
	for i := range c.Hops {
		h := &c.Hops[i]
		h.Name, h.ASName, h.Country, h.City = text(h.Name), text(h.ASName), text(h.Country), text(h.City)
	}
	return c
}

// bounded implements Record.
func (e Event) bounded() Record {
	e.At, e.Since = e.At.UTC(), e.Since.UTC()
	e.Levels = slices.Clone(e.Levels)
	for i := range e.Levels {
		e.Levels[i] = text(e.Levels[i])
	}
	return e
}
