/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What Guarder counts beside its rules. These become Go types like those of
 * guard_abi.h.
 */
#ifndef PACKETSCOPE_GUARD_TALLY_H
#define PACKETSCOPE_GUARD_TALLY_H

#include <linux/types.h>

/* What became of a packet: parts of an entry of the map guard_devices. */
enum guard_fate {
	GUARD_FATE_PASSED,
	GUARD_FATE_DROPPED,
	GUARD_FATE_WOULD_DROP, /* beside the others: an audited rule would have dropped it */
	GUARD_FATE_UNMATCHED, /* passed because no rule ended the search */
	GUARD_FATES,
};

/* How many devices are told apart: those with a greater index share entry 0. */
enum guard_device_limit {
	GUARD_MAX_DEVICES = 1024,
};

/* What was counted of all devices: entries of the map guard_totals. */
enum guard_total {
	GUARD_TOTAL_UNPARSABLE, /* and the reason */
	GUARD_TOTAL_KEPT = 8, /* what no rule of the policy stage drops, or would, as it is kept */
	GUARD_TOTAL_SAMPLED, /* copied to user space */
	GUARD_TOTAL_SAMPLES_LOST, /* not copied: no room, or too many for all rules together */
	GUARD_TOTAL_SOCKET, /* and enum guard_socket: packets whose socket was asked for */
	GUARD_TOTAL_LIMIT_FULL = GUARD_TOTAL_SOCKET + 7, /* no room for a bucket of their own */
	GUARD_TOTALS,
};

/* Classes of ICMP errors, for both families. */
enum guard_error {
	GUARD_ERROR_UNREACHABLE,
	GUARD_ERROR_PACKET_TOO_BIG,
	GUARD_ERROR_TIME_EXCEEDED,
	GUARD_ERROR_REDIRECT,
	GUARD_ERROR_PARAMETER_PROBLEM,
	GUARD_ERROR_SOURCE_QUENCH,
	GUARD_ERRORS,
};

/* Protocols of the packets that ICMP errors quote. */
enum guard_cited {
	GUARD_CITED_TCP,
	GUARD_CITED_UDP,
	GUARD_CITED_ICMP,
	GUARD_CITED_OTHER,
	GUARD_CITED_NONE, /* no packet that can be read */
	GUARD_CITEDS,
};

/* Entries of the map guard_icmp. */
enum guard_icmp_entry {
	GUARD_ICMP_TYPE4 = 0, /* and the type */
	GUARD_ICMP_TYPE6 = 256,
	GUARD_ICMP_ERROR4 = 512, /* and GUARD_CITEDS times the class, and the protocol */
	GUARD_ICMP_ERROR6 = 542,
	GUARD_ICMP_ENTRIES = 572,
};

_Static_assert(GUARD_ICMP_ERROR6 == GUARD_ICMP_ERROR4 + GUARD_ERRORS * GUARD_CITEDS &&
		       GUARD_ICMP_ENTRIES == GUARD_ICMP_ERROR6 + GUARD_ERRORS * GUARD_CITEDS,
	       "entries of guard_icmp overlap");

#endif
