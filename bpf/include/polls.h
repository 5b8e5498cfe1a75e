/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* NAPI polls: how many packets each finds. */
#ifndef PACKETSCOPE_POLLS_H
#define PACKETSCOPE_POLLS_H

#include "qdisc.h"

/* 0 for 0, else 1 + ceil(log2(work)), at most the last slot. */
static __always_inline __u32 poll_slot(__u32 work)
{
	__u32 slot = 0;

	for (__u32 bound = 0; slot < POLL_SLOTS - 1 && work > bound; slot++)
		bound = bound ? bound * 2 : 1;
	return slot;
}

/* dev is NULL for the backlog that loopback and virtual devices share. */
static __always_inline void count_poll(struct net_device *dev, int work, int budget)
{
	__u32 key = dev ? device_slot(dev) : DEVICE_SLOTS + 1;
	struct polls *p = bpf_map_lookup_elem(&polls, &key);
	__u32 slot;

	if (!p || work < 0)
		return;
	slot = poll_slot(work);
	if (slot < POLL_SLOTS)
		p->slots[slot]++;
	p->packets += work;
	if (work >= budget)
		p->exhausted++;
}

#endif
