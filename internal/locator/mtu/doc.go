// Package mtu finds the path MTU: the largest packet that goes to a destination whole,
// and the link that lets through no larger one.
//
// A [Prober] says which packet to send next, with the flag "don't fragment" and padded to
// a size, and is told what became of it. It sends nothing and knows no clock.
//
// # Sizes
//
// A router that cannot send a packet on tells the size that it can (RFC 1191, RFC 8201).
// That size is tried, and then one byte more: what the router says is a hint, checked by
// [wire.NextMTU], and what passes is the truth. A router that tells a size that is too
// small costs probes, and does not make the result smaller.
//
// Where errors are filtered, larger packets vanish: a black hole (RFC 2923 section 2.1).
// A packet that got lost vanishes too. So sizes are searched as in a noisy channel
// (M. Horstein, Sequential transmission using noiseless feedback, IEEE Transactions on
// Information Theory 9, 1963): for each size there is a probability that it is the MTU;
// a loss makes all smaller ones more likely, the more so the fewer packets were lost that
// pass, and an answer rules them out. The size to
// try next is the one that tells most, and the search ends when all other sizes together are less
// likely than one in ten thousand, and one byte more was refused, or lost three times.
// Losses count only if something that is known to pass is answered after them.
//
// A black hole of any size below 1500 takes 21 packets on average and 25 at the most, without
// other losses. Halving, with three tries and one packet that passes for each
// size that fails, would take 26 and 44.
//
// # Links
//
// The smallest size that fails is then sent with smaller TTLs. A router where its TTL ends
// answers before it looks for the next link, so the link that is too narrow is behind the
// farthest router that answers. Routers that answer no small packet either are passed
// over; the result is then a range.
//
// A destination that answers nothing tells nothing of the last link. Then the result is
// that of the farthest router that answers, see [Result].To.
//
// # Thread Safety
//
// A Prober is for one goroutine.
package mtu
