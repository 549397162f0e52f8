/* SPDX-License-Identifier: MIT */
/* kernel/sched_admit.c, sched_ratio.c, sched_supply.c: what can be met, exactly, and a sentence for what cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "kernel/sched_admit.h"
#include "kernel/sched_ratio.h"

#define US 1000ull
#define MS 1000000ull

static struct sched_demand demands[SCHED_DEMANDS_MAX + 1];
static struct sched_plan_window windows[SCHED_WINDOWS_MAX + 1];
static struct sched_plan plan;
static struct sched_refusal refusal;

static int setup(void **state)
{
	(void)state;
	memset(demands, 0, sizeof(demands));
	memset(windows, 0, sizeof(windows));
	plan = (struct sched_plan){ .core = 3, .demands = demands, .windows = windows };
	return 0;
}

static void add(const char *name, struct sched_parameters p)
{
	demands[plan.count++] = (struct sched_demand){ .name = name, .parameters = p };
}

static void add_rt(const char *name, uint64_t budget, uint64_t period)
{
	add(name, (struct sched_parameters){ .policy = SCHED_RT, .budget = budget, .period = period });
}

static void add_fair(const char *name, unsigned weight, unsigned cap)
{
	add(name, (struct sched_parameters){ .policy = SCHED_FAIR, .weight = weight, .cap = cap });
}

static void add_window(uint64_t start, uint64_t length, unsigned owner)
{
	windows[plan.window_count++] = (struct sched_plan_window){ start, length, owner };
}

static void accepted(void)
{
	if (sched_admit(&plan, &refusal) != E_OK)
		fail_msg("refused: %s; %s", refusal.problem, refusal.fix);
}

static void refused(unsigned demand, const char *problem)
{
	memset(&refusal, 0, sizeof(refusal));
	assert_int_equal(sched_admit(&plan, &refusal), E_INVALID);
	if (!strstr(refusal.problem, problem))
		fail_msg("%s", refusal.problem);
	assert_int_equal(refusal.demand, demand);
	assert_non_null(strstr(refusal.problem, " on core 3: "));
	assert_true(strlen(refusal.fix) > 5);
	if (demand < plan.count)
		assert_non_null(strstr(refusal.problem, plan.demands[demand].name));
	for (const char *c = refusal.problem; *c; c++)
		assert_in_range(*c, ' ', '~');
}

static void nothing(void **state)
{
	(void)state;
	accepted();
	add_fair("linux", SCHED_WEIGHT_DEFAULT, 0);
	add_fair("other", SCHED_WEIGHT_MAX, SCHED_CAP_MAX);
	add_fair("third", 1, 1);
	accepted();
}

static void rt_limits(void **state)
{
	(void)state;
	add_rt("good", 10 * US, 100 * US);
	add_rt("rtos", 0, 0);
	refused(1, "partition rtos on core 3: its period is too short");
	demands[1].parameters.period = 100 * US - 1;
	refused(1, "too short");
	demands[1].parameters.period = 100 * US;
	refused(1, "budget is too small");
	demands[1].parameters.budget = 10 * US - 1;
	refused(1, "budget is too small");
	demands[1].parameters.budget = 10 * US;
	accepted();
	demands[1].parameters.period = 10000 * MS;
	accepted();
	demands[1].parameters.period++;
	refused(1, "period is too long");
	demands[1].parameters.period = UINT64_MAX;
	refused(1, "period is too long");
	demands[1].parameters.period = 200 * US;
	demands[1].parameters.budget = 200 * US + 1;
	refused(1, "budget is longer than its period");
	demands[1].parameters.budget = UINT64_MAX;
	refused(1, "budget is longer than its period");
}

static void fair_limits(void **state)
{
	(void)state;
	add_fair("a", 0, 0);
	refused(0, "its weight is 0");
	demands[0].parameters.weight = SCHED_WEIGHT_MAX + 1;
	refused(0, "its weight is 10001");
	demands[0].parameters.weight = SCHED_WEIGHT_MAX;
	accepted();
	demands[0].parameters.cap = 100;
	refused(0, "its cap is 100 per cent");
	demands[0].parameters.policy = (enum sched_policy)77;
	refused(0, "its policy is unknown");
}

static void dedicated_is_alone(void **state)
{
	(void)state;
	add("big", (struct sched_parameters){ .policy = SCHED_DEDICATED });
	accepted();
	add_fair("linux", 100, 0);
	refused(1, "the core is dedicated to partition big");
	demands[1].parameters.policy = SCHED_DEDICATED;
	refused(1, "the core is dedicated to partition big");
	demands[0].parameters = (struct sched_parameters){ .policy = SCHED_FAIR, .weight = 1 };
	refused(1, "it is dedicated, but partition big is on the core");
}

static void sums(void **state)
{
	(void)state;
	add_rt("a", 100 * US, 300 * US);
	add_rt("b", 100 * US, 300 * US);
	add_rt("c", 100 * US, 300 * US);
	accepted(); /* a third three times: exactly 1 */
	add_fair("fair", 100, 0);
	accepted();
	demands[1].parameters.budget++;
	refused(2, "its budget makes the rt sum 99.99 per cent, more than the 100.00 that there are");
	demands[1].parameters.budget -= 2;
	accepted();
	add_rt("d", 10 * US, 3000 * MS); /* 10 us in 3 s is one nanosecond in 300 us: exactly what is left */
	accepted();
	demands[4].parameters.period--;
	refused(4, "partition d");
}

