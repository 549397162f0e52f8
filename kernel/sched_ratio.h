/* SPDX-License-Identifier: MIT */
/* Exact arithmetic with fractions for the admission test. Pure. */
#ifndef KERNEL_SCHED_RATIO_H
#define KERNEL_SCHED_RATIO_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sched_admit.h"

#define SCHED_RATIO_MAX (1ull << 35) /* numerator and denominator are below: twice SCHED_PERIOD_MAX is */

struct sched_ratio {
	uint64_t part, whole; /* whole > 0 */
};

/* a < b */
bool sched_ratio_less(struct sched_ratio a, struct sched_ratio b);
/* Is the sum of budget / period over the rt demands (each budget <= period) at most `limit`? */
bool sched_ratio_holds(struct sched_ratio limit, struct sched_demand *demands, unsigned count);

/*
 * sched_supply.c: the smallest supply(L) / L over all L >= shortest, where the windows of the plan (well-formed) take
 * the core away; 1 without windows.
 */
struct sched_ratio sched_supply(const struct sched_plan *plan, uint64_t shortest);

#endif
