/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rules with a state: what they do, they do only if their state says so. These become Go
 * types like those of guard_abi.h.
 */
#ifndef PACKETSCOPE_GUARD_STATES_ABI_H
#define PACKETSCOPE_GUARD_STATES_ABI_H

#include <linux/types.h>

/* What the state of a rule is. */
enum guard_state_kind {
	GUARD_STATE_NONE, /* the rule has none */
	GUARD_STATE_LIMIT, /* a rate: what is beyond it */
	GUARD_STATE_SPREAD, /* how many different ports there may be in a time */
	GUARD_STATE_SYNCOOKIE, /* a flood of SYNs, which are answered */
	GUARD_STATE_KINDS,
};

/* Whose state it is: bits of guard_state.of. */
enum guard_state_of {
	GUARD_OF_SOURCE = 1,
	GUARD_OF_DESTINATION = 2,
	GUARD_OF_FLOW = 4, /* protocol and ports */
	GUARD_OF_INTERFACE = 8,
	GUARD_OF_AUDIT = 16, /* of GUARD_STATE_SYNCOOKIE: nothing is answered */
};

/* Which ports are told apart: guard_state.distinct. */
enum guard_distinct {
	GUARD_DISTINCT_NOTHING,
	GUARD_DISTINCT_DESTINATION_PORT,
	GUARD_DISTINCT_SOURCE_PORT,
};

enum guard_state_limit {
	GUARD_MAX_SPREADS = 16384, /* keys whose ports are known */
	GUARD_BUCKET_WAYS = 8, /* buckets of a set */
	GUARD_BUCKET_SETS = 8192, /* a power of two */
	GUARD_SKETCH_ROWS = 4, /* of two cells each, in a block */
	GUARD_SKETCH_BLOCKS = 16384, /* a power of two */
	GUARD_MAX_LEVELS = 6, /* of one limit */
	GUARD_BUCKET_SCALE = 63, /* the bits of a bucket's key that are its scale */
	GUARD_FLOOD_SECOND = 1000000000, /* ns in which SYNs are counted */
	GUARD_MAX_FLOODS = 256, /* rules that answer SYNs, of all policies in force */
};

/* What guard_charge() says. */
enum guard_charged {
	GUARD_LIGHT, /* the packet is within the rate, and its key far from the limit */
	GUARD_WITHIN, /* it is within the rate */
	GUARD_OVER,
	GUARD_NO_ROOM, /* for a bucket of its own */
};

/* An entry of the table guard_states: the state of a rule, or a wider level of one. */
struct guard_state {
	__u64 identity; /* the same over generations as long as the rule's state means the same */
	/*
	 * ns from a packet to the next one; of a spread, the time for its ports; of floods, how
	 * many SYNs a second begin one
	 */
	__u64 interval;
	/*
	 * ns that a packet may come before its time; of a spread, how many ports; of floods,
	 * below how many SYNs a second one ends
	 */
	__u64 tolerance;
	__be64 mask6[2]; /* of IPv6 addresses */
	__be32 mask4; /* of IPv4 addresses */
	__u32 wider; /* entry that is asked if there is no room, or 0 */
	__u32 level; /* entry that is asked next if the key is light, or 0 */
	__u8 kind; /* enum guard_state_kind */
	__u8 of; /* enum guard_state_of */
	__u8 scale; /* the binary logarithm of interval */
	__u8 distinct; /* enum guard_distinct */
};

/* A bucket of the GCRA: a packet that comes before next - tolerance is over. */
struct guard_bucket {
	__u64 key; /* a hash, whose lowest bits are the scale; 0 if it is free */
	__u64 next; /* ns of CLOCK_MONOTONIC: when the next packet is due */
};

/* The value of the map guard_buckets: two cache lines. */
struct guard_bucket_set {
	struct guard_bucket of[GUARD_BUCKET_WAYS];
};

/* The value of the map guard_sketch, a cache line: as guard_bucket.next, of many keys each. */
struct guard_sketch_block {
	__u64 next[2 * GUARD_SKETCH_ROWS];
};

/* The value of the map guard_spreads. */
struct guard_spread {
	__u64 since; /* ns: the first port, or when it was over, the last packet */
	__u64 seen; /* ports, by bits */
};

/*
 * The value of the map guard_floods: what is known of the SYNs that a rule matches, as
 * package flood of the Go half has it, and what became of them.
 */
struct guard_flood {
	__u64 began; /* the second in which SYNs are counted, ns of CLOCK_MONOTONIC */
	__u64 seen; /* SYNs in it */
	__u64 active;
	__u64 sent; /* SYNs that were answered with a cookie */
	__u64 left; /* SYNs of a flood that were not, as the kernel made no cookie */
	__u64 valid; /* ACKs with a cookie, during a flood */
	__u64 invalid; /* ACKs to a listener without one, which are of no connection */
};

/* The value of the map guard_setup. */
struct guard_setup {
	__u64 seed; /* of the hashes of buckets; a secret, so that nobody can aim at one */
	__u64 clock; /* the time of tests: see guard_time() */
};

_Static_assert(sizeof(struct guard_state) == 56, "holes in struct guard_state");
_Static_assert(sizeof(struct guard_sketch_block) == 64, "a block is not a cache line");
_Static_assert(sizeof(struct guard_bucket_set) == 128, "a set is not two cache lines");

#endif
