// Package handle gives short stand-ins to what must not leave the host: S1 for an
// address, D1 for a destination, Q1 for a query.
//
// Whoever sees only handles can choose among what was observed and cannot name anything
// else. So one mechanism keeps addresses private, keeps planted text out of a prompt, and
// keeps an answer to what there is. Within an episode a handle always means the same, in
// all revisions: a [Table] is kept with the episode, as JSON.
package handle
