/* SPDX-License-Identifier: MIT */
/* kernel/sched_rt.c, sched_server.c: what the admission test accepts gets its budgets in time, and nobody gets more. */
#include "sched_sim.h"

#include "kernel/sched_admit.h"

#define CASES 300

static struct sim sim;

/* Random budgets that add up to at most 1, often to exactly 1: `parts` of a common divisor of the periods. */
static unsigned random_set(struct sim *s, uint64_t *budgets, uint64_t *periods)
{
	static const uint64_t choices[] = { 120, 200, 240, 400, 600, 1000, 1200, 2400, 3000, 6000 };
	unsigned count = (unsigned)sim_between(s, 1, 8), left = 40, n = 0;

	while (n < count && left > 0) {
		uint64_t parts = n + 1 == count ? left : sim_between(s, 1, left);

		periods[n] = choices[sim_random(s) % 10];
		budgets[n] = periods[n] * parts / 40;
		left -= (unsigned)parts;
		n++;
	}
	return n;
}

static bool admitted(const uint64_t *budgets, const uint64_t *periods, unsigned count)
{
	struct sched_demand demands[SIM_TASKS] = { 0 };
	struct sched_plan plan = { .demands = demands, .count = count };
	struct sched_refusal refusal;

	for (unsigned i = 0; i < count; i++) {
		demands[i].name = "p";
		/* A tick of the simulation is 100 us to the admission test. */
		demands[i].parameters = (struct sched_parameters){
			.policy = SCHED_RT, .budget = budgets[i] * 100000, .period = periods[i] * 100000,
		};
	}
	return sched_admit(&plan, &refusal) == E_OK;
}

static void start(unsigned seed, uint64_t *budgets, uint64_t *periods)
{
	unsigned count;

	sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
	count = random_set(&sim, budgets, periods);
	assert_true(admitted(budgets, periods, count));
	for (unsigned i = 0; i < count; i++)
		sim_add_rt(&sim, budgets[i], periods[i]);
	sim_add_fair(&sim, 100, 0);
}

/* Whoever never sleeps gets exactly its budget in every period, up to a load of 100 per cent. */
static void always_runnable(void **state)
{
	uint64_t budgets[8], periods[8];

	(void)state;
	for (unsigned seed = 1; seed <= CASES; seed++) {
		start(seed, budgets, periods);
		for (unsigned i = 0; i + 1 < sim.count; i++)
			sim.tasks[i].wake_at += sim_random(&sim) % periods[i];
		sim_run(&sim, 20000);
		for (unsigned i = 0; i + 1 < sim.count; i++) {
			assert_int_equal(sim.tasks[i].e.missed, 0);
			assert_int_equal(sim.tasks[i].e.overruns, 0);
			assert_int_equal(sim.tasks[i].most_in_period, budgets[i]);
			assert_true(sim.tasks[i].periods >= 2);
		}
	}
}

/* Whatever the sleepers do, each has what is due whenever it is runnable, and never more than its bandwidth. */
static void sleepers(void **state)
{
	uint64_t budgets[8], periods[8], whole = 0;

	(void)state;
	for (unsigned seed = 1; seed <= CASES; seed++) {
		start(seed, budgets, periods);
		for (unsigned i = 0; i + 1 < sim.count; i++)
			if (sim_random(&sim) % 3)
				sim_sleeps(&sim.tasks[i], 1, 1 + budgets[i] * (1 + sim_random(&sim) % 3), 1,
				           1 + periods[i] * (sim_random(&sim) % 3));
		sim_run(&sim, 20000);
		for (unsigned i = 0; i + 1 < sim.count; i++) {
			assert_int_equal(sim.tasks[i].e.missed, 0);
			assert_true(sim.tasks[i].most_in_period <= budgets[i]);
			assert_true(sim.tasks[i].ran <= (20000 / periods[i] + 2) * budgets[i]);
			whole += sim.tasks[i].periods;
		}
	}
	assert_true(whole > 1000);
}

/* The same where they yield as well: a yield costs nobody his guarantee. */
static void yield_often(struct sim *s)
{
	uint64_t until;

	if (s->current && sim_random(s) % 2) {
		sched_give_way(&s->s, s->current, s->now);
		s->current = sched_pick(&s->s, s->now, &until);
		s->until = until;
		assert_true(until > s->now);
	}
}

static void yields(void **state)
{
	uint64_t budgets[8], periods[8];

	(void)state;
	for (unsigned seed = 1; seed <= CASES; seed++) {
		start(seed, budgets, periods);
		sim.picked = yield_often;
		for (unsigned i = 0; i + 1 < sim.count; i++)
			if (sim_random(&sim) % 3 == 0)
				sim_sleeps(&sim.tasks[i], 1, 2 * budgets[i], 1, periods[i]);
		sim_run(&sim, 20000);
		for (unsigned i = 0; i + 1 < sim.count; i++)
			assert_int_equal(sim.tasks[i].e.missed, 0);
	}
}

