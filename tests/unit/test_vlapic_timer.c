/* SPDX-License-Identifier: MIT */
/* drivers/vlapic_timer.c: one-shot, periodic and TSC-deadline mode on a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/vlapic.h"

#define NEVER UINT64_MAX
#define START 1000000
#define TICK  32 /* TSC ticks of one timer tick after reset: 2^4, divided by 2 */
#define MASK  0x10000
#define PERIODIC 0x20000
#define DEADLINE 0x40000

static uint32_t page[1024] __attribute__((aligned(4096)));
static struct vlapic apic;
static uint64_t now;

static uint64_t tsc(struct vlapic *from)
{
	(void)from;
	return now;
}

static const struct vlapic_host host = { .tsc = tsc };

static void wrmsr(uint32_t msr, uint64_t value)
{
	assert_true(vlapic_wrmsr(&apic, msr, value));
}

static uint64_t rdmsr(uint32_t msr)
{
	uint64_t value;

	assert_true(vlapic_rdmsr(&apic, msr, &value));
	return value;
}

static void lvt(uint32_t value) { wrmsr(0x832, value); }
static void count(uint32_t value) { wrmsr(0x838, value); }
static uint64_t current(void) { return rdmsr(0x839); }
static void divide(uint32_t value) { wrmsr(0x83e, value); }
static void deadline(uint64_t value) { wrmsr(0x6e0, value); }

static int setup(void **state)
{
	(void)state;
	now = START;
	vlapic_init(&apic, page, 0, true, &host, NULL);
	wrmsr(0x1b, 0xfee00d00);
	wrmsr(0x80f, 0x1ff);
	return 0;
}

/* What a run loop does at `when`; true when the timer's interrupt was delivered. */
static bool fires_at(uint64_t when, uint8_t vector)
{
	now = when;
	if (vlapic_timer_deadline(&apic) <= now)
		vlapic_timer_expire(&apic, now);
	if (vlapic_pending(&apic) != vector)
		return false;
	vlapic_accept(&apic, vector);
	vlapic_eoi(&apic);
	return true;
}

static void one_shot(void **state)
{
	(void)state;
	lvt(0x40);
	count(100);
	assert_true(vlapic_timer_deadline(&apic) == START + 100 * TICK);
	assert_int_equal(current(), 100);
	now = START + TICK - 1;
	assert_int_equal(current(), 100);
	now = START + TICK;
	assert_int_equal(current(), 99);
	assert_false(fires_at(START + 100 * TICK - 1, 0x40));
	assert_int_equal(current(), 1);
	assert_true(fires_at(START + 100 * TICK, 0x40));
	assert_int_equal(current(), 0);
	assert_int_equal(rdmsr(0x838), 100);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	assert_false(fires_at(START + 1000 * TICK, 0x40));
}

static void early_expire_is_ignored(void **state)
{
	(void)state;
	lvt(0x40);
	count(100);
	vlapic_timer_expire(&apic, START + 5);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_true(vlapic_timer_deadline(&apic) == START + 100 * TICK);
}

static void restart_and_stop(void **state)
{
	(void)state;
	lvt(0x40);
	count(100);
	now += 50 * TICK;
	count(100);
	assert_true(vlapic_timer_deadline(&apic) == START + 150 * TICK);
	count(0);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	assert_int_equal(current(), 0);
}

static void periodic(void **state)
{
	(void)state;
	lvt(0x41 | PERIODIC);
	count(10);
	assert_true(fires_at(START + 10 * TICK + 7, 0x41));
	assert_true(vlapic_timer_deadline(&apic) == START + 20 * TICK); /* no drift */
	assert_int_equal(current(), 10);
	assert_true(fires_at(START + 20 * TICK, 0x41));
	assert_true(fires_at(START + 1000005 * TICK, 0x41));            /* long absence: one interrupt */
	assert_true(vlapic_timer_deadline(&apic) == START + 1000010 * TICK);
	now += 3 * TICK;
	assert_int_equal(current(), 2);
	count(0);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
}

static void periodic_becomes_one_shot(void **state)
{
	(void)state;
	lvt(0x41 | PERIODIC);
	count(10);
	assert_true(fires_at(START + 10 * TICK, 0x41));
	lvt(0x41);
	assert_true(fires_at(START + 20 * TICK, 0x41));
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	lvt(0x41 | PERIODIC);                         /* what has run out stays so */
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	assert_int_equal(current(), 0);
}

