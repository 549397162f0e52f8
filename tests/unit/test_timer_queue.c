/* SPDX-License-Identifier: MIT */
/* kernel/timer_queue.c: order, bounds, and what fire() may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "kernel/timer_queue.h"

#define N TIMER_QUEUE_CAPACITY

static struct timer_queue queue;
static struct device_timer timers[N + 1];
static unsigned fired[64], fired_count;
static uint64_t fired_now;

static void record(struct device *device, struct device_timer *timer, uint64_t now)
{
	(void)device;
	fired[fired_count++] = (unsigned)(timer - timers);
	fired_now = now;
}

/* Periodic, and always late. */
static void rearm(struct device *device, struct device_timer *timer, uint64_t now)
{
	record(device, timer, now);
	timer->when += 1;
	timer_queue_update(&queue, timer);
}

static void cancel_next(struct device *device, struct device_timer *timer, uint64_t now)
{
	record(device, timer, now);
	timer[1].when = UINT64_MAX;
	timer_queue_update(&queue, timer + 1);
	timer_queue_remove(&queue, timer + 2);
}

static int setup(void **state)
{
	(void)state;
	memset(&queue, 0, sizeof(queue));
	for (unsigned i = 0; i < N + 1; i++)
		timers[i] = (struct device_timer){ .when = UINT64_MAX, .fire = record };
	fired_count = 0;
	return 0;
}

static void add_all(void)
{
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(timer_queue_add(&queue, &timers[i]), E_OK);
}

static void empty(void **state)
{
	(void)state;
	assert_true(timer_queue_earliest(&queue) == UINT64_MAX);
	timer_queue_expire(&queue, UINT64_MAX);
	timer_queue_remove(&queue, &timers[0]);
	timer_queue_update(&queue, &timers[0]);
	assert_int_equal(queue.count, 0);
}

static void bounded(void **state)
{
	(void)state;
	add_all();
	assert_int_equal(timer_queue_add(&queue, &timers[N]), E_FULL);
	assert_int_equal(timer_queue_add(&queue, &timers[3]), E_BUSY);
	timer_queue_remove(&queue, &timers[3]);
	assert_int_equal(timer_queue_add(&queue, &timers[N]), E_OK);
}

static void fires_in_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N; i++)
		timers[i].when = 100 + i * 7 % N; /* 7 is coprime to 16 */
	add_all();
	assert_int_equal(timer_queue_earliest(&queue), 100);
	timer_queue_expire(&queue, 99);
	assert_int_equal(fired_count, 0);
	timer_queue_expire(&queue, 107);
	assert_int_equal(fired_count, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(fired[i] * 7 % N, i);
	assert_int_equal(fired_now, 107);
	assert_int_equal(timer_queue_earliest(&queue), 108);
	timer_queue_expire(&queue, 1000);
	assert_int_equal(fired_count, N);
	assert_true(timer_queue_earliest(&queue) == UINT64_MAX); /* each was left alone: disarmed */
	timer_queue_expire(&queue, UINT64_MAX);
	assert_int_equal(fired_count, N);
}

static void follows_updates(void **state)
{
	uint32_t seed = 1;

	(void)state;
	add_all();
	for (unsigned round = 0; round < 2000; round++) {
		uint64_t earliest = UINT64_MAX;
		struct device_timer *timer;

		seed = seed * 1664525 + 1013904223;
		timer = &timers[(seed >> 16) % N];
		if (seed >> 31) {
			timer_queue_remove(&queue, timer);
			assert_int_equal(queue.count, N - 1);
			assert_int_equal(timer_queue_add(&queue, timer), E_OK);
		}
		timer->when = (seed >> 8) % 64 == 0 ? UINT64_MAX : seed & 0xff;
		timer_queue_update(&queue, timer);
		for (unsigned i = 0; i < N; i++)
			if (timers[i].when < earliest)
				earliest = timers[i].when;
		assert_true(timer_queue_earliest(&queue) == earliest);
	}
}

static void one_that_is_always_late_fires_once_a_call(void **state)
{
	(void)state;
	timers[0] = (struct device_timer){ .when = 1, .fire = rearm };
	timers[1].when = 500;
	add_all();
	timer_queue_expire(&queue, 1000);
	assert_int_equal(fired_count, 2);
	assert_int_equal(fired[0], 0);
	assert_int_equal(fired[1], 1);
	assert_int_equal(timer_queue_earliest(&queue), 2);
	timer_queue_expire(&queue, 1000);
	assert_int_equal(fired_count, 3);
}

static void fire_may_cancel_and_remove(void **state)
{
	(void)state;
	timers[4] = (struct device_timer){ .when = 1, .fire = cancel_next };
	timers[5].when = 2;
	timers[6].when = 3;
	timers[7].when = 4;
	add_all();
	timer_queue_expire(&queue, 10);
	assert_int_equal(fired_count, 2);
	assert_int_equal(fired[0], 4);
	assert_int_equal(fired[1], 7);
	assert_int_equal(queue.count, N - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty, setup),
		cmocka_unit_test_setup(bounded, setup),
		cmocka_unit_test_setup(fires_in_order, setup),
		cmocka_unit_test_setup(follows_updates, setup),
		cmocka_unit_test_setup(one_that_is_always_late_fires_once_a_call, setup),
		cmocka_unit_test_setup(fire_may_cancel_and_remove, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
