/* SPDX-License-Identifier: MIT */
/* kernel/sched_fair.c: shares by weight, caps, no starvation. */
#include "sched_sim.h"

static struct sim sim;

#define SECOND SIM_HZ

/* |got - due| <= 1 % of due. */
static void check_share(uint64_t got, double due)
{
	if ((double)got < due * 0.99 || (double)got > due * 1.01)
		fail_msg("got %lu, due %.0f", got, due);
}

/* With what it is waiting now. */
static uint64_t waited(const struct sched_entity *e)
{
	return e->waited + (e->state == SCHED_READY ? sim.now - e->since : 0);
}

static void weights(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		double sum = 0;

		sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
		for (unsigned i = 0, count = 2 + seed % 7; i < count; i++) {
			sim_add_fair(&sim, (unsigned)sim_between(&sim, 30, 1000), 0);
			sum += sim.tasks[i].e.parameters.weight;
		}
		sim_run(&sim, 120 * SECOND);
		for (unsigned i = 0; i < sim.count; i++) {
			check_share(sim.tasks[i].ran, 120. * SECOND * sim.tasks[i].e.parameters.weight / sum);
			assert_int_equal(sim.tasks[i].e.run + waited(&sim.tasks[i].e), 120 * SECOND);
		}
	}
}

/* The extremes: nobody is ever further from its share than two slices. */
static void extreme_weights(void **state)
{
	struct task *heavy, *light;

	(void)state;
	sim_init(&sim, 1);
	heavy = sim_add_fair(&sim, SCHED_WEIGHT_MAX, 0);
	light = sim_add_fair(&sim, 1, 0);
	for (unsigned n = 1; n <= 50; n++) {
		double due;

		sim_run(&sim, 4 * SECOND);
		due = 4. * SECOND * n / (SCHED_WEIGHT_MAX + 1);
		assert_true((double)light->ran < due + 2. * (double)sim.s.slice);
		assert_true((double)light->ran > due - 2. * (double)sim.s.slice);
	}
	assert_true(heavy->ran > 199 * SECOND);
}

/* Those who never sleep share what is left in the ratio of their weights, whatever the others' pattern is. */
static void beside_sleepers(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		unsigned awake = 2 + seed % 3;
		uint64_t sum = 0, weights = 0;

		sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
		for (unsigned i = 0; i < awake; i++)
			sim_add_fair(&sim, (unsigned)sim_between(&sim, 50, 500), 0);
		for (unsigned i = 0; i < 5; i++)
			sim_sleeps(sim_add_fair(&sim, (unsigned)sim_between(&sim, 50, 1000), 0), 1,
			           sim_between(&sim, 1, 30000), 1, sim_between(&sim, 1, 100000));
		sim_run(&sim, 100 * SECOND);
		for (unsigned i = 0; i < awake; i++) {
			sum += sim.tasks[i].ran;
			weights += sim.tasks[i].e.parameters.weight;
		}
		for (unsigned i = 0; i < awake; i++)
			check_share(sim.tasks[i].ran,
			            (double)sum * sim.tasks[i].e.parameters.weight / (double)weights);
		/* A sleeper never gets more than its share by sleeping. */
		for (unsigned i = awake; i < sim.count; i++)
			assert_true(sim.tasks[i].ran / sim.tasks[i].e.parameters.weight <=
			            sum / weights + 2 * sim.s.slice / sim.tasks[i].e.parameters.weight);
	}
}

/* A long sleep, and a long time alone, are worth one slice and no more. */
static void no_credit_for_sleeping(void **state)
{
	struct task *a, *b;
	uint64_t ran;

	(void)state;
	sim_init(&sim, 1);
	a = sim_add_fair(&sim, 100, 0);
	b = sim_add_fair(&sim, 100, 0);
	b->wake_at = sim.now + 1000 * SECOND;
	sim_run(&sim, 1000 * SECOND);
	assert_int_equal(a->ran, 1000 * SECOND);
	ran = a->ran;
	sim_run(&sim, SECOND);
	assert_true(b->ran <= SECOND / 2 + 2 * sim.s.slice);
	assert_true(a->ran - ran >= SECOND / 2 - 2 * sim.s.slice);
	assert_true(b->ran >= SECOND / 2); /* nor is it punished */
}

/* Who needs little gets it soon after it wakes. */
static uint64_t worst_wait;
static const struct sched_entity *before;

