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

// known returns how a word of an operator is shown that names what the facts are about.
func (in Input) known(word string) (string, bool) {
	name, ok := in.Table.Known(word)
	if ok && in.shown(name) != name {
		return word, true // the model sees names
	}
	return name, ok
}
