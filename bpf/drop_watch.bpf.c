//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Tells user space about single drops, as many as it asked for and can read. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "drops.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Whether drops are wanted whose reason is not in the map reasons. */
const volatile bool others_wanted;

/* How many records one CPU may write in each turn of the limit. */
const volatile __u32 turn_records;

#define TURN_NS 100000000ULL

/* Read by user space as they come. Full: the drop is counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} drop_events SEC(".maps");

/* Reason to whether it is wanted. Written once, before the program is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} reasons SEC(".maps");

/* Index: enum drop_fate. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FATES);
	__type(key, __u32);
	__type(value, __u64);
} fates SEC(".maps");

struct turn {
	__u64 since_ns;
	__u64 records;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct turn);
} turns SEC(".maps");

static __always_inline void count_fate(enum drop_fate fate)
{
	__u32 key = fate;
	__u64 *n = bpf_map_lookup_elem(&fates, &key);

	if (n)
		(*n)++;
}

static __always_inline bool is_wanted(__u32 reason)
{
	__u8 *wanted = bpf_map_lookup_elem(&reasons, &reason);

	return wanted ? *wanted : others_wanted;
}

/* A flood of drops must not become a flood of records. */
static __always_inline bool may_tell(__u64 now)
{
	__u32 key = 0;
	struct turn *t = bpf_map_lookup_elem(&turns, &key);

	if (!t)
		return false;
	if (now - t->since_ns >= TURN_NS) {
		t->since_ns = now;
		t->records = 0;
	}
	return t->records++ < turn_records;
}

static __always_inline void tell(const struct dropped *d, struct drop_event *e)
{
	struct network n = dropped_network(d->skb);
	struct net_device *dev = device_of(d->skb);

	e->netns = netns_of(d);
	e->bytes = READ(d->skb, len);
	e->ifindex = READ(d->skb, skb_iif);
	if (dev) {
		e->ifindex = READ(dev, ifindex);
		bpf_probe_read_kernel(&e->device, sizeof(e->device), dev->name);
	}
	read_drop_place(&e->place, d, &n);
	read_flow(&e->flow, &n);
}

SEC("tp_btf/kfree_skb")
int drop_watch_tracepoint(__u64 *ctx)
{
	struct drop_event e = {};
	struct dropped d;

	read_dropped(&d, ctx);
	if (!drop_in_scope(&d))
		return 0;
	count_fate(FATE_SEEN);
	if (!is_wanted(d.reason)) {
		count_fate(FATE_UNWANTED);
		return 0;
	}
	e.ktime_ns = bpf_ktime_get_ns();
	if (!may_tell(e.ktime_ns)) {
		count_fate(FATE_LIMITED);
		return 0;
	}
	tell(&d, &e);
	if (bpf_ringbuf_output(&drop_events, &e, sizeof(e), 0))
		count_fate(FATE_LOST);
	return 0;
}
