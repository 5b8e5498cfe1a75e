//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The stack probes on kernel functions. Built twice: on fentry and fexit (Linux 5.5
 * on x86-64, 6.0 on arm64), and with PROBE_READ_ONLY on kprobes, where the kernel
 * has no trampolines. The functions are the ones that every packet passes, on the
 * list receive path too; ip_rcv and ip_rcv_finish are not.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "kernel.h"
#include <bpf/bpf_tracing.h>
#include "arrive.h"
#include "output6.h"
#include "socket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#ifdef PROBE_READ_ONLY
#define ENTRY(function) SEC("kprobe/" #function)
#define PROGRAM BPF_KPROBE
#else
#define ENTRY(function) SEC("fentry/" #function)
#define PROGRAM BPF_PROG
#endif

ENTRY(ip_local_deliver)
int PROGRAM(network_receive_ip_local_deliver, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		arrive_with_header(STATION_NETWORK_RECEIVE, skb, ETH_P_IP, false, false);
	return 0;
}

ENTRY(ip6_input)
int PROGRAM(network_receive_ip6_input, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		arrive_with_header(STATION_NETWORK_RECEIVE, skb, ETH_P_IPV6, false, false);
	return 0;
}

ENTRY(ip_protocol_deliver_rcu)
int PROGRAM(transport_receive_ip_protocol_deliver_rcu, struct net *net, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		hand_over(
			arrive_with_header(STATION_TRANSPORT_RECEIVE, skb, ETH_P_IP, false, false));
	return 0;
}

ENTRY(ip6_protocol_deliver_rcu)
int PROGRAM(transport_receive_ip6_protocol_deliver_rcu, struct net *net, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		hand_over(arrive_with_header(STATION_TRANSPORT_RECEIVE, skb, ETH_P_IPV6, false,
					     false));
	return 0;
}

ENTRY(ip_forward)
int PROGRAM(network_forward_ip_forward, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		arrive_with_header(STATION_NETWORK_FORWARD, skb, ETH_P_IP, false, false);
	return 0;
}

ENTRY(ip6_forward)
int PROGRAM(network_forward_ip6_forward, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		arrive_with_header(STATION_NETWORK_FORWARD, skb, ETH_P_IPV6, false, false);
	return 0;
}

/* Transport protocols call this from process context and from softirqs alike. */
ENTRY(__ip_local_out)
int PROGRAM(transport_transmit_ip_local_out, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	if (net_in_scope(net))
		arrive_with_header(STATION_TRANSPORT_TRANSMIT, skb, ETH_P_IP, false, false);
	return 0;
}

ENTRY(__ip6_local_out)
int PROGRAM(transport_transmit_ip6_local_out, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	if (net_in_scope(net))
		arrive_with_header(STATION_TRANSPORT_TRANSMIT, skb, ETH_P_IPV6, false, false);
	return 0;
}

ENTRY(ip6_xmit)
int PROGRAM(transport_transmit_ip6_xmit, struct sock *sk, struct sk_buff *skb, struct flowi6 *fl6)
{
	if (socket_in_scope(sk))
		arrive_without_header(skb, fl6);
	return 0;
}

ENTRY(ip_output)
int PROGRAM(network_transmit_ip_output, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	if (net_in_scope(net) && !is_forwarded(skb))
		arrive_with_header(STATION_NETWORK_TRANSMIT, skb, ETH_P_IP, false, false);
	return 0;
}

ENTRY(ip_mc_output)
int PROGRAM(network_transmit_ip_mc_output, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	if (net_in_scope(net) && !is_forwarded(skb))
		arrive_with_header(STATION_NETWORK_TRANSMIT, skb, ETH_P_IP, false, false);
	return 0;
}

ENTRY(ip6_output)
int PROGRAM(network_transmit_ip6_output, struct net *net, struct sock *sk, struct sk_buff *skb)
{
	if (net_in_scope(net) && !is_forwarded(skb))
		arrive_with_header(STATION_NETWORK_TRANSMIT, skb, ETH_P_IPV6, false, false);
	return 0;
}

ENTRY(sock_def_readable)
int PROGRAM(socket_ready_sock_def_readable, struct sock *sk)
{
	socket_ready(sk);
	return 0;
}

#ifdef PROBE_READ_ONLY
#include "retprobe.h"
#else
SEC("fexit/inet_recvmsg")
int BPF_PROG(socket_read_inet_recvmsg, struct socket *sock, void *msg, size_t size, int flags,
	     int ret)
{
	socket_read(READ(sock, sk), ret, flags);
	return 0;
}

SEC("fexit/inet6_recvmsg")
int BPF_PROG(socket_read_inet6_recvmsg, struct socket *sock, void *msg, size_t size, int flags,
	     int ret)
{
	socket_read(READ(sock, sk), ret, flags);
	return 0;
}

/* Reads of raw IPv6 sockets. */
SEC("fexit/sock_common_recvmsg")
int BPF_PROG(socket_read_sock_common_recvmsg, struct socket *sock, void *msg, size_t size,
	     int flags, int ret)
{
	socket_read(READ(sock, sk), ret, flags);
	return 0;
}

SEC("fexit/inet_sendmsg")
int BPF_PROG(socket_write_inet_sendmsg, struct socket *sock, void *msg, size_t size, int ret)
{
	socket_moved(STATION_SOCKET_WRITE, READ(sock, sk), ret, 0);
	return 0;
}

SEC("fexit/inet6_sendmsg")
int BPF_PROG(socket_write_inet6_sendmsg, struct socket *sock, void *msg, size_t size, int ret)
{
	socket_moved(STATION_SOCKET_WRITE, READ(sock, sk), ret, 0);
	return 0;
}
#endif
