/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Bits of words, without the instructions that BPF has not got. */
#ifndef PACKETSCOPE_GUARD_BITS_H
#define PACKETSCOPE_GUARD_BITS_H

#include <linux/types.h>

/* The number of the lowest bit, by multiplication with a de Bruijn sequence. */
static const __u8 guard_de_bruijn[64] = {
	0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28, 62, 5,	39, 46, 44, 42,
	22, 9,	24, 35, 59, 56, 49, 18, 29, 11, 63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21,
	23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

static __always_inline __u32 guard_lowest(__u64 x)
{
	__u64 product = (x & -x) * 0x022fdd63cc95386dull;

	/* Else clang knows what this is, and puts its own in its place, which asks for 0. */
	asm volatile("" : "+r"(product));
	return guard_de_bruijn[product >> 58];
}

/* How many bits are set: Hacker's Delight, 5-1. */
static __always_inline __u32 guard_count_bits(__u64 x)
{
	x -= x >> 1 & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (x * 0x0101010101010101ull) >> 56;
}

#endif
