/* SPDX-License-Identifier: MIT */
/* The admission test: what is malformed first, then the times. */
#include "kernel/sched_admit.h"

#include <stdarg.h>
#include <stdio.h>

#include "kernel/errno.h"
#include "kernel/sched_ratio.h"

static int refuse(const struct sched_plan *plan, unsigned demand, struct sched_refusal *refusal, const char *fix,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

static int refuse(const struct sched_plan *plan, unsigned demand, struct sched_refusal *refusal, const char *fix,
                  const char *format, ...)
{
	size_t size = sizeof(refusal->problem);
	va_list args;
	int used = snprintf(refusal->problem, size, "partition %.31s on core %u: ",
	                    demand < plan->count ? plan->demands[demand].name : "?", plan->core);

	va_start(args, format);
	vsnprintf(refusal->problem + used, size - (size_t)used, format, args);
	va_end(args);
	refusal->demand = demand;
	refusal->fix = fix;
	return E_INVALID;
}

/* --- one demand --- */
static int check_rt(const struct sched_plan *plan, unsigned i, struct sched_refusal *refusal)
{
	const struct sched_parameters *p = &plan->demands[i].parameters;

	if (p->period < SCHED_PERIOD_MIN || p->period > SCHED_PERIOD_MAX)
		return refuse(plan, i, refusal, "make it 100us to 10s", "its period is too %s",
		              p->period < SCHED_PERIOD_MIN ? "short" : "long");
	if (p->budget < SCHED_BUDGET_MIN)
		return refuse(plan, i, refusal, "make it 10us or more", "its budget is too small to be of use");
	if (p->budget > p->period)
		return refuse(plan, i, refusal, "make the budget as long as the period or shorter",
		              "its budget is longer than its period");
	return E_OK;
}

static int check_fair(const struct sched_plan *plan, unsigned i, struct sched_refusal *refusal)
{
	const struct sched_parameters *p = &plan->demands[i].parameters;

	if (p->weight < 1 || p->weight > SCHED_WEIGHT_MAX)
		return refuse(plan, i, refusal, "make it 1 to 10000; 100 is usual", "its weight is %u", p->weight);
	if (p->cap > SCHED_CAP_MAX)
		return refuse(plan, i, refusal, "make it 1 to 99 per cent, or leave it out", "its cap is %u per cent",
		              p->cap);
	return E_OK;
}

static int check_cyclic(const struct sched_plan *plan, unsigned i, struct sched_refusal *refusal)
{
	for (unsigned w = 0; w < plan->window_count; w++)
		if (plan->windows[w].owner == i)
			return E_OK;
	return refuse(plan, i, refusal, "give it one, or another policy", "it is cyclic but has no window");
}

/* Dedicated means alone: the second of the two is refused. */
static int check_alone(const struct sched_plan *plan, unsigned i, struct sched_refusal *refusal)
{
	if (i == 0)
		return E_OK;
	if (plan->demands[0].parameters.policy == SCHED_DEDICATED)
		return refuse(plan, i, refusal, "give it another core",
		              "the core is dedicated to partition %.31s", plan->demands[0].name);
	if (plan->demands[i].parameters.policy == SCHED_DEDICATED)
		return refuse(plan, i, refusal, "give it a core of its own, or another policy",
		              "it is dedicated, but partition %.31s is on the core", plan->demands[0].name);
	return E_OK;
}

static int check_demand(const struct sched_plan *plan, unsigned i, struct sched_refusal *refusal)
{
	int error = check_alone(plan, i, refusal);

	if (error)
		return error;
	switch (plan->demands[i].parameters.policy) {
	case SCHED_DEDICATED:
		return E_OK;
	case SCHED_CYCLIC:
		return check_cyclic(plan, i, refusal);
	case SCHED_RT:
		return check_rt(plan, i, refusal);
	case SCHED_FAIR:
		return check_fair(plan, i, refusal);
	}
	return refuse(plan, i, refusal, "make it dedicated, cyclic, rt or fair", "its policy is unknown");
}

/* --- the frame --- */
static int check_window(const struct sched_plan *plan, unsigned w, struct sched_refusal *refusal)
{
	const struct sched_plan_window *window = &plan->windows[w], *before = w > 0 ? window - 1 : NULL;
	unsigned i = window->owner;

	if (i >= plan->count)
		return refuse(plan, i, refusal, "name a partition of this core", "window %u is nobody's", w);
	if (plan->demands[i].parameters.policy != SCHED_CYCLIC)
		return refuse(plan, i, refusal, "make it cyclic, or leave the window out",
		              "it has window %u, but is not cyclic", w);
	if (window->length < SCHED_BUDGET_MIN)
		return refuse(plan, i, refusal, "make it 10us or more", "window %u is too short to be of use", w);
	if (window->start >= plan->frame || window->length > plan->frame - window->start)
		return refuse(plan, i, refusal, "shorten the window, or lengthen the frame",
		              "window %u does not end within the frame", w);
	if (before && window->start < before->start)
		return refuse(plan, i, refusal, "put the windows in order of time",
		              "window %u begins before the one that precedes it", w);
	if (before && window->start - before->start < before->length)
		return refuse(plan, i, refusal, "move or shorten one of the two",
		              "window %u overlaps the one before, of partition %.31s", w,
		              plan->demands[before->owner].name);
	return E_OK;
}

static int check_frame(const struct sched_plan *plan, struct sched_refusal *refusal)
{
	unsigned owner;

	if (plan->window_count == 0)
		return E_OK;
	owner = plan->windows[0].owner;
	if (plan->window_count > SCHED_WINDOWS_MAX)
		return refuse(plan, owner, refusal, "make it 256 or fewer", "the core has %u windows",
		              plan->window_count);
	if (plan->frame < SCHED_PERIOD_MIN || plan->frame > SCHED_PERIOD_MAX)
		return refuse(plan, owner, refusal, "make it 100us to 10s", "the frame is too %s",
		              plan->frame < SCHED_PERIOD_MIN ? "short" : "long");
	for (unsigned w = 0; w < plan->window_count; w++) {
		int error = check_window(plan, w, refusal);

		if (error)
			return error;
	}
	return E_OK;
}

/* --- rt: is there enough time? --- */
/* Of the first `count` demands. */
static uint64_t shortest_period(const struct sched_plan *plan, unsigned count)
{
	uint64_t shortest = SCHED_PERIOD_MAX;

	for (unsigned i = 0; i < count; i++)
		if (plan->demands[i].parameters.policy == SCHED_RT &&
		    plan->demands[i].parameters.period < shortest)
			shortest = plan->demands[i].parameters.period;
	return shortest;
}

static bool fits(const struct sched_plan *plan, unsigned count)
{
	return sched_ratio_holds(sched_supply(plan, shortest_period(plan, count)), plan->demands, count);
}

/* Demand i is the one too many. The figures are rounded for the reader; the test was exact. */
static int refuse_rt(const struct sched_plan *plan, unsigned i, struct sched_refusal *refusal)
{
	struct sched_ratio supply = sched_supply(plan, shortest_period(plan, i + 1));
	unsigned there = (unsigned)(supply.part * 10000 / supply.whole), asked = 0;

	for (unsigned n = 0; n <= i; n++) {
		const struct sched_parameters *p = &plan->demands[n].parameters;

		if (p->policy == SCHED_RT)
			asked += (unsigned)(p->budget * 10000 / p->period);
	}
	return refuse(plan, i, refusal, plan->window_count > 0
	              ? "shorten windows or budgets, lengthen periods, or use another core"
	              : "shorten a budget, lengthen a period, or use another core",
	              "its budget makes the rt sum %u.%02u per cent, more than the %u.%02u that there are%s",
	              asked / 100, asked % 100, there / 100, there % 100,
	              plan->window_count > 0 ? " at worst beside the windows" : "");
}

int sched_admit(const struct sched_plan *plan, struct sched_refusal *refusal)
{
	unsigned good = 0, bad = plan->count;
	int error;

	if (plan->count > SCHED_DEMANDS_MAX)
		return refuse(plan, SCHED_DEMANDS_MAX, refusal, "use other cores, too", "the core has too many");
	error = check_frame(plan, refusal);
	for (unsigned i = 0; i < plan->count && !error; i++)
		error = check_demand(plan, i, refusal);
	if (error || fits(plan, plan->count))
		return error;
	/* The fewest that do not fit: one more never makes it better. */
	while (bad - good > 1) {
		unsigned middle = good + (bad - good) / 2;

		if (fits(plan, middle))
			good = middle;
		else
			bad = middle;
	}
	return refuse_rt(plan, bad - 1, refusal);
}
