/* SPDX-License-Identifier: MIT */
/* The partition's nanoseconds in ticks of a device's clock, and back. 64-bit arithmetic only, exact over centuries. */
#ifndef DRIVERS_VTICKS_H
#define DRIVERS_VTICKS_H

#include <stdint.h>

#define NS_PER_SECOND 1000000000ULL

/* Ticks of a clock of `hz` (below 18 GHz) that have gone by after `ns`, rounded down. */
static inline uint64_t vticks_from_ns(uint64_t ns, uint64_t hz)
{
	return ns / NS_PER_SECOND * hz + ns % NS_PER_SECOND * hz / NS_PER_SECOND;
}

/* The first nanosecond at which vticks_from_ns() gives `ticks`. */
static inline uint64_t vticks_to_ns(uint64_t ticks, uint64_t hz)
{
	return ticks / hz * NS_PER_SECOND + (ticks % hz * NS_PER_SECOND + hz - 1) / hz;
}

#endif