/* Sylvester: 1/2 + 1/3 + 1/7 + 1/43 + 1/1807 is 1 - 1/3263442, the closest that five can come. */
static void close_to_one(void **state)
{
	const struct sched_ratio one = { 1, 1 };

	(void)state;
	add_rt("a", 5000 * MS, 10000 * MS);
	add_rt("b", 100 * MS, 300 * MS);
	add_rt("c", 1000 * MS, 7000 * MS);
	add_rt("d", 10 * MS, 430 * MS);
	add_rt("e", 1 * MS, 1807 * MS);
	accepted();
	add_rt("f", SCHED_BUDGET_MIN, SCHED_PERIOD_MAX);
	refused(5, "more than the 100.00");
	demands[5].parameters.budget = 3000;
	demands[5].parameters.period = 3263442 * 3000ull;
	assert_true(sched_ratio_holds(one, demands, 6));
	demands[5].parameters.period--;
	assert_false(sched_ratio_holds(one, demands, 6));
	demands[5].parameters.period += 2;
	assert_true(sched_ratio_holds(one, demands, 6));
}

/* Against a sum over a common denominator, where one fits. */
static void ratios_are_exact(void **state)
{
	uint64_t seed = 88172645463325252ull;
	unsigned yes = 0, equal = 0;

	(void)state;
	for (unsigned n = 0; n < 20000; n++) {
		uint64_t whole = 1, sum = 0;
		struct sched_ratio limit;
		unsigned count;

		for (count = 0; count < 4; count++) {
			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			demands[count].parameters.policy = SCHED_RT;
			demands[count].parameters.period = 1 + seed % 30;
			demands[count].parameters.budget = 1 + (seed >> 32) % demands[count].parameters.period;
			whole *= demands[count].parameters.period;
		}
		for (unsigned i = 0; i < count; i++)
			sum += whole / demands[i].parameters.period * demands[i].parameters.budget;
		limit = (struct sched_ratio){ sum - 1 + (seed >> 20) % 3, whole };
		if (seed % 3) {
			limit.whole = 1 + (seed >> 20) % 30;
			limit.part = (seed >> 40) % (4 * limit.whole);
		}
		yes += sum * limit.whole <= limit.part * whole;
		equal += sum * limit.whole == limit.part * whole;
		assert_int_equal(sched_ratio_holds(limit, demands, count), sum * limit.whole <= limit.part * whole);
	}
	assert_true(yes > 2000 && yes < 18000 && equal > 100);
}

