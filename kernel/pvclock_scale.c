/* SPDX-License-Identifier: MIT */
/* Pure. */
#include "kernel/pvclock.h"

#define NS_PER_SECOND 1000000000ULL

struct pvclock_scale pvclock_scale(uint64_t hz)
{
	struct pvclock_scale scale = { .shift = 0 };

	/* The multiplier has the most bits when hz * 2^shift is just above 10^9. */
	while (hz > 2 * NS_PER_SECOND) {
		hz >>= 1;
		scale.shift--;
	}
	while (hz <= NS_PER_SECOND) {
		hz <<= 1;
		scale.shift++;
	}
	scale.multiplier = (uint32_t)((NS_PER_SECOND << 32) / hz);
	return scale;
}
