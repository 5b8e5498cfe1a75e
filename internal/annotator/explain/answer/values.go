package answer

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// toHandles puts handles in place of the values that whoever wrote the answer was shown. A
// value that he was not shown stays as it is, and the judge meets it as an address or a
// name that is none of ours.
func (g Ground) toHandles(a *Answer) {
	for i := range a.Findings {
		g.handled(&a.Findings[i].Text)
	}
	g.handled(&a.Summary)
	for i := range a.Checks {
		g.handled(&a.Checks[i].Text)
	}
	for i := range a.Steps {
		g.handled(&a.Steps[i])
	}
	r := a.Rule
	if r == nil {
		return
	}
	g.handled(&r.Why)
	for i, s := range r.Sources {
		if name, ok := g.Table.Back(handle.Source, s); ok {
			r.Sources[i] = name
		}
	}
	if r.Target != nil {
		if name, ok := g.Table.Back(handle.Port, strings.TrimPrefix(*r.Target, "port ")); ok {
			r.Target = &name
		}
	}
}

var (
	// port is how one is written: as handle.Table.Expand does.
	port = regexp.MustCompile(`\b[Pp]orts? ([1-9][0-9]{0,4})\b`)
	word = regexp.MustCompile(`\S+`)
)

// handled puts handles into a text. White space stays, so that the judge still sees what is
// wrong with it.
func (g Ground) handled(text *string) {
	with := port.ReplaceAllStringFunc(*text, func(s string) string {
		if name, ok := g.Table.Back(handle.Port, port.FindStringSubmatch(s)[1]); ok {
			return name
		}
		return s
	})
	*text = word.ReplaceAllStringFunc(with, func(token string) string {
		// An address of IPv6 may end with what is punctuation elsewhere.
		for _, around := range []string{"", `.,;!?()"'`, `.,;:!?()"'“”‘’…–—`} {
			bare := strings.TrimSuffix(strings.Trim(token, around), "'s")
			if name, ok := g.Table.Back(0, bare); ok {
				return strings.Replace(token, bare, name, 1)
			}
		}
		return token
	})
}

// WithHandles returns an answer in which values have become handles, so that it can be kept
// and shown as any other; nil if it is no answer.
func (g Ground) WithHandles(raw []byte) []byte {
	a, code := g.Parse(raw)
	if code != OK {
		return nil
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil
	}
	return text
}
