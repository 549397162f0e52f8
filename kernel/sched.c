/* SPDX-License-Identifier: MIT */
/* The scheduler of a core: states, accounts and precedence. What each policy does is in sched_<policy>.c. */
#include "kernel/sched.h"

#include <string.h>

#include "kernel/errno.h"
#include "kernel/sched_policy.h"

void sched_init(struct sched *s, uint64_t hz)
{
	*s = (struct sched){
		.slice = hz / 250,
		.cap_period = hz / 10,
		.granularity = hz / 50000,
		.until = UINT64_MAX,
	};
}

size_t sched_size(unsigned entities, unsigned windows)
{
	if (entities > SCHED_ENTITIES_MAX || windows > SCHED_WINDOWS_MAX)
		return 0;
	return 4 * (entities + 1ul) * sizeof(struct sched_slot) + windows * sizeof(struct sched_window);
}

int sched_reserve(struct sched *s, unsigned entities, unsigned windows, void *memory)
{
	struct sched_heap *heaps[] = { &s->rt, &s->rt_throttled, &s->fair, &s->fair_throttled };
	struct sched_slot *slots = memory;

	if (sched_size(entities, windows) == 0 || entities < s->count || windows < s->window_count)
		return E_INVALID;
	for (unsigned i = 0; i < 4; i++, slots += entities + 1) {
		memset(slots, 0, (entities + 1ul) * sizeof(*slots));
		if (heaps[i]->count > 0)
			memcpy(slots, heaps[i]->slots, (heaps[i]->count + 1ul) * sizeof(*slots));
		heaps[i]->slots = slots;
	}
	if (s->window_count > 0)
		memcpy(slots, s->windows, s->window_count * sizeof(*s->windows));
	s->windows = (struct sched_window *)slots;
	s->capacity = entities;
	s->window_capacity = windows;
	return E_OK;
}

static bool is_valid(const struct sched_parameters *p)
{
	switch (p->policy) {
	case SCHED_DEDICATED:
	case SCHED_CYCLIC:
		return true;
	case SCHED_RT:
		return p->budget > 0 && p->budget <= p->period && p->period <= SCHED_TICKS_MAX;
	case SCHED_FAIR:
		return p->weight > 0 && p->weight <= SCHED_WEIGHT_MAX && p->cap <= SCHED_CAP_MAX;
	}
	return false;
}

int sched_add(struct sched *s, struct sched_entity *e, const struct sched_parameters *p)
{
	if (!is_valid(p))
		return E_INVALID;
	if (e->sched || s->dedicated || (p->policy == SCHED_DEDICATED && s->count > 0))
		return E_BUSY;
	if (s->count == s->capacity)
		return E_FULL;
	*e = (struct sched_entity){ .state = SCHED_BLOCKED, .parameters = *p, .sched = s };
	if (p->policy == SCHED_DEDICATED)
		s->dedicated = e;
	if (p->policy == SCHED_RT)
		e->server = (struct sched_server){ .budget = p->budget, .period = p->period };
	if (p->policy == SCHED_FAIR && p->cap > 0)
		e->server = (struct sched_server){ .budget = s->cap_period * p->cap / 100, .period = s->cap_period };
	s->count++;
	return E_OK;
}

static bool has_server(const struct sched_entity *e)
{
	return e->parameters.policy == SCHED_RT || (e->parameters.policy == SCHED_FAIR && e->parameters.cap > 0);
}

static bool is_runnable(const struct sched_entity *e)
{
	return e->state == SCHED_READY || e->state == SCHED_RUNNING;
}

static void enqueue(struct sched *s, struct sched_entity *e, uint64_t now)
{
	e->since = now;
	if (e->parameters.policy == SCHED_RT)
		sched_rt_enqueue(s, e, now);
	else if (e->parameters.policy == SCHED_FAIR)
		sched_fair_enqueue(s, e, now);
	else
		e->state = SCHED_READY;
	s->cyclic_runnable += e->parameters.policy == SCHED_CYCLIC;
}

static void dequeue(struct sched *s, struct sched_entity *e)
{
	if (e->parameters.policy == SCHED_RT)
		sched_rt_dequeue(s, e);
	else if (e->parameters.policy == SCHED_FAIR)
		sched_fair_dequeue(s, e);
	s->cyclic_runnable -= e->parameters.policy == SCHED_CYCLIC;
	e->state = SCHED_BLOCKED;
}

/* The ticks since the last account are the current entity's. */
static void account(struct sched *s, uint64_t now)
{
	struct sched_entity *e = s->current;
	uint64_t ticks = now - s->since;

	s->since = now;
	if (!e)
		return;
	e->run += ticks;
	if (has_server(e))
		e->server.left -= (int64_t)ticks;
	if (e->parameters.policy == SCHED_FAIR)
		sched_fair_charge(s, e, ticks);
}

