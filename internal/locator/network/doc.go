// Package network sends probes and joins their answers.
//
//	n, err := network.Open(network.Config{})
//	flow := n.Flow(wire.UDP, destination, 33434, 0)
//	err = n.Send(network.Probe{Flow: flow, TTL: 3})
//	for a := range n.Answers() { ... }
//
// There are two ways. With CAP_NET_RAW it builds packets itself and one raw socket per
// family is given all answers (Raw). Without, sockets that everybody may open tell of the
// errors to what they sent (Queue, see ip(7), IP_RECVERR). That way knows less: nothing
// of what a router quotes but the ID, and the kernel chooses flow labels.
//
// # Time
//
// A round trip lasts from when the kernel gave the packet to the device until it
// received the answer, by its own time stamps (SO_TIMESTAMPING), so that it matters little when
// this process gets to run. Both are of CLOCK_REALTIME; where that was set meanwhile,
// or one stamp is missing, the process's own clock is taken and counted in
// [Stats].
//
// As nothing is lost by reading late, nobody waits for packets: the sockets are read when a
// probe is sent, at most 100 times per second, and by a single goroutine while none is
// sent but some are on their way. An [Answer] comes up to 50 ms after the packet, or later
// by a quarter of its round trip.
//
// # Flows
//
// Source ports come from a range that is bound by sockets of UDP and TCP, so that no
// other program has them, and two Networks tell their answers apart. To a SYN-ACK the
// kernel answers itself with a reset, as nobody listens there.
//
// # Thread Safety
//
// All methods may be called from any goroutine, in whichever network namespace its thread
// is: all probes leave, and all routes are looked up, in that of the thread that called
// [Open]. The way Queue keeps a thread there, for it opens sockets later too.
package network