static void watch_last(struct sim *s)
{
	const struct sched_entity *last = &s->tasks[s->count - 1].e;

	if (s->current == last && before != last && s->now - last->since > worst_wait)
		worst_wait = s->now - last->since;
	before = s->current;
}

static void light_sleeper_is_quick(void **state)
{
	(void)state;
	sim_init(&sim, 7);
	sim_add_fair(&sim, 100, 0);
	sim_add_fair(&sim, 100, 0);
	sim_sleeps(sim_add_fair(&sim, 100, 0), 50, 100, 10000, 20000);
	sim_run(&sim, SECOND);
	worst_wait = 0;
	before = sim.current;
	sim.picked = watch_last;
	sim_run(&sim, 60 * SECOND);
	assert_int_equal(worst_wait, 0);
}

/* A cap holds for one alone on the core, beside others, and whatever it sleeps. */
static void caps(void **state)
{
	static const unsigned percents[] = { 1, 5, 25, 50, 73, 99 };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct task *alone;

		sim_init(&sim, i + 1);
		alone = sim_add_fair(&sim, 100, percents[i]);
		sim_run(&sim, 100 * SECOND);
		check_share(alone->ran, (double)SECOND * percents[i]);
		assert_int_equal(alone->e.overruns, 0);
		assert_int_equal(alone->ran + sim.idle, 100 * SECOND);
	}
	for (unsigned seed = 1; seed <= 30; seed++) {
		unsigned percent = (unsigned)sim_between(&sim, 1, 99);
		struct task *capped;

		sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
		capped = sim_add_fair(&sim, 10000, percent);
		sim_add_fair(&sim, 100, 0);
		if (seed % 3 == 1)
			sim_sleeps(capped, 1, 20000, 1, 20000);
		if (seed % 3 == 2)
			sim.late = sim.s.granularity;
		sim_run(&sim, 100 * SECOND);
		assert_true((double)capped->ran <= 1.01 * SECOND * percent);
		if (seed % 3 != 1) /* nobody keeps it from having it, but for its share of 99 % */
			assert_true((double)capped->ran >= 0.99 * SECOND * (percent < 98 ? percent : 98));
	}
}

/* What capped ones leave goes to the others by weight. */
static void caps_and_weights(void **state)
{
	(void)state;
	sim_init(&sim, 3);
	sim_add_fair(&sim, 800, 20);
	sim_add_fair(&sim, 100, 0);
	sim_add_fair(&sim, 300, 0);
	sim_run(&sim, 100 * SECOND);
	check_share(sim.tasks[0].ran, 20. * SECOND);
	check_share(sim.tasks[1].ran, 20. * SECOND);
	check_share(sim.tasks[2].ran, 60. * SECOND);
}

/* Beside rt with a load of 90 %, and with wakers of a heavy weight, everyone runs again within a bounded time. */
static uint64_t last_ran[SIM_TASKS], longest[SIM_TASKS];

static void watch_all(struct sim *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (s->current == &s->tasks[i].e)
			last_ran[i] = s->now;
		if (s->tasks[i].e.state == SCHED_READY && s->now - last_ran[i] > longest[i])
			longest[i] = s->now - last_ran[i];
	}
}

static void no_starvation(void **state)
{
	(void)state;
	sim_init(&sim, 11);
	sim_add_fair(&sim, 100, 0);
	sim_add_fair(&sim, 10, 0);
	sim_add_rt(&sim, 4000, 10000);
	sim_add_rt(&sim, 15000, 30000);
	for (unsigned i = 0; i < 10; i++)
		sim_sleeps(sim_add_fair(&sim, 1000, 0), 1, 3000, 1, 20000);
	memset(last_ran, 0, sizeof(last_ran));
	memset(longest, 0, sizeof(longest));
	sim.picked = watch_all;
	sim_run(&sim, 200 * SECOND);
	/*
	 * The worst that the weights allow: all sleepers awake, of a weight of 10,000 together. One slice of weight 10
	 * then stands for 10,110 / 10 slices at a tenth of the core's time; and a tenth more for credits.
	 */
	for (unsigned i = 0; i < 2; i++) {
		assert_true(sim.tasks[i].ran > 0);
		assert_true(longest[i] < 11 * sim.s.slice * 10110 / sim.tasks[i].e.parameters.weight);
	}
	assert_int_equal(sim.idle, 0);
}