/* The hardest case for exactness: as many as can be, all different, and exactly 1; and one nanosecond more. */
static void many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		uint64_t period = 50 * MS + 2 * i * 1000 * US + 2 * US; /* 500 times 10 us in 5 ms */

		add_rt("a", period / 1000, period);
		add_rt("b", period / 1000, period);
		assert_int_equal(demands[2 * i].parameters.budget * 1000, period);
	}
	assert_int_equal(plan.count, 1000);
	accepted();
	demands[700].parameters.budget++;
	refused(999, "more than");
	plan.count = SCHED_DEMANDS_MAX + 1;
	assert_int_equal(sched_admit(&plan, &refusal), E_INVALID);
	assert_non_null(strstr(refusal.problem, "too many"));
}

/* The first that is too much is named, not the last. */
static void the_first_too_much(void **state)
{
	(void)state;
	add_rt("a", 500 * US, 1000 * US);
	add_fair("linux", 100, 0);
	add_rt("b", 400 * US, 1000 * US);
	add_rt("c", 200 * US, 1000 * US);
	add_rt("d", 100 * US, 1000 * US);
	refused(3, "partition c on core 3: its budget makes the rt sum 110.00");
}

static void frames(void **state)
{
	(void)state;
	add_fair("linux", 100, 0);
	add("avionics", (struct sched_parameters){ .policy = SCHED_CYCLIC });
	refused(1, "cyclic but has no window");
	plan.frame = 10 * MS;
	add_window(0, 1 * MS, 1);
	add_window(1 * MS, 1 * MS, 1);
	accepted();
	windows[1].start = 1 * MS - 1;
	refused(1, "window 1 overlaps the one before, of partition avionics");
	windows[0].start = 2 * MS;
	refused(1, "window 1 begins before");
	windows[0].start = 0;
	windows[1].start = 9 * MS;
	accepted();
	windows[1].length = 1 * MS + 1;
	refused(1, "window 1 does not end within the frame");
	windows[1].length = UINT64_MAX;
	refused(1, "window 1 does not end within the frame");
	windows[1].start = UINT64_MAX;
	refused(1, "window 1 does not end within the frame");
	windows[1] = (struct sched_plan_window){ 9 * MS, 10 * US - 1, 1 };
	refused(1, "window 1 is too short");
	windows[1].length = 0;
	refused(1, "window 1 is too short");
	windows[1].length = 10 * US;
	accepted();
	windows[1].owner = 0;
	refused(0, "partition linux on core 3: it has window 1, but is not cyclic");
	windows[1].owner = 2;
	refused(2, "window 1 is nobody's");
	windows[1].owner = UINT32_MAX;
	refused(UINT32_MAX, "window 1 is nobody's");
	windows[1].owner = 1;
	plan.frame = 100 * US - 1;
	refused(1, "the frame is too short");
	plan.frame = 0;
	refused(1, "the frame is too short");
	plan.frame = SCHED_PERIOD_MAX + 1;
	refused(1, "the frame is too long");
	plan.frame = SCHED_PERIOD_MAX;
	plan.window_count = 0;
	for (unsigned i = 0; i <= SCHED_WINDOWS_MAX; i++)
		add_window(i * MS, 1 * MS, 1);
	refused(1, "the core has 257 windows");
	plan.window_count--;
	accepted();
}

