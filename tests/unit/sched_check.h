/* SPDX-License-Identifier: MIT */
/* What always holds of a struct sched between two calls, and what holds of the choice that sched_pick() made. */
#ifndef TESTS_UNIT_SCHED_CHECK_H
#define TESTS_UNIT_SCHED_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "kernel/sched.h"

/* A broken invariant ends the program: also a fuzz target's. */
static inline void must(bool condition)
{
	if (!condition)
		abort();
}

static inline const struct sched_entity *sched_check_entity(const struct sched_slot *slot)
{
	return (const struct sched_entity *)slot->node;
}

/* Every key is not above its children's, every member knows its place. */
static inline void sched_check_heap(const struct sched_heap *heap, unsigned capacity)
{
	must(heap->count <= capacity);
	for (unsigned i = 1; i <= heap->count; i++) {
		must(i == 1 || heap->slots[i / 2].key <= heap->slots[i].key);
		must(heap->slots[i].node->at == i);
	}
}

static inline void sched_check(const struct sched *s, const struct sched_entity *entities, unsigned count)
{
	unsigned members = 0, present = 0;

	sched_check_heap(&s->rt, s->capacity);
	sched_check_heap(&s->rt_throttled, s->capacity);
	sched_check_heap(&s->fair, s->capacity);
	sched_check_heap(&s->fair_throttled, s->capacity);
	for (unsigned i = 0; i < count; i++) {
		const struct sched_entity *e = &entities[i];
		bool rt = e->parameters.policy == SCHED_RT, fair = e->parameters.policy == SCHED_FAIR;
		bool runnable = e->state == SCHED_READY || e->state == SCHED_RUNNING;
		const struct sched_heap *heap = rt ? &s->rt : &s->fair;

		must((e->state != SCHED_ABSENT) == (e->sched == s));
		must((e->state == SCHED_RUNNING) == (e == s->current));
		must((e->node.at != 0) == ((rt || fair) && (runnable || e->state == SCHED_THROTTLED)));
		present += e->state != SCHED_ABSENT;
		members += e->node.at != 0;
		if (e->state == SCHED_THROTTLED) {
			heap = rt ? &s->rt_throttled : &s->fair_throttled;
			must(heap->slots[e->node.at].key == e->server.deadline && e->server.left <= 0);
			must(-e->server.left < (int64_t)e->server.budget);
		}
		must(e->node.at == 0 || heap->slots[e->node.at].node == &e->node);
		must(e->state != SCHED_READY || e->server.budget == 0 || e->server.left > 0);
		must(e->server.left <= (int64_t)e->server.budget);
		if (rt && runnable)
			must(s->rt.slots[e->node.at].key == e->server.deadline);
		if (fair && runnable)
			must(s->fair.slots[e->node.at].key >= e->vtime);
	}
	must(present == s->count);
	must(members == s->rt.count + s->rt_throttled.count + s->fair.count + s->fair_throttled.count);
	must(!s->turn || (s->turn->node.at && s->turn->state != SCHED_THROTTLED && s->turn->state != SCHED_BLOCKED));
	must(!s->yielded || (s->yielded->node.at && s->yielded->state != SCHED_THROTTLED));
}

/* Whose window is open at `now`, found the simple way. */
static inline struct sched_entity *sched_check_owner(const struct sched *s, uint64_t now)
{
	for (unsigned i = 0; i < s->window_count && now >= s->origin; i++) {
		uint64_t offset = (now - s->origin) % s->frame;

		if (offset >= s->windows[i].start && offset - s->windows[i].start < s->windows[i].length)
			return s->windows[i].owner;
	}
	return NULL;
}

static inline bool sched_check_runnable(const struct sched_entity *e)
{
	return e->state == SCHED_READY || e->state == SCHED_RUNNING;
}

/* `e` has not been chosen, though it is ready: why? */
static inline void sched_check_passed_over(const struct sched *s, const struct sched_entity *e,
                                           const struct sched_entity *chosen, uint64_t now)
{
	bool window = chosen && chosen->parameters.policy == SCHED_CYCLIC;

	switch (e->parameters.policy) {
	case SCHED_DEDICATED:
		must(false);
		break;
	case SCHED_CYCLIC:
		must(sched_check_owner(s, now) != e);
		break;
	case SCHED_RT:
		must(chosen && (window || (chosen->parameters.policy == SCHED_RT &&
		     (chosen->server.deadline <= e->server.deadline ||
		      (s->yielded == e && now < s->yielded_until && s->until <= s->yielded_until)))));
		break;
	case SCHED_FAIR:
		must(chosen && (chosen->parameters.policy < SCHED_FAIR || chosen == s->turn));
		break;
	}
}

/* After sched_pick() at `now`: the right one, and not for too long. */
static inline void sched_check_choice(const struct sched *s, const struct sched_entity *entities, unsigned count,
                                      uint64_t now, const struct sched_entity *chosen, uint64_t until)
{
	bool window = chosen && chosen->parameters.policy == SCHED_CYCLIC;

	bool cyclic = false;

	must(until > now && chosen == s->current && until == s->until);
	must(!window || sched_check_owner(s, now) == chosen);
	must(!chosen || chosen->server.budget == 0 || until - now <= (uint64_t)chosen->server.left);
	for (unsigned i = 0; i < count; i++) {
		const struct sched_entity *e = &entities[i];

		if (e != chosen && sched_check_runnable(e))
			sched_check_passed_over(s, e, chosen, now);
		/* The time at which a throttled one could take the core is not slept through. */
		if (e->state == SCHED_THROTTLED && !window &&
		    (!chosen || chosen->parameters.policy > SCHED_RT || e->parameters.policy == SCHED_RT))
			must(e->server.deadline > now && until <= e->server.deadline);
		cyclic |= e->parameters.policy == SCHED_CYCLIC && sched_check_runnable(e);
	}
	/* Nor is a window, if there is an owner who wants his. */
	if (cyclic && s->window_count > 0)
		must(until != UINT64_MAX && sched_check_owner(s, until - 1) == sched_check_owner(s, now));
}

#endif
