/* SPDX-License-Identifier: MIT */
/*
 * A core under the scheduler, with a clock that the test moves: tasks run for a burst, sleep, and wake. The core does
 * what kernel/sched.h asks and no more: it picks at `until` (or late by as much as the test allows), after a block, and
 * after a wake-up that says so.
 */
#ifndef TESTS_UNIT_SCHED_SIM_H
#define TESTS_UNIT_SCHED_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "kernel/sched.h"

#define SIM_TASKS 16
#define SIM_WINDOWS 32
#define SIM_HZ 1000000ull /* ticks are microseconds */
#define SIM_FOREVER UINT64_MAX

struct sim;

struct task {
	struct sched_entity e;              /* first */
	uint64_t burst_least, burst_most;   /* ticks that it runs before it sleeps; least SIM_FOREVER: never sleeps */
	uint64_t sleep_least, sleep_most;
	uint64_t burst, wake_at;            /* what is left of it now; when it wakes */
	uint64_t ran;                       /* what the core gave it: the reference for e.run */
	/* rt: what it is due, from `from` on, by `by`; from SIM_FOREVER: nothing, since it sleeps */
	uint64_t from, by, due, ran_at_from;
	bool partial;                       /* what is due is the rest of a budget after a wake-up */
	uint64_t periods;                   /* whole ones in which it was runnable throughout */
	uint64_t most_in_period;
};

struct sim {
	struct sched s;
	_Alignas(8) char memory[4096];
	struct task tasks[SIM_TASKS];
	unsigned count;
	uint64_t now, until;
	struct sched_entity *current;
	uint64_t seed;
	uint64_t late;                      /* the core comes back up to so many ticks after `until` */
	uint64_t slack;                     /* the rt check: so many ticks less than due are tolerated */
	bool partial_may_miss;
	uint64_t idle, picks;
	void (*picked)(struct sim *sim);    /* the test looks */
};

static inline uint64_t sim_random(struct sim *sim)
{
	sim->seed ^= sim->seed << 13;
	sim->seed ^= sim->seed >> 7;
	sim->seed ^= sim->seed << 17;
	return sim->seed;
}

static inline uint64_t sim_between(struct sim *sim, uint64_t least, uint64_t most)
{
	return least + sim_random(sim) % (most - least + 1);
}

static inline void sim_init(struct sim *sim, uint64_t seed)
{
	memset(sim, 0, sizeof(*sim));
	sim->seed = seed;
	sim->now = 1000;
	sched_init(&sim->s, SIM_HZ);
	assert_true(sched_size(SIM_TASKS, SIM_WINDOWS) <= sizeof(sim->memory));
	assert_int_equal(sched_reserve(&sim->s, SIM_TASKS, SIM_WINDOWS, sim->memory), E_OK);
}

/* A task that never sleeps, until the test gives it other times. */
static inline struct task *sim_add(struct sim *sim, struct sched_parameters p)
{
	struct task *task = &sim->tasks[sim->count++];

	assert_true(sim->count <= SIM_TASKS);
	assert_int_equal(sched_add(&sim->s, &task->e, &p), E_OK);
	task->burst_least = task->burst_most = SIM_FOREVER;
	task->wake_at = sim->now;
	task->from = SIM_FOREVER;
	return task;
}

static inline struct task *sim_add_rt(struct sim *sim, uint64_t budget, uint64_t period)
{
	return sim_add(sim, (struct sched_parameters){ .policy = SCHED_RT, .budget = budget, .period = period });
}

static inline struct task *sim_add_fair(struct sim *sim, unsigned weight, unsigned cap)
{
	return sim_add(sim, (struct sched_parameters){ .policy = SCHED_FAIR, .weight = weight, .cap = cap });
}

static inline void sim_sleeps(struct task *task, uint64_t burst_least, uint64_t burst_most, uint64_t sleep_least,
                              uint64_t sleep_most)
{
	task->burst_least = burst_least;
	task->burst_most = burst_most;
	task->sleep_least = sleep_least;
	task->sleep_most = sleep_most;
}

/* --- what an rt task is due: its budget in every period, beginning with the wake-up or the end of a wait --- */
static inline void sim_due(struct task *task, uint64_t from, uint64_t by, uint64_t due)
{
	task->partial = due < task->e.parameters.budget;
	task->from = from;
	task->by = by;
	task->due = due;
	task->ran_at_from = task->ran;
}

