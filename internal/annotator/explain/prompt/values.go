package prompt

import (
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// shown returns the value of a label as a model is to see it.
func (in Input) shown(value string) string {
	if in.Values {
		if plain, ok := in.Table.Plain(value); ok {
			return plain
		}
	}
	return value
}

// text returns a text of ours as a model is to see it.
func (in Input) text(text string) string {
	if !in.Values {
		return text
	}
	return handles.ReplaceAllStringFunc(text, func(name string) string {
		plain, ok := in.Table.Plain(name)
		switch {
		case !ok:
			return name
		case strings.HasPrefix(name, string(rune(handle.Port))):
			return "port " + plain
		}
		return plain
	})
}

// observed tells whether a word of an operator may be in what a model is shown although it
// is an address or a name: if it is shown anyway.
func (in Input) observed(word string) bool {
	_, ok := in.Table.Back(0, word)
	return in.Values && ok
}
