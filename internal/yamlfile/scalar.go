package yamlfile

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Text returns the string n holds, or false with a fault recorded. A number or
// a boolean must be quoted, lest a name such as 1_000 or 0x10 be misread.
func (d *Decoder) Text(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return n.Value, true
	}
	cure := ""
	if n.Kind == yaml.ScalarNode && !IsNull(n) {
		cure = "quote it: " + strconv.Quote(n.Value)
	}
	d.Fault(n, cure, "want text, not %s", Describe(n))
	return "", false
}

// Word returns the string or the plain number n holds as it is written in the
// file, or false with a fault recorded.
func (d *Decoder) Word(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		return n.Value, true
	}
	return d.Text(n)
}

// Boolean returns true or false; in case of a fault, false.
func (d *Decoder) Boolean(n *yaml.Node) bool {
	var value bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&value) != nil {
		d.Fault(n, "", "want true or false, not %s", Describe(n))
	}
	return value
}

// Integer returns an integer from least to most; in case of a fault, 0.
func (d *Decoder) Integer(n *yaml.Node, least, most int) int {
	var value int
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&value) != nil {
		d.Fault(n, "", "want an integer from %d to %d, not %s", least, most, Describe(n))
		return 0
	}
	if value < least || value > most {
		d.Fault(n, "", "%d is out of range: want an integer from %d to %d", value, least, most)
		return 0
	}
	return value
}

// Choice returns which of the words n holds; what names it in a fault. In case
// of a fault it returns 0.
func (d *Decoder) Choice(n *yaml.Node, what string, words ...string) int {
	word, ok := d.Text(n)
	if !ok {
		return 0
	}
	i := slices.Index(words, word)
	if i < 0 {
		d.Fault(n, Suggest(word, words), "unknown %s %q", what, word)
		return 0
	}
	return i
}

// Suggest returns a cure for a word that is not among the known ones: the one
// that was probably meant, or else all of them.
func Suggest(word string, known []string) string {
	if meant := Nearest(word, known); meant != "" {
		return DidYouMean(meant)
	}
	return "known: " + strings.Join(known, ", ")
}

func DidYouMean(meant string) string { return "did you mean " + strconv.Quote(meant) + "?" }

// Nearest returns which of the known words was probably meant, "" if none.
func Nearest(word string, known []string) string {
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
