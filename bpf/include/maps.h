/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The maps and switches of the stack probes; every stack object shares one set. */
#ifndef PACKETSCOPE_MAPS_H
#define PACKETSCOPE_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

/* Set by the loader before the programs are verified. */
const volatile __u32 sample_mask; /* a packet is timed if its turn & mask is 0 */
const volatile __u32 scope_netns; /* inode of the only namespace to look at, 0 for all */
const volatile __u32 own_netns; /* inode of the namespace whose devices have names */

/* Set while the programs run. */
volatile __u32 stations_attached; /* bit per enum station; 0 until all are */
volatile __u32 watch_bank; /* first entry of the map watches << 8 | how many */

/* What came to each station. Index: see TRAFFIC_ENTRIES. Written per packet, read per scrape. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * TRAFFIC_ENTRIES);
	__type(key, __u32);
	__type(value, struct traffic);
} traffic SEC(".maps");

/* Waits. Index: enum latency_entry. Written per wait that is timed, read per scrape. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LATENCY_ENTRIES);
	__type(key, __u32);
	__type(value, struct latency);
} latency SEC(".maps");

/* How many runs of unguarded programs are under way on this CPU: see count_traffic(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} nesting SEC(".maps");

/* Packets seen in one layer of a span only. Index: span * CAUSES + cause. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SPANS * CAUSES);
	__type(key, __u32);
	__type(value, __u64);
} unmatched SEC(".maps");

/* Updates that found a map full. Index: enum loss. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSSES);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

/*
 * The same as traffic for packets of a watch. A watch of one protocol uses some 30
 * entries. Allocated at once: of what is allocated as it is needed the kernel keeps
 * three in stock per CPU, and the first packets of many watches would find none.
 * When full the packet counts as unwatched, and as lost.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct watched_station);
	__type(value, struct traffic);
} watched_traffic SEC(".maps");

/*
 * The same as latency for packets of a watch. 4 MB per CPU if allocated at once, so
 * these are allocated as they are needed (safe in tracing programs since Linux 6.1;
 * the loader allocates a few at once before). A duration that finds no entry is
 * recorded as unwatched, and counted as lost.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct watched_entry);
	__type(value, struct latency);
} watched_latency SEC(".maps");

/* Two banks of filters; user space writes the one that watch_bank does not name. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MAX_WATCHES);
	__type(key, __u32);
	__type(value, struct watch);
} watches SEC(".maps");

/*
 * Interface index to device slot (1..DEVICE_SLOTS), for the devices of the
 * loader's namespace. Written by user space; what is not here is slot 0.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DEVICE_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} device_slots SEC(".maps");

/* NAPI polls by device slot; the last entry is the backlog, which has no device. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DEVICE_SLOTS + 2);
	__type(key, __u32);
	__type(value, struct polls);
} polls SEC(".maps");

#endif
