package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Severity says whether a policy can be used in spite of a fault.
type Severity uint8

// The severities.
const (
	Warning Severity = iota // the policy can be used
	Error                   // it cannot
)

// String returns "warning" or "error".
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// A Fault is one thing that is wrong with a policy.
type Fault struct {
	// At is the place; the line is 0 if the fault is about a whole file. A column
	// is a character, not a byte.
	At       Position
	Severity Severity
	// Code is one of [Codes].
	Code string
	// In names the rule ("group/rule"), the group or the set, or is "".
	In string
	// Text says what is wrong, Hint how to put it right (or is "").
	Text, Hint string
}

// NewFault returns a fault with the severity of its code.
func NewFault(code string, at Position, in, hint, format string, args ...any) Fault {
	return Fault{At: at, Severity: severityOf(code), Code: code, In: in, Text: fmt.Sprintf(format, args...), Hint: hint}
}

// About is [NewFault] for a rule.
func (r *Rule) About(code, hint, format string, args ...any) Fault {
	return NewFault(code, r.At, r.Group+"/"+r.Name, hint, format, args...)
}

// String returns "file:line:column: severity[code]: group/rule: text; hint".
func (f Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %v[%s]: ", f.At, f.Severity, f.Code)
	if f.In != "" {
		b.WriteString(f.In + ": ")
	}
	b.WriteString(f.Text)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	return b.String()
}

// String returns "file:line:column", or the file alone.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Failed reports whether one of the faults is an error.
func Failed(faults []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return f.Severity == Error })
}

// sorted returns the faults in the order of the files and of their places, each once.
func sorted(faults []Fault, files []string) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(slices.Index(files, a.At.File), slices.Index(files, b.At.File)),
			cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return slices.Compact(faults)
}
