// Package fact holds what is known about an alert: numbers with their unit, their window
// and where they come from, and what could not be found out.
//
// An explanation may say a number only if a fact has it, see [Fact.Says]. What is missing
// is a [Gap], never a zero.
package fact
