package target

import (
	"bytes"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/packetscope/packetscope/internal/wire"
)

// ParseFile reads the targets of a file, whose name says what it is like and is told in
// faults. What is there twice counts once. The error is an [*Error] with all faults, and
// then there are no targets.
func ParseFile(file string, data []byte, byDefault wire.Protocol) ([]Target, error) {
	r := &reader{Error: Error{File: file}, byDefault: byDefault, seen: map[Target]bool{}}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // editors of Windows write it
	switch ext := strings.ToLower(filepath.Ext(file)); {
	case !utf8.Valid(data):
		r.add(1, 1, "write it in UTF-8", "not UTF-8 text")
	case ext == ".json":
		r.json(data)
	case ext == ".yml" || ext == ".yaml":
		r.yaml(data)
	default:
		r.lines(string(data))
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return r.targets, nil
}

// A reader collects the targets of a file, and what is wrong with it.
type reader struct {
	Error
	byDefault wire.Protocol
	targets   []Target
	seen      map[Target]bool
}

// lines reads a file of lines.
func (r *reader) lines(text string) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if i := comment(line); i >= 0 {
			line = line[:i]
		}
		word := strings.TrimSpace(line)
		if word == "" {
			continue
		}
		before, _, _ := strings.Cut(line, word)
		column := utf8.RuneCountInString(before) + 1
		if i := strings.IndexAny(word, " \t"); i >= 0 {
			r.add(number, column+utf8.RuneCountInString(word[:i]), "write one a line, and comments behind #", "more than one word")
			continue
		}
		r.target(word, number, column)
	}
}

// comment returns where the comment of a line begins, or -1.
func comment(line string) int {
	for i := range line {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return -1
}

// target takes the text of a target that begins at a place.
func (r *reader) target(text string, line, column int) {
	t, p := parse(text, r.byDefault)
	if p != nil {
		r.add(line, column+utf8.RuneCountInString(text[:p.at]), p.cure, "bad target %s: %s", quote(text), p.message)
		return
	}
	if !r.seen[t] {
		r.seen[t] = true
		r.targets = append(r.targets, t)
	}
}
