/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* How long packets spend in the rules of a netfilter hook. */
#ifndef PACKETSCOPE_HOOKTIME_H
#define PACKETSCOPE_HOOKTIME_H

#include "arrive.h"

/* A packet between the first and the last program of a hook. */
struct passage {
	__u64 skb;
	__u64 since_ns;
	__u32 hook;
};

#define PASSAGES 64

/* Index: hash of the skb's address. A packet that a rule drops leaves its entry to be overwritten. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PASSAGES);
	__type(key, __u32);
	__type(value, struct passage);
} passages SEC(".maps");

static __always_inline __u32 hook_index(const struct nf_hook_state *state)
{
	__u32 hook = state->hook;

	return (state->pf == AF_INET ? 0 : NETFILTER_HOOKS) +
	       (hook < NETFILTER_HOOKS ? hook : NETFILTER_HOOKS - 1);
}

static __always_inline void enter_hook(struct sk_buff *skb, const struct nf_hook_state *state)
{
	__u64 address = address_of(skb);
	__u32 key = hash_address(address, 6);
	struct passage *p = bpf_map_lookup_elem(&passages, &key);

	if (!p)
		return;
	p->skb = address;
	p->hook = hook_index(state);
	p->since_ns = bpf_ktime_get_ns();
}

static __always_inline void leave_hook(struct sk_buff *skb, const struct nf_hook_state *state)
{
	__u64 address = address_of(skb), now;
	__u32 key = hash_address(address, 6);
	struct passage *p = bpf_map_lookup_elem(&passages, &key);
	struct latency *l;

	if (!p || p->skb != address || p->hook != hook_index(state))
		return;
	p->skb = 0;
	now = bpf_ktime_get_ns();
	l = latency_of(LATENCY_NETFILTER + hook_index(state), 0);
	if (l && now >= p->since_ns)
		record_duration(l, now - p->since_ns);
}

#endif
