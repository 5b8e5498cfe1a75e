package target

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing that is wrong with a file.
type Fault struct {
	// Line and Column count from 1; a column is a character. Of a syntax error the parser
	// tells only the line, and not always that; then they are 1.
	Line, Column int
	Text         string
	// Cure tells how to put it right, or is "".
	Cure string
}

// An Error holds the faults of a file, in the order of their places.
type Error struct {
	File   string
	Faults []Fault
	// More counts faults beyond those that are told; so many say that it is the wrong file.
	More int
}

// maxFaults is the most faults that are told.
const maxFaults = 20

// Error returns one line "file:line:column: text (cure)" per fault.
func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Faults {
		line := fmt.Sprintf("%s:%d:%d: %s", e.File, f.Line, f.Column, f.Text)
		if f.Cure != "" {
			line += " (" + f.Cure + ")"
		}
		lines = append(lines, line)
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more faults", e.File, e.More))
	}
	return strings.Join(lines, "\n")
}

func (e *Error) add(line, column int, cure, format string, args ...any) {
	if len(e.Faults) == maxFaults {
		e.More++
		return
	}
	e.Faults = append(e.Faults, Fault{max(line, 1), max(column, 1), fmt.Sprintf(format, args...), cure})
}

// err returns the faults, or nil if there are none.
func (e *Error) err() error {
	if len(e.Faults) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}
