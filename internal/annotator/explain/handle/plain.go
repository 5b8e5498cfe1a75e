package handle

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
)

// plainKinds are those whose values may be shown to a model that is shown values, in the
// order in which a value that several have gets its handle back. Queries and commands are
// referred to, and not spoken of.
var plainKinds = []Kind{Host, Destination, Source, Router, Port, Geo, Metric}

// Plain returns what a handle stands for, if that may be shown to a model in its place: an
// address, or a name that is too short for a sentence, and no word that is anything else. It
// reports false for all others, which keep their handles.
func (t *Table) Plain(name string) (string, bool) {
	k, value, ok := t.Value(name)
	return value, ok && isPlain(k, value)
}

// Back returns the handle of a value that Plain may have shown, as one of a kind, or of any
// but a port if that is 0.
func (t *Table) Back(k Kind, value string) (string, bool) {
	for _, one := range plainKinds {
		if name := t.names[one][value]; name != "" && (one == k || k == 0 && one != Port) && isPlain(one, value) {
			return name, true
		}
	}
	return "", false
}

// Known returns the handle of what a word of a person names, with a port or without, and in
// whatever case: an address, or a name of anything but a port.
func (t *Table) Known(word string) (string, bool) {
	if word == "" {
		return "", false
	}
	for _, same := range []func(value string) bool{
		func(value string) bool { return strings.EqualFold(value, word) },
		func(value string) bool { return strings.EqualFold(withoutPort(value), withoutPort(word)) },
	} {
		for _, k := range plainKinds {
			if i := slices.IndexFunc(t.values[k], same); i >= 0 && k != Port {
				return t.names[k][t.values[k][i]], true
			}
		}
	}
	return "", false
}

func withoutPort(value string) string {
	if host, _, err := net.SplitHostPort(value); err == nil {
		return host
	}
	return value
}

// The most of a name that a model is shown. Names of hosts in clouds have up to six words,
// besides numbers.
const (
	mostPlain      = 80
	mostPlainWords = 6
)

// taken are words that mean something else in what a model is asked and answers.
var taken = regexp.MustCompile(`^(?:F[1-9][0-9]*|[A-Z][1-9][0-9]?|other|null)$`)

func isPlain(k Kind, value string) bool {
	if !HasForm(k, value) || taken.MatchString(value) {
		return false
	}
	switch k {
	case Source, Router, Port:
		return true
	case Metric:
		return strings.HasPrefix(value, "packetscope_")
	case Host, Destination, Geo:
		return isAddress(value) || isShortName(value)
	}
	return false
}

func isAddress(value string) bool {
	_, err := netip.ParseAddr(value)
	_, withPort := netip.ParseAddrPort(value)
	return err == nil || withPort == nil
}

// isShortName tells whether a value is a name, with a port or not, that holds no sentence:
// of few short words, one of which has a letter, as a number would be one of anything.
func isShortName(value string) bool {
	host, _, _ := strings.Cut(value, ":")
	words := 0
	for part := range strings.FieldsFuncSeq(host, func(r rune) bool { return strings.ContainsRune("./_-", r) }) {
		if strings.ContainsFunc(part, isLetter) {
			words++
		}
	}
	if len(value) > mostPlain || words == 0 || words > mostPlainWords {
		return false
	}
	for part := range strings.FieldsFuncSeq(host, func(r rune) bool { return r == '.' || r == '/' }) {
		if !clean.IsWord(part) {
			return false
		}
	}
	return true
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
