/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Whom rules hit. These become Go types like those of guard_abi.h. */
#ifndef PACKETSCOPE_GUARD_HITS_ABI_H
#define PACKETSCOPE_GUARD_HITS_ABI_H

#include <linux/types.h>
#include "guard_tables.h"

enum guard_hit_limit {
	GUARD_MAX_HITS = 16384, /* pairs of a source and a rule */
	GUARD_EXACT_HITS = 32, /* by jiffy and CPU */
	GUARD_HIT_WEIGHT = 64, /* of those beyond */
	GUARD_SERVICES = 131072, /* TCP ports, then UDP ports */
};

/* A key of the map guard_hits. */
struct guard_hit_key {
	__be32 source[2]; /* the IPv4 address, or the upper half of that of IPv6 */
	__u32 slot; /* of the rule */
	__u32 family; /* 4, also for the sender of ARP; 6; or 0 without an address */
};

/* What is known of a source and a rule that hit it; last things are of the last packet. */
struct guard_hit {
	__u64 packets;
	__u64 bytes;
	__u64 first; /* ns, of CLOCK_MONOTONIC */
	__u64 last; /* ns */
	__u16 ether_type;
	__u16 port; /* destination */
	__u8 protocol;
	__u8 flags; /* of TCP: of all packets together */
	__u8 icmp_type;
	__u8 credit; /* enum guard_credit */
};

/* An entry of the map guard_services. */
struct guard_service {
	struct guard_count dropped;
	struct guard_count would_drop;
};

_Static_assert(sizeof(struct guard_hit) == 40, "holes in struct guard_hit");

#endif
