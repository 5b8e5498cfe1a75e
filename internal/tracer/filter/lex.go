package filter

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// A Error is a fault of an expression.
type Error struct {
	// Column is where the fault is, in bytes from 1.
	Column int
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Text) }

// A kind is what a token is.
type kind int

const (
	end kind = iota
	word
	quoted   // a word behind a backslash: never a keyword
	address  // of IPv6
	hardware // a MAC address
	sign
)

// A token is a part of an expression.
type token struct {
	kind   kind
	text   string
	column int
}

func (t token) String() string {
	if t.kind == end {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '.' || c == '-'
}

// signs are the longest first.
var signs = []string{"&&", "||", "<<", ">>", "<=", ">=", "!=", "==", "(", ")", "[", "]", "<", ">", "=", "!", "&", "|", "^", "+", "-", "*", "/", "%", ":"}

// lex splits an expression.
func lex(text string) ([]token, error) {
	var tokens []token
	for at := 0; at < len(text); {
		if strings.IndexByte(" \t\r\n", text[at]) >= 0 {
			at++
			continue
		}
		t, size := next(text[at:])
		if size == 0 {
			return nil, &Error{at + 1, fmt.Sprintf("%q means nothing here", text[at:at+1])}
		}
		t.column = at + 1
		tokens = append(tokens, t)
		at += size
	}
	return append(tokens, token{end, "", len(text) + 1}), nil
}

// next returns the token that a text begins with, and how long it is; 0 if there is none.
func next(text string) (token, int) {
	if long := runOf(text, func(c byte) bool { return isWordByte(c) || c == ':' }); strings.Count(text[:long], ":") > 1 {
		if _, err := net.ParseMAC(text[:long]); err == nil && long <= len("00:00:00:00:00:00") {
			return token{kind: hardware, text: text[:long]}, long
		}
		if a, err := netip.ParseAddr(text[:long]); err == nil && a.Zone() == "" {
			return token{kind: address, text: text[:long]}, long
		}
	}
	if text[0] == '\\' {
		if size := runOf(text[1:], isWordByte); size > 0 {
			return token{kind: quoted, text: text[1 : 1+size]}, 1 + size
		}
		return token{}, 0
	}
	if text[0] == '/' && len(text) > 1 && isWordByte(text[1]) && !isDigit(text[1]) {
		// A path: a prefix is a number.
		size := runOf(text, func(c byte) bool { return isWordByte(c) || strings.IndexByte("/@:\\", c) >= 0 })
		return token{kind: quoted, text: text[:size]}, size
	}
	if text[0] != '-' && text[0] != '.' {
		if size := runOf(text, isWordByte); size > 0 {
			// A name does not end in a sign, but "a-" may be a subtraction.
			for text[size-1] == '-' {
				size--
			}
			return token{kind: word, text: text[:size]}, size
		}
	}
	for _, s := range signs {
		if strings.HasPrefix(text, s) {
			return token{kind: sign, text: s}, len(s)
		}
	}
	return token{}, 0
}

// runOf returns how many bytes at the beginning of a text are of a kind.
func runOf(text string, of func(byte) bool) int {
	for i := range len(text) {
		if !of(text[i]) {
			return i
		}
	}
	return len(text)
}
