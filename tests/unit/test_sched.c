/* SPDX-License-Identifier: MIT */
/* kernel/sched.c, sched_heap.c: adding and removing, memory, and the cost of each operation with very many entities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "sched_check.h"

#define MANY 10000
#define FEW 10

static const struct sched_parameters fair = { .policy = SCHED_FAIR, .weight = SCHED_WEIGHT_DEFAULT };
static struct sched s;
static struct sched_entity entities[MANY];
static uint64_t seed;

static uint64_t random_below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % limit;
}

static void *start(unsigned capacity)
{
	void *memory = malloc(sched_size(capacity, 0));

	memset(entities, 0, sizeof(entities));
	seed = 88172645463325252ull;
	sched_init(&s, 1000000000);
	assert_int_equal(sched_reserve(&s, capacity, 0, memory), E_OK);
	return memory;
}

/* --- the heap alone --- */
static struct sched_slot slots[101];
static struct sched_node nodes[100];
static uint64_t keys[100];

static void check_heap(struct sched_heap *heap)
{
	uint64_t first = UINT64_MAX, second = UINT64_MAX;
	unsigned count = 0;

	sched_check_heap(heap, 100);
	for (unsigned i = 0; i < 100; i++) {
		if (nodes[i].at == 0)
			continue;
		count++;
		assert_int_equal(heap->slots[nodes[i].at].key, keys[i]);
		second = keys[i] < first ? first : keys[i] < second ? keys[i] : second;
		first = keys[i] < first ? keys[i] : first;
	}
	assert_int_equal(heap->count, count);
	assert_int_equal(sched_heap_key(heap), first);
	if (count > 0)
		assert_int_equal(keys[sched_heap_first(heap) - nodes], first);
	else
		assert_null(sched_heap_first(heap));
	if (count > 1)
		assert_int_equal(keys[sched_heap_second(heap) - nodes], second);
	else
		assert_null(sched_heap_second(heap));
}

static void heap(void **state)
{
	struct sched_heap h = { .slots = slots };

	(void)state;
	seed = 88172645463325252ull;
	for (unsigned n = 0; n < 50000; n++) {
		/* Fewer and fewer, then more and more; few different keys. */
		unsigned i = (unsigned)random_below(1 + n % 100);
		uint64_t key = random_below(40);

		if (nodes[i].at == 0) {
			keys[i] = key;
			sched_heap_insert(&h, &nodes[i], key);
		} else if (random_below(3) == 0) {
			sched_heap_remove(&h, &nodes[i]);
		} else {
			keys[i] = key;
			sched_heap_update(&h, &nodes[i], key);
		}
		check_heap(&h);
	}
}

/* --- adding, removing, memory --- */
static void parameters(void **state)
{
	static const struct sched_parameters bad[] = {
		{ .policy = (enum sched_policy)4 },
		{ .policy = (enum sched_policy)-1 },
		{ .policy = SCHED_RT },
		{ .policy = SCHED_RT, .budget = 1 },
		{ .policy = SCHED_RT, .period = 1 },
		{ .policy = SCHED_RT, .budget = 2, .period = 1 },
		{ .policy = SCHED_RT, .budget = 1, .period = SCHED_TICKS_MAX + 1 },
		{ .policy = SCHED_FAIR },
		{ .policy = SCHED_FAIR, .weight = SCHED_WEIGHT_MAX + 1 },
		{ .policy = SCHED_FAIR, .weight = 1, .cap = 100 },
	};
	void *memory = start(2);

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sched_add(&s, &entities[0], &bad[i]), E_INVALID);
	assert_int_equal(sched_add(&s, &entities[0], &fair), E_OK);
	assert_int_equal(sched_add(&s, &entities[0], &fair), E_BUSY);
	assert_int_equal(sched_add(&s, &entities[1], &fair), E_OK);
	assert_int_equal(sched_add(&s, &entities[2], &fair), E_FULL);
	sched_remove(&s, &entities[0], 0);
	sched_remove(&s, &entities[0], 0);
	sched_remove(&s, &entities[2], 0);
	assert_int_equal(s.count, 1);
	assert_int_equal(sched_add(&s, &entities[2], &fair), E_OK);
	sched_check(&s, entities, 3);
	free(memory);
}

static void nothing_reserved(void **state)
{
	uint64_t until;

	(void)state;
	memset(entities, 0, sizeof(entities[0]));
	sched_init(&s, 1000000);
	assert_int_equal(sched_add(&s, &entities[0], &fair), E_FULL);
	assert_null(sched_pick(&s, 5, &until));
	assert_true(until == UINT64_MAX);
	assert_int_equal(sched_size(SCHED_ENTITIES_MAX + 1, 0), 0);
	assert_int_equal(sched_size(0, SCHED_WINDOWS_MAX + 1), 0);
	assert_int_equal(sched_reserve(&s, SCHED_ENTITIES_MAX + 1, 0, NULL), E_INVALID);
}

