package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// maxAnswer is the longest text of a model that is looked at, several times what the longest
// permitted answer takes.
const maxAnswer = 256 << 10

// extract returns the one JSON object in what a model said, or false if there is none, more
// than one, or none that is whole. It shares memory with text.
//
// Models think aloud before, say a sentence around, or put a fence about the object, even
// when they were told not to. An object inside another one that is broken is not taken: it
// would be a part of an answer that passes as the whole.
func extract(text []byte) ([]byte, bool) {
	if len(text) > maxAnswer || !utf8.Valid(text) {
		return nil, false
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	// All of it first, so that nothing inside of a string is mistaken for the end of a thought.
	if len(text) > 0 && text[0] == '{' && json.Valid(text) {
		return text, true
	}
	return onlyObject(afterThought(text))
}

// thoughts are the tags between which models think.
var thoughts = [][2][]byte{
	{[]byte("<think>"), []byte("</think>")},
	{[]byte("<thinking>"), []byte("</thinking>")},
	{[]byte("<reasoning>"), []byte("</reasoning>")},
}

// afterThought returns what follows the last thought. Chat templates may have begun the
// thought themselves, so that only its end is told. A thought without an end has nothing
// after it.
func afterThought(text []byte) []byte {
	for _, tag := range thoughts {
		if end := bytes.LastIndex(text, tag[1]); end >= 0 {
			text = text[end+len(tag[1]):]
		}
		if bytes.HasPrefix(bytes.TrimSpace(text), tag[0]) {
			return nil
		}
	}
	return text
}

// onlyObject finds the objects between other words. It goes on behind what did not parse,
// never inside of it, and so reads each byte once.
func onlyObject(text []byte) ([]byte, bool) {
	var found []byte
	for {
		at := bytes.IndexByte(text, '{')
		if at < 0 {
			return found, found != nil
		}
		text = text[at:]
		var object json.RawMessage
		decoder := json.NewDecoder(bytes.NewReader(text))
		err := decoder.Decode(&object)
		var broken *json.SyntaxError
		switch {
		case err == nil && found != nil:
			return nil, false
		case err == nil:
			end := decoder.InputOffset()
			found, text = text[:end:end], text[end:]
		case errors.As(err, &broken):
			// The offset counts the byte that is wrong, which may begin an object itself.
			text = text[max(1, min(int(broken.Offset)-1, len(text))):]
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, false // cut off
		default:
			return nil, false
		}
	}
}
