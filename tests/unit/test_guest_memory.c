/* SPDX-License-Identifier: MIT */
/* kernel/guest_memory.c: what is RAM is reached, everything else is refused, nothing wraps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "kernel/guest_memory.h"

#define LOW 0x2000
#define HIGH_BASE 0x4000
#define HIGH 0x1000

static uint8_t window[HIGH_BASE + HIGH];

static struct guest_memory memory = {
	.window = window,
	.count = 2,
	.ranges = { { .gpa = 0, .size = LOW }, { .gpa = HIGH_BASE, .size = HIGH } },
	.size = LOW + HIGH,
};

static void reads_and_writes(void **state)
{
	char text[4] = "";

	(void)state;
	assert_int_equal(guest_write(&memory, LOW - 4, "abc", 4), E_OK);
	assert_int_equal(guest_read(&memory, LOW - 4, text, 4), E_OK);
	assert_string_equal(text, "abc");
	assert_string_equal((char *)window + LOW - 4, "abc");
	assert_int_equal(guest_write(&memory, HIGH_BASE, "xyz", 4), E_OK);
	assert_string_equal((char *)window + HIGH_BASE, "xyz");
	assert_int_equal(guest_zero(&memory, HIGH_BASE, 2), E_OK);
	assert_int_equal(window[HIGH_BASE + 1], 0);
	assert_int_equal(window[HIGH_BASE + 2], 'z');
	assert_ptr_equal(guest_map(&memory, HIGH_BASE + 1, HIGH - 1), window + HIGH_BASE + 1);
}

static void refuses_what_is_not_ram(void **state)
{
	static const struct {
		uint64_t gpa;
		size_t size;
	} bad[] = {
		{ LOW - 3, 4 },               /* runs out of its range */
		{ LOW, 1 },                   /* the hole */
		{ HIGH_BASE - 1, 1 },
		{ HIGH_BASE - 1, 2 },         /* runs into a range */
		{ 0, HIGH_BASE + HIGH },      /* spans the hole */
		{ HIGH_BASE, HIGH + 1 },
		{ HIGH_BASE + HIGH, 1 },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX, 2 },            /* wraps to RAM */
		{ UINT64_MAX - 3, 8 },
		{ 8, SIZE_MAX },
		{ 8, SIZE_MAX - 7 },          /* sum is 0 */
		{ HIGH_BASE, SIZE_MAX - HIGH_BASE + 1 },
	};
	char byte = 'q';

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(guest_map(&memory, bad[i].gpa, bad[i].size));
		assert_int_equal(guest_read(&memory, bad[i].gpa, &byte, bad[i].size), E_RANGE);
		assert_int_equal(guest_write(&memory, bad[i].gpa, &byte, bad[i].size), E_RANGE);
		assert_int_equal(guest_zero(&memory, bad[i].gpa, bad[i].size), E_RANGE);
	}
	assert_int_equal(byte, 'q');
}

static void refusal_copies_nothing(void **state)
{
	(void)state;
	window[LOW - 1] = 7;
	assert_int_equal(guest_write(&memory, LOW - 1, "ab", 2), E_RANGE);
	assert_int_equal(guest_zero(&memory, LOW - 1, 2), E_RANGE);
	assert_int_equal(window[LOW - 1], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(refuses_what_is_not_ram),
		cmocka_unit_test(refusal_copies_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
