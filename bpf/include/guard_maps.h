/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The maps of Guarder. Those of the first part belong to one generation: user space
 * sizes and fills them before the program runs, and nobody writes them after, unless
 * their comment says so.
 */
#ifndef PACKETSCOPE_GUARD_MAPS_H
#define PACKETSCOPE_GUARD_MAPS_H

#include "guard_bans_abi.h"
#include "guard_connections.h"
#include "guard_hits_abi.h"
#include "guard_parse.h"
#include "guard_sample_abi.h"
#include "guard_states_abi.h"
#include "guard_tables.h"
#include "guard_tally.h"

/*
 * A table is a variable in a section of its own, which is a map of one value. Its
 * address is an operand of the instruction that takes it, where an entry of another
 * map has to be looked up, and can be missing. It is declared with a few entries, and
 * user space makes it as large as it has to be: a power of two, so that a mask keeps an
 * index inside, and behind it as much room as a row or node can take, so that its parts
 * need no mask of their own. The verifier sees to it that no access is beyond that.
 */
#define GUARD_TABLE(name, number, element)                                 \
	element guard_##name[16] SEC(".data." #name);                      \
	static __always_inline element *guard_##name##_at(__u64 i)         \
	{                                                                  \
		asm("%0 &= %1" : "+r"(i) : "i"(GUARD_OPERAND + (number))); \
		return &guard_##name[i];                                   \
	}

GUARD_TABLE(rows, GUARD_ROWS, __u64) /* bit vectors of addresses */
GUARD_TABLE(dense, GUARD_DENSE, __u64) /* bit vectors of ports and kinds: see guard_dense_row() */
GUARD_TABLE(index, GUARD_INDEX, __u32) /* rows of ports and kinds */
GUARD_TABLE(trie4, GUARD_TRIE4, __u32) /* rows of IPv4 addresses */
GUARD_TABLE(trie6, GUARD_TRIE6, __u64) /* rows of IPv6 addresses */
GUARD_TABLE(first, GUARD_FIRST, __u64) /* by word: the key of its first rule */
GUARD_TABLE(lines, GUARD_LINES, __u64) /* by bit: the key of its rule; above, its condition */
/* By word and whether the packet has traits: */
GUARD_TABLE(filters, GUARD_FILTERS, struct guard_filter)
GUARD_TABLE(conditions, GUARD_CONDITIONS, struct guard_condition)
GUARD_TABLE(atoms, GUARD_ATOMS, struct guard_atom)
GUARD_TABLE(tests, GUARD_TESTS, struct guard_test)
GUARD_TABLE(slots, GUARD_SLOTS, __u32) /* by rule: where it is counted in guard_counts */
GUARD_TABLE(states, GUARD_STATES, struct guard_state) /* by rule, and levels of them behind */
GUARD_TABLE(bannings, GUARD_BANNINGS, struct guard_banning) /* by rule: when it asks for a ban */
/* The only one that the program writes: */
GUARD_TABLE(samplings, GUARD_SAMPLINGS, struct guard_sampling)

/* By class of the sets that an address is in, and whether it is this host's: */
GUARD_TABLE(memberships, GUARD_MEMBERSHIPS, struct guard_membership)
GUARD_TABLE(any4, GUARD_ANY4,
	    __u64) /* bits of addresses near each other: whether any is in a set */
GUARD_TABLE(blocks4, GUARD_BLOCKS4, struct guard_block) /* by the first 18 bits of an address */
GUARD_TABLE(any6, GUARD_ANY6, __u64) /* bits of hashes of prefixes: whether any is in a set */

/*
 * Leaves of blocks4, the trie of IPv6, and pages of leaves: megabytes, of which a power
 * of two would waste half. So an index is compared, where those of others are masked.
 */
__u64 guard_words[16] SEC(".data.words");

