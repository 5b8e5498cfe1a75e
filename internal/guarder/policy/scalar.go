package policy

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/yamlfile"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// text returns the text that n holds as it stands in the file, or false with a
// fault recorded. Numbers count as text here, as in "proto: 47".
func (r *reader) text(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && !isNull(n) && n.ShortTag() != "!!bool" {
		return n.Value, true
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		hint = "quote it: " + strconv.Quote(n.Value)
	}
	r.fault(n, wrongType, hint, "want text, not %s", describe(n))
	return "", false
}

// boolean returns true or false; ok is false with a fault recorded.
func (r *reader) boolean(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&value) != nil {
		r.fault(n, wrongType, "", "want true or false, not %s", describe(n))
		return false, false
	}
	return value, true
}

// word returns which of the words n holds, or -1 with a fault recorded; what names it.
// A word of later versions has its own fault.
func (r *reader) word(n *yaml.Node, what string, words []string, later ...string) int {
	text, ok := r.text(n)
	if !ok {
		return -1
	}
	i := slices.Index(words, text)
	switch {
	case slices.Contains(later, text):
		r.fault(n, laterVersion, "have "+strings.Join(words, ", "), "%s %q is not available in this version", what, text)
	case i < 0:
		r.fault(n, unknownWord, suggest(text, words), "unknown %s %q", what, text)
	}
	return i
}

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)
	labelForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// name returns the name of a rule, a group or a set, or "" with a fault recorded.
func (r *reader) name(n *yaml.Node, what string) string {
	text, ok := r.text(n)
	if ok && !nameForm.MatchString(text) {
		r.fault(n, badName, "have letters, digits, _, - and ., at most 63", "bad name %q of a %s", text, what)
		return ""
	}
	return text
}

// texts returns a mapping of names to texts, such as labels; what names it.
func (r *reader) texts(n *yaml.Node, what string) map[string]string {
	all := map[string]string{}
	first := map[string]int{}
	for key, value := range r.entries(n, what) {
		text, ok := r.text(value)
		switch {
		case !labelForm.MatchString(key.Value):
			r.fault(key, badName, "have letters, digits and _", "bad name %q in %s", key.Value, what)
		case first[key.Value] != 0:
			r.fault(key, duplicate, "", "duplicate key %q, first at line %d", key.Value, first[key.Value])
		case ok:
			all[key.Value] = text
		}
		first[key.Value] = key.Line
	}
	return all
}

// number returns an integer from least to most, also in the form 0x2f, or false
// with a fault recorded.
func (r *reader) number(n *yaml.Node, what string, least, most uint32) (uint32, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
		r.fault(n, wrongType, "", "%s must be a number from %d to %d, not %s", what, least, most, describe(n))
		return 0, false
	}
	return r.inRange(n, what, n.Value, least, most)
}

func (r *reader) inRange(n *yaml.Node, what, text string, least, most uint32) (uint32, bool) {
	value, err := strconv.ParseUint(text, 0, 64)
	if err != nil || value < uint64(least) || value > uint64(most) {
		r.fault(n, outOfRange, "", "%s %s: want a number from %d to %d", what, text, least, most)
		return 0, false
	}
	return uint32(value), true
}

// duration returns a time in the form of Prometheus, such as "1m30s", or 0 with a
// fault recorded.
func (r *reader) duration(n *yaml.Node, what string) time.Duration {
	text, ok := r.text(n)
	if !ok {
		return 0
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		r.fault(n, badQuantity, "", "%s %q: want a number and a unit (ms, s, m, h, d)", what, text)
	}
	return time.Duration(d)
}

var rateForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)([kM]?)/(s|m|h|d)$`)

// rate returns how often per second, or 0 with a fault recorded.
func (r *reader) rate(n *yaml.Node, what string) float64 {
	text, ok := r.text(n)
	if !ok {
		return 0
	}
	m := rateForm.FindStringSubmatch(text)
	if m == nil {
		r.fault(n, badQuantity, "", "%s %q: want <number>[k or M]/(s, m, h, d), such as 10/s", what, text)
		return 0
	}
	value, _ := strconv.ParseFloat(m[1], 64)
	scale := map[string]float64{"": 1, "k": 1e3, "M": 1e6}[m[2]]
	per := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400}[m[3]]
	return value * scale / per
}

// ratio returns a number from 0 to 1, or 0 with a fault recorded.
func (r *reader) ratio(n *yaml.Node, what string) float64 {
	value, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(value) || value <= 0 || value > 1 {
		r.fault(n, badQuantity, "", "%s: want a number above 0 and at most 1, not %s", what, describe(n))
		return 0
	}
	return value
}

// suggest returns a hint for a word that is not among the known ones: the one that
// was probably meant, or else all of them.
func suggest(word string, known []string) string { return yamlfile.Suggest(word, known) }
