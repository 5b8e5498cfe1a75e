/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The kernel structs and fields that the probes read: the whole list of what
 * they depend on. The loader relocates each access to the running kernel (CO-RE),
 * so the order of fields and what is left out do not matter.
 */
#ifndef PACKETSCOPE_KERNEL_H
#define PACKETSCOPE_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

typedef __u64 size_t;

#define AF_INET 2
#define AF_INET6 10

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88A8

#define IFF_LOOPBACK 0x8
#define MSG_PEEK 0x2
#define SOCK_STREAM 1
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12
#define DST_METADATA 0x80
#define RTN_UNICAST 1
#define RTF_REJECT 0x0200
#define RTF_ANYCAST 0x00100000
#define RTF_LOCAL 0x80000000
#define NUD_FAILED 0x20
#define ENOBUFS 105
#define NF_ACCEPT 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define TCX_CONTINUE (-1) /* TCX_NEXT, which older uapi headers lack */

/* The low bit of _skb_refdst says that no reference is held. */
#define SKB_DST_PTRMASK (~1UL)

/* bpf_tracing.h must not take the registers' names from the uapi headers. */
#define __VMLINUX_H__

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/ns_common.h */
struct ns_common {
	unsigned int inum;
};

/* include/net/netns/ipv4.h */
struct netns_ipv4 {
	__u8 sysctl_ip_default_ttl;
};

/* include/net/net_namespace.h */
struct net {
	struct ns_common ns;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

/* arch/x86/include/asm/ptrace.h */
struct pt_regs {
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
};

/* arch/arm64/include/uapi/asm/ptrace.h */
struct user_pt_regs {
	__u64 regs[31];
};

struct device {
	struct device *parent;
};

/* include/linux/netdevice.h */
struct net_device {
	unsigned int flags;
	int ifindex;
	unsigned short type;
	char name[16];
	struct device dev;
	possible_net_t nd_net;
};

struct napi_struct {
	struct net_device *dev;
};

/* include/net/dst.h */
struct dst_entry {
	struct net_device *dev;
	unsigned short flags;
};

/* include/net/route.h */
struct rtable {
	unsigned int rt_flags;
	__u16 rt_type;
};

/* include/net/ip6_fib.h */
struct rt6_info {
	__u32 rt6i_flags;
};

/* include/net/neighbour.h */
struct neigh_table {
	int family;
};

struct neighbour {
	struct neigh_table *tbl;
	struct net_device *dev;
	__u8 nud_state;
};

/* include/linux/skbuff.h */
struct sk_buff {
	struct sk_buff *next;
	struct net_device *dev;
	unsigned long _skb_refdst;
	unsigned int len;
	int skb_iif;
	__be16 protocol;
	__be16 vlan_proto;
	__u16 vlan_tci;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
	struct sock *sk;
	char cb[48];
};

typedef struct {
	int counter;
} atomic_t;

struct skb_shared_info {
	unsigned short gso_segs;
	atomic_t dataref;
};

/* include/net/sock.h */
struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

typedef struct {
	int owned;
} socket_lock_t;

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

/* include/linux/kernfs.h, include/linux/cgroup-defs.h */
struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct socket;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u16 sk_type;
	__u16 sk_protocol;
	struct {
		atomic_t rmem_alloc;
		int len;
	} sk_backlog;
	int sk_rcvbuf;
	int sk_wmem_queued;
	refcount_t sk_wmem_alloc;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	struct socket *sk_socket;
	struct sock_cgroup_data sk_cgrp_data;
	int sk_err;
};

struct socket {
	struct sock *sk;
};

/* include/linux/fs.h */
struct inode {
	unsigned long i_ino;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

/* include/net/inet_sock.h, inet_connection_sock.h, inet_timewait_sock.h */
struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
};

struct inet_timewait_sock {
	volatile unsigned char tw_substate;
};

/* include/linux/tcp.h, include/linux/udp.h */
struct tcp_options_received {
	__u16 snd_wscale : 4;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 rcv_nxt;
	__u32 rcv_wup;
	__u32 copied_seq;
	__u32 write_seq;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 srtt_us; /* times 8 */
	__u32 rcv_wnd;
	__u32 snd_wnd;
	__u32 packets_out;
	__u32 total_retrans;
	__be32 pred_flags;
	__u16 tcp_header_len;
	__u64 tcp_mstamp;
	struct tcp_options_received rx_opt;
};

/* include/net/request_sock.h, include/linux/tcp.h */
struct request_sock {
	struct sock_common __req_common;
};

struct tcp_request_sock {
	__u64 snt_synack;
};

/* include/net/tcp.h; in sk_buff.cb */
struct tcp_skb_cb {
	__u16 tcp_gso_segs;
};

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
};

struct udp_sock {
	struct inet_sock inet;
	int forward_deficit;
};

/* include/linux/bpf.h, net/ipv4/tcp_ipv4.c, net/ipv4/udp.c */
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	__u32 uid;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
	__u32 uid;
};

/* include/net/sch_generic.h */
struct netdev_queue {
	struct net_device *dev;
};

/* include/net/flow.h */
union flowi_uli {
	struct {
		__be16 dport;
		__be16 sport;
	} ports;
};

struct flowi_common {
	__u8 flowic_proto;
};

struct flowi6 {
	struct flowi_common __fl_common;
	struct in6_addr daddr;
	struct in6_addr saddr;
	union flowi_uli uli;
};

/* include/linux/netfilter.h */
struct nf_hook_state {
	__u8 hook;
	__u8 pf;
	struct net *net;
};

/* include/linux/netfilter/nf_conntrack_tcp.h */
struct ip_ct_tcp {
	__u8 state;
};

/* include/net/netfilter/nf_conntrack.h */
union nf_conntrack_proto {
	struct ip_ct_tcp tcp;
};

struct nf_conn {
	unsigned long status;
	union nf_conntrack_proto proto;
};

/* include/net/netfilter/nf_bpf_link.h */
struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

/*
 * More of the structs above, which few programs read: the name is the part before "___", so that
 * the types of all others stay as they are.
 */
struct sk_buff___more {
	struct sk_buff___more *prev;
	__u8 vlan_present : 1; /* before Linux 6.2 (commit 354259fa73e2) */
};

struct sk_buff_head {
	struct sk_buff___more *prev;
};

struct sock___more {
	struct sk_buff_head sk_receive_queue;
};

#pragma clang attribute pop

#endif
