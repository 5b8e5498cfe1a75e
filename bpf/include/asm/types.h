/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The uapi headers include <asm/types.h>, which distributions keep in a folder
 * per host architecture. Both of our targets use the generic types, so the
 * objects can be built for any target on any host.
 */
#include <asm-generic/types.h>
