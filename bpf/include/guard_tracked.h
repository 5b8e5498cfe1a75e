/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the kernel's connection tracking knows of a packet that no socket waits for: that it
 * is of a connection of somebody behind this host, whose addresses are translated, such as
 * a container. Cold: asked only after sockets were, and if they know of no connection.
 */
#ifndef PACKETSCOPE_GUARD_TRACKED_H
#define PACKETSCOPE_GUARD_TRACKED_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "guard_maps.h"
#include "kernel.h"

/* enum ip_conntrack_dir and enum ip_conntrack_status; enum tcp_conntrack. */
#define GUARD_TRACKED_REPLY 1
#define GUARD_TRACKED_ANSWERED (1 << 1)
#define GUARD_TRACKED_CLOSED 8

/* struct bpf_ct_opts as it was in Linux 5.18; later ones, which are longer, take it too. */
struct guard_track {
	__s32 netns;
	__s32 error;
	__u8 protocol;
	__u8 direction; /* of the packets that have this tuple */
	__u8 reserved[2];
};

/*
 * net/netfilter/nf_conntrack_bpf.c; not there before Linux 5.18, without types of the
 * kernel, or while its module is not loaded. Who loads the program looks for them: to ask for
 * their address here fails if they are in a module.
 */
extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple,
					 __u32 tuple_size, struct guard_track *options,
					 __u32 options_size) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *ct) __ksym __weak;

/*
 * Whether a connection of this tuple is there that was answered, or begun from here; with
 * only packets towards here anybody could have made it up. One of TCP that was reset, or
 * whose end both have said, is gone.
 */
static __always_inline bool guard_is_tracked(struct xdp_md *ctx, struct bpf_sock_tuple *tuple,
					     __u32 size, __u8 protocol)
{
	struct guard_track options = { .netns = BPF_F_CURRENT_NETNS, .protocol = protocol };
	bool tracked = true;
	struct nf_conn *ct;

	ct = bpf_xdp_ct_lookup(ctx, tuple, size, &options, sizeof(options));
	if (!ct)
		return false;
	if (bpf_core_field_exists(ct->status))
		tracked = options.direction == GUARD_TRACKED_REPLY ||
			  ct->status & GUARD_TRACKED_ANSWERED;
	if (protocol == IPPROTO_TCP && bpf_core_field_exists(ct->proto.tcp.state) &&
	    ct->proto.tcp.state == GUARD_TRACKED_CLOSED)
		tracked = false;
	bpf_ct_release(ct);
	return tracked;
}

#endif
