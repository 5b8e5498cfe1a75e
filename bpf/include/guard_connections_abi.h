/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the counts of open connections consist of. */
#ifndef PACKETSCOPE_GUARD_CONNECTIONS_ABI_H
#define PACKETSCOPE_GUARD_CONNECTIONS_ABI_H

#include <linux/types.h>

enum guard_connection_limit {
	GUARD_MAX_PREFIXES = 65536, /* that have connections at one time */
	GUARD_MAX_LENGTHS = 4, /* of prefixes of a family that are counted */
};

/* A prefix that has connections: a key of the map guard_connections. */
struct guard_prefix {
	__be32 address[4]; /* an IPv4 address in the first word; 0 behind the prefix */
	__u8 family;
	__u8 bits; /* the prefix's length */
	__u8 padding[2];
};

_Static_assert(sizeof(struct guard_prefix) == 20, "holes in struct guard_prefix");

#endif
