// Package prompt writes what a model is asked about an alert.
//
// The system text is always the same. What is known goes as one line of JSON between two
// lines with a marker that nobody can guess, with handles in place of addresses and names
// and without any label whose value has not its form: text that somebody has planted in a
// label or a name is not in it. Marking alone would be a heuristic; what is not there
// cannot persuade anybody.
//
// Any change of the bytes needs another [Version], since answers are cached by it; a test
// sees to that.
package prompt
