// Package builtin explains every alert of this repository without a model: what it means,
// how sure that is, what speaks for it and against it, what to look at next and what to
// do.
//
// It is deterministic. An explanation is data: sentences that are said if a fact is there
// and fits, with the fact's own number in them. A fact that is missing is missing in the
// text too, and is named as not known. What comes out is judged like the answer of a
// model.
package builtin
