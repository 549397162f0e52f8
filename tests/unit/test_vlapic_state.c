/* SPDX-License-Identifier: MIT */
/* drivers/vlapic_state.c: what was saved is what comes back, and nothing impossible is taken in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/vlapic.h"

static uint32_t page[1024] __attribute__((aligned(4096)));
static uint32_t page_before[1024];
static struct vlapic apic, before;
static uint8_t buffer[1024];
static size_t length;
static uint64_t clock;

static uint64_t tsc(struct vlapic *from)
{
	(void)from;
	return clock;
}

static const struct vlapic_host host = { .tsc = tsc };

static void wrmsr(uint32_t msr, uint64_t value)
{
	assert_true(vlapic_wrmsr(&apic, msr, value));
}

static int setup(void **state)
{
	(void)state;
	clock = 1000000;
	vlapic_init(&apic, page, 2, false, &host, NULL);
	wrmsr(0x1b, 0xfee00c00);
	wrmsr(0x80f, 0x1ff);
	wrmsr(0x808, 0x20);
	wrmsr(0x835, 0x700);
	wrmsr(0x83e, 0xb);
	wrmsr(0x83f, 3); /* an error */
	return 0;
}

static void save(void)
{
	struct stream out = { .data = buffer, .size = sizeof(buffer) };

	vlapic_save(&apic, &out);
	assert_false(out.failed);
	length = out.position;
}

static bool restore(void)
{
	struct stream in = { .data = buffer, .size = length };

	vlapic_restore(&apic, &in);
	return !in.failed && in.position == in.size;
}

static void remember(void)
{
	before = apic;
	memcpy(page_before, page, sizeof(page));
}

static void assert_same(void)
{
	assert_memory_equal(&apic, &before, sizeof(apic));
	assert_memory_equal(page, page_before, sizeof(page));
}

static void round_trip(void **state)
{
	(void)state;
	wrmsr(0x832, 0x20040);
	wrmsr(0x838, 100);
	wrmsr(0x83f, 0x91);
	assert_int_equal(vlapic_pending(&apic), 0x91);
	vlapic_accept(&apic, 0x91);
	vlapic_request(&apic, 0x55, true);
	remember();
	save();
	vlapic_init(&apic, page, 2, false, &host, NULL);
	assert_true(restore());
	assert_same();
	assert_int_equal(apic.isr_top, 0x91);
	assert_int_equal(apic.irr_top, 0x55);
	assert_true(vlapic_timer_deadline(&apic) == clock + 1600);
	wrmsr(0x828, 0);
	assert_int_equal(page[0x280 / 4], 0x20);
}

static void deadline_round_trip(void **state)
{
	(void)state;
	wrmsr(0x832, 0x40040);
	wrmsr(0x6e0, clock - 5);
	save();
	vlapic_init(&apic, page, 2, false, &host, NULL);
	assert_true(restore());
	assert_true(vlapic_timer_deadline(&apic) == clock - 5); /* fires at once */
}

static void posted_vectors_are_saved(void **state)
{
	(void)state;
	vlapic_post(&apic, 0x05, false);
	vlapic_post(&apic, 0x61, true);
	vlapic_post(&apic, 0xf3, false);
	save();
	vlapic_init(&apic, page, 2, false, &host, NULL);
	assert_true(restore());
	assert_int_equal(apic.posted_any, 0);
	assert_int_equal(vlapic_pending(&apic), 0xf3);
	vlapic_accept(&apic, 0xf3);
	assert_int_equal(page[0x1b0 / 4], 2);
	assert_int_equal(page[0x1f0 / 4], 0);
	assert_int_equal(vlapic_requested(&apic), 0x61);
}

static void power_on_and_disabled_states(void **state)
{
	(void)state;
	vlapic_reset(&apic, false);
	vlapic_post(&apic, 0x61, false);  /* to an APIC that is disabled: dropped */
	save();
	assert_true(restore());
	assert_int_equal(vlapic_requested(&apic), -1);
	wrmsr(0x1b, 0xfee00000);
	save();
	assert_true(restore());
	assert_false(vlapic_enabled(&apic));
}

