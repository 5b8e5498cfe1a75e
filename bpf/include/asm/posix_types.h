/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* See types.h. */
#include <asm-generic/posix_types.h>
