/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Has the Tracer choose few packets, so that a sample costs little whatever comes. */
#ifndef PACKETSCOPE_TRACE_EVERY_H
#define PACKETSCOPE_TRACE_EVERY_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* At most one packet is chosen in such a time; 0: all that the filter chooses. */
const volatile __u64 trace_every_ns;

/* When the last packet was chosen. Written by whoever chooses one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} trace_last SEC(".maps");

/*
 * Whether a packet may be chosen now, which enters at the hook or was there before. Only one
 * that enters is a sample of a packet: of others the beginning is not known.
 */
static __always_inline bool trace_due(__u64 now, bool enters)
{
	__u64 *last, before;
	__u32 zero = 0;

	if (!trace_every_ns)
		return true;
	if (!enters)
		return false;
	last = bpf_map_lookup_elem(&trace_last, &zero);
	if (!last)
		return false;
	before = *last;
	/* Another CPU may have chosen one after now. */
	return (__s64)(now - before) >= (__s64)trace_every_ns &&
	       __sync_val_compare_and_swap(last, before, now) == before;
}

#endif