/* 4 of 10 ms are windows: rt can have nearly 60 % over long periods, and nothing in less than a window's length. */
static void rt_beside_windows(void **state)
{
	(void)state;
	plan.frame = 10 * MS;
	add("avionics", (struct sched_parameters){ .policy = SCHED_CYCLIC });
	add_window(0, 4 * MS, 0);
	add_rt("rtos", 10000 * MS * 6000 / 10004, 10000 * MS); /* 10.004 s can begin and end with a window */
	accepted();
	demands[1].parameters.budget++;
	refused(1, "its budget makes the rt sum 59.97 per cent, more than the 59.97 that there are at worst beside");
	/* A period of the frame: the worst stretch is 14 ms from a window's start, of which 6 are free. */
	demands[1].parameters.budget = 10 * MS * 6 / 14;
	demands[1].parameters.period = 10 * MS;
	accepted();
	demands[1].parameters.budget++;
	refused(1, "more than the 42.85 that");
	/* 5 ms: of those 1 is free at worst. 4 ms: none. */
	demands[1].parameters = (struct sched_parameters){ .policy = SCHED_RT, .budget = 1 * MS, .period = 5 * MS };
	accepted();
	demands[1].parameters.budget++;
	refused(1, "rt sum 20.00 per cent, more than the 20.00");
	demands[1].parameters = (struct sched_parameters){ .policy = SCHED_RT, .budget = 10 * US, .period = 4 * MS };
	refused(1, "more than the 0.00");
	/* The whole frame is taken: then there is no rt. */
	windows[0].length = 10 * MS;
	refused(1, "more than the 0.00");
	demands[1].parameters = (struct sched_parameters){ .policy = SCHED_FAIR, .weight = 100 };
	accepted();
}

/* The smallest supply(L) / L, against trying every start and every length. */
static uint64_t free_time(uint64_t from, uint64_t length)
{
	uint64_t sum = 0;

	for (uint64_t t = from; t < from + length; t++) {
		uint64_t taken = 0;

		for (unsigned i = 0; i < plan.window_count; i++)
			taken |= t % plan.frame >= windows[i].start &&
			         t % plan.frame < windows[i].start + windows[i].length;
		sum += !taken;
	}
	return sum;
}

static void supply_is_the_worst_case(void **state)
{
	uint64_t seed = 88172645463325252ull;

	for (unsigned n = 0; n < 60; n++) {
		uint64_t at = 0, shortest;
		struct sched_ratio found, worst = { 1, 1 };

		setup(state);
		for (unsigned i = 0; i <= n % 4; i++) {
			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			at += seed % 7;
			add_window(at, 1 + (seed >> 32) % 6, 0);
			at += windows[i].length;
		}
		plan.frame = at + seed % 5;
		shortest = 1 + (seed >> 40) % 40;
		found = sched_supply(&plan, shortest);
		for (uint64_t start = 0; start < plan.frame; start++)
			for (uint64_t length = shortest; length < shortest + 2 * plan.frame; length++) {
				struct sched_ratio ratio = { free_time(start, length), length };

				if (sched_ratio_less(ratio, worst))
					worst = ratio;
			}
		/* No length is worse than the one found, but for the limit over long times. */
		if (sched_ratio_less(found, worst))
			worst = (struct sched_ratio){ free_time(0, plan.frame), plan.frame };
		assert_int_equal(found.part * worst.whole, worst.part * found.whole);
	}
}

/* The longest names and numbers: the sentence is cut, nothing else happens. */
static void long_names(void **state)
{
	static char name[300];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	plan.core = UINT32_MAX;
	plan.frame = 10 * MS;
	add(name, (struct sched_parameters){ .policy = SCHED_CYCLIC });
	add_window(0, 1 * MS, 0);
	add_window(1, 1 * MS, 0);
	assert_int_equal(sched_admit(&plan, &refusal), E_INVALID);
	assert_true(strlen(refusal.problem) < sizeof(refusal.problem));
	assert_non_null(strstr(refusal.problem, "on core 4294967295: window 1 overlaps"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing, setup), cmocka_unit_test_setup(rt_limits, setup),
		cmocka_unit_test_setup(fair_limits, setup), cmocka_unit_test_setup(dedicated_is_alone, setup),
		cmocka_unit_test_setup(sums, setup), cmocka_unit_test_setup(close_to_one, setup),
		cmocka_unit_test_setup(ratios_are_exact, setup), cmocka_unit_test_setup(many, setup),
		cmocka_unit_test_setup(the_first_too_much, setup), cmocka_unit_test_setup(frames, setup),
		cmocka_unit_test_setup(rt_beside_windows, setup),
		cmocka_unit_test_setup(supply_is_the_worst_case, setup), cmocka_unit_test_setup(long_names, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
