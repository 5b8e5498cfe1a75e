// Package house checks that the sources keep to the plan of the house: which
// package may import which, and what every file owes its readers.
//
// The plan is [Rooms]. Imports go downwards only, from a floor to a lower one,
// so that an engine never learns about metrics and a metric never about BPF.
//
// The sources are parsed here, and not asked of "go list", whose answer a test
// gets from the cache of tests.
package house