static __always_inline const __u64 *guard_words_at(__u64 i)
{
	asm("if %0 <= %1 goto +1\n\t%0 = 0" : "+r"(i) : "i"(GUARD_OPERAND + GUARD_WORDS));
	return &guard_words[i];
}

/* How many summaries a row has. */
static __always_inline __u32 guard_summaries(void)
{
	__u32 n;

	asm volatile("%0 = %1" : "=r"(n) : "i"(GUARD_OPERAND + GUARD_SUMMARIES));
	return n;
}

/*
 * This host's addresses, which user space changes while the program runs. Those that
 * have no bit in the filter are not among them.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct guard_address_of_host);
	__type(value, __u32);
} guard_own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, GUARD_OWN_FILTER * sizeof(__u64));
} guard_own_filter SEC(".maps");

/* Pairs of addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct guard_bound);
	__type(value, __u32);
} guard_bindings SEC(".maps");

/* Constants of a generation. */
const volatile __u32 guard_no_source, guard_no_destination, guard_no_source_port; /* rows */
const volatile __u32 guard_no_destination_port, guard_not_ip; /* rows */
const volatile __u32 guard_source6, guard_destination6; /* roots */
const volatile __u64 guard_source_words[GUARD_MAX_SUMMARIES]; /* in which rows say something */
const volatile __u64 guard_destination_words[GUARD_MAX_SUMMARIES];
const volatile __u64 guard_triggers[GUARD_TRAITS]
				   [GUARD_BANKS]; /* atoms that are false without a trait */
const volatile __u64 guard_sections[GUARD_SECTIONS][GUARD_MAX_SUMMARIES]; /* words of each */
/* Those of lines that only packets with traits can match: */
const volatile __u64 guard_unusual_words[GUARD_SECTIONS][GUARD_MAX_SUMMARIES];
const volatile __u32 guard_ask_sections; /* the first of them has not all words */
const volatile __u32 guard_ask_audited, guard_ask_counting; /* which */
const volatile __u32 guard_ask_source_port, guard_ask_conditions;
const volatile __u32 guard_ask_source_sets, guard_ask_source_own, guard_ask_source_in;
const volatile __u32 guard_ask_destination_sets, guard_ask_destination_own;
const volatile __u32 guard_ask_destination_in;
const volatile __u32 guard_ask_other_sets, guard_ask_other_own;
const volatile __u32 guard_any4_shift, guard_any6_skip, guard_any6_shift;
const volatile __u64 guard_root6; /* slot of the trie of sets */
const volatile __u32 guard_outside6; /* class */
const volatile __u32 guard_pages; /* where in guard_words they begin */
const volatile __u32 guard_unparsable; /* enum guard_credit */
const volatile __u32 guard_explain; /* write guard_results */
const volatile __u32 guard_ask_samples, guard_ask_hits;
const volatile __u32 guard_ask_cookies, guard_ask_states,
	guard_ask_guard_states; /* of any stage; of the guard's */
const volatile __u64 guard_socket_atoms[GUARD_BANKS]; /* those that look something up */
const volatile __u32 guard_look_sockets; /* else nothing is known of any */
const volatile __u32 guard_ask_conntrack; /* where no socket has a connection */

/*
 * The second part, but for guard_walks at its end, can be shared by generations.
 *
 * What rules were credited with. Index: the rule's slot, which user space gives it
 * for as long as it has its name. Written per packet, read per scrape.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_counts);
} guard_counts SEC(".maps");

/*
 * What became of packets, by enum guard_fate. Index: that of the device; those that
 * are GUARD_MAX_DEVICES or more share entry 0. Written per packet, read per scrape.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct guard_counts);
} guard_devices SEC(".maps");

/* Messages of ICMP. Index: enum guard_icmp_entry. Written per message, read per scrape. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_ICMP_ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} guard_icmp SEC(".maps");

/* What is rare. Index: enum guard_total. Written per such packet, read per scrape. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_TOTALS);
	__type(key, __u32);
	__type(value, struct guard_count);
} guard_totals SEC(".maps");

/*
 * Copies of packets: struct guard_sample, with the beginning of the frame behind it.
 * Written as rarely as user space asks for; when it is full, losses are counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} guard_samples SEC(".maps");

/*
 * The program of the generation in force, in entry 0; while that is on trial, the one
 * before in entry 1, if there was one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 4);
} guard_generation SEC(".maps");

/* How the last packet was judged, if guard_explain is set; one entry. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_result);
} guard_results SEC(".maps");

#define GUARD_NONE 0xffffffffu /* key of no rule */

