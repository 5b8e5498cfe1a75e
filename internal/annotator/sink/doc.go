// Package sink tells others of an episode: it annotates Grafana and notifies
// onward.
//
// A sink takes a [Message], which is one revision of what is known of an episode,
// and the [State] that it returned for the episode's last one. Sending is
// idempotent: whatever state is remembered, and wherever the process died, sending
// again leaves one annotation in Grafana with the newest text. Receivers that
// cannot be asked what they have got an Idempotency-Key.
//
// # Strangers' words
//
// Names, labels and, if a model wrote it, the explanation come from strangers. What
// people read is stripped of all that is invisible, its links do not work, and it
// is escaped and clipped for its target. Links that work are those below
// [Options.Links]. Requests go to the configured addresses only: no redirect is
// followed and no proxy of the environment is asked.
//
// # Errors
//
// Errors are an [*Error], whose [Class] says what to do next. They never hold the
// secret address or token of a sink.
package sink
