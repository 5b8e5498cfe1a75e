// Package talkers decides which remote networks are worth a look at their path: those
// that the host talks to most, by what its connections (package passive) and its flow
// table say.
//
// Sockets tell an address to probe, and how much TCP moved; a flow table tells how much
// was moved by all protocols, also by connections that had ended when the sockets were read.
// A network of which no address is known cannot be a target, and takes no place
// among the top.
//
// Learning a path takes half an hour, so targets must not come and go with each
// transfer. A network becomes a target when it was among the top ones in several scans on
// end, and remains one for more than an hour after it was there last. There are
// never more targets than the limit: when all places are taken, who comes has
// to wait until one is given up, however much it talks.
//
// # Thread Safety
//
// A Ranking is for one goroutine, and knows no clock. The same calls in the same order
// give the same targets.
package talkers
