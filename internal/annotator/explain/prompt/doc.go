// Package prompt writes what a model is asked about an alert, or about a host.
//
// The system text is always the same, but for what it says of names. What is known goes as one line of JSON between two
// lines with a marker that nobody can guess, with handles in place of addresses and names
// and without any label whose value has not its form: text that somebody has planted in a
// label or a name is not in it. Marking alone would be a heuristic; what is not there
// cannot persuade anybody.
//
// If an operator has chosen so, addresses and names are shown in place of their handles
// (Input.Values). The rest is withheld all the same, and so are names that are long enough
// to hold a sentence.
//
// Any change of the bytes needs another [Version], since answers are cached by it; a test
// sees to that.
package prompt
