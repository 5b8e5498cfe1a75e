package prompt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// key returns the key of a question and the names that handles have in it: numbers count by their first digit, and handles by
// the order in which they come in the sorted lines, so that neither other addresses nor
// another order change it.
func key(in Input, focus string) (string, map[string]string) {
	var lines []string
	add := func(kind, name, number string, of []fact.Label) {
		var plain, handles []string
		for _, l := range of {
			if handle.Form.MatchString(l.Value) {
				handles = append(handles, l.Value)
			} else {
				plain = append(plain, l.Name+"="+l.Value)
			}
		}
		slices.Sort(plain)
		lines = append(lines, strings.Join([]string{kind, name, number, strings.Join(plain, ","), "\x00" + strings.Join(handles, ",")}, "|"))
	}
	add("alert", in.Set.Alert.Name, in.Set.Alert.Severity, in.Set.Alert.Labels)
	if h := in.Set.Host; h != nil {
		add("host", h.Window.String(), strings.Join(h.Scopes, "+"), nil)
	}
	for _, f := range in.Set.Facts {
		add("fact", f.Name+f.Before.String(), bucket(f), f.Of)
	}
	for _, g := range in.Set.Gaps {
		add("gap", g.Name+g.Before.String(), string(g.Why), nil)
	}
	slices.SortFunc(lines, func(a, b string) int {
		a, _, _ = strings.Cut(a, "\x00")
		b, _, _ = strings.Cut(b, "\x00")
		return strings.Compare(a, b)
	})
	names, count := map[string]string{}, map[byte]int{}
	name := func(actual string) string {
		if names[actual] == "" {
			count[actual[0]]++
			names[actual] = fmt.Sprintf("%c%d", actual[0], count[actual[0]])
		}
		return names[actual]
	}
	for i, line := range lines {
		front, back, _ := strings.Cut(line, "\x00")
		for actual := range strings.SplitSeq(back, ",") {
			if actual != "" {
				front += name(actual) + ","
			}
		}
		lines[i] = front
	}
	for _, a := range in.Set.Asked {
		name(a.Query)
	}
	focus = handles.ReplaceAllStringFunc(focus, name)
	sum := sha256.Sum256([]byte(fmt.Sprintf("%d\n%s\n%t\n%s\n%s", Version, in.Mode, in.Values, focus, strings.Join(lines, "\n"))))
	return hex.EncodeToString(sum[:]), names
}

// bucket is the first digit and the size of a number.
func bucket(f fact.Fact) string {
	if f.Text != "" {
		return f.Text
	}
	return strconv.FormatFloat(f.Value, 'e', 0, 64)
}

var handles = regexp.MustCompile(`\b[HDSRPGMQC][1-9][0-9]?\b`)

// ToCache returns an answer with handles by the names that they have in the key, so that
// it holds for every question with this key. Handles of commands stay: they are the same
// for all alerts of one name.
func (p Prompt) ToCache(answer []byte) []byte { return renamed(answer, p.names) }

// FromCache returns an answer of the cache with the handles of this question. It has to be
// judged anew: the numbers of the facts may be others.
func (p Prompt) FromCache(cached []byte) []byte {
	back := make(map[string]string)
	for actual, name := range p.names {
		back[name] = actual
	}
	return renamed(cached, back)
}

func renamed(answer []byte, names map[string]string) []byte {
	return handles.ReplaceAllFunc(answer, func(h []byte) []byte {
		switch name, ok := names[string(h)]; {
		case ok:
			return []byte(name)
		case h[0] == byte(handle.Command):
			return h
		}
		return []byte("(not known)") // of another question: the judge refuses it
	})
}
