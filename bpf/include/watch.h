/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Which of the configured flow filters a packet belongs to. */
#ifndef PACKETSCOPE_WATCH_H
#define PACKETSCOPE_WATCH_H

#include "maps.h"
#include "packet.h"

/* 0 if the address fits. */
static __always_inline __u32 differs(const __u32 *address, const __u32 *want, const __u32 *mask)
{
	return ((address[0] ^ want[0]) & mask[0]) | ((address[1] ^ want[1]) & mask[1]) |
	       ((address[2] ^ want[2]) & mask[2]) | ((address[3] ^ want[3]) & mask[3]);
}

static __always_inline __u32 outside(__u16 port, __u16 first, __u16 last)
{
	return (port < first) | (port > last);
}

/*
 * 0 if the flow fits the filter. A global function, like watch_of(), so that the
 * verifier looks at it once and not once per caller, filter and path.
 */
__noinline __u32 misfit(const struct flow *f, const struct device_name *d, const struct watch *w)
{
	const __u64 *device;
	__u32 forth, back;

	if (!f || !d || !w)
		return 1;
	device = (const __u64 *)w->device;
	if (device[0] && (device[0] != d->word[0] || device[1] != d->word[1]))
		return 1;
	if (w->version && w->version != f->version)
		return 1;
	if (w->protocol && w->protocol != f->protocol)
		return 1;
	forth = differs(f->saddr, w->address, w->mask) |
		differs(f->daddr, w->peer_address, w->peer_mask) |
		outside(f->sport, w->port_first, w->port_last) |
		outside(f->dport, w->peer_port_first, w->peer_port_last);
	back = differs(f->daddr, w->address, w->mask) |
	       differs(f->saddr, w->peer_address, w->peer_mask) |
	       outside(f->dport, w->port_first, w->port_last) |
	       outside(f->sport, w->peer_port_first, w->peer_port_last);
	return forth && back;
}

/* The id of the first watch that the flow fits, 0 if none. */
__noinline __u32 watch_of(const struct flow *f, const struct device_name *d)
{
	__u32 bank = watch_bank;
	__u32 first = bank >> 8, count = bank & 0xff;

	if (!f || !d)
		return 0;
	for (__u32 i = 0; i < MAX_WATCHES; i++) {
		__u32 key = first + i;
		struct watch *w;

		if (i >= count)
			break;
		w = bpf_map_lookup_elem(&watches, &key);
		if (w && !misfit(f, d, w))
			return w->id;
	}
	return 0;
}

static __always_inline bool watching(void)
{
	return watch_bank & 0xff;
}

#endif