/* What is there moves to the new memory, in any state. */
static void growth(void **state)
{
	struct sched_parameters rt = { .policy = SCHED_RT, .budget = 10, .period = 100 };
	struct sched_parameters cyclic = { .policy = SCHED_CYCLIC };
	void *memory = start(4), *more = malloc(sched_size(100, 2));
	struct sched_window window = { 20, 30, &entities[3] };
	uint64_t until;

	(void)state;
	sched_add(&s, &entities[0], &rt);
	sched_add(&s, &entities[1], &rt);
	sched_add(&s, &entities[2], &fair);
	sched_add(&s, &entities[3], &cyclic);
	assert_int_equal(sched_set_frame(&s, 50, &window, 1, 0), E_FULL);
	for (unsigned i = 0; i < 4; i++)
		sched_wake(&s, &entities[i], 0);
	sched_pick(&s, 0, &until);
	sched_pick(&s, 10, &until);
	assert_int_equal(sched_reserve(&s, 3, 2, more), E_INVALID);
	assert_int_equal(sched_reserve(&s, 100, 2, more), E_OK);
	memset(memory, 0xff, sched_size(4, 0));
	free(memory);
	sched_check(&s, entities, 4);
	assert_int_equal(sched_set_frame(&s, 50, &window, 1, 0), E_OK);
	assert_int_equal(sched_reserve(&s, 100, 0, more), E_INVALID);
	memory = malloc(sched_size(4, 1));
	assert_int_equal(sched_reserve(&s, 4, 1, memory), E_OK);
	free(more);
	assert_ptr_equal(sched_pick(&s, 20, &until), &entities[3]);
	assert_ptr_equal(sched_pick(&s, 50, &until), &entities[2]);
	assert_int_equal(entities[0].run, 10);
	assert_int_equal(entities[1].run, 10);
	sched_check(&s, entities, 4);
	free(memory);
}

/* Every state can be removed, the running one too. */
static void remove_in_any_state(void **state)
{
	struct sched_parameters rt = { .policy = SCHED_RT, .budget = 10, .period = 100 };
	void *memory = start(4);
	uint64_t until;

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		uint64_t now = 1000 * n;

		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(sched_add(&s, &entities[i], &rt), E_OK);
		for (unsigned i = 0; i < 3; i++)
			sched_wake(&s, &entities[i], now);
		sched_pick(&s, now, &until);
		sched_pick(&s, now + 10, &until); /* one throttled, one running, one ready, one blocked */
		for (unsigned i = 0; i < 4; i++) {
			sched_remove(&s, &entities[(n + i) % 4], now + 11 + i);
			sched_check(&s, entities, 4);
			sched_pick(&s, now + 11 + i, &until);
		}
		assert_int_equal(s.count, 0);
		assert_null(s.current);
		assert_true(until == UINT64_MAX);
	}
	free(memory);
}

/* --- cost --- */
static uint64_t comparisons(void)
{
	return s.rt.comparisons + s.rt_throttled.comparisons + s.fair.comparisons + s.fair_throttled.comparisons;
}

/* The most comparisons that one call made, over a long mix with `count` entities, releases aside and counted apart. */
static uint64_t worst_cost(unsigned count, bool with_rt)
{
	void *memory = start(count);
	uint64_t worst = 0, now = 0, until, before;

	for (unsigned i = 0; i < count; i++) {
		struct sched_parameters p = fair;

		if (with_rt && i % 2)
			p = (struct sched_parameters){
				.policy = SCHED_RT, .budget = 1 + random_below(1000), .period = SCHED_TICKS_MAX,
			};
		p.weight = 1 + (unsigned)random_below(1000);
		assert_int_equal(sched_add(&s, &entities[i], &p), E_OK);
		sched_wake(&s, &entities[i], now);
	}
	for (unsigned n = 0; n < 60000; n++) {
		struct sched_entity *e = &entities[random_below(count)];

		before = comparisons();
		switch (random_below(4)) {
		case 0:
			sched_wake(&s, e, now);
			break;
		case 1:
			sched_block(&s, e, now);
			break;
		case 2:
			if (s.current)
				sched_give_way(&s, s.current, now);
			break;
		default:
			now += random_below(2000000);
			sched_pick(&s, now, &until);
			break;
		}
		if (comparisons() - before > worst)
			worst = comparisons() - before;
	}
	sched_check(&s, entities, count);
	free(memory);
	return worst;
}

/* No call moves more than three entities: each costs at most two comparisons a level, and one more. */
static void cost_is_logarithmic(void **state)
{
	uint64_t few = worst_cost(FEW, false), many = worst_cost(MANY, false);

	(void)state;
	print_message("fair: %lu comparisons with %u entities, %lu with %u\n", few, FEW, many, MANY);
	assert_true(few <= 3 * (2 * 4 + 1));
	assert_true(many <= 3 * (2 * 14 + 1)); /* 2^13 < 10,000 < 2^14 */
	assert_true(many > few);
	few = worst_cost(FEW, true);
	many = worst_cost(MANY, true);
	print_message("half of them rt: %lu, %lu\n", few, many);
	assert_true(few <= 3 * (2 * 3 + 1));
	assert_true(many <= 3 * (2 * 13 + 1));
}

/* A thousand servers whose deadlines come at the same tick: each is put back once, at a logarithmic cost. */
static void releases(void **state)
{
	struct sched_parameters rt = { .policy = SCHED_RT, .budget = 10, .period = 100000 };
	void *memory = start(1000);
	uint64_t now = 0, until, before;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		sched_add(&s, &entities[i], &rt);
		sched_wake(&s, &entities[i], 0);
	}
	for (unsigned n = 0; n < 1000; n++, now = until)
		assert_non_null(sched_pick(&s, now, &until));
	assert_int_equal(now, 10000);
	assert_null(sched_pick(&s, now, &until));
	assert_int_equal(until, 100000);
	before = comparisons();
	assert_non_null(sched_pick(&s, until, &until));
	assert_int_equal(s.rt.count, 1000);
	assert_true(comparisons() - before <= 1000 * 3 * (2 * 10 + 1));
	before = comparisons();
	assert_non_null(sched_pick(&s, until, &until));
	assert_true(comparisons() - before <= 3 * (2 * 10 + 1));
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap), cmocka_unit_test(parameters), cmocka_unit_test(nothing_reserved),
		cmocka_unit_test(growth), cmocka_unit_test(remove_in_any_state),
		cmocka_unit_test(cost_is_logarithmic), cmocka_unit_test(releases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
