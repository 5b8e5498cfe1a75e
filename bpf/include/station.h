/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What happens when a packet reaches a station: count it, match it, stamp it. */
#ifndef PACKETSCOPE_STATION_H
#define PACKETSCOPE_STATION_H

#include "duration.h"
#include "flows.h"
#include "stamp.h"
#include "watch.h"

/* A packet at a station, with what the hook knows about it. */
struct arrival {
	struct sk_buff *skb;
	__u64 address; /* of the skb, as a number */
	struct network network;
	__u32 bytes; /* from the network header on */
	__u32 segments; /* 0 if the station does not count wire packets */
	bool unguarded; /* the program may be interrupted by itself, see count_traffic() */
};

static __always_inline bool in_scope(struct net_device *dev)
{
	if (!scope_netns)
		return true;
	return dev && READ(dev, nd_net.net, ns.inum) == scope_netns;
}

static __always_inline bool net_in_scope(struct net *net)
{
	return !scope_netns || READ(net, ns.inum) == scope_netns;
}

/* The counters of an entry for a watch; those without a watch if there is no room. */
static __always_inline struct traffic *traffic_of(__u32 entry, __u32 watch)
{
	struct watched_station key = { .entry = entry, .watch = watch };
	struct traffic zero = {}, *t;

	if (!watch)
		return bpf_map_lookup_elem(&traffic, &entry);
	t = bpf_map_lookup_elem(&watched_traffic, &key);
	if (t)
		return t;
	bpf_map_update_elem(&watched_traffic, &key, &zero, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&watched_traffic, &key);
	if (t)
		return t;
	count_loss(LOSS_WATCHED_TRAFFIC);
	return bpf_map_lookup_elem(&traffic, &entry);
}

/*
 * Counts a packet. Where the kernel does not keep a program from running while the
 * CPU is in the middle of it (netfilter programs, in a softirq on top of a system
 * call), a plain addition could lose one; an atomic one always costs 50 ns. So the
 * run on top counts, atomically, into entries of its own.
 */
static __always_inline void count_traffic(__u32 way, __u8 class_kind, __u8 watch, __u64 bytes,
					  __u64 segments, bool unguarded)
{
	__u32 entry = (way * KINDS + (class_kind & 0xf)) * CLASSES + (class_kind >> 4), key = 0;
	__u32 *nested = unguarded ? bpf_map_lookup_elem(&nesting, &key) : 0;
	bool on_top = nested && (*(volatile __u32 *)nested)++;
	struct traffic *t = traffic_of(entry + (on_top ? TRAFFIC_ENTRIES : 0), watch);

	if (t && on_top) {
		__sync_fetch_and_add(&t->packets, 1);
		__sync_fetch_and_add(&t->bytes, bytes);
		__sync_fetch_and_add(&t->segments, segments);
	} else if (t) {
		t->packets++;
		t->bytes += bytes;
		if (segments)
			t->segments += segments;
	}
	if (nested)
		(*(volatile __u32 *)nested)--;
}

static __always_inline __u32 span_entry(enum span span, __u8 class_kind)
{
	__u32 class = class_kind >> 4;

	return LATENCY_SPAN + (span * IP_KINDS + (class_kind & 0xf)) * (CLASSES - 1) +
	       (class ? class - 1 : 0);
}

/* Remembers the flow of a packet that took ns, if it is slower than the recent ones. */
static __always_inline void keep_example(struct latency *l, const struct network *n, __u64 ns,
					 __u64 now)
{
	struct network where = *n;
	struct flow f = {};

	if (!is_slow(l, ns))
		return;
	read_flow(&f, &where);
	record_slow(l, &f, ns, now);
}

/* Records how long a timed packet took from since_ns to now. */
static __always_inline void time_span(enum span span, const struct stamp *s, __u64 since_ns,
				      __u64 now, const struct network *n)
{
	struct latency *l = latency_of(span_entry(span, s->class_kind), s->watch);

	if (!l)
		return;
	record_duration(l, now - since_ns);
	keep_example(l, n, now - since_ns, now);
}

/* Kind, class and watch of a packet whose path begins here. */
static __always_inline void classify_packet(enum station at, struct stamp *s,
					    const struct arrival *a)
{
	struct sk_buff *skb = a->skb;
	struct net_device *dev = READ(skb, dev);
	struct device_name device = {};
	struct network where = a->network;
	/* On output skb->dev is set after these. */
	bool routed = at == STATION_TRANSPORT_TRANSMIT || at == STATION_NETWORK_TRANSMIT;
	struct flow f = {};

	s->class_kind = (routed ? route_class(skb) : device_class(dev)) << 4 | kind_of(&a->network);
	s->watch = 0;
	if (!watching())
		return;
	read_flow(&f, &where);
	if (routed)
		read_route_device_name(&device, skb);
	else if (dev)
		bpf_probe_read_kernel(&device, sizeof(device), dev->name);
	s->watch = watch_of(&f, &device);
}

