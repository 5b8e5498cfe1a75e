/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What Guarder's bans and the Go half agree on; see guard_abi.h. */
#ifndef PACKETSCOPE_GUARD_BANS_ABI_H
#define PACKETSCOPE_GUARD_BANS_ABI_H

#include <linux/types.h>

/* Limits of bans. */
enum guard_ban_limit {
	GUARD_MAX_BANS = 65536, /* prefixes */
	GUARD_BAN_NEAR = 65536, /* bits of the filter for each family */
	GUARD_BAN_CLASSES = 4, /* origins that are told apart; a power of two */
	GUARD_BAN_RATES = 16384, /* pairs of a rule and a source whose rate is known */
	GUARD_BAN_REQUESTS = 4, /* by jiffy and CPU */
};

/* An address, of which words behind the first are 0 if it is of IPv4. */
struct guard_ban_address {
	__u32 family;
	__be32 address[4];
};

/* A key of the map guard_bans. */
struct guard_ban_prefix {
	__u32 bits; /* of what follows: 32 for the family, and those of the prefix */
	struct guard_ban_address of;
};

/* A value of the map guard_bans. Times are of CLOCK_BOOTTIME, in ns. */
struct guard_ban {
	__u64 until; /* when it ends; put off by the program if renew is set */
	__u64 audited; /* until then it would be banned */
	__u64 renew; /* how long it lasts from the last packet on; 0 if that does not matter */
	__u64 last; /* when the last packet was dropped, a second early at most, if renew is set */
	__u32 origin; /* entry of guard_ban_counts */
	__u32 padding;
};

/* When a rule asks for a ban: an entry of the table guard_bannings, by rule. */
struct guard_banning {
	__u64 interval; /* ns between packets that are let be; 0 if the first one is too much */
	__u64 burst; /* ns */
	__u32 bits4; /* of the prefix that is banned; 0 if the rule asks for no ban */
	__u32 bits6;
};

/* A key of the map guard_ban_rates. */
struct guard_ban_source {
	__u32 slot; /* of the rule */
	__u32 family;
	__be32 address[4]; /* but for what is behind the prefix */
};

/* A record of the ring buffer guard_ban_requests. */
struct guard_ban_request {
	__u64 time; /* ns, of CLOCK_BOOTTIME */
	__u32 slot; /* of the rule */
	struct guard_ban_address of;
	__u32 credit; /* of the rule: enum guard_credit */
	__u32 padding;
};

_Static_assert(sizeof(struct guard_ban_prefix) == 24, "holes in struct guard_ban_prefix");
_Static_assert(sizeof(struct guard_ban) == 40, "holes in struct guard_ban");
_Static_assert(__builtin_offsetof(struct guard_ban_request, of.address) % 8 == 0,
	       "the program copies 8 bytes at once");
_Static_assert(sizeof(struct guard_ban_request) == 40, "holes in struct guard_ban_request");

#endif
