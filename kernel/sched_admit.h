/* SPDX-License-Identifier: MIT */
/*
 * The admission test: can a core give all that is asked of it? Pure, times in nanoseconds, so that the host command
 * answers as the kernel does. (For the scheduler the kernel turns them into ticks: periods up, all else down.)
 *
 * Without windows: the rt entities' budget / period add up to 1 at the most, which is exact for earliest deadline
 * first over constant-bandwidth servers (Abeni and Buttazzo, theorem 1). Each gets its budget within every period in
 * which it is runnable throughout, and what is left of it at a wake-up by the deadline.
 *
 * With cyclic windows the rt entities have what the windows leave. Let supply(L) be the least time outside windows in
 * any interval of length L, wherever in the frame it begins. The test is sum(budget / period) * L <= supply(L) for
 * every L from the shortest rt period on. It is sufficient, not necessary. Why it holds: when a server misses the end
 * of a period with the full budget, let the interval before it begin where last nothing was pending that is due by
 * then. It is a period long at the least, and in it the servers, each with its bandwidth, would have asked for
 * more than was supplied. (In particular L -> infinity: the windows' share and the sum are 1 at the most. And L = a
 * period: no window is longer than a period.) What is left of a budget at a wake-up within a period may be late by as
 * much as the windows take. Windows themselves are exact whatever else is there: cyclic takes precedence.
 *
 * Nothing is set aside for the hypervisor's own time and late timers (struct sched's granularity): where the sum is
 * near 1, deadlines are met but for these. Fair entities have what the others leave, which may be nothing.
 */
#ifndef KERNEL_SCHED_ADMIT_H
#define KERNEL_SCHED_ADMIT_H

#include <stdint.h>

#include "kernel/sched.h"

#define SCHED_PERIOD_MIN 100000ull      /* 100 us: of rt periods and the major frame */
#define SCHED_PERIOD_MAX 10000000000ull /* 10 s */
#define SCHED_BUDGET_MIN 10000ull       /* 10 us: of budgets and windows; less is spent on switching */
#define SCHED_DEMANDS_MAX 4096          /* entities of one core */

/* What one entity asks for. */
struct sched_demand {
	const char *name;                   /* of its partition */
	struct sched_parameters parameters; /* budget and period in ns */
	uint64_t scratch;                   /* of sched_admit() */
};

struct sched_plan_window {
	uint64_t start, length; /* ns from the frame's start; in order, without overlap */
	unsigned owner;         /* index of its demand */
};

struct sched_plan {
	unsigned core; /* for the message */
	struct sched_demand *demands;
	unsigned count;
	uint64_t frame; /* ns; 0 when there are no windows */
	const struct sched_plan_window *windows;
	unsigned window_count;
};

struct sched_refusal {
	unsigned demand;   /* whose demand cannot be met; not below count: a window is nobody's */
	char problem[200]; /* names partition and core; printable ASCII, no capital, no full stop */
	const char *fix;
};

/*
 * E_OK, or E_INVALID with a refusal: of the first window, then of the first demand that is malformed, then of the first
 * rt demand, in the order given, that cannot be met beside those before it and all windows. Leave that partition (with
 * its windows) out and ask again.
 */
int sched_admit(const struct sched_plan *plan, struct sched_refusal *refusal);

#endif
