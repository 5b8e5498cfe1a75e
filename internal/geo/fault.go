package geo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// A Fault is one thing that is wrong with a file.
type Fault struct {
	File string
	// Line and Column count from 1; a column is a character, not a byte.
	Line, Column int
	Message      string
	// Cure tells how to put it right, or is "".
	Cure string
	// Kind tells some faults of lists from others.
	Kind FaultKind
}

// A FaultKind is what is wrong with a list as a whole.
type FaultKind uint8

// The kinds.
const (
	OtherFault FaultKind = iota
	CutOff               // it may have ended too early
	NoEntry              // it is empty
)

// Error returns "file:line:column: message (cure)".
func (f *Fault) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Cure != "" {
		text += " (" + f.Cure + ")"
	}
	return text
}

// maxFaults is the most faults of a file that are told; more of them say that it is the
// wrong file.
const maxFaults = 20

// A faultList collects the faults of a file.
type faultList struct {
	file   string
	faults []*Fault
	more   int
}

// add records a fault. The cure may be "".
func (l *faultList) add(line, column int, cure, format string, args ...any) {
	if len(l.faults) == maxFaults {
		l.more++
		return
	}
	l.faults = append(l.faults, &Fault{File: l.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Cure: cure})
}

// addOf records a fault of a kind.
func (l *faultList) addOf(kind FaultKind, line, column int, cure, format string, args ...any) {
	before := len(l.faults)
	l.add(line, column, cure, format, args...)
	for _, f := range l.faults[before:] {
		f.Kind = kind
	}
}

func (l *faultList) any() bool { return len(l.faults) > 0 }

// err returns all faults by their places, one a line, or nil.
func (l *faultList) err() error {
	slices.SortStableFunc(l.faults, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for _, f := range l.faults {
		all = append(all, f)
	}
	if l.more > 0 {
		all = append(all, fmt.Errorf("%s: and %d more faults", l.file, l.more))
	}
	return errors.Join(all...)
}
