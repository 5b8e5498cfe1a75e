/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The stamp cache: where each packet in flight was seen last. */
#ifndef PACKETSCOPE_STAMP_H
#define PACKETSCOPE_STAMP_H

#include "maps.h"

/*
 * Far above the packets that one CPU has between two stations at a time; 32 kB
 * per CPU, so the entries of the few hot skbs of the slab stay cached.
 */
#define STAMPS 1024

/* A stamp older than this belongs to a packet that is gone: 5 s at 1000 Hz, 50 s at 100 Hz. */
#define STALE_JIFFIES 5000

struct stamp {
	__u64 skb; /* see address_of(), 0 if unused; compared, never followed */
	__u64 first_ns; /* at the first station of the path; 0 if not timed */
	__u64 last_ns; /* at the last station; 0 if not timed */
	__u32 jiffies;
	__u8 stations; /* first << 4 | last */
	__u8 class_kind; /* class << 4 | kind */
	__u8 watch;
	__u8 turn; /* counts the paths that began here, for sampling */
};

/* Index: hash of the skb's address. Written and read by the stations of this CPU only. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STAMPS);
	__type(key, __u32);
	__type(value, struct stamp);
} stamps SEC(".maps");

static __always_inline enum station first_station(const struct stamp *s)
{
	return s->stations >> 4;
}

static __always_inline enum station last_station(const struct stamp *s)
{
	return s->stations & 0xf;
}

/* Fibonacci hashing: skbs are 256 bytes apart, the product's high bits spread them. */
static __always_inline __u32 hash_address(__u64 address, __u32 bits)
{
	return (address * 0x9E3779B97F4A7C15ULL) >> (64 - bits);
}

static __always_inline struct stamp *stamp_of(__u64 skb)
{
	__u32 key = hash_address(skb, 10);

	return bpf_map_lookup_elem(&stamps, &key);
}

/* The span that a packet completes by reaching a station. */
static __always_inline enum span span_between(enum station from, enum station to)
{
	switch (to) {
	case STATION_NETWORK_RECEIVE:
		return from == STATION_LINK_RECEIVE ? SPAN_RECEIVE_LINK_NETWORK : SPAN_NONE;
	case STATION_TRANSPORT_RECEIVE:
		if (from == STATION_NETWORK_RECEIVE)
			return SPAN_RECEIVE_NETWORK_TRANSPORT;
		return from == STATION_LINK_RECEIVE ? SPAN_RECEIVE_LINK_TRANSPORT : SPAN_NONE;
	case STATION_NETWORK_FORWARD:
		return from == STATION_LINK_RECEIVE ? SPAN_FORWARD_LINK_NETWORK : SPAN_NONE;
	case STATION_NETWORK_TRANSMIT:
		return from == STATION_TRANSPORT_TRANSMIT ? SPAN_TRANSMIT_TRANSPORT_NETWORK :
							    SPAN_NONE;
	case STATION_QDISC_TRANSMIT:
		if (from == STATION_NETWORK_TRANSMIT)
			return SPAN_TRANSMIT_NETWORK_QDISC;
		if (from == STATION_TRANSPORT_TRANSMIT)
			return SPAN_TRANSMIT_TRANSPORT_QDISC;
		if (from == STATION_NETWORK_FORWARD)
			return SPAN_FORWARD_NETWORK_QDISC;
		return from == STATION_LINK_RECEIVE ? SPAN_FORWARD_LINK_QDISC : SPAN_NONE;
	case STATION_DRIVER_TRANSMIT:
		return from == STATION_QDISC_TRANSMIT ? SPAN_TRANSMIT_QDISC_DRIVER : SPAN_NONE;
	default:
		return SPAN_NONE;
	}
}

/* The span that a packet last seen at a station should complete next; none at the end of a path. */
static __always_inline enum span span_after(enum station station)
{
	switch (station) {
	case STATION_LINK_RECEIVE:
		return SPAN_RECEIVE_LINK_NETWORK;
	case STATION_NETWORK_RECEIVE:
		return SPAN_RECEIVE_NETWORK_TRANSPORT;
	case STATION_NETWORK_FORWARD:
		return SPAN_FORWARD_NETWORK_QDISC;
	case STATION_TRANSPORT_TRANSMIT:
		return SPAN_TRANSMIT_TRANSPORT_NETWORK;
	case STATION_NETWORK_TRANSMIT:
		return SPAN_TRANSMIT_NETWORK_QDISC;
	case STATION_QDISC_TRANSMIT:
		return SPAN_TRANSMIT_QDISC_DRIVER;
	default:
		return SPAN_NONE;
	}
}

/* The station that must have seen a packet before this one does; 0 where paths begin. */
static __always_inline enum station station_before(enum station at)
{
	switch (at) {
	case STATION_NETWORK_RECEIVE:
	case STATION_NETWORK_FORWARD:
		return STATION_LINK_RECEIVE;
	case STATION_TRANSPORT_RECEIVE:
		return STATION_NETWORK_RECEIVE;
	case STATION_NETWORK_TRANSMIT:
		return STATION_TRANSPORT_TRANSMIT;
	case STATION_QDISC_TRANSMIT:
		return STATION_NETWORK_TRANSMIT;
	case STATION_DRIVER_TRANSMIT:
		return STATION_QDISC_TRANSMIT;
	default:
		return STATION_NONE;
	}
}

static __always_inline bool is_attached(enum station station)
{
	return stations_attached & 1 << station;
}

static __always_inline void count_unmatched(enum span span, enum cause cause)
{
	__u32 key = span * CAUSES + cause;
	__u64 *n = bpf_map_lookup_elem(&unmatched, &key);

	if (n)
		(*n)++;
}

/* Says that the packet of a stamp never got further, unless it was at the end of its path. */
static __always_inline void give_up(struct stamp *s, enum cause cause)
{
	enum span span = span_after(last_station(s));

	if (s->skb && span)
		count_unmatched(span, cause);
	s->skb = 0;
}

static __always_inline bool is_stale(const struct stamp *s)
{
	return (__u32)bpf_jiffies64() - s->jiffies > STALE_JIFFIES;
}

#endif
