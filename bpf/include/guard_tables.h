/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the tables of a policy consist of: the shared types of Guarder's compiler and
 * its walk. They become Go types like those of guard_abi.h.
 */
#ifndef PACKETSCOPE_GUARD_TABLES_H
#define PACKETSCOPE_GUARD_TABLES_H

#include <linux/types.h>

/*
 * Numbers of a generation that are operands of instructions: user space finds them as
 * GUARD_OPERAND and their number in the program, and puts its own in their place. To
 * load them from memory costs an instruction for the address and one more each time.
 */
#define GUARD_OPERAND 0x67750000

enum guard_operand {
	/* By table: the greatest index, which is a mask. */
	GUARD_ROWS,
	GUARD_DENSE,
	GUARD_INDEX,
	GUARD_TRIE4,
	GUARD_TRIE6,
	GUARD_FIRST,
	GUARD_LINES,
	GUARD_FILTERS,
	GUARD_CONDITIONS,
	GUARD_ATOMS,
	GUARD_TESTS,
	GUARD_SLOTS,
	GUARD_SAMPLINGS,
	GUARD_STATES,
	GUARD_BANNINGS,
	GUARD_MEMBERSHIPS,
	GUARD_ANY4,
	GUARD_BLOCKS4,
	GUARD_ANY6,
	GUARD_WORDS, /* no mask */
	GUARD_SUMMARIES, /* how many a row has */
	GUARD_OPERANDS,
};

/* Numbers that tests look at. */
enum guard_field {
	GUARD_FIELD_TTL,
	GUARD_FIELD_LENGTH,
	GUARD_FIELD_MSS,
	GUARD_FIELD_TAGS,
	GUARD_FIELD_TAG0,
	GUARD_FIELD_TAG1,
	GUARD_FIELD_ARP_OPERATION,
	GUARD_FIELD_MTU,
	GUARD_FIELD_QUOTED_PROTOCOL,
	GUARD_FIELD_QUOTED_LENGTH,
	GUARD_FIELD_QUOTED_ICMP_TYPE,
	GUARD_FIELD_QUOTED_FAMILY,
	GUARD_FIELD_QUOTED_SOURCE_PORT,
	GUARD_FIELD_QUOTED_DESTINATION_PORT,
	GUARD_FIELD_QUOTED_FLAGS, /* 1: don't fragment, 2: later fragment */
	GUARD_FIELD_ETHER_TYPE,
	GUARD_FIELD_INTERFACE,
	GUARD_FIELD_FRAGMENT,
	GUARD_FIELD_OPTIONS,
	GUARD_FIELD_HEADERS,
	GUARD_FIELD_ROUTING_TYPES,
	GUARD_FIELD_WINDOW,
	GUARD_FIELD_PAYLOAD_LENGTH,
	GUARD_FIELD_TCP_OPTIONS,
	GUARD_FIELDS,
};

/* What makes a packet unusual, by bit; every packet has the first one. */
enum guard_trait {
	GUARD_TRAIT_ALWAYS,
	GUARD_TRAIT_NOT_IP,
	GUARD_TRAIT_FRAGMENT,
	GUARD_TRAIT_OPTIONS,
	GUARD_TRAIT_TAGGED,
	GUARD_TRAIT_ICMP,
	GUARD_TRAIT_MSS,
	GUARD_TRAIT_SAME,
	GUARD_TRAIT_EXPIRING, /* fewer than GUARD_FEW_HOPS are left */
	GUARD_TRAITS,
};

/* Addresses that tests look up. */
enum guard_address {
	GUARD_ADDRESS_SOURCE,
	GUARD_ADDRESS_DESTINATION,
	GUARD_ADDRESS_QUOTED_SOURCE,
	GUARD_ADDRESS_QUOTED_DESTINATION,
	GUARD_ADDRESS_ARP_SENDER,
	GUARD_ADDRESS_ARP_TARGET,
	GUARD_ADDRESS_ND_TARGET,
	GUARD_ADDRESSES,
};

/* Fields that can be equal. */
enum guard_compare {
	GUARD_COMPARE_SOURCE,
	GUARD_COMPARE_DESTINATION,
	GUARD_COMPARE_SOURCE_PORT,
	GUARD_COMPARE_DESTINATION_PORT,
	GUARD_COMPARE_SOURCE_MAC,
	GUARD_COMPARE_ARP_SENDER_MAC,
	GUARD_COMPARE_QUOTED_SOURCE,
	GUARD_COMPARE_ARP_SENDER,
	GUARD_COMPARE_ARP_TARGET,
	GUARD_COMPARES,
};

/* What a test does. */
enum guard_op {
	GUARD_OP_RANGE, /* the field is there, and from a to b */
	GUARD_OP_BITS, /* the field is there: all of a are set, none of b, any of c unless that is 0 */
	GUARD_OP_SAME, /* the fields, enum guard_compare, are equal */
	GUARD_OP_LARGE, /* the quoted packet fits the MTU */
	GUARD_OP_MEMBER, /* the address, enum guard_address, is in the set a; 0 is this host */
	GUARD_OP_BINDING, /* the sender is bound in the set a, and not to this MAC address */
	GUARD_OP_PAYLOAD, /* byte a of the payload is one of bytes */
	GUARD_OP_UNTIL, /* it is before bytes[0], in ns of CLOCK_BOOTTIME */
	GUARD_OP_SOCKET, /* any of a is true of the socket; field: 0 the packet's, 1 that of the quoted one */
	GUARD_OP_CONNECTIONS, /* the source, with others of its prefix of b (IPv4) or c bits, has more than a open */
	GUARD_OPS,
};