static void divisors(void **state)
{
	static const struct {
		uint32_t code;
		unsigned by;
	} cases[] = { { 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };

	(void)state;
	lvt(0x40);
	for (unsigned i = 0; i < 8; i++) {
		divide(cases[i].code);
		assert_int_equal(rdmsr(0x83e), cases[i].code);
		count(1000);
		assert_true(vlapic_timer_deadline(&apic) == now + 1000ULL * 16 * cases[i].by);
	}
	count(0xffffffff);
	divide(10);
	assert_true(vlapic_timer_deadline(&apic) == now + 0xffffffffULL * 2048);
	apic.tsc_per_tick_shift = 0;
	count(5);
	assert_true(vlapic_timer_deadline(&apic) == now + 5 * 128);
}

static void divide_while_counting(void **state)
{
	(void)state;
	lvt(0x40);
	count(100);
	now += 40 * TICK;
	divide(1);                                    /* half the rate from here */
	assert_int_equal(current(), 60);
	assert_true(vlapic_timer_deadline(&apic) == now + 60 * 2 * TICK);
	now += 10 * 2 * TICK;
	divide(0xb);
	assert_int_equal(current(), 50);
	assert_true(fires_at(now + 50 * 16, 0x40));
}

static void masked(void **state)
{
	(void)state;
	lvt(0x40 | MASK);
	count(100);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	now += 30 * TICK;
	assert_int_equal(current(), 70);              /* counts all the same */
	lvt(0x40);
	assert_true(vlapic_timer_deadline(&apic) == START + 100 * TICK);
	lvt(0x40 | MASK);
	now = START + 200 * TICK;
	lvt(0x40);                                    /* ran out meanwhile: no interrupt */
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	lvt(0x40 | PERIODIC | MASK);
	count(100);
	now += 250 * TICK;
	assert_int_equal(current(), 50);
	lvt(0x40 | PERIODIC);
	assert_true(vlapic_timer_deadline(&apic) == now + 50 * TICK);
}

static void due_before_a_register_changes(void **state)
{
	(void)state;
	lvt(0x40);
	count(100);
	now += 100 * TICK;                            /* due, but nobody has looked */
	assert_int_equal(current(), 0);
	lvt(0x40 | MASK);
	assert_int_equal(vlapic_pending(&apic), 0x40);
}

static void tsc_deadline(void **state)
{
	(void)state;
	deadline(5000);                               /* wrong mode: ignored */
	assert_true(rdmsr(0x6e0) == 0);
	lvt(0x42 | DEADLINE);
	deadline(START + 500);
	assert_true(rdmsr(0x6e0) == START + 500);
	assert_true(vlapic_timer_deadline(&apic) == START + 500);
	assert_false(fires_at(START + 499, 0x42));
	assert_true(fires_at(START + 500, 0x42));
	assert_true(rdmsr(0x6e0) == 0);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	deadline(START);                              /* past: at once */
	assert_true(fires_at(now, 0x42));
	deadline(now + 10);
	deadline(0);                                  /* disarms */
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	deadline(now + 10);
	deadline(now + 20);
	assert_false(fires_at(now + 10, 0x42));
	assert_true(fires_at(now + 10, 0x42));
	count(100);                                   /* no count in this mode */
	assert_int_equal(rdmsr(0x838), 0);
	assert_int_equal(current(), 0);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	deadline(UINT64_MAX);
	assert_true(rdmsr(0x6e0) == UINT64_MAX);
}

static void tsc_deadline_masked(void **state)
{
	(void)state;
	lvt(0x42 | DEADLINE | MASK);
	deadline(START + 500);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	assert_true(rdmsr(0x6e0) == START + 500);
	lvt(0x42 | DEADLINE);
	assert_true(vlapic_timer_deadline(&apic) == START + 500);
	lvt(0x42 | DEADLINE | MASK);
	now = START + 600;
	assert_true(rdmsr(0x6e0) == 0);
	deadline(START + 700);
	now = START + 800;
	lvt(0x42 | DEADLINE);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	assert_true(rdmsr(0x6e0) == 0);
}

static void mode_change_disarms(void **state)
{
	(void)state;
	lvt(0x40);
	count(100);
	lvt(0x40 | DEADLINE);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	deadline(START + 500);
	lvt(0x40);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	assert_true(rdmsr(0x6e0) == 0);
	assert_int_equal(rdmsr(0x838), 0);
	lvt(0x40 | DEADLINE);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
}

static void disabling_stops_it(void **state)
{
	(void)state;
	lvt(0x40 | PERIODIC);
	count(100);
	wrmsr(0x80f, 0xff);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	wrmsr(0x80f, 0x1ff);
	lvt(0x40 | PERIODIC);
	assert_true(vlapic_timer_deadline(&apic) == START + 100 * TICK);
	vlapic_reset(&apic, true);
	assert_true(vlapic_timer_deadline(&apic) == NEVER);
	assert_int_equal(current(), 0);
}

static void tsc_moves(void **state)
{
	(void)state;
	lvt(0x40);
	count(100);
	now += 5 * TICK;
	now -= 900000;
	vlapic_tsc_moved(&apic, (uint64_t)-900000);
	assert_int_equal(current(), 95);
	assert_true(vlapic_timer_deadline(&apic) == now + 95 * TICK);
	lvt(0x40 | DEADLINE);
	deadline(now + 500);
	vlapic_tsc_moved(&apic, 1000);
	assert_true(vlapic_timer_deadline(&apic) == now + 500);
}

static void shortest_period(void **state)
{
	(void)state;
	apic.tsc_per_tick_shift = 0;
	divide(0xb);
	lvt(0x40 | PERIODIC);
	count(1);
	for (unsigned i = 1; i < 5; i++) {
		assert_true(fires_at(START + i * 1000, 0x40));
		assert_true(vlapic_timer_deadline(&apic) == now + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_shot, setup),
		cmocka_unit_test_setup(early_expire_is_ignored, setup),
		cmocka_unit_test_setup(restart_and_stop, setup),
		cmocka_unit_test_setup(periodic, setup),
		cmocka_unit_test_setup(periodic_becomes_one_shot, setup),
		cmocka_unit_test_setup(divisors, setup),
		cmocka_unit_test_setup(divide_while_counting, setup),
		cmocka_unit_test_setup(masked, setup),
		cmocka_unit_test_setup(due_before_a_register_changes, setup),
		cmocka_unit_test_setup(tsc_deadline, setup),
		cmocka_unit_test_setup(tsc_deadline_masked, setup),
		cmocka_unit_test_setup(mode_change_disarms, setup),
		cmocka_unit_test_setup(disabling_stops_it, setup),
		cmocka_unit_test_setup(tsc_moves, setup),
		cmocka_unit_test_setup(shortest_period, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
