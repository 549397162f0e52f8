/* SPDX-License-Identifier: MIT */
/* kernel/sched_cyclic.c and precedence: windows are exact, what they leave goes to the others in time. */
#include "sched_sim.h"

#include "kernel/sched_admit.h"

static struct sim sim;
static uint64_t origin;

static struct task *add_cyclic(void)
{
	return sim_add(&sim, (struct sched_parameters){ .policy = SCHED_CYCLIC });
}

/* Whose window is open, found the simple way. */
static struct sched_entity *owner(uint64_t now, uint64_t *next)
{
	uint64_t offset = now < origin ? 0 : (now - origin) % sim.s.frame, begin = now - offset;

	*next = now < origin ? origin : begin + sim.s.frame + sim.s.windows[0].start;
	for (unsigned i = 0; i < sim.s.window_count && now >= origin; i++) {
		const struct sched_window *w = &sim.s.windows[i];

		if (offset >= w->start && offset < w->start + w->length) {
			*next = begin + w->start + w->length;
			return w->owner;
		}
		if (w->start > offset) {
			*next = begin + w->start;
			return NULL;
		}
	}
	return NULL;
}

static void watch_windows(struct sim *s)
{
	uint64_t next;
	struct sched_entity *e = owner(s->now, &next);

	assert_true(s->until <= next || s->s.cyclic_runnable == 0);
	if (e && e->state != SCHED_BLOCKED)
		assert_ptr_equal(s->current, e);
	else if (s->current)
		assert_int_not_equal(s->current->parameters.policy, SCHED_CYCLIC);
}

/* `count` windows of the first `owners` tasks in turn, random gaps, in a frame of random length. */
static void random_frame(unsigned owners, unsigned count, uint64_t longest, uint64_t gap)
{
	struct sched_window windows[SIM_WINDOWS];
	uint64_t at = sim_random(&sim) % gap;

	for (unsigned i = 0; i < count; i++) {
		windows[i].start = at;
		windows[i].length = sim_between(&sim, 1, longest);
		windows[i].owner = &sim.tasks[i % owners].e;
		at += windows[i].length + sim_random(&sim) % gap;
	}
	origin = sim.now + sim_random(&sim) % 2000;
	assert_int_equal(sched_set_frame(&sim.s, at, windows, count, origin), E_OK);
}

static void windows_are_exact(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 100; seed++) {
		unsigned owners = 1 + seed % 4, count = owners + seed % 7;
		uint64_t start;

		sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
		for (unsigned i = 0; i < owners; i++)
			add_cyclic();
		sim_sleeps(sim_add_rt(&sim, 300, 1000), 1, 500, 1, 800);
		sim_add_rt(&sim, 100, 1000);
		sim_add_fair(&sim, 100, 0);
		random_frame(owners, count, 1000, 500);
		sim.picked = watch_windows;
		start = sim.now;
		sim.partial_may_miss = true;
		sim.slack = UINT64_MAX / 2; /* nothing was promised to rt here */
		sim_run(&sim, origin - start + 50 * sim.s.frame);
		for (unsigned i = 0; i < owners; i++) {
			uint64_t due = 0;

			for (unsigned w = 0; w < count; w++)
				due += w % owners == i ? sim.s.windows[w].length : 0;
			assert_int_equal(sim.tasks[i].ran, 50 * due);
			assert_int_equal(sim.tasks[i].e.overruns, 0);
		}
	}
}

/* Owners that sleep leave their windows to the others, and take them back at once. */
static void owners_sleep(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 100; seed++) {
		sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
		for (unsigned i = 0; i < 3; i++)
			sim_sleeps(add_cyclic(), 1, 300, 1, 2000);
		sim_sleeps(sim_add_rt(&sim, 300, 1000), 1, 500, 1, 800);
		sim_add_fair(&sim, 100, 0);
		random_frame(3, 3 + seed % 5, 1000, 500);
		sim.picked = watch_windows;
		sim.slack = UINT64_MAX / 2;
		sim_run(&sim, 200000);
		assert_int_equal(sim.idle, 0);
		for (unsigned i = 0; i < 5; i++)
			assert_true(sim.tasks[i].ran > 0);
	}
}

