/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Reads and writes by kprobe and kretprobe: a return probe knows the result but
 * not the arguments, so the entry leaves them for it. Both run in the calling
 * thread, which is in one call at a time, so the thread's id pairs them.
 */
#ifndef PACKETSCOPE_RETPROBE_H
#define PACKETSCOPE_RETPROBE_H

#include "socket.h"

struct call {
	struct sock *sk;
	__u64 flags;
};

/* Key: thread id. Full: the oldest call is forgotten and not counted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct call);
} calls SEC(".maps");

static __always_inline void enter_call(struct socket *sock, int flags)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call c = { .sk = READ(sock, sk), .flags = flags };

	bpf_map_update_elem(&calls, &thread, &c, BPF_ANY);
}

static __always_inline void leave_read(int ret)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call *c = bpf_map_lookup_elem(&calls, &thread);

	if (!c)
		return;
	socket_read(c->sk, ret, c->flags);
	bpf_map_delete_elem(&calls, &thread);
}

static __always_inline void leave_write(int ret)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call *c = bpf_map_lookup_elem(&calls, &thread);

	if (!c)
		return;
	socket_moved(STATION_SOCKET_WRITE, c->sk, ret, 0);
	bpf_map_delete_elem(&calls, &thread);
}

SEC("kprobe/inet_recvmsg")
int BPF_KPROBE(socket_read_inet_recvmsg, struct socket *sock, void *msg, size_t size, int flags)
{
	enter_call(sock, flags);
	return 0;
}

SEC("kprobe/inet6_recvmsg")
int BPF_KPROBE(socket_read_inet6_recvmsg, struct socket *sock, void *msg, size_t size, int flags)
{
	enter_call(sock, flags);
	return 0;
}

/* Reads of raw IPv6 sockets. */
SEC("kprobe/sock_common_recvmsg")
int BPF_KPROBE(socket_read_sock_common_recvmsg, struct socket *sock, void *msg, size_t size,
	       int flags)
{
	enter_call(sock, flags);
	return 0;
}

SEC("kretprobe/inet_recvmsg")
int BPF_KRETPROBE(socket_read_inet_recvmsg_return, int ret)
{
	leave_read(ret);
	return 0;
}

SEC("kretprobe/inet6_recvmsg")
int BPF_KRETPROBE(socket_read_inet6_recvmsg_return, int ret)
{
	leave_read(ret);
	return 0;
}

SEC("kretprobe/sock_common_recvmsg")
int BPF_KRETPROBE(socket_read_sock_common_recvmsg_return, int ret)
{
	leave_read(ret);
	return 0;
}

SEC("kprobe/inet_sendmsg")
int BPF_KPROBE(socket_write_inet_sendmsg, struct socket *sock)
{
	enter_call(sock, 0);
	return 0;
}

SEC("kprobe/inet6_sendmsg")
int BPF_KPROBE(socket_write_inet6_sendmsg, struct socket *sock)
{
	enter_call(sock, 0);
	return 0;
}

SEC("kretprobe/inet_sendmsg")
int BPF_KRETPROBE(socket_write_inet_sendmsg_return, int ret)
{
	leave_write(ret);
	return 0;
}

SEC("kretprobe/inet6_sendmsg")
int BPF_KRETPROBE(socket_write_inet6_sendmsg_return, int ret)
{
	leave_write(ret);
	return 0;
}

#endif
