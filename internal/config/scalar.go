package config

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// text returns the string n holds, or false with a fault recorded. A number or
// a boolean must be quoted, lest a name such as 1_000 or 0x10 be misread.
func (d *decoder) text(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return n.Value, true
	}
	cure := ""
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		cure = "quote it: " + strconv.Quote(n.Value)
	}
	d.fault(n, cure, "want text, not %s", describe(n))
	return "", false
}

// word returns the string or the plain number n holds as it is written in the
// file, or false with a fault recorded.
func (d *decoder) word(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		return n.Value, true
	}
	return d.text(n)
}

// boolean returns true or false; in case of a fault, false.
func (d *decoder) boolean(n *yaml.Node) bool {
	var value bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&value) != nil {
		d.fault(n, "", "want true or false, not %s", describe(n))
	}
	return value
}

// integer returns an integer from least to most; in case of a fault, 0.
func (d *decoder) integer(n *yaml.Node, least, most int) int {
	var value int
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&value) != nil {
		d.fault(n, "", "want an integer from %d to %d, not %s", least, most, describe(n))
		return 0
	}
	if value < least || value > most {
		d.fault(n, "", "%d is out of range: want an integer from %d to %d", value, least, most)
		return 0
	}
	return value
}

// choice returns which of the words n holds; what names it in a fault. In case
// of a fault it returns 0.
func (d *decoder) choice(n *yaml.Node, what string, words ...string) int {
	word, ok := d.text(n)
	if !ok {
		return 0
	}
	i := slices.Index(words, word)
	if i < 0 {
		d.fault(n, suggest(word, words), "unknown %s %q", what, word)
		return 0
	}
	return i
}

// suggest returns a cure for a word that is not among the known ones: the one
// that was probably meant, or else all of them.
func suggest(word string, known []string) string {
	if meant := nearest(word, known); meant != "" {
		return didYouMean(meant)
	}
	return "known: " + strings.Join(known, ", ")
}

func didYouMean(meant string) string { return "did you mean " + strconv.Quote(meant) + "?" }

// nearest returns which of the known words was probably meant, "" if none.
func nearest(word string, known []string) string {
	// Two slips of the pen, or letters swapped; of a short word at most half.
	best, least := "", min(2, (len(word)+1)/2)+1
	for _, k := range known {
		if distance := editDistance(strings.ToLower(word), strings.ToLower(k)); distance < least {
			best, least = k, distance
		}
	}
	return best
}

// editDistance is the number of single-byte insertions, deletions and
// substitutions between a and b (Wagner and Fischer, 1974).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
