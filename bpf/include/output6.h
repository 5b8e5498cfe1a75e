/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* TCP and SCTP over IPv6 hand their packets to ip6_xmit() before these have a network header. */
#ifndef PACKETSCOPE_OUTPUT6_H
#define PACKETSCOPE_OUTPUT6_H

#include "arrive.h"

static __always_inline void read_flow6(struct flow *f, const struct flowi6 *fl6)
{
	__builtin_memset(f, 0, sizeof(*f));
	for (int i = 0; i < 4; i++) {
		f->saddr[i] = READ(fl6, saddr.in6_u.u6_addr32[i]);
		f->daddr[i] = READ(fl6, daddr.in6_u.u6_addr32[i]);
	}
	f->sport = bpf_ntohs(READ(fl6, uli.ports.sport));
	f->dport = bpf_ntohs(READ(fl6, uli.ports.dport));
	f->version = 6;
	f->protocol = READ(fl6, __fl_common.flowic_proto);
}

/* Stands in for count_flow_of(). */
static __always_inline void count_flow_to(const struct stamp *s, struct sk_buff *skb,
					  const struct flow *f)
{
	struct flow_packet p = {
		.end = FLOW_TO_REMOTE,
		.bytes = READ(skb, len) + sizeof(struct ipv6hdr),
	};
	struct flow_entry *e = count_flow(f, &p);

	if (e && (s->last_ns || !e->inode))
		read_flow_socket(e, skb, f->protocol);
}

/* Stands in for arrive(): kind, flow and length come from the route instead of the header. */
static __always_inline void arrive_without_header(struct sk_buff *skb, const struct flowi6 *fl6)
{
	__u64 address = address_of(skb);
	struct stamp *s = stamp_of(address);
	struct device_name device = {};
	struct flow f;

	if (!s)
		return;
	give_up(s, CAUSE_DEPARTED);
	s->class_kind = route_class(skb) << 4 | ipv6_kind(READ(fl6, __fl_common.flowic_proto));
	s->watch = 0;
	if (watching() || flow_end_at(STATION_TRANSPORT_TRANSMIT))
		read_flow6(&f, fl6);
	if (watching()) {
		read_route_device_name(&device, skb);
		s->watch = watch_of(&f, &device);
	}
	stamp_path(STATION_TRANSPORT_TRANSMIT, s, address);
	count_traffic(STATION_TRANSPORT_TRANSMIT, s->class_kind, s->watch,
		      READ(skb, len) + sizeof(struct ipv6hdr), 0, false);
	if (flow_end_at(STATION_TRANSPORT_TRANSMIT))
		count_flow_to(s, skb, &f);
}

#endif
