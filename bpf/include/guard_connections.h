/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How many connections prefixes have open to this host: counted by guard_connections.bpf.c,
 * asked by the program of devices.
 */
#ifndef PACKETSCOPE_GUARD_CONNECTIONS_H
#define PACKETSCOPE_GUARD_CONNECTIONS_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "guard_connections_abi.h"

/*
 * Connections that are open, and that others made. Written where a connection begins and
 * ends, and by user space, which compares it with the list of sockets; read per packet
 * that asks. If it is full, a prefix is not counted until user space finds room.
 * A program that nobody shares it with has no room in it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_MAX_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct guard_prefix);
	__type(value, __s32);
} guard_connections SEC(".maps");

/*
 * Until when the counts are good, in ns of CLOCK_BOOTTIME: user space says so again each
 * time that it has compared them. Without an agent they end, as nobody counts any more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} guard_counted_until SEC(".maps");

/* Makes the key of an address: of IPv4 the first word, and bits up to 32. */
static __always_inline void guard_prefix_of(struct guard_prefix *key, const __be32 *address,
					    __u8 family, __u32 bits)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		__u32 mask = ~0u;

		if (bits < 32u * i + 32)
			mask = bits > 32u * i ? ~(~0u >> (bits & 31)) : 0;
		key->address[i] = address[i] & bpf_htonl(mask);
	}
	key->family = family;
	key->bits = bits;
	key->padding[0] = key->padding[1] = 0;
}

#endif
