package sink

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encode writes JSON in which <, >, & and everything that cannot be seen is an
// escape, so that what passes by in logs and terminals does nothing there. The
// values are the same.
func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Grow(len(data))
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		// encoding/json escapes these of ASCII itself, except for DEL.
		case r < 0x7f, !unseen(r):
			b.Write(data[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		data = data[n:]
	}
	return []byte(b.String()), nil
}
