/* SPDX-License-Identifier: MIT */
/* The major frame and its windows (ARINC 653 part 1, partition scheduling). */
#include <string.h>

#include "kernel/errno.h"
#include "kernel/sched_policy.h"

/* The first window that ends after `offset`; window_count: none. */
static unsigned find(const struct sched *s, uint64_t offset)
{
	unsigned low = 0, high = s->window_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (s->windows[middle].start + s->windows[middle].length > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct sched_entity *sched_cyclic_owner(const struct sched *s, uint64_t now, uint64_t *until)
{
	const struct sched_window *window;
	uint64_t offset, begin;
	unsigned i;

	if (s->window_count == 0)
		return NULL;
	if (now < s->origin) {
		*until = sched_earlier(*until, s->origin);
		return NULL;
	}
	offset = (now - s->origin) % s->frame;
	begin = now - offset;
	i = find(s, offset);
	if (i == s->window_count) {
		*until = sched_earlier(*until, begin + s->frame + s->windows[0].start);
		return NULL;
	}
	window = &s->windows[i];
	if (window->start > offset) {
		*until = sched_earlier(*until, begin + window->start);
		return NULL;
	}
	*until = sched_earlier(*until, begin + window->start + window->length);
	return window->owner;
}

void sched_cyclic_disown(struct sched *s, const struct sched_entity *e)
{
	for (unsigned i = 0; i < s->window_count; i++)
		if (s->windows[i].owner == e)
			s->windows[i].owner = NULL;
}

static bool is_good(const struct sched *s, uint64_t frame, const struct sched_window *windows, unsigned count)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct sched_window *w = &windows[i];

		if (w->start < end || w->start >= frame || w->length == 0 || w->length > frame - w->start)
			return false;
		if (!w->owner || w->owner->sched != s || w->owner->parameters.policy != SCHED_CYCLIC)
			return false;
		end = w->start + w->length;
	}
	return true;
}

int sched_set_frame(struct sched *s, uint64_t frame, const struct sched_window *windows, unsigned count,
                    uint64_t origin)
{
	if (frame > SCHED_TICKS_MAX || (frame == 0) != (count == 0))
		return E_INVALID;
	if (count > s->window_capacity)
		return E_FULL;
	if (!is_good(s, frame, windows, count))
		return E_INVALID;
	if (count > 0)
		memcpy(s->windows, windows, count * sizeof(*windows));
	s->window_count = count;
	s->frame = frame;
	s->origin = origin;
	return E_OK;
}
