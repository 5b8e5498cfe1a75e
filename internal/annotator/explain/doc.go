// Package explain turns an alert into words that can be believed.
//
// Its parts are packages of their own, from the ground up:
//
//   - clean takes out of strangers' text what is not text.
//   - handle gives addresses and names short stand-ins (S1, D1), so that what is said
//     about them can leave the host while they do not.
//   - fact is what is known: numbers with units and windows, and what is missing.
//   - evidence says which queries belong to an alert, and asks them.
//   - answer is the form in which every explanation is written, and the judge of it:
//     each number must be that of a fact which is cited.
//   - builtin explains every alert of this repository without a model.
//   - prompt writes what a model is asked.
//   - propose makes a rule of the packet filter from a form, and refuses most.
//
// Telemetry is written by strangers as well: whoever names a host or sends a packet
// writes into labels. Therefore no text of a label is passed on that has not the form
// of what it claims to be, and a model has no tools, sees no address and cannot write
// one.
package explain
