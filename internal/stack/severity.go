package stack

import "fmt"

// A Severity tells whether a drop matters.
type Severity uint8

// The severities.
const (
	// Loss is a packet that somebody waited for: a queue or a buffer was full, it
	// was damaged, or the way was broken. Reasons that are not known are losses.
	Loss Severity = iota
	// Policy is a packet that the host was told to drop.
	Policy
	// Benign is a packet that nobody misses: a duplicate, one for somebody else, or
	// one for a socket that is gone.
	Benign
)

// Severities lists every severity.
var Severities = []Severity{Loss, Policy, Benign}

var severityNames = []string{"loss", "policy", "benign"}

// String returns the label value, such as "loss".
func (s Severity) String() string { return nameOf(severityNames, int(s)) }

// ParseSeverity returns the severity with the given name.
func ParseSeverity(name string) (Severity, error) {
	for i, n := range severityNames {
		if n == name {
			return Severity(i), nil
		}
	}
	return Loss, fmt.Errorf("unknown severity %q (one of %q)", name, severityNames)
}

// SeverityOf returns what drops for a reason mean on most hosts.
func SeverityOf(reason string) Severity { return reasonTable[reason].severity }

// Reasons returns the names that PacketScope has a severity for, in no order.
// Kernels have some of them, under numbers of their own, and newer ones have others.
func Reasons() []string {
	names := make([]string, 0, len(reasonTable))
	for name := range reasonTable {
		names = append(names, name)
	}
	return names
}