/* Marks the beginning of a path. */
static __always_inline void stamp_path(enum station at, struct stamp *s, __u64 address)
{
	s->skb = address;
	s->stations = at << 4 | at;
	s->jiffies = bpf_jiffies64();
	s->last_ns = s->turn++ & sample_mask ? 0 : bpf_ktime_get_ns();
	s->first_ns = s->last_ns;
}

/*
 * A packet at a station that was not seen at the station before: say so where it
 * should have been, and begin its path here. A packet that the driver of a stacked
 * device hands to the device below begins anew.
 */
static __always_inline void begin_path(enum station at, struct stamp *s, const struct arrival *a)
{
	enum station before = station_before(at);
	bool again = s->skb == a->address && last_station(s) == STATION_DRIVER_TRANSMIT;

	give_up(s, CAUSE_DEPARTED);
	classify_packet(at, s, a);
	if ((s->class_kind & 0xf) == KIND_NON_IP)
		return;
	if (!again && before && is_attached(before))
		count_unmatched(span_between(before, at), CAUSE_MISSED);
	stamp_path(at, s, a->address);
}

/* The span of the whole path that ends with span at a station; SPAN_NONE if it does not. */
static __always_inline enum span whole_path(enum station at, const struct stamp *s, enum span span)
{
	if (at == STATION_TRANSPORT_RECEIVE && span == SPAN_RECEIVE_NETWORK_TRANSPORT &&
	    first_station(s) == STATION_LINK_RECEIVE)
		return SPAN_RECEIVE_LINK_TRANSPORT;
	if (at == STATION_DRIVER_TRANSMIT && first_station(s) == STATION_TRANSPORT_TRANSMIT)
		return SPAN_TRANSMIT_TRANSPORT_DRIVER;
	return SPAN_NONE;
}

/* Completes a span. Returns the packet's way, or 0 if its stamp cannot be right. */
static __always_inline __u32 continue_path(enum station at, struct stamp *s, enum span span,
					   const struct arrival *a)
{
	__u64 now = s->last_ns ? bpf_ktime_get_ns() : 0;
	enum span whole = whole_path(at, s, span);

	if (is_stale(s) || s->last_ns > now) {
		count_unmatched(span, is_stale(s) ? CAUSE_STALE : CAUSE_CLOCK);
		s->skb = 0;
		return 0;
	}
	if (now) {
		time_span(span, s, s->last_ns, now, &a->network);
		if (whole)
			time_span(whole, s, s->first_ns, now, &a->network);
		s->last_ns = now;
	}
	s->jiffies = bpf_jiffies64();
	s->stations = (s->stations & 0xf0) | at;
	if (!whole)
		return WAY_SPAN + span;
	return at == STATION_TRANSPORT_RECEIVE ? WAY_WHOLE_RECEIVE : WAY_WHOLE_TRANSMIT;
}

/* Counts the packet in its flow. */
static __always_inline void count_flow_of(enum flow_end end, const struct stamp *s,
					  const struct arrival *a)
{
	struct flow_packet p = { .end = end, .bytes = a->bytes, .unguarded = a->unguarded };
	struct network where = a->network;
	struct flow f = {};
	struct flow_entry *e;

	read_flow(&f, &where);
	e = count_flow(&f, &p);
	/* The socket is read for one packet in so many, like the clock. */
	if (e && end == FLOW_TO_REMOTE && (s->last_ns || !e->inode))
		read_flow_socket(e, a->skb, f.protocol);
}

/*
 * The work of every station that sees skbs. Returns the packet's stamp, or NULL.
 * Nothing is counted before all stations are attached: packets would seem to get
 * lost between those that are and those that are not yet.
 */
static __always_inline struct stamp *arrive(enum station at, const struct arrival *a)
{
	struct stamp *s = stamp_of(a->address);
	enum span span = SPAN_NONE;
	__u32 way = 0;

	if (!s || !stations_attached)
		return 0;
	if (s->skb == a->address)
		span = span_between(last_station(s), at);
	if (span)
		way = continue_path(at, s, span, a);
	if (!way) {
		begin_path(at, s, a);
		way = at;
	}
	count_traffic(way, s->class_kind, s->watch, a->bytes, a->segments, a->unguarded);
	if (flow_end_at(at))
		count_flow_of(flow_end_at(at), s, a);
	return s;
}

#endif
