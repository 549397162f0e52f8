/* SPDX-License-Identifier: MIT */
/*
 * Shares by weight. An entity's virtual time is the ticks that it ran, divided by its weight: no faster than the clock,
 * so it never wraps, and exact, since the remainder is carried on. `floor` follows the smallest one.
 */
#include "kernel/sched_policy.h"

static void make_ready(struct sched *s, struct sched_entity *e)
{
	unsigned weight = e->parameters.weight;
	uint64_t credit = s->slice / weight;

	if (s->floor > credit && e->vtime < s->floor - credit)
		e->vtime = s->floor - credit;
	e->state = SCHED_READY;
	sched_heap_insert(&s->fair, &e->node, e->vtime);
	/* It waits for the end of the other's slice, unless it is far behind: then it needs little, and soon. */
	if (s->turn && e->vtime + s->slice / 4 / weight < s->turn->vtime)
		s->turn = NULL;
}

void sched_fair_throttle(struct sched *s, struct sched_entity *e)
{
	e->state = SCHED_THROTTLED;
	sched_heap_insert(&s->fair_throttled, &e->node, e->server.deadline);
}

void sched_fair_enqueue(struct sched *s, struct sched_entity *e, uint64_t now)
{
	if (e->parameters.cap == 0 || sched_server_wake(&e->server, now)) {
		make_ready(s, e);
		return;
	}
	sched_fair_throttle(s, e);
}

void sched_fair_dequeue(struct sched *s, struct sched_entity *e)
{
	sched_heap_remove(e->state == SCHED_THROTTLED ? &s->fair_throttled : &s->fair, &e->node);
	if (s->turn == e)
		s->turn = NULL;
}

void sched_fair_charge(struct sched *s, struct sched_entity *e, uint64_t ticks)
{
	unsigned weight = e->parameters.weight;
	const struct sched_entity *first;

	e->remainder += ticks % weight;
	e->vtime += ticks / weight + e->remainder / weight;
	e->remainder %= weight;
	sched_heap_update(&s->fair, &e->node, e->vtime);
	if (s->turn == e)
		s->turn_left -= sched_earlier(s->turn_left, ticks);
	first = sched_entity_of(sched_heap_first(&s->fair));
	if (first->vtime > s->floor)
		s->floor = first->vtime;
}

/* Behind those who are less than a slice ahead, and behind one other at least. Its virtual time stays. */
void sched_fair_yield(struct sched *s, struct sched_entity *e)
{
	uint64_t key = e->vtime + s->slice / e->parameters.weight;
	struct sched_node *other = sched_heap_first(&s->fair);

	s->turn = NULL;
	if (other == &e->node)
		other = sched_heap_second(&s->fair);
	if (!other)
		return;
	if (s->fair.slots[other->at].key >= key)
		key = s->fair.slots[other->at].key + 1;
	sched_heap_update(&s->fair, &e->node, key);
}

static void release(struct sched *s, uint64_t now)
{
	while (sched_heap_key(&s->fair_throttled) <= now) {
		struct sched_entity *e = sched_entity_of(sched_heap_first(&s->fair_throttled));

		sched_heap_remove(&s->fair_throttled, &e->node);
		if (e->since < e->server.deadline)
			e->since = e->server.deadline;
		sched_server_replenish(&e->server, now);
		make_ready(s, e);
	}
}

/* The first one's turn begins, and a yield before it is forgotten. */
static void next_turn(struct sched *s)
{
	s->turn = sched_entity_of(sched_heap_first(&s->fair));
	s->turn_left = s->slice;
	if (sched_heap_key(&s->fair) != s->turn->vtime)
		sched_heap_update(&s->fair, &s->turn->node, s->turn->vtime);
}

struct sched_entity *sched_fair_pick(struct sched *s, uint64_t now, uint64_t *until)
{
	release(s, now);
	*until = sched_earlier(*until, sched_heap_key(&s->fair_throttled));
	if (s->fair.count == 0)
		return NULL;
	if (!s->turn || s->turn_left == 0)
		next_turn(s);
	if (s->fair.count > 1)
		*until = sched_earlier(*until, now + s->turn_left);
	if (s->turn->parameters.cap > 0)
		*until = sched_earlier(*until, now + (uint64_t)s->turn->server.left);
	return s->turn;
}
