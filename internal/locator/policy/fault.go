package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong with a policy.
type Fault struct {
	// Line and Column count from 1. Of a syntax error the YAML parser tells only the line,
	// and not always that; then they are 1.
	Line, Column int
	Text         string
	// Cure tells how to put it right, or is "".
	Cure string
}

// An Error holds all faults of a file, in the order of their places.
type Error struct {
	File   string
	Faults []Fault
}

// Error returns one line "file:line:column: text (cure)" per fault.
func (e *Error) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s", e.File, f.Line, f.Column, f.Text)
		if f.Cure != "" {
			fmt.Fprintf(&b, " (%s)", f.Cure)
		}
	}
	return b.String()
}

func (e *Error) sort() {
	slices.SortStableFunc(e.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
