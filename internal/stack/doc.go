// Package stack is the Analyzer: it counts and times packets on their way
// between the layers of the kernel's network stack.
//
// [Open] loads BPF programs at one measurement point per layer and direction.
// Each point adds to per-CPU maps; nothing is sent to user space per packet.
// [Engine.Snapshot] sums the maps over the CPUs.
//
// # How a packet is recognised in the next layer
//
// A point writes the packet's address (struct sk_buff *), its own layer and,
// for timed packets, the time into a per-CPU table, at a place given by a hash
// of the address. The next point looks at the same place: if the address and
// the layer before are there, the packet has crossed. Nothing is ever deleted,
// so nothing can leak: an unused stamp is overwritten, and what was overwritten
// before it was used is counted (see [Cause]). Receive processing stays on one
// CPU from the link layer to the socket, so a per-CPU table is enough; a queueing
// discipline may hand a packet to another CPU, so waits in a queue are kept in
// one table of the same make that all CPUs share.
//
// # Flows
//
// The stations of the transport layer also add each packet to its flow: one entry of
// a table in the kernel for all that one service exchanges with one remote network,
// both directions together. [Engine.Flows] reads the table. It is bounded and evicts
// the least recently active flow; sums over all flows are kept apart from it, so that
// they are right whatever it forgets. What else there is to know of a flow, the round-trip
// time and whose the local socket is, is read from the socket of a sent packet, for one
// packet in so many.
//
// # How TCP is watched
//
// [Engine.TCP] tells of retransmits, resets, windows, round trips and connects. Its
// probes hang on rare events but for two, which run for each segment and each read of
// an established connection. They compare what the packet says with what the socket
// knew before it; only where these differ, or where the socket is off the kernel's
// fast path, do they look further. What has no tracepoint is read from the kernel's
// counters and its listening sockets, in one network namespace after the other.
//
// # Drops
//
// One program on kfree_skb counts dropped packets by the address of the code that
// dropped them, the kernel's number for the reason, the kind of packet and the way that
// it was going. [Engine.Drops] gives names to these: reasons from the kernel's own types,
// functions from its list of symbols. The reason tells the layer and whether the drop
// matters (see [Severity]); where the kernel gives none, the function does. A packet tells
// its way by the device that it came by, its route and its sender; one that has nothing
// of these is taken to go the way that its reason is given for. [WatchDrops] tells single
// drops, with a program of its own.
//
// # Thread Safety
//
// All methods of an [Engine] may be called from any goroutine.
package stack
