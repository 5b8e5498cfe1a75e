package answer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// number is a number with what is attached to it.
var number = regexp.MustCompile(`^([+-]?[0-9]+(?:\.[0-9]+)?)([A-Za-zµ%]*)$`)

// protocols are the names with digits in them.
var protocols = map[string]bool{"IPv4": true, "IPv6": true, "ICMPv4": true, "ICMPv6": true, "TCPv4": true, "TCPv6": true, "UDPv4": true, "UDPv6": true, "DHCPv6": true}

// spelled are numbers in letters; those without digits are never the value of a fact.
var spelled = map[string]string{
	"zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
	"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
	"hundred": "", "hundreds": "", "thousand": "", "thousands": "", "million": "", "millions": "", "billion": "", "billions": "", "trillion": "", "trillions": "",
	"dozen": "", "dozens": "", "twice": "", "thrice": "", "double": "", "doubled": "", "triple": "", "tripled": "", "quadrupled": "",
	"half": "", "halves": "", "halved": "", "quarter": "", "quarters": "", "thirds": "", "scores": "", "myriad": "",
	"percent": "", "percentage": "",
}

// named are the words before a number that is the value of a label, such as "type 3".
var named = map[string][]string{
	"type": {"type"}, "code": {"code"}, "ttl": {"ttl", "distance", "hop"}, "asn": {"as", "network", "networks"}, "reason": {"reason"},
}

// numbers judges the number in a word, if there is one, with the word behind it.
func (g Ground) numbers(tokens []string, i int, word string, cited []fact.Fact) Code {
	sign := ""
	if rest, ok := strings.CutPrefix(word, "-"); ok {
		sign, word = "-", rest
	}
	for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return r == '-' || r == '/' || r == '–' || r == '—' }) {
		if code := g.numberIn(tokens, i, sign+part, cited); code != OK {
			return code
		}
		sign = ""
	}
	return OK
}

func (g Ground) numberIn(tokens []string, i int, word string, cited []fact.Fact) Code {
	if protocols[word] || handle.Form.MatchString(word) || factID.MatchString(word) {
		return OK
	}
	lower := strings.ToLower(word)
	written, unit := "", ""
	if value, ok := spelled[lower]; ok {
		if lower == "percent" && i > 0 && number.MatchString(strings.Trim(tokens[i-1], "()")) {
			return OK // judged with its number
		}
		written = value
	} else if strings.HasSuffix(lower, "fold") && len(lower) > 4 && lower != "manifold" {
		return Number
	} else {
		if !strings.ContainsAny(word, "0123456789") {
			return OK
		}
		m := number.FindStringSubmatch(word)
		if m == nil {
			return Number
		}
		written, unit = m[1], m[2]
		if unit != "" && !fact.IsUnit(unit) {
			return Number
		}
	}
	if written == "" {
		return Number
	}
	if g.ofLabel(tokens, i, written) {
		return OK
	}
	if unit == "" && i+1 < len(tokens) {
		if next := strings.Trim(tokens[i+1], `.,;:!?()"'“”‘’…–—`); fact.IsUnit(next) {
			unit = next
		}
	}
	if slices.ContainsFunc(cited, func(f fact.Fact) bool { return f.Says(written, unit) }) {
		return OK
	}
	return Number
}

// ofLabel tells whether a number is the value of a label that the word before it names.
func (g Ground) ofLabel(tokens []string, i int, written string) bool {
	if i == 0 {
		return false
	}
	before := strings.ToLower(strings.Trim(tokens[i-1], `.,;:!?()"'`))
	has := func(name, value string) bool { return value == written && slices.Contains(named[name], before) }
	for _, l := range g.Set.Alert.Labels {
		if has(l.Name, l.Value) {
			return true
		}
	}
	for _, f := range g.Set.Facts {
		if f.Text == written && (slices.Contains(named["ttl"], before) || slices.Contains(named["asn"], before)) {
			return true
		}
		for _, l := range f.Of {
			if has(l.Name, l.Value) {
				return true
			}
		}
	}
	return false
}