/* What is known of a socket, by bit. */
enum guard_socket {
	GUARD_SOCKET_NONE,
	GUARD_SOCKET_LISTEN,
	GUARD_SOCKET_SYN_SENT,
	GUARD_SOCKET_SYN_RECV,
	GUARD_SOCKET_ESTABLISHED,
	GUARD_SOCKET_TIME_WAIT,
	GUARD_SOCKET_UNKNOWN,
	GUARD_SOCKETS,
};

/* Where a sequence number is in the connection; bits above those of enum guard_socket. */
enum guard_sequence {
	GUARD_SEQUENCE_OUT = 1,
	GUARD_SEQUENCE_IN = 2,
	GUARD_SEQUENCE_NEXT = 4,
	GUARD_SEQUENCE_UNKNOWN = 8,
	GUARD_SEQUENCE_SHIFT = 8,
};

/* What becomes of a packet that a line matches; lines of each section have words apart. */
enum guard_section {
	GUARD_SECTION_TERMINAL, /* the search ends */
	GUARD_SECTION_AUDITED, /* it would have been dropped */
	GUARD_SECTION_COUNTING, /* it is counted or sampled */
	GUARD_SECTION_STATEFUL, /* any of these, if the state of the rule says so */
	GUARD_SECTIONS,
};

/* What a rule does with a packet that it is credited with. */
enum guard_credit {
	GUARD_PASS,
	GUARD_DROP,
	GUARD_WOULD_DROP,
	GUARD_COUNT,
	GUARD_SAMPLE,
	GUARD_CREDITS,
};

/* A key is a rule with its credit in the lower bits; of two, the rule that comes first is less. */
enum {
	GUARD_CREDIT_BITS = 3,
};

enum guard_table_limit {
	GUARD_MAX_TESTS = 256, /* of an atom */
	GUARD_MAX_SUMMARIES = 32, /* of a row; a power of two */
	GUARD_MAX_COUNTED = 16, /* of a guard_result; a power of two */
	GUARD_MAX_KEPT = 65536, /* entries of the map guard_kept */
	GUARD_OWN_FILTER = 64, /* words; a power of two */
	GUARD_BANKS = 2, /* of 64 atoms each */
	GUARD_FEW_HOPS = 32, /* packets begin with 64 or more, and ways are shorter */
};

/* A part of an atom. */
struct guard_test {
	__u64 bytes[4]; /* bit per value */
	__u32 a;
	__u32 b;
	__u32 c;
	__u8 op; /* enum guard_op */
	__u8 field;
	__u8 other;
	__u8 padding;
};

/* What can be true or false of a packet beside its five rows. */
struct guard_atom {
	__u16 first; /* test */
	__u16 tests;
	__u16 all; /* the tests must all hold, else any of them */
	__u16 padding;
};

/* Lines of a word that can be true at all, and those that have a condition. */
struct guard_filter {
	__u64 possible;
	__u64 conditional;
};

/* Atoms, by bank and bit, that must be true and false. */
struct guard_condition {
	__u64 yes[GUARD_BANKS];
	__u64 no[GUARD_BANKS];
};

/* What being in some sets comes to: two of each class of the blocks. */
struct guard_membership {
	__u64 source; /* first pure rules by source, terminal and audited */
	__u64 destination;
	__u64 sets; /* that tests look at, by bit */
	__u32 source_row; /* of guard_dense */
	__u32 destination_row;
};

/* 64 networks of 256 IPv4 addresses: Blocks of the Go half. */
struct guard_block {
	__u64 has; /* networks that are not all of class 0, by bit */
	__u32 first; /* the class of these, or where they have leaves */
	__u32 padding;
};

/* One of this host's addresses: a key of the map guard_own. */
struct guard_address_of_host {
	__be32 address[4];
	__u32 family;
	__u32 padding;
} __attribute__((aligned(8)));

/* A pair of a set of bindings. Without a MAC address it says that the address is bound at all. */
struct guard_bound {
	__be32 address[4];
	__u32 set;
	__u8 mac[6];
	__u8 family;
	__u8 has_mac; /* a packet may claim 00:00:00:00:00:00, which is a MAC address too */
};

/* A connection, or with a remote address alone a peer: a key of the map guard_kept. */
struct guard_kept {
	__be32 remote[4];
	__be32 local[4];
	__u16 remote_port;
	__u16 local_port;
	__u8 family;
	__u8 protocol;
	__u8 padding[2];
};

struct guard_count {
	__u64 packets;
	__u64 bytes; /* of the frames */
};

/* What a rule was credited with; samples are counted too. */
struct guard_counts {
	struct guard_count of[4]; /* up to GUARD_COUNT */
};

/* How a packet was judged, for tests and for those who ask why. */
struct guard_result {
	__u32 rule; /* that ended the search, or all ones */
	__u32 would_drop; /* first audited rule, or all ones */
	__u32 kept; /* rule that did not drop it because it is kept, or all ones */
	__u32 verdict; /* of XDP */
	__u32 reason; /* enum guard_reason */
	__u32 counted; /* how many rules counted */
	__u32 counts[GUARD_MAX_COUNTED]; /* the first of them */
};

_Static_assert(sizeof(struct guard_test) == 48, "holes in struct guard_test");
_Static_assert(sizeof(struct guard_kept) == 40, "holes in struct guard_kept");
_Static_assert(sizeof(struct guard_counts) == 64, "a cache line");

#endif
