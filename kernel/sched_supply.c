/* SPDX-License-Identifier: MIT */
/*
 * What cyclic windows leave. An interval that is moved later loses supply only while it begins in free time and ends in
 * a window; so of those of one length, one that begins with a window has the least. While it grows through a window the
 * supply stays, so supply(L) / L is smallest where the interval also ends with a window, or where L is as short as it
 * may be. One frame more adds the same share to each, so lengths beyond one frame after the shortest need not be
 * looked at, but for the share itself.
 */
#include "kernel/sched_ratio.h"

static uint64_t window_end(const struct sched_plan *plan, unsigned i)
{
	return plan->windows[i].start + plan->windows[i].length;
}

static uint64_t taken_per_frame(const struct sched_plan *plan)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < plan->window_count; i++)
		sum += plan->windows[i].length;
	return sum;
}

/* The time in windows from the frame's start to `time` after it, which may be frames later. */
static uint64_t taken_before(const struct sched_plan *plan, uint64_t time)
{
	uint64_t offset = time % plan->frame, sum = time / plan->frame * taken_per_frame(plan);

	for (unsigned i = 0; i < plan->window_count && plan->windows[i].start < offset; i++)
		sum += (window_end(plan, i) < offset ? window_end(plan, i) : offset) - plan->windows[i].start;
	return sum;
}

static void lower(struct sched_ratio *least, uint64_t part, uint64_t whole)
{
	struct sched_ratio ratio = { part, whole };

	if (sched_ratio_less(ratio, *least))
		*least = ratio;
}

/* An interval of `length` from `start` on. */
static void try(const struct sched_plan *plan, uint64_t start, uint64_t length, struct sched_ratio *least)
{
	lower(least, length - (taken_before(plan, start + length) - taken_before(plan, start)), length);
}

/* All intervals from the start of window `first` to the end of each, made as many frames longer as `shortest` needs. */
static void try_from(const struct sched_plan *plan, unsigned first, uint64_t shortest, struct sched_ratio *least)
{
	uint64_t taken = 0, all = taken_per_frame(plan);

	for (unsigned n = 0; n < plan->window_count; n++) {
		unsigned last = (first + n) % plan->window_count;
		uint64_t end = window_end(plan, last) + (last < first ? plan->frame : 0);
		uint64_t length = end - plan->windows[first].start, frames = 0;

		taken += plan->windows[last].length;
		if (length < shortest)
			frames = (shortest - length + plan->frame - 1) / plan->frame;
		length += frames * plan->frame;
		lower(least, length - taken - frames * all, length);
	}
}

struct sched_ratio sched_supply(const struct sched_plan *plan, uint64_t shortest)
{
	struct sched_ratio least = { 1, 1 };

	if (plan->window_count == 0)
		return least;
	lower(&least, plan->frame - taken_per_frame(plan), plan->frame);
	for (unsigned i = 0; i < plan->window_count; i++) {
		try(plan, plan->windows[i].start, shortest, &least);
		try_from(plan, i, shortest, &least);
	}
	return least;
}