/* Whatever sched_admit() accepts beside windows gets its budget in every period. */
static bool admitted(unsigned owners, struct sched_refusal *refusal)
{
	struct sched_demand demands[SIM_TASKS] = { 0 };
	struct sched_plan_window windows[SIM_WINDOWS];
	struct sched_plan plan = {
		.demands = demands, .count = sim.count, .frame = sim.s.frame * 100000,
		.windows = windows, .window_count = sim.s.window_count,
	};

	/* A tick is 100 us to the admission test. */
	for (unsigned i = 0; i < sim.count; i++) {
		demands[i].name = "p";
		demands[i].parameters = sim.tasks[i].e.parameters;
		demands[i].parameters.budget *= 100000;
		demands[i].parameters.period *= 100000;
	}
	for (unsigned i = 0; i < plan.window_count; i++)
		windows[i] = (struct sched_plan_window){
			.start = sim.s.windows[i].start * 100000, .length = sim.s.windows[i].length * 100000,
			.owner = i % owners,
		};
	return sched_admit(&plan, refusal) == E_OK;
}

static void rt_beside_windows(void **state)
{
	struct sched_refusal refusal;
	struct sched_entity *last;
	unsigned accepted = 0;
	uint64_t whole = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 3000; seed++) {
		unsigned owners = 1 + seed % 3;

		sim_init(&sim, seed * 0x9e3779b97f4a7c15ull);
		for (unsigned i = 0; i < owners; i++)
			add_cyclic();
		random_frame(owners, owners + seed % 4, 60, 200);
		for (unsigned i = 0; i < 1 + seed % 4; i++) {
			uint64_t period = sim_between(&sim, 50, 1500);

			sim_add_rt(&sim, 1 + sim_random(&sim) % (period / 3), period);
		}
		if (!admitted(owners, &refusal))
			continue;
		/* As much more for the last one as there is. */
		last = &sim.tasks[sim.count - 1].e;
		for (; admitted(owners, &refusal); last->parameters.budget++)
			last->server.budget = last->parameters.budget;
		last->parameters.budget--;
		accepted++;
		for (unsigned i = owners; i < sim.count; i++) {
			sim.tasks[i].wake_at += sim_random(&sim) % 1000;
			if (seed % 2 && sim_random(&sim) % 2)
				sim_sleeps(&sim.tasks[i], 1, 2 * sim.tasks[i].e.parameters.period, 1,
				           sim.tasks[i].e.parameters.period);
		}
		if (seed % 5 == 0)
			sim_sleeps(&sim.tasks[0], 1, 100, 1, 500);
		sim_add_fair(&sim, 100, 0);
		sim.partial_may_miss = true;
		sim_run(&sim, 30000);
		for (unsigned i = owners; i + 1 < sim.count; i++)
			whole += sim.tasks[i].periods;
	}
	assert_true(accepted > 300 && whole > 10000);
}

/* One window of 5 in a frame of 10: a server with a period of 5 and 40 % cannot be met, though the sum is 90 %. */
static void utilisation_is_not_enough(void **state)
{
	struct sched_refusal refusal;
	struct sched_window window = { 0 };

	(void)state;
	sim_init(&sim, 1);
	window = (struct sched_window){ 0, 50, &add_cyclic()->e };
	sched_set_frame(&sim.s, 100, &window, 1, sim.now);
	sim_add_rt(&sim, 20, 50);
	assert_false(admitted(1, &refusal));
	sim.slack = UINT64_MAX / 2;
	sim.s.granularity = 1;
	sim_run(&sim, 10000);
	assert_true(sim.tasks[1].e.missed > 0);
}

static void frame_is_checked(void **state)
{
	struct sched_window w[SIM_WINDOWS + 1];
	struct task *cyclic, *fair;
	struct sched_entity stranger = { 0 };

	(void)state;
	sim_init(&sim, 1);
	cyclic = add_cyclic();
	fair = sim_add_fair(&sim, 100, 0);
	for (unsigned i = 0; i <= SIM_WINDOWS; i++)
		w[i] = (struct sched_window){ 100 * i, 100, &cyclic->e };
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, SIM_WINDOWS + 1, 0), E_FULL);
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, SIM_WINDOWS, 0), E_OK);
	assert_int_equal(sched_set_frame(&sim.s, SCHED_TICKS_MAX + 1, w, 1, 0), E_INVALID);
	assert_int_equal(sched_set_frame(&sim.s, 0, w, 1, 0), E_INVALID);
	assert_int_equal(sched_set_frame(&sim.s, 100, w, 0, 0), E_INVALID);
	assert_int_equal(sched_set_frame(&sim.s, 199, w, 2, 0), E_INVALID);
	assert_int_equal(sched_set_frame(&sim.s, 100, w, 2, 0), E_INVALID);
	w[1].length = 0;
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, 3, 0), E_INVALID);
	w[1].length = 101;
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, 3, 0), E_INVALID);
	w[1].length = UINT64_MAX;
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, 2, 0), E_INVALID);
	w[1] = (struct sched_window){ 99, 100, &cyclic->e };
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, 2, 0), E_INVALID);
	w[1] = (struct sched_window){ 100, 100, &fair->e };
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, 2, 0), E_INVALID);
	w[1].owner = NULL;
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, 2, 0), E_INVALID);
	w[1].owner = &stranger;
	assert_int_equal(sched_set_frame(&sim.s, 5000, w, 2, 0), E_INVALID);
	/* The first frame is still there. */
	assert_int_equal(sim.s.window_count, SIM_WINDOWS);
	assert_int_equal(sched_set_frame(&sim.s, 0, NULL, 0, 0), E_OK);
	assert_int_equal(sim.s.window_count, 0);
}

