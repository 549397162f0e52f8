/* SPDX-License-Identifier: MIT */
/*
 * All interleavings of wake, block, yield and pick, and of time, over a few steps with three entities: states and heaps
 * are sound after each, and each choice is the right one. For a few sets of entities with small numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "sched_check.h"

#define ENTITIES 3
#define WINDOWS 3
#define DEPTH 6

struct set {
	struct sched_parameters parameters[ENTITIES];
	uint64_t frame;
	struct { uint64_t start, length; unsigned owner; } windows[WINDOWS];
	unsigned window_count;
};

#define RT(b, p) { .policy = SCHED_RT, .budget = b, .period = p }
#define FAIR(w, c) { .policy = SCHED_FAIR, .weight = w, .cap = c }
#define CYCLIC { .policy = SCHED_CYCLIC }

static const struct set sets[] = {
	{ .parameters = { RT(2, 5), RT(3, 7), RT(1, 3) } },
	{ .parameters = { RT(2, 5), RT(3, 5), FAIR(100, 0) } },
	{ .parameters = { RT(4, 9), FAIR(1, 0), FAIR(3, 20) } },
	{ .parameters = { FAIR(1, 0), FAIR(2, 0), FAIR(1, 30) } },
	{ .parameters = { FAIR(1, 50), FAIR(2, 20), FAIR(5, 90) } },
	{ .parameters = { CYCLIC, RT(2, 6), FAIR(1, 0) }, .frame = 10, .windows = { { 1, 3, 0 }, { 6, 2, 0 } },
	  .window_count = 2 },
	{ .parameters = { CYCLIC, CYCLIC, RT(3, 8) }, .frame = 7, .windows = { { 0, 2, 0 }, { 2, 2, 1 }, { 5, 1, 0 } },
	  .window_count = 3 },
};

/* Everything that a step changes, so that it can be put back. */
struct world {
	struct sched s;
	struct sched_entity entities[ENTITIES];
	_Alignas(8) char memory[512];
	uint64_t now, until;
	bool fresh;                /* the core has picked, and nothing since asked it to pick again */
	uint64_t ran[ENTITIES];    /* the reference for `run` */
};

static struct world world;
static struct world saved[DEPTH];
static unsigned long steps, kept;

static void setup(const struct set *set)
{
	struct sched_window windows[WINDOWS];

	memset(&world, 0, sizeof(world));
	sched_init(&world.s, 1000000);
	world.s.slice = 4;
	world.s.cap_period = 10;
	world.s.granularity = 1;
	assert_true(sched_size(ENTITIES, WINDOWS) <= sizeof(world.memory));
	assert_int_equal(sched_reserve(&world.s, ENTITIES, WINDOWS, world.memory), E_OK);
	for (unsigned i = 0; i < ENTITIES; i++)
		assert_int_equal(sched_add(&world.s, &world.entities[i], &set->parameters[i]), E_OK);
	for (unsigned i = 0; i < set->window_count; i++)
		windows[i] = (struct sched_window){ set->windows[i].start, set->windows[i].length,
		                                    &world.entities[set->windows[i].owner] };
	assert_int_equal(sched_set_frame(&world.s, set->frame, windows, set->window_count, 3), E_OK);
}

static void pass(uint64_t ticks)
{
	world.now += ticks;
	if (world.s.current)
		world.ran[world.s.current - world.entities] += ticks;
}

static void pick(uint64_t ticks)
{
	struct sched_entity *e;

	pass(ticks);
	e = sched_pick(&world.s, world.now, &world.until);
	sched_check_choice(&world.s, world.entities, ENTITIES, world.now, e, world.until);
	world.fresh = true;
}

/* When sched_wake() says no, picking again must not have been needed: the same one, no sooner. */
static void wake(struct sched_entity *e, unsigned depth)
{
	struct sched_entity *current = world.s.current, *then;
	uint64_t until;

	if (sched_wake(&world.s, e, world.now)) {
		world.fresh = false;
		return;
	}
	if (!world.fresh || world.now >= world.until)
		return;
	kept++;
	saved[depth] = world;
	then = sched_pick(&world.s, world.now, &until);
	must(then == current && until >= world.until);
	world = saved[depth];
}

/* One of the steps; false: it would do nothing here. */
static bool step(unsigned what, unsigned depth)
{
	struct sched_entity *e = &world.entities[what % ENTITIES];

	switch (what / ENTITIES) {
	case 0:
		if (e->state != SCHED_BLOCKED)
			return false;
		wake(e, depth);
		return true;
	case 1:
		if (e->state == SCHED_BLOCKED)
			return false;
		world.fresh &= e != world.s.current;
		sched_block(&world.s, e, world.now);
		return true;
	}
	switch (what - 2 * ENTITIES) {
	case 0:
		pick(0);
		return true;
	case 1:
		pick(1);
		return true;
	case 2: /* in time, or late */
		pick(world.until > world.now && world.until != UINT64_MAX ? world.until - world.now : 2);
		return true;
	case 3:
		pick(world.until > world.now && world.until != UINT64_MAX ? world.until - world.now + 3 : 11);
		return true;
	case 4: /* time passes, then something else */
		pass(1);
		return true;
	default:
		if (!world.s.current)
			return false;
		world.fresh = false;
		sched_give_way(&world.s, world.s.current, world.now);
		return true;
	}
}

#define STEPS (2 * ENTITIES + 6)

/* Depth first over all sequences, without recursion. */
static void explore(void)
{
	unsigned next[DEPTH] = { 0 }, depth = 0;
	static struct world before[DEPTH];

	before[0] = world;
	for (;;) {
		if (next[depth] == STEPS) {
			if (depth == 0)
				return;
			next[depth--] = 0;
			continue;
		}
		world = before[depth];
		if (!step(next[depth]++, depth))
			continue;
		steps++;
		sched_check(&world.s, world.entities, ENTITIES);
		for (unsigned i = 0; i < ENTITIES; i++)
			must(world.entities[i].run <= world.ran[i] && world.ran[i] - world.entities[i].run <=
			     (world.s.current == &world.entities[i] ? world.now - world.s.since : 0));
		if (depth + 1 < DEPTH) {
			depth++;
			before[depth] = world;
		}
	}
}

static void all_interleavings(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		setup(&sets[i]);
		for (unsigned n = 0; n < ENTITIES; n++)
			if (i % 2)
				sched_wake(&world.s, &world.entities[n], 0);
		explore();
	}
	print_message("%lu steps\n", steps);
	assert_true(steps > 1000000);
	assert_true(kept > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_interleavings) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
