/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Waits in queueing disciplines and in drivers, by device. */
#ifndef PACKETSCOPE_QDISC_H
#define PACKETSCOPE_QDISC_H

#include "arrive.h"

/* Packets that wait in all queues of the host together before stamps crowd each other out. */
#define QUEUED_BITS 14

/* Greatest bulk that a qdisc hands over at once: the kernel's dev_tx_weight. */
#define MAX_BULK 64

/*
 * Stamps of packets in queues. A queue is filled by one CPU and may be drained by
 * another, so unlike stamps this table is shared; each entry is touched once on
 * each side. Two packets that race for an entry can at worst take over each
 * other's time, which is the same within the race.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << QUEUED_BITS);
	__type(key, __u32);
	__type(value, struct stamp);
} queued SEC(".maps");

/* Timed packets in the drivers of this CPU; several at a time where devices are stacked. */
struct transmission {
	__u64 skb;
	__u64 ifindex;
	__u64 since_ns;
};

#define TRANSMISSIONS 64

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TRANSMISSIONS);
	__type(key, __u32);
	__type(value, struct transmission);
} transmissions SEC(".maps");

static __always_inline __u32 device_slot(struct net_device *dev)
{
	__u32 ifindex, *slot;

	if (!dev || READ(dev, nd_net.net, ns.inum) != own_netns)
		return 0;
	ifindex = READ(dev, ifindex);
	slot = bpf_map_lookup_elem(&device_slots, &ifindex);
	return slot && *slot <= DEVICE_SLOTS ? *slot : 0;
}

static __always_inline void record_device(__u32 entry, __u64 ns)
{
	struct latency *l = latency_of(entry, 0);

	if (l)
		record_duration(l, ns);
}

/* The stamp moves from this CPU to the table of queued packets. */
static __always_inline void enqueue(struct sk_buff *skb)
{
	__u64 address = address_of(skb);
	__u32 key = hash_address(address, QUEUED_BITS);
	struct stamp *s = stamp_of(address), *q;

	if (!s || s->skb != address || last_station(s) != STATION_QDISC_TRANSMIT)
		return;
	q = bpf_map_lookup_elem(&queued, &key);
	if (!q)
		return;
	give_up(q, CAUSE_DEPARTED);
	*q = *s;
	s->skb = 0;
}

/*
 * The stamp moves to the CPU that will transmit the packet. A global function, so
 * that the verifier does not look at it once for each packet of a bulk. Returns 0.
 */
__noinline int dequeue(__u64 address, __u32 slot)
{
	__u64 now;
	__u32 key = hash_address(address, QUEUED_BITS);
	struct stamp *q = bpf_map_lookup_elem(&queued, &key), *s;
	__u8 turn;

	if (!q || q->skb != address)
		return 0;
	if (q->last_ns) {
		now = bpf_ktime_get_ns();
		if (now >= q->last_ns)
			record_device(LATENCY_QDISC_WAIT + slot, now - q->last_ns);
	}
	s = stamp_of(address);
	if (s) {
		give_up(s, CAUSE_DEPARTED);
		turn = s->turn;
		*s = *q;
		s->turn = turn;
	}
	q->skb = 0;
	return 0;
}

static __always_inline struct transmission *transmission_of(__u64 address, struct net_device *dev)
{
	__u32 key = hash_address(address ^ READ(dev, ifindex), 6);

	return bpf_map_lookup_elem(&transmissions, &key);
}

/* Times the driver for a packet that is timed. */
static __always_inline void begin_transmission(struct sk_buff *skb, struct net_device *dev,
					       const struct stamp *s)
{
	__u64 address = address_of(skb);
	struct transmission *t;

	if (!s || !s->last_ns || !dev)
		return;
	t = transmission_of(address, dev);
	if (!t)
		return;
	t->skb = address;
	t->ifindex = READ(dev, ifindex);
	t->since_ns = s->last_ns;
}

/*
 * The driver has the packet now, so skb may be freed: it is only compared. Its path
 * ends, so that the next packet at its address is not taken for this one on its way
 * through a stacked device; such a packet reaches the device below before this.
 */
static __always_inline void end_transmission(struct sk_buff *skb, struct net_device *dev)
{
	__u64 address = address_of(skb), now;
	struct stamp *s = stamp_of(address);
	struct transmission *t;

	if (s && s->skb == address && last_station(s) == STATION_DRIVER_TRANSMIT)
		s->skb = 0;
	if (!dev)
		return;
	t = transmission_of(address, dev);
	if (!t || t->skb != address || t->ifindex != READ(dev, ifindex))
		return;
	t->skb = 0;
	now = bpf_ktime_get_ns();
	if (now >= t->since_ns)
		record_device(LATENCY_DRIVER_XMIT + device_slot(dev), now - t->since_ns);
}

#endif
