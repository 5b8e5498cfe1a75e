/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Atoms: what rules ask for beside the five dimensions. None of this runs for packets
 * that no line with a condition matches otherwise. The functions are global, so that
 * the verifier looks at each once.
 */
#ifndef PACKETSCOPE_GUARD_ATOMS_H
#define PACKETSCOPE_GUARD_ATOMS_H

#include "guard_socket.h"

/* The line of the lowest bit of x in a word. */
static __always_inline __u64 guard_line(__u64 word, __u64 x)
{
	return guard_lines_at(word * 64)[guard_lowest(x)];
}

static __always_inline void guard_set(struct guard_walk *w, __u32 field, __u32 value)
{
	w->value[field] = value;
	w->present |= 1u << field;
}

/* Fills in the fields that tests look at: factsOf of the Go half. */
__noinline int guard_find_facts(struct xdp_md *ctx, struct guard_walk *w)
{
	struct guard_packet *p;
	struct guard_tcp *tcp;
	struct guard_udp *udp;
	__u32 flags, length;

	if (!w)
		return 0;
	p = &w->packet;
	w->present = 0;
	w->looked = 0;
	guard_set(w, GUARD_FIELD_ETHER_TYPE, p->ether_type);
	guard_set(w, GUARD_FIELD_INTERFACE, p->interface);
	guard_set(w, GUARD_FIELD_TAGS, p->tag_count);
	if (p->tag_count > 0)
		guard_set(w, GUARD_FIELD_TAG0, p->tags[0]);
	if (p->tag_count > 1)
		guard_set(w, GUARD_FIELD_TAG1, p->tags[1]);
	if (p->has & GUARD_HAS_ARP)
		guard_set(w, GUARD_FIELD_ARP_OPERATION, p->operation);
	if (p->family) {
		guard_set(w, GUARD_FIELD_TTL, p->ttl);
		guard_set(w, GUARD_FIELD_LENGTH, p->length);
		guard_set(w, GUARD_FIELD_FRAGMENT, p->fragment);
		guard_set(w, GUARD_FIELD_HEADERS, p->headers);
	}
	if (p->family == 4)
		guard_set(w, GUARD_FIELD_OPTIONS, p->options);
	if (p->family == 6)
		guard_set(w, GUARD_FIELD_ROUTING_TYPES, p->routing_types);
	if (p->mss)
		guard_set(w, GUARD_FIELD_MSS, p->mss);
	if (p->has & GUARD_HAS_PORTS) {
		length = p->network + p->length - p->payload;
		udp = guard_header(ctx, p->transport, p->end, sizeof(*udp));
		if (p->protocol == GUARD_UDP && udp &&
		    bpf_ntohs(udp->length) - sizeof(*udp) < length)
			length = bpf_ntohs(udp->length) - sizeof(*udp);
		guard_set(w, GUARD_FIELD_PAYLOAD_LENGTH, length);
	}
	if (p->has & GUARD_HAS_PORTS && p->protocol == GUARD_TCP) {
		guard_set(w, GUARD_FIELD_TCP_OPTIONS, p->tcp_options);
		tcp = guard_header(ctx, p->transport, p->end, sizeof(*tcp));
		if (tcp) /* always: it was read */
			guard_set(w, GUARD_FIELD_WINDOW, bpf_ntohs(tcp->window));
	}
	if (p->mtu ||
	    (p->family == 6 && p->has & GUARD_HAS_ICMP && p->icmp_type == GUARD_V6_PACKET_TOO_BIG))
		guard_set(w, GUARD_FIELD_MTU, p->mtu);
	if (!(p->has & GUARD_HAS_QUOTED))
		return 0;
	guard_set(w, GUARD_FIELD_QUOTED_PROTOCOL, p->quoted.protocol);
	guard_set(w, GUARD_FIELD_QUOTED_LENGTH, p->quoted.length);
	guard_set(w, GUARD_FIELD_QUOTED_FAMILY, p->quoted.family);
	flags = p->quoted.has & GUARD_DONT_FRAGMENT ? 1 : 0;
	flags |= p->quoted.has & GUARD_LATER_FRAGMENT ? 2 : 0;
	guard_set(w, GUARD_FIELD_QUOTED_FLAGS, flags);
	if (p->quoted.has & GUARD_HAS_ICMP)
		guard_set(w, GUARD_FIELD_QUOTED_ICMP_TYPE, p->quoted.icmp_type);
	if (p->quoted.has & GUARD_HAS_PORTS) {
		guard_set(w, GUARD_FIELD_QUOTED_SOURCE_PORT, p->quoted.source_port);
		guard_set(w, GUARD_FIELD_QUOTED_DESTINATION_PORT, p->quoted.destination_port);
	}
	return 0;
}