/* An owner that is gone leaves its windows to the others. */
static void owner_removed(void **state)
{
	struct sched_window w[2] = { 0 };
	struct task *a, *b, *fair;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	a = add_cyclic();
	b = add_cyclic();
	fair = sim_add_fair(&sim, 100, 0);
	w[0] = (struct sched_window){ 0, 100, &a->e };
	w[1] = (struct sched_window){ 100, 100, &b->e };
	sched_set_frame(&sim.s, 200, w, 2, 0);
	sched_wake(&sim.s, &a->e, 0);
	sched_wake(&sim.s, &b->e, 0);
	sched_wake(&sim.s, &fair->e, 0);
	assert_ptr_equal(sched_pick(&sim.s, 0, &until), &a->e);
	assert_int_equal(until, 100);
	sched_remove(&sim.s, &a->e, 50);
	a->e.state = SCHED_READY; /* on another core by now */
	assert_ptr_equal(sched_pick(&sim.s, 50, &until), &fair->e);
	assert_int_equal(until, 100);
	assert_ptr_equal(sched_pick(&sim.s, 100, &until), &b->e);
	assert_ptr_equal(sched_pick(&sim.s, 200, &until), &fair->e);
	assert_int_equal(until, 300);
	sched_block(&sim.s, &b->e, 300);
	assert_ptr_equal(sched_pick(&sim.s, 300, &until), &fair->e);
	assert_true(sched_wake(&sim.s, &b->e, 350));
	assert_ptr_equal(sched_pick(&sim.s, 350, &until), &b->e);
	sched_block(&sim.s, &b->e, 360);
	assert_ptr_equal(sched_pick(&sim.s, 360, &until), &fair->e);
	assert_ptr_equal(sched_pick(&sim.s, 400, &until), &fair->e);
	assert_true(until == UINT64_MAX); /* nobody wants a window: no timer */
	assert_true(sched_wake(&sim.s, &b->e, 450));
	assert_ptr_equal(sched_pick(&sim.s, 450, &until), &fair->e); /* not in its window */
	assert_int_equal(until, 500);
	assert_ptr_equal(sched_pick(&sim.s, 500, &until), &b->e);
}

static void dedicated(void **state)
{
	struct sched_parameters p = { .policy = SCHED_DEDICATED };
	struct sched_entity other = { 0 };
	struct task *task;
	uint64_t until;

	(void)state;
	sim_init(&sim, 1);
	task = sim_add(&sim, p);
	assert_int_equal(sched_add(&sim.s, &other, &p), E_BUSY);
	p = (struct sched_parameters){ .policy = SCHED_FAIR, .weight = 100 };
	assert_int_equal(sched_add(&sim.s, &other, &p), E_BUSY);
	assert_null(sched_pick(&sim.s, 0, &until));
	assert_true(until == UINT64_MAX);
	assert_true(sched_wake(&sim.s, &task->e, 10));
	assert_ptr_equal(sched_pick(&sim.s, 10, &until), &task->e);
	assert_true(until == UINT64_MAX);
	sched_give_way(&sim.s, &task->e, 20);
	assert_ptr_equal(sched_pick(&sim.s, 20, &until), &task->e);
	sched_block(&sim.s, &task->e, 1000);
	assert_null(sched_pick(&sim.s, 1000, &until));
	assert_true(until == UINT64_MAX);
	assert_int_equal(task->e.run, 990);
	assert_int_equal(task->e.overruns, 0);
	sched_remove(&sim.s, &task->e, 1100);
	assert_int_equal(sched_add(&sim.s, &other, &p), E_OK);
	p.policy = SCHED_DEDICATED;
	assert_int_equal(sched_add(&sim.s, &task->e, &p), E_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_exact), cmocka_unit_test(owners_sleep),
		cmocka_unit_test(rt_beside_windows), cmocka_unit_test(utilisation_is_not_enough),
		cmocka_unit_test(frame_is_checked), cmocka_unit_test(owner_removed), cmocka_unit_test(dedicated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
