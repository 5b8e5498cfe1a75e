// Package path is what is known about one path: who answers at which distance, how
// fast, and what is lost on the way.
//
// A [Path] is fed with [Sample]s, one for each probe, answered or not. It keeps, per
// TTL, a bounded window of the newest, and per responder running [Stats]. From those
// come the apparent loss of a TTL, the loss that the path can have up to there, and
// why they differ ([Path.Loss]).
//
// # Loss
//
// A router that leaves probes unanswered need not lose packets: most limit how many
// ICMP errors they send. But a packet that is answered from further on has passed the
// router. So the real loss up to TTL i is at most the least apparent loss of the TTLs
// from i on; what is above that is the router's own. Loss is two-way, since a lost answer looks as
// a lost probe does. Only the same flow is compared, as others may take other links.
//
// # Thread Safety
//
// A Path is for one goroutine. It knows no clock: time comes with the samples.
package path