/* The number of a rule, or all ones. */
static __always_inline __u32 guard_rule_of(__u32 key)
{
	return key == GUARD_NONE ? key : key >> GUARD_CREDIT_BITS;
}

/* What a rule does. */
static __always_inline __u32 guard_credit_of(__u32 key)
{
	return key & ((1 << GUARD_CREDIT_BITS) - 1);
}

_Static_assert(GUARD_FIELDS <= 32, "fields are bits of a word, and entries of value");
_Static_assert(GUARD_CREDITS <= 1 << GUARD_CREDIT_BITS, "credits do not fit a key");
_Static_assert((int)GUARD_TOTAL_LIMIT_FULL - (int)GUARD_TOTAL_SOCKET == (int)GUARD_SOCKETS,
	       "not each result of a lookup has an entry");
_Static_assert((int)GUARD_REASONS <= (int)GUARD_TOTAL_KEPT, "entries of guard_totals overlap");

/* Bits of guard_walk.fed; a ban is like a feed. */
enum guard_fed {
	GUARD_FED_ENDED = 1, /* a feed ended the search */
	GUARD_FED_DROPPED = 2, /* and drops the packet */
	GUARD_FED_WOULD_DROP = 4, /* an audited one would have */
	GUARD_FED_KEPT = 8, /* one did not, or would not have, because the packet is kept */
};

/* One packet on its way; in a map because the stack is too small for it. */
struct guard_walk {
	struct guard_packet packet;
	__u64 known[GUARD_BANKS]; /* atoms that were looked at */
	__u64 atoms[GUARD_BANKS]; /* those that are true */
	__u64 now; /* see guard_time() */
	__u32 traits; /* bit per enum guard_trait */
	__u32 unusual; /* any but the first of them is set */
	__u32 present; /* bit per enum guard_field */
	__u32 value[32]; /* by enum guard_field */
	__u32 source6, destination6; /* rows of IPv6 addresses */
	__u32 in[GUARD_ADDRESSES]; /* guard_memberships, by enum guard_address */
	__u32 terminal, audited; /* keys of rules */
	__u32 last; /* key of the rule that counted */
	__u32 stated; /* key of the rule that was last asked for its state */
	__u32 ask_from, ask_to; /* keys of those that are to be asked */
	__u32 size; /* of the frame */
	__u32 kept; /* key of the rule that did not drop it because it is kept */
	__u32 unmatched; /* it passes because no rule ended the search */
	__u32 wants; /* how many want a copy: the first of wanted */
	__u32 wanted[GUARD_MAX_WANTED]; /* keys of rules; GUARD_NONE as it cannot be read */
	__u32 any; /* see guard_any() */
	__u32 fed; /* what bans and feeds did: enum guard_fed */
	struct bpf_sock_tuple tuple; /* what socket is looked up */
	__u32 sequence, segment; /* of TCP, if sequenced */
	__u32 sequenced;
	__u32 looked; /* bit 0: for the packet's socket; bit 1: for that of the quoted one */
	__u32 truth[2]; /* what was found */
	__u32 vouched; /* the packet has a cookie of the kernel's, as was found with the first */
	__u32 answers; /* the rule that drops the packet answers it */
	__u32 cookie; /* the number of the answer */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_walk);
} guard_walks SEC(".maps");

/* The only value of a map. */
static __always_inline void *guard_only(void *map)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(map, &key);
}

#endif
