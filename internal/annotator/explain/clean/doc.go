// Package clean takes out of text what is not text: control characters, directions of
// writing, characters without a width, private ones, and those by which sentences are
// hidden in names (tag characters, variation selectors).
//
// All functions are idempotent, and what they return is valid UTF-8.
package clean
