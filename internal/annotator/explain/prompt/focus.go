package prompt

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
)

// MostFocus is the most bytes of a focus.
const MostFocus = 300

var (
	dottedName = regexp.MustCompile(`[A-Za-z0-9_-]\.[A-Za-z]{2,}`)
	dottedQuad = regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+`)
	colons     = regexp.MustCompile(`(?i)[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*`)
)

// focusOf returns what an operator asks about without characters that are none. Addresses
// and names that the facts are about are in it as the model sees them in the facts, and
// other addresses and names with dots not at all: those do not leave this host, whoever
// wrote them. A name without dots that the facts are not about is a word like any other.
func focusOf(text string, known func(word string) (string, bool)) (string, error) {
	if len(text) > MostFocus {
		return "", fmt.Errorf("write prompt: the focus has %d bytes, more than %d", len(text), MostFocus)
	}
	if text == "" {
		return "", nil
	}
	words := strings.Fields(clean.Line(text, MostFocus))
	for i, word := range words {
		bare := strings.TrimSuffix(strings.Trim(word, `.,;:!?()[]"'`), "'s")
		_, notPrefix := netip.ParsePrefix(bare)
		shown, found := known(bare)
		switch {
		case found:
			words[i] = strings.Replace(word, bare, shown, 1)
		case notPrefix == nil, dottedQuad.MatchString(bare), colons.MatchString(bare):
			words[i] = "(an address)"
		case dottedName.MatchString(bare), strings.Contains(bare, "//"), strings.Contains(bare, "@"):
			words[i] = "(a name)"
		}
	}
	if len(words) == 0 {
		return "", errors.New("write prompt: the focus has no words")
	}
	return strings.Join(words, " "), nil
}
