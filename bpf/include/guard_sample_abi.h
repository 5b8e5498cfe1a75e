/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Copies of packets for user space. These become Go types like those of guard_abi.h. */
#ifndef PACKETSCOPE_GUARD_SAMPLE_ABI_H
#define PACKETSCOPE_GUARD_SAMPLE_ABI_H

#include <linux/types.h>

enum guard_sample_limit {
	GUARD_MAX_SNAP = 2048, /* bytes of a packet; a power of two */
	GUARD_MAX_WANTED = 4, /* rules that get a copy of the same packet; a power of two */
};

/* Where what is in the table guard_samplings. */
enum guard_sampling_entry {
	GUARD_SAMPLING_ALL, /* of all copies together */
	GUARD_SAMPLING_UNPARSABLE, /* of packets that cannot be read */
	GUARD_SAMPLING_RULES, /* and the rule */
};

/*
 * How often packets are copied, by the generic cell rate algorithm: one may be taken
 * once the time is at least due - burst, and moves due by the interval.
 */
struct guard_sampling {
	__u64 due; /* ns, changed as packets are taken */
	__u64 interval; /* ns between packets; 0 means that none are copied */
	__u64 burst; /* ns */
	__u32 snap; /* bytes of each packet, at most GUARD_MAX_SNAP */
	__u32 padding;
};

/* A record of the ring buffer guard_samples; as much of data as was captured follows. */
struct guard_sample {
	__u64 time; /* ns, of CLOCK_MONOTONIC */
	__u32 device; /* index */
	__u32 length; /* of the frame */
	__u32 slot; /* of the rule that the copy is for; all ones if the packet cannot be read */
	__u16 captured; /* bytes */
	__u8 credit; /* of the rule: enum guard_credit */
	__u8 verdict; /* of XDP */
	__u8 reason; /* enum guard_reason */
	__u8 padding[7];
};

_Static_assert(sizeof(struct guard_sample) == 32, "holes in struct guard_sample");

#endif