/* A core that is late: nobody exceeds a budget by more than that, and it is paid back. */
static void late_core(void **state)
{
	uint64_t budgets[8], periods[8];

	(void)state;
	for (unsigned seed = 1; seed <= CASES; seed++) {
		start(seed, budgets, periods);
		sim.s.granularity = 5;
		sim.late = 5;
		sim.slack = UINT64_MAX / 2; /* a load of 100 per cent leaves no time for being late */
		sim_run(&sim, 50000);
		for (unsigned i = 0; i + 1 < sim.count; i++) {
			assert_int_equal(sim.tasks[i].e.overruns, 0);
			assert_true(sim.tasks[i].ran <= (50000 / periods[i] + 1) * budgets[i] + 5);
		}
	}
}

/* With a quarter of the core free, being late by 1 % of the shortest period costs nobody more than that. */
static void late_core_with_reserve(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= CASES; seed++) {
		sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
		sim_add_rt(&sim, 100, 500);
		sim_add_rt(&sim, 250, 1000);
		sim_add_rt(&sim, 900, 3000);
		sim_add_fair(&sim, 100, 0);
		sim.late = sim.slack = sim.s.granularity = 5;
		sim_run(&sim, 50000);
		for (unsigned i = 0; i < 3; i++) {
			const struct task *task = &sim.tasks[i];
			uint64_t budget = task->e.parameters.budget;

			assert_int_equal(task->e.missed, 0);
			assert_true(task->most_in_period <= budget + 5);
			assert_true(task->ran <= (50000 / task->e.parameters.period + 1) * budget + 5);
		}
	}
}

/* Too much is asked: it shows, and those below 1 are not starved for ever. */
static void overload_is_counted(void **state)
{
	(void)state;
	sim_init(&sim, 1);
	sim_add_rt(&sim, 800, 1000);
	sim_add_rt(&sim, 800, 1300);
	sim.slack = UINT64_MAX / 2;
	sim_run(&sim, 1000000);
	assert_true(sim.tasks[0].e.missed + sim.tasks[1].e.missed > 100);
	assert_true(sim.tasks[0].ran > 300000 && sim.tasks[1].ran > 300000);
	assert_int_equal(sim.idle, 0);
}

static void overrun(void **state)
{
	struct task *rt;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	rt = sim_add_rt(&sim, 100, 1000);
	assert_true(sched_wake(&sim.s, &rt->e, 1000));
	assert_ptr_equal(sched_pick(&sim.s, 1000, &until), &rt->e);
	assert_int_equal(until, 1100);
	/* Late by the granularity: none. It is in debt by 20 ticks. */
	assert_null(sched_pick(&sim.s, 1120, &until));
	assert_int_equal(until, 2000);
	assert_int_equal(rt->e.overruns, 0);
	assert_int_equal(rt->e.throttled, 1);
	assert_ptr_equal(sched_pick(&sim.s, 2000, &until), &rt->e);
	assert_int_equal(until, 2080);
	/* Later: counted, and two periods and a half are paid back. */
	assert_null(sched_pick(&sim.s, 2330, &until));
	assert_int_equal(rt->e.overruns, 1);
	assert_int_equal(rt->e.worst_overrun, 250);
	assert_int_equal(until, 5000);
	assert_int_equal(rt->e.state, SCHED_THROTTLED);
	assert_ptr_equal(sched_pick(&sim.s, 5000, &until), &rt->e);
	assert_int_equal(until, 5050);
	assert_int_equal(rt->e.run, 450);
}

/* After a time when nobody picked, what was missed is not made up for. */
static void no_catching_up(void **state)
{
	struct task *rt;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	rt = sim_add_rt(&sim, 100, 1000);
	sched_wake(&sim.s, &rt->e, 1000);
	sched_pick(&sim.s, 1000, &until);
	assert_null(sched_pick(&sim.s, 1100, &until));
	assert_int_equal(until, 2000);
	assert_ptr_equal(sched_pick(&sim.s, 12000, &until), &rt->e);
	assert_int_equal(until, 12100);
	assert_null(sched_pick(&sim.s, 12100, &until));
	assert_int_equal(until, 13000);
	/* Less than a period late: the phase stays. */
	assert_ptr_equal(sched_pick(&sim.s, 13999, &until), &rt->e);
	assert_int_equal(rt->e.server.deadline, 14000);
}

/* An endless debt keeps times in range. */
static void huge_overrun(void **state)
{
	struct task *rt;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	rt = sim_add_rt(&sim, 1, SCHED_TICKS_MAX);
	sched_wake(&sim.s, &rt->e, 0);
	assert_ptr_equal(sched_pick(&sim.s, 0, &until), &rt->e);
	assert_null(sched_pick(&sim.s, 1ull << 50, &until));
	assert_true(until > 1ull << 60 && until < 1ull << 61);
	assert_int_equal(rt->e.worst_overrun, (1ull << 50) - 1);
}

