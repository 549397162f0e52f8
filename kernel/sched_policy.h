/* SPDX-License-Identifier: MIT */
/* What the policies offer to sched.c, and nobody else. Pure. */
#ifndef KERNEL_SCHED_POLICY_H
#define KERNEL_SCHED_POLICY_H

#include "kernel/sched.h"

/* The node is the first member. */
static inline struct sched_entity *sched_entity_of(struct sched_node *node)
{
	return (struct sched_entity *)node;
}

static inline uint64_t sched_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- sched_server.c --- */
/* Becomes runnable. False: its budget is used up, not before the deadline. */
bool sched_server_wake(struct sched_server *server, uint64_t now);
/* The budget is used up: the deadline becomes the time when it gets one again, its debt deducted. */
void sched_server_exhaust(struct sched_server *server);
/* The deadline has come after that. */
void sched_server_replenish(struct sched_server *server, uint64_t now);
/* The latest time at which it may continue with the rest of its budget and still be within its bandwidth. */
uint64_t sched_server_slack(const struct sched_server *server, uint64_t now);

/* --- sched_cyclic.c --- */
/* Whose window is open; NULL: nobody's. Lowers *until to the next start or end of a window. */
struct sched_entity *sched_cyclic_owner(const struct sched *s, uint64_t now, uint64_t *until);
/* Its windows have no owner any more. */
void sched_cyclic_disown(struct sched *s, const struct sched_entity *e);

/* --- sched_rt.c, sched_fair.c: the same five for both --- */
/* Has become runnable: into the queue, READY or THROTTLED. */
void sched_rt_enqueue(struct sched *s, struct sched_entity *e, uint64_t now);
void sched_fair_enqueue(struct sched *s, struct sched_entity *e, uint64_t now);
/* Its server is exhausted: out of the way until the deadline, which may have come already. */
void sched_rt_throttle(struct sched *s, struct sched_entity *e);
void sched_fair_throttle(struct sched *s, struct sched_entity *e);
/* Out of the queue, whichever it is in. */
void sched_rt_dequeue(struct sched *s, struct sched_entity *e);
void sched_fair_dequeue(struct sched *s, struct sched_entity *e);
/* The running entity lets others go first. */
void sched_rt_yield(struct sched *s, struct sched_entity *e, uint64_t now);
void sched_fair_yield(struct sched *s, struct sched_entity *e);
/* The first of the queue, after those whose deadline has come were put back; NULL: none. Lowers *until. */
struct sched_entity *sched_rt_pick(struct sched *s, uint64_t now, uint64_t *until);
struct sched_entity *sched_fair_pick(struct sched *s, uint64_t now, uint64_t *until);

/* The running entity `e` had `ticks`. */
void sched_fair_charge(struct sched *s, struct sched_entity *e, uint64_t ticks);

#endif