static void cut_short(void **state)
{
	(void)state;
	save();
	remember();
	while (length > 0) {
		length--;
		assert_false(restore());
	}
	assert_same();
}

static void put(unsigned word, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		buffer[8 + 8 * word + i] = (uint8_t)(value >> (8 * i));
}

static void impossible_values(void **state)
{
	static const struct {
		unsigned word;
		uint64_t value;
	} bad[] = {
		{ 0, 3 },                                   /* another APIC's */
		{ 1, 0xfee00400 }, { 1, 0xfed00c00 }, { 1, 0xfee00c01 }, { 1, 0 }, { 1, 0x1fee00c00 },
		{ 1, 0xfee00000 },                          /* globally disabled with the SVR on */
		{ 2, 1 }, { 2, 1ULL << 37 }, { 3, 2 },
		{ 3, 1 },                                   /* counting from 0 */
		{ 5, 77 },                                  /* a deadline in one-shot mode */
		{ 6, 0x100 }, { 7, 1ULL << 32 }, { 8, 0 }, { 8, 0x1ffffffff }, { 9, 0x400 },
		{ 9, 0x0ff },                               /* SVR off, LINT0 unmasked */
		{ 10, 1 }, { 11, 1 << 12 }, { 12, 1ULL << 32 }, { 13, 1 << 8 }, { 14, 1 << 12 }, { 15, 1 << 13 },
		{ 16, 1 << 14 }, { 17, 1 << 18 }, { 18, 1 << 9 }, { 19, 1ULL << 32 }, { 20, 4 },
		{ 21, 1 }, { 22, 0x8000 }, { 23, 2 },       /* vectors 0..15 */
		{ 24, 1ULL << 32 }, { 43, 1ULL << 63 }, { 44, 1ULL << 32 },
	};

	(void)state;
	save();
	remember();
	assert_int_equal(length, 8 + 45 * 8);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		save();
		put(bad[i].word, bad[i].value);
		assert_false(restore());
		assert_same();
	}
}

static void no_count_in_deadline_mode(void **state)
{
	(void)state;
	wrmsr(0x832, 0x40040);
	save();
	put(3, 1);
	assert_false(restore());
	put(3, 0);
	put(5, 77);
	assert_true(restore());
}

/* Any stream that is accepted leaves an APIC that works. */
static void random_streams(void **state)
{
	uint32_t seed = 7;
	unsigned accepted = 0;

	(void)state;
	for (unsigned round = 0; round < 5000; round++) {
		unsigned bit;

		setup(NULL);
		wrmsr(0x838, 5);
		wrmsr(0x832, (round & 3) << 17 | 0x40);
		save();
		seed = seed * 1664525 + 1013904223;
		bit = (seed >> 8) % (45 * 64);
		buffer[8 + bit / 8] ^= 1u << (bit & 7);
		if (!restore())
			continue;
		accepted++;
		for (unsigned i = 0; i < 4; i++) {
			int vector = vlapic_pending(&apic);
			uint64_t value = 0;

			if (vector >= 0)
				vlapic_accept(&apic, (uint8_t)vector);
			vlapic_rdmsr(&apic, 0x839, &value);
			vlapic_wrmsr(&apic, 0x83e, i);
			vlapic_timer_expire(&apic, vlapic_timer_deadline(&apic));
			clock += 1ULL << (seed >> 26);
		}
	}
	assert_true(accepted > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(round_trip, setup),
		cmocka_unit_test_setup(deadline_round_trip, setup),
		cmocka_unit_test_setup(posted_vectors_are_saved, setup),
		cmocka_unit_test_setup(power_on_and_disabled_states, setup),
		cmocka_unit_test_setup(cut_short, setup),
		cmocka_unit_test_setup(impossible_values, setup),
		cmocka_unit_test_setup(no_count_in_deadline_mode, setup),
		cmocka_unit_test_setup(random_streams, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
