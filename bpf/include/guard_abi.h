/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What Guarder's programs and the Go half agree on. Every struct here becomes a Go
 * type through abi.bpf.c; tests compare the enums with their Go twins.
 */
#ifndef PACKETSCOPE_GUARD_ABI_H
#define PACKETSCOPE_GUARD_ABI_H

#include <linux/types.h>

/* Limits of the walk through a frame. */
enum guard_limit {
	GUARD_MAX_TAGS = 2,
	GUARD_MAX_EXTENSIONS = 6,
	GUARD_MAX_OPTIONS = 40, /* bytes */
	GUARD_MAX_PAYLOAD = 128, /* bytes */
	GUARD_MAX_NEIGHBOUR_OPTIONS = 24,
	GUARD_MAX_FRAGMENTS = 64, /* of a packet that are told apart; a power of two */
	GUARD_MAX_FRAGMENTED = 4096, /* packets that come in fragments */
};

/* Why a frame cannot be read to its end. */
enum guard_reason {
	GUARD_OK,
	GUARD_TRUNCATED,
	GUARD_BAD_HEADER_LENGTH,
	GUARD_BAD_VERSION,
	GUARD_TOO_MANY_TAGS,
	GUARD_TOO_MANY_EXTENSIONS,
	GUARD_TINY_FRAGMENT,
	GUARD_REASONS,
};

/* Bits of guard_packet.fragment. */
enum guard_fragment {
	GUARD_FRAGMENT_FIRST = 1,
	GUARD_FRAGMENT_LATER = 2,
	GUARD_FRAGMENT_OFFSET_ONE = 4,
	GUARD_FRAGMENT_PAST_END = 8,
	GUARD_FRAGMENT_LAST = 16,
	GUARD_FRAGMENT_OVERLAP = 32, /* never set by the parser */
};

/* Bits of guard_packet.options: kinds of IPv4 options. */
enum guard_option {
	GUARD_OPTION_RECORD_ROUTE = 1,
	GUARD_OPTION_TIMESTAMP = 2,
	GUARD_OPTION_LOOSE_ROUTE = 4,
	GUARD_OPTION_STRICT_ROUTE = 8,
	GUARD_OPTION_ROUTER_ALERT = 16,
	GUARD_OPTION_OTHER = 32,
};

/* Bits of guard_packet.tcp_options, of a SYN. */
enum guard_tcp_option {
	GUARD_TCP_FAST_OPEN = 1,
};

/* Bits of guard_packet.headers: extension headers of IPv6. */
enum guard_header {
	GUARD_HEADER_HOP_BY_HOP = 1,
	GUARD_HEADER_DESTINATION = 2,
	GUARD_HEADER_ROUTING = 4,
	GUARD_HEADER_FRAGMENT = 8,
	GUARD_HEADER_AUTHENTICATION = 16,
};

/* Bits of guard_packet.has and guard_quoted.has: what was found. */
enum guard_has {
	GUARD_HAS_PORTS = 1,
	GUARD_HAS_ICMP = 2, /* a message; in guard_quoted: its type */
	GUARD_HAS_ARP = 4,
	GUARD_HAS_QUOTED = 8,
	GUARD_HAS_TARGET = 16,
	GUARD_HAS_SEQUENCE = 32,
	GUARD_DONT_FRAGMENT = 64,
	GUARD_LATER_FRAGMENT = 128, /* in guard_quoted */
	GUARD_HAS_LINK_ADDRESS = 128, /* in guard_packet */
};

/* The packet that an ICMP error quotes. */
struct guard_quoted {
	__be32 source[4];
	__be32 destination[4];
	__u32 length; /* by its own header */
	__u32 sequence;
	__u16 source_port;
	__u16 destination_port;
	__u8 family;
	__u8 protocol;
	__u8 icmp_type;
	__u8 has; /* enum guard_has */
};

/*
 * What is known of a frame: packet.Packet of the Go half, whose comments say what
 * the fields mean. Addresses are in network order, an IPv4 address in the first word;
 * all other numbers are in host order. In ARP packets source and destination are the
 * sender's and the target's address.
 *
 * Fields of headers that are not there are 0 from end on. Those before it, which few
 * packets have, then hold anything; what says whether they are there stands beside them.
 */
struct guard_packet {
	__be32 source[4]; /* if there is a family, or ARP */
	__be32 destination[4]; /* the same */
	__be32 target[4]; /* GUARD_HAS_TARGET */
	struct guard_quoted quoted; /* GUARD_HAS_QUOTED */
	__u8 destination_mac[6]; /* always */
	__u8 source_mac[6]; /* always */
	__u16 tags[2]; /* tag_count */
	__u8 sender_mac[6]; /* GUARD_HAS_ARP, or GUARD_HAS_LINK_ADDRESS */
	__u8 target_mac[6]; /* GUARD_HAS_ARP */
	__u32 fragment_id; /* fragment, as what follows */
	__u16 fragment_offset; /* bytes behind the headers of IP */
	__u16 fragment_size; /* bytes */
	__u32 interface; /* always */
	__u32 end; /* offset of the end of the IP packet */
	__u32 length;
	__u32 mtu;
	__u16 network; /* offset of the IP header; 0 without one */
	__u16 transport; /* offset of what is behind the headers of IP */
	__u16 payload; /* offset of what is behind the transport header */
	__u16 payload_length; /* at most GUARD_MAX_PAYLOAD */
	__u16 ether_type;
	__u16 source_port;
	__u16 destination_port;
	__u16 mss;
	__u16 operation; /* of ARP */
	__u16 options; /* enum guard_option */
	__u16 headers; /* enum guard_header */
	__u16 routing_types; /* bit n: type n; 15 and above share a bit */
	__u8 reason; /* enum guard_reason */
	__u8 tag_count;
	__u8 family;
	__u8 ttl;
	__u8 fragment; /* enum guard_fragment */
	__u8 protocol;
	__u8 flags; /* of TCP */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 has; /* enum guard_has */
	__u8 tcp_options; /* enum guard_tcp_option */
	__u8 padding;
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct guard_quoted) == 48, "holes in struct guard_quoted");
_Static_assert(__builtin_offsetof(struct guard_packet, source_mac) ==
		       __builtin_offsetof(struct guard_packet, destination_mac) + 6,
	       "the parser copies both addresses at once");
_Static_assert(__builtin_offsetof(struct guard_packet, end) % 8 == 0,
	       "the parser clears words from there on");
_Static_assert(sizeof(struct guard_packet) == 184, "holes in struct guard_packet");

#endif
