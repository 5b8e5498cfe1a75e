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

// focusOf returns what an operator asks about without characters that are none and
// without addresses and names of hosts: those do not leave this host, whoever wrote them,
// but for those that are shown anyway.
func focusOf(text string, observed func(word string) bool) (string, error) {
	if len(text) > MostFocus {
		return "", fmt.Errorf("write prompt: the focus has %d bytes, more than %d", len(text), MostFocus)
	}
	if text == "" {
		return "", nil
	}
	words := strings.Fields(clean.Line(text, MostFocus))
	for i, word := range words {
		bare := strings.Trim(word, `.,;:!?()[]"'`)
		_, notPrefix := netip.ParsePrefix(bare)
		switch {
		case observed(bare):
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