/* The same where its run ends, or could end: was it in time? */
static void finish(struct sched *s, uint64_t now)
{
	struct sched_entity *e = s->current;

	account(s, now);
	if (e && now > s->until && now - s->until > s->granularity) {
		e->overruns++;
		if (now - s->until > e->worst_overrun)
			e->worst_overrun = now - s->until;
	}
}

/* The current entity, after finish(), has the core no longer. */
static void put(struct sched *s, uint64_t now)
{
	struct sched_entity *e = s->current;

	e->state = SCHED_READY;
	e->since = now;
	s->current = NULL;
	s->until = now;
}

/* The rt entity's budget is used up, or it blocks: did it have its chance? */
static void check_deadline(const struct sched *s, struct sched_entity *e, uint64_t now)
{
	if (e->parameters.policy == SCHED_RT && now > e->server.deadline &&
	    now - e->server.deadline > s->granularity)
		e->missed++;
}

/* Out of the queue after a run; its server is put in order. */
static void leave(struct sched *s, struct sched_entity *e, uint64_t now)
{
	dequeue(s, e);
	if (!has_server(e))
		return;
	check_deadline(s, e, now);
	if (e->server.left <= 0)
		sched_server_exhaust(&e->server);
}

/* An exhausted server of the current entity makes it wait. */
static void throttle(struct sched *s, uint64_t now)
{
	struct sched_entity *e = s->current;

	if (!e || !has_server(e) || e->server.left > 0)
		return;
	put(s, now);
	leave(s, e, now);
	e->throttled++;
	if (e->parameters.policy == SCHED_RT)
		sched_rt_throttle(s, e);
	else
		sched_fair_throttle(s, e);
}

/* --- what the caller sees --- */
void sched_remove(struct sched *s, struct sched_entity *e, uint64_t now)
{
	if (e->sched != s)
		return;
	sched_block(s, e, now);
	if (s->dedicated == e)
		s->dedicated = NULL;
	sched_cyclic_disown(s, e);
	e->sched = NULL;
	e->state = SCHED_ABSENT;
	s->count--;
}

/* When pick is due because of `e`, which has just become ready: now, or later; UINT64_MAX: when it is anyway. */
static uint64_t due(struct sched *s, const struct sched_entity *e, uint64_t now)
{
	const struct sched_entity *current = s->current;
	uint64_t until = UINT64_MAX;

	if (e->state == SCHED_THROTTLED)
		return e->server.deadline;
	if (e->parameters.policy == SCHED_CYCLIC)
		return sched_cyclic_owner(s, now, &until) == e ? now : until;
	if (!current || e->parameters.policy < current->parameters.policy)
		return now;
	if (e->parameters.policy > current->parameters.policy)
		return UINT64_MAX;
	if (e->parameters.policy == SCHED_RT)
		return e->server.deadline < current->server.deadline ? now : UINT64_MAX;
	return s->turn == current ? now + s->turn_left : now;
}

bool sched_wake(struct sched *s, struct sched_entity *e, uint64_t now)
{
	uint64_t when;

	if (e->sched != s || e->state != SCHED_BLOCKED)
		return false;
	account(s, now);
	enqueue(s, e, now);
	when = due(s, e, now);
	if (when > now && when >= s->until)
		return false;
	s->until = sched_earlier(s->until, when);
	return true;
}

void sched_block(struct sched *s, struct sched_entity *e, uint64_t now)
{
	if (e->sched != s || e->state == SCHED_BLOCKED)
		return;
	if (e == s->current) {
		finish(s, now);
		put(s, now);
		leave(s, e, now);
		return;
	}
	if (e->state == SCHED_READY)
		e->waited += now - e->since;
	dequeue(s, e);
}

void sched_give_way(struct sched *s, struct sched_entity *e, uint64_t now)
{
	if (e != s->current)
		return;
	finish(s, now);
	throttle(s, now);
	if (e != s->current)
		return;
	put(s, now);
	if (e->parameters.policy == SCHED_RT)
		sched_rt_yield(s, e, now);
	if (e->parameters.policy == SCHED_FAIR)
		sched_fair_yield(s, e);
}

static struct sched_entity *choose(struct sched *s, uint64_t now, uint64_t *until)
{
	struct sched_entity *e = s->dedicated;

	*until = UINT64_MAX;
	if (e)
		return is_runnable(e) ? e : NULL;
	/* While no owner wants its windows, they cost nothing, not even the timer. */
	if (s->cyclic_runnable > 0)
		e = sched_cyclic_owner(s, now, until);
	if (e && is_runnable(e))
		return e;
	e = sched_rt_pick(s, now, until);
	return e ? e : sched_fair_pick(s, now, until);
}

struct sched_entity *sched_pick(struct sched *s, uint64_t now, uint64_t *until)
{
	struct sched_entity *next;

	finish(s, now);
	throttle(s, now);
	next = choose(s, now, until);
	if (next != s->current) {
		if (s->current)
			put(s, now);
		if (next) {
			next->waited += now - next->since;
			next->state = SCHED_RUNNING;
		}
		s->current = next;
	}
	s->until = *until;
	return next;
}