static __always_inline bool guard_equal16(const __be32 *a, const __be32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline bool guard_equal6(const __u8 *a, const __u8 *b)
{
	__u8 other = 0;

	for (int i = 0; i < 6; i++)
		other |= a[i] ^ b[i];
	return !other;
}

/* The traits of a packet, by bit: traitsOf of the Go half. */
static __always_inline __u32 guard_traits_of(const struct guard_packet *p)
{
	__u32 t = 1 << GUARD_TRAIT_ALWAYS;

	if (!p->family)
		t |= 1 << GUARD_TRAIT_NOT_IP;
	else if (guard_equal16(p->source, p->destination))
		t |= 1 << GUARD_TRAIT_SAME;
	if (p->fragment)
		t |= 1 << GUARD_TRAIT_FRAGMENT;
	if (p->options | p->headers | p->routing_types)
		t |= 1 << GUARD_TRAIT_OPTIONS;
	if (p->tag_count)
		t |= 1 << GUARD_TRAIT_TAGGED;
	if (p->has & GUARD_HAS_ICMP)
		t |= 1 << GUARD_TRAIT_ICMP;
	if (p->mss)
		t |= 1 << GUARD_TRAIT_MSS;
	if (p->has & GUARD_HAS_PORTS && p->source_port == p->destination_port)
		t |= 1 << GUARD_TRAIT_SAME;
	if (p->family && p->ttl < GUARD_FEW_HOPS)
		t |= 1 << GUARD_TRAIT_EXPIRING;
	return t;
}

/* Whether an address is in a set. */
static __always_inline bool guard_is_member(const struct guard_walk *w, __u8 which, __u32 set)
{
	if (which >= GUARD_ADDRESSES)
		return false;
	return guard_memberships_at(w->in[which])->sets >> (set & 63) & 1;
}

/*
 * Which address a message of neighbour discovery claims, or GUARD_ADDRESSES if none:
 * Packet.Claim of the Go half.
 */
static __always_inline __u32 guard_claimed(const struct guard_packet *p)
{
	bool told = p->has & GUARD_HAS_LINK_ADDRESS;

	if (p->family != 6 || !(p->has & GUARD_HAS_ICMP))
		return GUARD_ADDRESSES;
	switch (p->icmp_type) {
	case GUARD_V6_ADVERTISE:
		return GUARD_ADDRESS_ND_TARGET;
	case GUARD_V6_REDIRECT:
		return told ? GUARD_ADDRESS_ND_TARGET : GUARD_ADDRESSES;
	case GUARD_V6_ROUTER_ADVERTISE:
		return GUARD_ADDRESS_SOURCE;
	case GUARD_V6_ROUTER_SOLICIT:
	case GUARD_V6_SOLICIT:
		return told ? GUARD_ADDRESS_SOURCE : GUARD_ADDRESSES;
	}
	return GUARD_ADDRESSES;
}

/*
 * Whether a sender claims an address that is bound to other MAC addresses: Env.conflict
 * of the Go half. Who speaks for its own source must also send from there, whatever it tells.
 */
__noinline int guard_is_conflict(struct guard_walk *w, __u32 set)
{
	struct guard_bound key = { .set = set };
	struct guard_packet *p;
	__u32 of;

	if (!w)
		return 0;
	p = &w->packet;
	of = p->has & GUARD_HAS_ARP ? GUARD_ADDRESS_ARP_SENDER : guard_claimed(p);
	key.family = guard_copy_address(p, of, key.address);
	if (!key.family || !bpf_map_lookup_elem(&guard_bindings, &key))
		return 0;
	__builtin_memcpy(key.mac,
			 p->has & (GUARD_HAS_ARP | GUARD_HAS_LINK_ADDRESS) ? p->sender_mac :
									     p->source_mac,
			 6);
	key.has_mac = 1;
	if (!bpf_map_lookup_elem(&guard_bindings, &key))
		return 1;
	if (of != GUARD_ADDRESS_SOURCE)
		return 0;
	__builtin_memcpy(key.mac, p->source_mac, 6);
	return bpf_map_lookup_elem(&guard_bindings, &key) == NULL;
}

/* The compiler of rules sees to it that both fields are of one kind. */
__noinline int guard_is_same(struct guard_walk *w, __u32 left, __u32 right)
{
	static const __u8 addresses[] = {
		[GUARD_COMPARE_SOURCE] = GUARD_ADDRESS_SOURCE,
		[GUARD_COMPARE_DESTINATION] = GUARD_ADDRESS_DESTINATION,
		[GUARD_COMPARE_QUOTED_SOURCE] = GUARD_ADDRESS_QUOTED_SOURCE,
		[GUARD_COMPARE_ARP_SENDER] = GUARD_ADDRESS_ARP_SENDER,
		[GUARD_COMPARE_ARP_TARGET] = GUARD_ADDRESS_ARP_TARGET,
		[15] = 0,
	};
	__be32 a[4], b[4];
	struct guard_packet *p;
	__u8 family;

	if (!w)
		return 0;
	p = &w->packet;
	if (left == GUARD_COMPARE_SOURCE_PORT || left == GUARD_COMPARE_DESTINATION_PORT)
		return p->has & GUARD_HAS_PORTS &&
		       (left == right || p->source_port == p->destination_port);
	if (left == GUARD_COMPARE_SOURCE_MAC || left == GUARD_COMPARE_ARP_SENDER_MAC) {
		if (left == right && left == GUARD_COMPARE_SOURCE_MAC)
			return 1;
		return p->has & GUARD_HAS_ARP &&
		       (left == right || guard_equal6(p->source_mac, p->sender_mac));
	}
	family = guard_copy_address(p, addresses[left & 15], a);
	return family && family == guard_copy_address(p, addresses[right & 15], b) &&
	       guard_equal16(a, b);
}

/* Whether a byte of the payload is one of those of a test. */
__noinline int guard_is_payload(struct xdp_md *ctx, struct guard_walk *w, __u32 test)
{
	const struct guard_test *t = guard_tests_at(test);
	__u8 *byte;

	if (!w || t->a >= w->packet.payload_length)
		return 0;
	byte = guard_header(ctx, w->packet.payload + t->a, w->packet.end, 1);
	if (!byte)
		return 0;
	return t->bytes[*byte >> 6 & 3] >> (*byte & 63) & 1;
}

/*
 * Whether the source, with others of its prefix, has too many connections open: tooMany of
 * the Go half.
 */
__noinline int guard_has_too_many(struct guard_walk *w, __u32 test)
{
	const struct guard_test *t = guard_tests_at(test);
	struct guard_prefix key;
	__u64 *until;
	__s32 *open;

	if (!w || !w->packet.family)
		return 0;
	guard_prefix_of(&key, w->packet.source, w->packet.family,
			w->packet.family == 6 ? t->c & 255 : t->b & 63);
	open = bpf_map_lookup_elem(&guard_connections, &key);
	if (!open || *open <= (__s32)t->a)
		return 0;
	until = guard_only(&guard_counted_until);
	return until && bpf_ktime_get_boot_ns() < *until;
}

static __always_inline bool guard_passes(struct xdp_md *ctx, struct guard_walk *w, __u32 test)
{
	const struct guard_test *t = guard_tests_at(test);
	__u32 value = w->value[t->field & 31];
	bool there = w->present >> (t->field & 31) & 1;

	switch (t->op) {
	case GUARD_OP_RANGE:
		return there && t->a <= value && value <= t->b;
	case GUARD_OP_BITS:
		return there && (value & t->a) == t->a && !(value & t->b) &&
		       (!t->c || value & t->c);
	case GUARD_OP_SAME:
		return guard_is_same(w, t->field, t->other);
	case GUARD_OP_LARGE:
		return w->present >> GUARD_FIELD_MTU & 1 && w->packet.has & GUARD_HAS_QUOTED &&
		       w->packet.mtu >= w->packet.quoted.length;
	case GUARD_OP_MEMBER:
		return guard_is_member(w, t->field, t->a);
	case GUARD_OP_BINDING:
		return guard_is_conflict(w, t->a);
	case GUARD_OP_PAYLOAD:
		return guard_is_payload(ctx, w, test);
	case GUARD_OP_UNTIL:
		return bpf_ktime_get_boot_ns() < t->bytes[0];
	case GUARD_OP_SOCKET:
		return guard_truth(ctx, w, t->field) & t->a;
	case GUARD_OP_CONNECTIONS:
		return guard_has_too_many(w, test);
	}
	return false;
}

/* An atom on its way through its tests. */
struct guard_trial {
	struct xdp_md *ctx;
	struct guard_walk *w;
	__u32 first;
	__u32 result;
	__u32 all;
	__u32 padding;
};

static long guard_try(__u32 i, void *data)
{
	struct guard_trial *t = data;

	if (guard_passes(t->ctx, t->w, t->first + i) == t->all)
		return 0;
	t->result = !t->all;
	return 1;
}

/* Whether an atom is true of the packet. */
__noinline int guard_is_true(struct xdp_md *ctx, struct guard_walk *w, __u32 atom)
{
	struct guard_trial t = { .ctx = ctx, .w = w };
	const struct guard_atom *a = guard_atoms_at(atom);

	if (!w)
		return 0;
	t.first = a->first;
	t.result = t.all = !!a->all;
	bpf_loop(a->tests, guard_try, &t, 0);
	return t.result;
}

/* Looks at the atoms of a bank that were not looked at before, and tells whether they are as wanted. */
static __always_inline bool guard_bank_holds(struct xdp_md *ctx, struct guard_walk *w, int bank,
					     __u64 yes, __u64 no)
{
	__u64 open = (yes | no) & ~w->known[bank];

	for (int i = 0; i < 64 && open; i++) {
		__u64 now = open & ~guard_socket_atoms[bank];
		__u32 atom;

		if (!now) {
			/* Only sockets are left to ask for, if the rest does not decide. */
			if ((w->known[bank] & ~w->atoms[bank] & yes) | (w->atoms[bank] & no))
				return false;
			now = open;
		}
		atom = guard_lowest(now);
		w->known[bank] |= 1ull << atom;
		if (guard_is_true(ctx, w, 64 * bank + atom))
			w->atoms[bank] |= 1ull << atom;
		open &= ~(1ull << atom);
	}
	return (w->atoms[bank] & yes) == yes && !(w->atoms[bank] & no);
}

/*
 * Whether a condition is true. Atoms about sockets have the highest numbers, so a bank behind
 * one that has some has no others.
 */
__noinline int guard_holds(struct xdp_md *ctx, struct guard_walk *w, __u32 condition)
{
	const struct guard_condition *c = guard_conditions_at(condition);

	if (!w)
		return 0;
	if (!(w->known[0] | w->known[1])) {
		for (int t = 0; t < GUARD_TRAITS; t++)
			if (!(w->traits >> t & 1))
				for (int b = 0; b < GUARD_BANKS; b++)
					w->known[b] |= guard_triggers[t][b];
		guard_find_facts(ctx, w);
	}
	if (!guard_bank_holds(ctx, w, 0, c->yes[0], c->no[0]))
		return 0;
	if (!(c->yes[1] | c->no[1]))
		return 1;
	return guard_bank_holds(ctx, w, 1, c->yes[1], c->no[1]);
}

/*
 * Clears those of the lines x of a word whose condition is false: all of them, or
 * those up to the first that is true, or has no condition.
 */
__noinline __u64 guard_clear_false(struct xdp_md *ctx, struct guard_walk *w, __u64 x,
				   __u64 conditional, __u32 word_all)
{
	__u32 word = word_all >> 1;

	if (!w)
		return 0;
	conditional &= x;
	for (int i = 0; i < 64 && conditional; i++) {
		__u64 bit = conditional & -conditional;
		__u64 line = guard_line(word, conditional);

		if (!(word_all & 1) && x & (bit - 1))
			break; /* a line without a condition comes first */
		if (!guard_holds(ctx, w, line >> 32))
			x ^= bit;
		else if (!(word_all & 1))
			break;
		conditional ^= bit;
	}
	return x;
}

#endif
