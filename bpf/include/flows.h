/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Who talks: bytes and packets by remote network and service, both directions in
 * one entry.
 *
 * Counted in the programs of the stations where packets enter and leave the
 * transport layer. Every packet of this host passes one of them once, whatever stack
 * of devices is below (veth, bridge, tunnel), they are there in every hook family,
 * and the packet's program is running already: a program of its own would cost more
 * than what it does.
 */
#ifndef PACKETSCOPE_FLOWS_H
#define PACKETSCOPE_FLOWS_H

#include "duration.h"
#include "maps.h"
#include "packet.h"

/* Set by the loader before the programs are verified. */
const volatile __u32 flows_wanted; /* 0 leaves flows out */
const volatile __u32 flows_forwarded; /* count forwarded packets too */
const volatile __u32 flow_mask4; /* of IPv4 prefixes, in network order */
const volatile __u32 flow_mask6[4]; /* of IPv6 prefixes, in network order */
const volatile __u32 ephemeral_first, ephemeral_last; /* ports that the kernel gives to clients */

/*
 * The flows. Written per packet, read per scrape. When full, the entry that was
 * used least recently makes room: nothing tells of that, so flow_totals counts the
 * entries made. One value for all CPUs, with atomic additions: values per CPU
 * would take the memory times the number of CPUs.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, struct flow_entry);
} flows SEC(".maps");

/* All flows together, for what is not in the map any more. One entry. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_totals);
} flow_totals SEC(".maps");

/* How many TCP sockets listen on each port, in all namespaces. Index: port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} flow_listeners SEC(".maps");

/* Which end of a packet's flow is the remote one. */
enum flow_end {
	FLOW_NO_END,
	FLOW_FROM_REMOTE,
	FLOW_TO_REMOTE,
	FLOW_PASSING, /* neither end is here */
};

struct flow_packet {
	enum flow_end end;
	__u32 bytes;
	bool unguarded; /* see count_traffic() */
};

/* FLOW_NO_END at the stations that do not count flows. */
static __always_inline enum flow_end flow_end_at(enum station at)
{
	if (!flows_wanted)
		return FLOW_NO_END;
	if (at == STATION_TRANSPORT_RECEIVE)
		return FLOW_FROM_REMOTE;
	if (at == STATION_TRANSPORT_TRANSMIT)
		return FLOW_TO_REMOTE;
	return at == STATION_NETWORK_FORWARD && flows_forwarded ? FLOW_PASSING : FLOW_NO_END;
}

static __always_inline bool is_ephemeral(__u16 port)
{
	return port >= ephemeral_first && port <= ephemeral_last;
}

static __always_inline bool is_listening(__u8 protocol, __u16 port)
{
	__u32 key = port, *listeners;

	if (protocol != IPPROTO_TCP)
		return false;
	listeners = bpf_map_lookup_elem(&flow_listeners, &key);
	return listeners && *listeners;
}

/*
 * Whether the service is at the end with the first port. It is if TCP listens there.
 * Else a port outside of the ephemeral range serves one inside. If that does not
 * tell, TCP's service is at the other end, because nobody listens at this one; of
 * other protocols the lower port is the service.
 */
static __always_inline bool serves(__u8 protocol, __u16 port, __u16 peer_port)
{
	if (is_listening(protocol, port))
		return true;
	if (is_ephemeral(port) != is_ephemeral(peer_port))
		return !is_ephemeral(port);
	return protocol != IPPROTO_TCP && port <= peer_port;
}

static __always_inline void mask_remote(struct flow_key *k, const __u32 *address, __u8 version)
{
	if (version == 4) {
		k->remote[0] = k->remote[1] = 0;
		k->remote[2] = address[2];
		k->remote[3] = address[3] & flow_mask4;
		return;
	}
	for (int i = 0; i < 4; i++)
		k->remote[i] = address[i] & flow_mask6[i];
}

/* Fills in a zeroed key for a packet. Returns whether the packet comes from the remote end. */
static __always_inline bool flow_key_of(struct flow_key *k, const struct flow *f, enum flow_end end)
{
	bool passing = end == FLOW_PASSING, ports = has_ports(f->protocol);
	bool from_remote = end != FLOW_TO_REMOTE, server;
	__u16 port, peer_port;

	/* The client is remote, so that both ways are one flow; without ports, the sender. */
	if (passing && ports)
		from_remote = serves(0, f->dport, f->sport);
	mask_remote(k, from_remote ? f->saddr : f->daddr, f->version);
	k->protocol = f->protocol;
	k->role = passing ? FLOW_FORWARD : FLOW_PEER;
	if (!ports)
		return from_remote;
	port = from_remote ? f->dport : f->sport;
	peer_port = from_remote ? f->sport : f->dport;
	server = passing || serves(f->protocol, port, peer_port);
	k->service_port = server ? port : peer_port;
	if (!passing)
		k->role = server ? FLOW_SERVER : FLOW_CLIENT;
	return from_remote;
}

