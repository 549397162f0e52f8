/* SPDX-License-Identifier: MIT */
/* Earliest deadline first over constant-bandwidth servers. */
#include "kernel/sched_policy.h"

static void make_ready(struct sched *s, struct sched_entity *e)
{
	e->state = SCHED_READY;
	sched_heap_insert(&s->rt, &e->node, e->server.deadline);
}

void sched_rt_throttle(struct sched *s, struct sched_entity *e)
{
	e->state = SCHED_THROTTLED;
	sched_heap_insert(&s->rt_throttled, &e->node, e->server.deadline);
}

void sched_rt_enqueue(struct sched *s, struct sched_entity *e, uint64_t now)
{
	if (sched_server_wake(&e->server, now)) {
		make_ready(s, e);
		return;
	}
	sched_rt_throttle(s, e);
}

void sched_rt_dequeue(struct sched *s, struct sched_entity *e)
{
	sched_heap_remove(e->state == SCHED_THROTTLED ? &s->rt_throttled : &s->rt, &e->node);
	if (s->yielded == e)
		s->yielded = NULL;
}

/*
 * Waiting until its slack is used up is the same as sleeping until then, after which it keeps its budget and deadline:
 * so neither its own guarantee nor another's suffers.
 */
void sched_rt_yield(struct sched *s, struct sched_entity *e, uint64_t now)
{
	s->yielded = e;
	s->yielded_until = sched_earlier(sched_server_slack(&e->server, now), now + s->slice);
}

static void release(struct sched *s, uint64_t now)
{
	while (sched_heap_key(&s->rt_throttled) <= now) {
		struct sched_entity *e = sched_entity_of(sched_heap_first(&s->rt_throttled));

		sched_heap_remove(&s->rt_throttled, &e->node);
		if (e->since < e->server.deadline)
			e->since = e->server.deadline;
		sched_server_replenish(&e->server, now);
		make_ready(s, e);
	}
}

static struct sched_entity *first(struct sched *s, uint64_t now, uint64_t *until)
{
	struct sched_node *node = sched_heap_first(&s->rt), *second;
	const struct sched_entity *current = s->current;

	if (!node)
		return NULL;
	if (sched_entity_of(node) == s->yielded && now < s->yielded_until) {
		second = sched_heap_second(&s->rt);
		if (second) {
			*until = sched_earlier(*until, s->yielded_until);
			return sched_entity_of(second);
		}
	}
	s->yielded = NULL;
	/* Of two with the same deadline the one that runs goes on. */
	if (current && current->parameters.policy == SCHED_RT && current->state == SCHED_RUNNING &&
	    current->server.deadline == sched_heap_key(&s->rt))
		return s->current;
	return sched_entity_of(node);
}

struct sched_entity *sched_rt_pick(struct sched *s, uint64_t now, uint64_t *until)
{
	struct sched_entity *e;

	release(s, now);
	*until = sched_earlier(*until, sched_heap_key(&s->rt_throttled));
	e = first(s, now, until);
	if (e)
		*until = sched_earlier(*until, now + (uint64_t)e->server.left);
	return e;
}