static inline void sim_due_at_wake(struct sim *sim, struct task *task)
{
	const struct sched_server *server = &task->e.server;
	const struct sched_parameters *p = &task->e.parameters;

	if (task->e.state == SCHED_THROTTLED)
		sim_due(task, server->deadline, server->deadline + p->period, p->budget);
	else
		sim_due(task, sim->now, server->deadline, (uint64_t)server->left);
}

/* Called when the clock has moved; the task has been runnable since `from`. */
static inline void sim_check_due(struct sim *sim, struct task *task)
{
	const struct sched_parameters *p = &task->e.parameters;

	if (p->policy != SCHED_RT)
		return;
	if (sim->now <= task->from)
		task->ran_at_from = task->ran;
	while (task->from != SIM_FOREVER && sim->now >= task->by) {
		uint64_t got = task->ran - task->ran_at_from;

		if (got + sim->slack < task->due && !(task->partial && sim->partial_may_miss))
			fail_msg("task %u got %lu of %lu by %lu", (unsigned)(task - sim->tasks), got, task->due,
			         task->by);
		if (got > task->most_in_period)
			task->most_in_period = got;
		task->periods += !task->partial;
		sim_due(task, task->by, task->by + p->period, p->budget);
	}
}

/* --- the core --- */
static inline void sim_pick(struct sim *sim)
{
	sim->current = sched_pick(&sim->s, sim->now, &sim->until);
	sim->picks++;
	assert_true(sim->until > sim->now);
	if (sim->picked)
		sim->picked(sim);
	if (sim->until != UINT64_MAX && sim->late > 0)
		sim->until += sim_random(sim) % (sim->late + 1);
}

static inline void sim_wake_due(struct sim *sim)
{
	bool again = false;

	for (unsigned i = 0; i < sim->count; i++) {
		struct task *task = &sim->tasks[i];

		if (task->wake_at > sim->now)
			continue;
		task->wake_at = SIM_FOREVER;
		task->burst = SIM_FOREVER;
		if (task->burst_least != SIM_FOREVER)
			task->burst = sim_between(sim, task->burst_least, task->burst_most);
		again |= sched_wake(&sim->s, &task->e, sim->now);
		if (task->e.parameters.policy == SCHED_RT)
			sim_due_at_wake(sim, task);
	}
	if (again || sim->now >= sim->until)
		sim_pick(sim);
}

static inline void sim_sleep(struct sim *sim, struct task *task)
{
	sched_block(&sim->s, &task->e, sim->now);
	task->from = SIM_FOREVER;
	task->wake_at = sim->now + sim_between(sim, task->sleep_least, task->sleep_most);
	sim->until = sim->now;
}

/* To the next event: something wakes, sleeps or `until` comes; deadlines of rt tasks are stopped at, to look. */
static inline void sim_step(struct sim *sim, uint64_t end)
{
	struct task *task = (struct task *)sim->current;
	uint64_t next = sim->until < end ? sim->until : end, ticks;

	for (unsigned i = 0; i < sim->count; i++) {
		if (sim->tasks[i].wake_at < next)
			next = sim->tasks[i].wake_at;
		if (sim->tasks[i].from != SIM_FOREVER && sim->tasks[i].from > sim->now && sim->tasks[i].from < next)
			next = sim->tasks[i].from;
		if (sim->tasks[i].from != SIM_FOREVER && sim->tasks[i].by < next)
			next = sim->tasks[i].by;
	}
	ticks = next - sim->now;
	if (task && task->burst < ticks)
		ticks = task->burst;
	sim->now += ticks;
	if (task) {
		task->ran += ticks;
		task->burst -= task->burst == SIM_FOREVER ? 0 : ticks;
	} else {
		sim->idle += ticks;
	}
	for (unsigned i = 0; i < sim->count; i++)
		sim_check_due(sim, &sim->tasks[i]);
	if (task && task->burst == 0)
		sim_sleep(sim, task);
	sim_wake_due(sim);
}

static inline void sim_run(struct sim *sim, uint64_t ticks)
{
	uint64_t end = sim->now + ticks, until;

	if (sim->picks == 0)
		sim_wake_due(sim);
	if (sim->picks == 0)
		sim_pick(sim);
	while (sim->now < end)
		sim_step(sim, end);
	/* The accounts of the scheduler are those of the core. */
	sim->current = sched_pick(&sim->s, sim->now, &until);
	sim->until = until;
	for (unsigned i = 0; i < sim->count; i++)
		assert_int_equal(sim->tasks[i].e.run, sim->tasks[i].ran);
}

#endif
