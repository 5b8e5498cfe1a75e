// Package tracer follows packets through the kernel: where each was seen, by which functions
// it came there, and how it ended.
//
// A [Session] attaches programs to the kernel's tracepoints and tells of the packets that a
// filter chooses, as [Event]s. Each has the kernel's stack at that moment, so the functions
// between two tracepoints are known without a probe on any of them. [Packets] joins events
// into packets, and [Packet.Tree] the stacks of a packet into one tree.
//
// Where the kernel can do it, programs are also attached to the beginning of functions that take
// a packet ([Config.Functions], [Functions]): they show those that the stacks leave out, as they
// were left by a jump instead of a call, and when each began. A function whose packet has no
// header yet, as when TCP has not written it, is shown by the stacks alone.
//
// What an XDP program takes before the kernel made a packet (struct sk_buff) of a frame is not
// seen at all.
//
// A packet is known by the address of its buffer and the time when it was first seen there.
// Clones share the buffer. What a tunnel puts headers in front of stays the same packet if it
// stays in its buffer and is sent on at once, and so it is at the tunnel's other end on this host.
// Fragments of IPv4 that are put together are the first of them. What is segmented, encrypted or
// copied gets another buffer or looks another way: then it is another packet to the Tracer.
package tracer