static __always_inline struct flow_totals *this_flow_totals(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&flow_totals, &key);
}

/* Not on the stack, of which the programs have 512 bytes for all they call. */
const struct flow_entry no_flow;

/* The entry of a flow, made if there is none; NULL if there is no room at the moment. */
static __always_inline struct flow_entry *flow_of(const struct flow_key *k, const __u32 *address)
{
	struct flow_entry *e = bpf_map_lookup_elem(&flows, k);
	struct flow_totals *t;

	if (e)
		return e;
	if (!bpf_map_update_elem(&flows, k, &no_flow, BPF_NOEXIST)) {
		t = this_flow_totals();
		if (t)
			__sync_fetch_and_add(&t->created, 1);
	}
	/* Also if another CPU was faster. */
	e = bpf_map_lookup_elem(&flows, k);
	if (!e) {
		count_loss(LOSS_FLOWS);
		return 0;
	}
	e->first_ns = bpf_ktime_get_ns();
	e->first_jiffies = bpf_jiffies64();
	e->last_jiffies = e->first_jiffies;
	__builtin_memcpy(e->address, address, sizeof(e->address));
	return e;
}

/* Other runs on this CPU can come in between only if the program is unguarded. */
static __always_inline void add_own(__u64 *to, __u64 n, bool unguarded)
{
	if (unguarded)
		__sync_fetch_and_add(to, n);
	else
		*to += n;
}

/* Adds a packet to its flow. Returns the flow, or NULL. */
static __always_inline struct flow_entry *count_flow(const struct flow *f,
						     const struct flow_packet *p)
{
	struct flow_totals *t = this_flow_totals();
	struct flow_key k = {};
	struct flow_entry *e;
	bool from_remote;

	if (!t || !f->version)
		return 0;
	from_remote = flow_key_of(&k, f, p->end);
	e = flow_of(&k, from_remote ? f->saddr : f->daddr);
	if (from_remote) {
		add_own(&t->counts.receive_packets, 1, p->unguarded);
		add_own(&t->counts.receive_bytes, p->bytes, p->unguarded);
	} else {
		add_own(&t->counts.transmit_packets, 1, p->unguarded);
		add_own(&t->counts.transmit_bytes, p->bytes, p->unguarded);
	}
	if (!e)
		return 0;
	if (from_remote) {
		__sync_fetch_and_add(&e->counts.receive_packets, 1);
		__sync_fetch_and_add(&e->counts.receive_bytes, p->bytes);
	} else {
		__sync_fetch_and_add(&e->counts.transmit_packets, 1);
		__sync_fetch_and_add(&e->counts.transmit_bytes, p->bytes);
	}
	e->last_jiffies = bpf_jiffies64();
	return e;
}

/*
 * Reads what the socket of a packet that leaves knows: whose it is, and how far the
 * peer is. Whoever is current has nothing to do with a packet that a softirq sends.
 */
static __always_inline void read_flow_socket(struct flow_entry *e, struct sk_buff *skb,
					     __u8 protocol)
{
	struct sock *sk = READ(skb, sk);
	struct socket *socket;
	__u64 inode;
	__u8 state;

	if (!sk)
		return;
	state = READ(sk, __sk_common.skc_state);
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return; /* smaller structs than struct sock */
	socket = READ(sk, sk_socket);
	inode = BPF_CORE_READ((struct socket_alloc *)socket, vfs_inode.i_ino);
	if (inode) {
		e->inode = inode;
		e->cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	}
	/* A raw socket may send TCP too, and so does the kernel's own for resets. */
	if (protocol == IPPROTO_TCP && state == TCP_ESTABLISHED &&
	    READ(sk, sk_protocol) == IPPROTO_TCP && READ(sk, sk_type) == SOCK_STREAM)
		e->srtt_us = BPF_CORE_READ((struct tcp_sock *)sk, srtt_us) >> 3;
}

#endif