/* The rules of a wake-up (Abeni and Buttazzo): the rest and the deadline stay if that is within the bandwidth. */
static void wake_rules(void **state)
{
	struct task *rt;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	rt = sim_add_rt(&sim, 400, 1000);
	sched_wake(&sim.s, &rt->e, 1000);
	sched_pick(&sim.s, 1000, &until);
	sched_block(&sim.s, &rt->e, 1300); /* 100 left until 2000 */
	sched_wake(&sim.s, &rt->e, 1750);  /* 100 in 250 is 40 per cent: just so */
	assert_int_equal(rt->e.server.deadline, 2000);
	assert_ptr_equal(sched_pick(&sim.s, 1750, &until), &rt->e);
	assert_int_equal(until, 1850);
	sched_block(&sim.s, &rt->e, 1751); /* 99 left */
	sched_wake(&sim.s, &rt->e, 1753);  /* 99 in 247: more than 40 per cent */
	assert_int_equal(rt->e.server.deadline, 2753);
	assert_ptr_equal(sched_pick(&sim.s, 1753, &until), &rt->e);
	assert_int_equal(until, 2153);
	sched_block(&sim.s, &rt->e, 2153); /* nothing left: it waits for its deadline, awake or not */
	assert_null(sched_pick(&sim.s, 2153, &until));
	assert_true(until == UINT64_MAX);
	assert_true(sched_wake(&sim.s, &rt->e, 2200));
	assert_int_equal(rt->e.state, SCHED_THROTTLED);
	assert_null(sched_pick(&sim.s, 2200, &until));
	assert_int_equal(until, 2753);
	sched_block(&sim.s, &rt->e, 2300);
	assert_true(sched_wake(&sim.s, &rt->e, 9000));
	assert_ptr_equal(sched_pick(&sim.s, 9000, &until), &rt->e);
	assert_int_equal(until, 9400);
	assert_int_equal(rt->e.server.deadline, 10000);
}

/* A wake-up of an rt entity goes before a fair one at once, and before a later deadline. */
static void preemption(void **state)
{
	struct task *fair, *slow, *quick;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	fair = sim_add_fair(&sim, 100, 0);
	slow = sim_add_rt(&sim, 3000, 10000);
	quick = sim_add_rt(&sim, 100, 1000);
	assert_true(sched_wake(&sim.s, &fair->e, 0));
	assert_ptr_equal(sched_pick(&sim.s, 0, &until), &fair->e);
	assert_true(until == UINT64_MAX);
	assert_true(sched_wake(&sim.s, &slow->e, 500));
	assert_ptr_equal(sched_pick(&sim.s, 500, &until), &slow->e);
	assert_int_equal(until, 3500);
	assert_true(sched_wake(&sim.s, &quick->e, 600));
	assert_ptr_equal(sched_pick(&sim.s, 600, &until), &quick->e);
	assert_int_equal(until, 700);
	assert_ptr_equal(sched_pick(&sim.s, 700, &until), &slow->e);
	assert_int_equal(until, 1600); /* the quick one's next period */
	sched_block(&sim.s, &quick->e, 900);
	assert_false(sched_wake(&sim.s, &quick->e, 900));
	assert_ptr_equal(sched_pick(&sim.s, 1600, &until), &quick->e);
	sched_block(&sim.s, &slow->e, 1600);
	sched_block(&sim.s, &quick->e, 1610);
	assert_ptr_equal(sched_pick(&sim.s, 1610, &until), &fair->e);
	assert_true(until == UINT64_MAX);
	assert_int_equal(fair->e.waited, 1110);
	assert_int_equal(slow->e.waited, 100);
}

/* A vCPU that spins lets the next one go first, as long as it can afford it. */
static void yield(void **state)
{
	struct task *a, *b;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	a = sim_add_rt(&sim, 200, 1000);
	b = sim_add_rt(&sim, 2000, 10000);
	sched_wake(&sim.s, &a->e, 0);
	sched_wake(&sim.s, &b->e, 0);
	assert_ptr_equal(sched_pick(&sim.s, 0, &until), &a->e);
	sched_give_way(&sim.s, &a->e, 100);
	assert_ptr_equal(sched_pick(&sim.s, 100, &until), &b->e);
	assert_int_equal(until, 500); /* 100 left, which take 500 at 20 per cent */
	assert_ptr_equal(sched_pick(&sim.s, 499, &until), &b->e);
	assert_ptr_equal(sched_pick(&sim.s, 500, &until), &a->e);
	sched_give_way(&sim.s, &a->e, 500); /* no slack */
	assert_ptr_equal(sched_pick(&sim.s, 500, &until), &a->e);
	assert_int_equal(until, 600);
	sched_give_way(&sim.s, &a->e, 600); /* nothing left at all */
	assert_int_equal(a->e.state, SCHED_THROTTLED);
	assert_ptr_equal(sched_pick(&sim.s, 600, &until), &b->e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(always_runnable), cmocka_unit_test(sleepers), cmocka_unit_test(yields),
		cmocka_unit_test(late_core), cmocka_unit_test(late_core_with_reserve),
		cmocka_unit_test(overload_is_counted), cmocka_unit_test(overrun), cmocka_unit_test(no_catching_up),
		cmocka_unit_test(huge_overrun), cmocka_unit_test(wake_rules), cmocka_unit_test(preemption),
		cmocka_unit_test(yield),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
