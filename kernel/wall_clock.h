/* SPDX-License-Identifier: MIT */
/* The time of day: the machine's CMOS clock, read once at boot and carried on by the TSC. */
#ifndef KERNEL_WALL_CLOCK_H
#define KERNEL_WALL_CLOCK_H

#include <stdint.h>

/* After tsc_init(). */
void wall_clock_init(void);
/* Seconds since 1970-01-01 UTC. */
int64_t wall_clock_seconds(void);
/* Nanoseconds since 1970-01-01 UTC at a value of the TSC, from wall_clock_init() on. */
uint64_t wall_clock_ns(uint64_t tsc);

#endif
