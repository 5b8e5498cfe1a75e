// Package answer is the form in which an alert is explained, and the judge of it.
//
// A model and the built-in explainer fill in the same form, [Schema], and are judged by
// the same [Ground.Parse]: evidence comes before the verdict; every number in a text must
// be the value of a fact that is cited, every name one of those that were given; no text
// holds a link, an address, a command, markup or a character that is not plain. What is
// wrong is told by one of a closed set of codes, so that whoever is asked to mend an
// answer learns nothing that he has not written.
//
// Whoever is shown addresses and names ([Ground.Values]) may write them: they become
// handles before they are judged, so that nothing can be named but what was shown.
package answer