/* Slices: no switch before its end because of others who are ready, and no timer for one alone. */
static void slices(void **state)
{
	struct task *a, *b;
	struct sched_entity *first, *second;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	a = sim_add_fair(&sim, 100, 0);
	b = sim_add_fair(&sim, 100, 0);
	sched_wake(&sim.s, &a->e, 0);
	assert_ptr_equal(sched_pick(&sim.s, 0, &until), &a->e);
	assert_true(until == UINT64_MAX);
	/* The other's wake-up sets a limit to the first one's slice: pick again, though it is the same. */
	b->e.vtime = 0;
	sim.s.floor = 0;
	assert_true(sched_wake(&sim.s, &b->e, 100));
	first = sched_pick(&sim.s, 100, &until);
	assert_ptr_equal(first, &a->e);
	assert_int_equal(until, 4000);
	assert_ptr_equal(sched_pick(&sim.s, 2000, &until), first);
	assert_int_equal(until, 4000);
	second = sched_pick(&sim.s, 4000, &until);
	assert_ptr_equal(second, &b->e);
	assert_int_equal(until, 8000);
	/* It is taken away and comes back: the slice goes on. */
	assert_ptr_equal(sched_pick(&sim.s, 7999, &until), second);
	assert_int_equal(until, 8000);
}

/* A spinning vCPU lets others go first and loses nothing by it. */
static void yield(void **state)
{
	struct task *a, *b, *c;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	a = sim_add_fair(&sim, 100, 0);
	b = sim_add_fair(&sim, 100, 0);
	c = sim_add_fair(&sim, 100, 0);
	sched_wake(&sim.s, &a->e, 0);
	sched_give_way(&sim.s, &a->e, 0); /* does not run yet: no effect */
	assert_ptr_equal(sched_pick(&sim.s, 0, &until), &a->e);
	sched_give_way(&sim.s, &a->e, 10);
	assert_ptr_equal(sched_pick(&sim.s, 10, &until), &a->e); /* alone */
	sched_wake(&sim.s, &b->e, 20);
	sched_wake(&sim.s, &c->e, 20);
	sched_pick(&sim.s, 20, &until);
	sched_block(&sim.s, sim.s.current, 4000);

	/* Two that spin and one that works: it is the one that gets on. */
	sim_init(&sim, 1);
	a = sim_add_fair(&sim, 100, 0);
	b = sim_add_fair(&sim, 100, 0);
	c = sim_add_fair(&sim, 100, 0);
	sched_wake(&sim.s, &a->e, 0);
	sched_wake(&sim.s, &b->e, 0);
	sched_wake(&sim.s, &c->e, 0);
	for (uint64_t now = 0; now < 100;) {
		struct sched_entity *e = sched_pick(&sim.s, now, &until);

		if (e == &c->e)
			break;
		now += 2;
		sched_give_way(&sim.s, e, now);
		assert_true(now <= 6);
	}
	assert_ptr_equal(sim.s.current, &c->e);
	assert_true(a->e.run + b->e.run <= 6);
	/* When that one has had its slice, or two, the others come and have theirs. */
	for (unsigned n = 0; n < 5; n++)
		sched_pick(&sim.s, until, &until);
	assert_true(a->e.run >= 4000 && b->e.run >= 4000);
}

static void spin(struct sim *s)
{
	uint64_t until;

	if (s->current == &s->tasks[0].e && sim_random(s) % 4 == 0) {
		sched_give_way(&s->s, s->current, s->now);
		s->current = sched_pick(&s->s, s->now, &until);
		s->until = until;
	}
}

static void yields_keep_shares(void **state)
{
	(void)state;
	sim_init(&sim, 5);
	sim_add_fair(&sim, 200, 0);
	sim_add_fair(&sim, 100, 0);
	sim_add_fair(&sim, 100, 0);
	sim.picked = spin;
	sim_run(&sim, 100 * SECOND);
	check_share(sim.tasks[0].ran, 50. * SECOND);
	check_share(sim.tasks[1].ran, 25. * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights), cmocka_unit_test(extreme_weights), cmocka_unit_test(beside_sleepers),
		cmocka_unit_test(no_credit_for_sleeping), cmocka_unit_test(light_sleeper_is_quick),
		cmocka_unit_test(caps), cmocka_unit_test(caps_and_weights), cmocka_unit_test(no_starvation),
		cmocka_unit_test(slices), cmocka_unit_test(yield), cmocka_unit_test(yields_keep_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
