package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong with a file.
type Fault struct {
	// Line and Column count from 1; a column is a character, not a byte. The
	// YAML parser tells only the line of a syntax error, whose column is that of
	// the first character on it that is not blank.
	Line, Column int
	Message      string
	// Cure tells how to put it right, or is "".
	Cure string
}

// String returns the message followed by the cure in brackets.
func (f Fault) String() string {
	if f.Cure == "" {
		return f.Message
	}
	return f.Message + " (" + f.Cure + ")"
}

// An Error holds all faults of a file, in the order of their position.
type Error struct {
	File   string
	Faults []Fault
}

// newError sorts the faults, keeping those at one place in the order in which
// they were found.
func newError(file string, faults []Fault) *Error {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{File: file, Faults: faults}
}

// Error returns one line "file:line:col: message" per fault.
func (e *Error) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d:%d: %v", e.File, f.Line, f.Column, f)
	}
	return b.String()
}
