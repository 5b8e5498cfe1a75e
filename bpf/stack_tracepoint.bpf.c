//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The stack probes on BTF raw tracepoints: no trampoline, no kprobe, Linux 5.5. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "arrive.h"
#include "polls.h"
#include "qdisc.h"
#include "socket.h"
#include "softirq.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(link_receive_tracepoint, struct sk_buff *skb)
{
	arrive_from_device(skb);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(qdisc_transmit_tracepoint, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		arrive_with_header(STATION_QDISC_TRANSMIT, skb, bpf_ntohs(READ(skb, protocol)),
				   false, false);
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(driver_transmit_tracepoint, struct sk_buff *skb, struct net_device *dev)
{
	struct stamp *s;

	if (!in_scope(dev))
		return 0;
	s = arrive_with_header(STATION_DRIVER_TRANSMIT, skb, bpf_ntohs(READ(skb, protocol)), true,
			       false);
	begin_transmission(skb, dev, s);
	return 0;
}

/* The skb belongs to the driver here, or is freed. */
SEC("tp_btf/net_dev_xmit")
int BPF_PROG(driver_done_tracepoint, struct sk_buff *skb, int rc, struct net_device *dev)
{
	end_transmission(skb, dev);
	return 0;
}

SEC("tp_btf/qdisc_enqueue")
int BPF_PROG(qdisc_enqueue_tracepoint, void *qdisc, struct netdev_queue *txq, struct sk_buff *skb)
{
	if (skb)
		enqueue(skb);
	return 0;
}

SEC("tp_btf/qdisc_dequeue")
int BPF_PROG(qdisc_dequeue_tracepoint, void *qdisc, struct netdev_queue *txq, int packets,
	     struct sk_buff *skb)
{
	__u32 slot;

	if (!skb || !in_scope(READ(skb, dev)))
		return 0;
	slot = device_slot(READ(txq, dev));
	for (int i = 0; i < MAX_BULK && skb; i++) {
		dequeue(address_of(skb), slot);
		skb = READ(skb, next);
	}
	return 0;
}

/* Fires for packets freed in vain only, so a healthy path does not pay for it. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(drop_tracepoint, struct sk_buff *skb)
{
	__u64 address = address_of(skb);
	struct stamp *s = stamp_of(address);

	if (s && s->skb == address)
		give_up(s, CAUSE_DROPPED);
	return 0;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(socket_ready_tracepoint, struct sock *sk)
{
	socket_ready(sk);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_read_tracepoint, struct sock *sk, int ret, int flags)
{
	socket_read(sk, ret, flags);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_write_tracepoint, struct sock *sk, int ret, int flags)
{
	socket_moved(STATION_SOCKET_WRITE, sk, ret, 0);
	return 0;
}

SEC("tp_btf/softirq_raise")
int BPF_PROG(softirq_raise_tracepoint, unsigned int vec)
{
	softirq_raised(vec);
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(softirq_entry_tracepoint, unsigned int vec)
{
	softirq_entered(vec);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(softirq_exit_tracepoint, unsigned int vec)
{
	softirq_left(vec);
	return 0;
}

SEC("tp_btf/napi_poll")
int BPF_PROG(napi_poll_tracepoint, struct napi_struct *napi, int work, int budget)
{
	count_poll(READ(napi, dev), work, budget);
	return 0;
}
