/* SPDX-License-Identifier: MIT */
/* kernel/stream.c: round trips, overruns, sections that do not match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/stream.h"

static void round_trip(void **state)
{
	uint8_t buffer[64];
	struct stream out = { .data = buffer, .size = sizeof(buffer) };
	char text[6];
	size_t mark;

	(void)state;
	mark = stream_begin(&out, "TEST");
	stream_put_u64(&out, 0x0123456789abcdef);
	stream_put(&out, "bulky", 6);
	stream_end(&out, mark);
	assert_false(out.failed);
	assert_int_equal(out.position, 8 + 8 + 6);

	struct stream in = { .data = buffer, .size = out.position };

	stream_expect(&in, "TEST", 14);
	assert_true(stream_get_u64(&in) == 0x0123456789abcdef);
	stream_get(&in, text, sizeof(text));
	assert_string_equal(text, "bulky");
	assert_false(in.failed);
	assert_int_equal(in.position, in.size);
}

static void layout_is_little_endian(void **state)
{
	static const uint8_t expected[] = { 'A', 'B', 'C', 'D', 8, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1 };
	uint8_t buffer[16];
	struct stream out = { .data = buffer, .size = sizeof(buffer) };
	size_t mark;

	(void)state;
	mark = stream_begin(&out, "ABCD");
	stream_put_u64(&out, 0x0102030405060708);
	stream_end(&out, mark);
	assert_memory_equal(buffer, expected, sizeof(expected));
	assert_false(out.failed);
}

static void overrun_is_sticky(void **state)
{
	uint8_t buffer[10] = { 0 };
	struct stream out = { .data = buffer, .size = sizeof(buffer) };
	size_t mark;

	(void)state;
	stream_put_u64(&out, 1);
	stream_put_u64(&out, UINT64_MAX);
	assert_true(out.failed);
	assert_int_equal(out.position, 8);
	stream_put(&out, "x", 1);
	assert_int_equal(out.position, 8);
	assert_int_equal(buffer[8], 0);

	struct stream small = { .data = buffer, .size = 6 };

	mark = stream_begin(&small, "TEST");
	stream_end(&small, mark);
	assert_true(small.failed);
}

static void short_read_gives_zeros(void **state)
{
	uint8_t buffer[4] = { 1, 2, 3, 4 }, got[2] = { 9, 9 };
	struct stream in = { .data = buffer, .size = sizeof(buffer) };

	(void)state;
	assert_true(stream_get_u64(&in) == 0);
	assert_true(in.failed);
	stream_get(&in, got, sizeof(got));
	assert_int_equal(got[0], 0);
	assert_int_equal(got[1], 0);

	struct stream beyond = { .data = buffer, .size = 4, .position = 5 };

	assert_true(stream_get_u64(&beyond) == 0);
	assert_true(beyond.failed);
}

static bool expect_fails(const char *written, size_t size, const char *tag, size_t expected)
{
	uint8_t buffer[32] = { 0 };
	struct stream out = { .data = buffer, .size = sizeof(buffer) };
	size_t mark = stream_begin(&out, written);

	stream_put(&out, "0123456789", size);
	stream_end(&out, mark);

	struct stream in = { .data = buffer, .size = out.position };

	stream_expect(&in, tag, expected);
	return in.failed;
}

static void section_must_match(void **state)
{
	(void)state;
	assert_false(expect_fails("VPIC", 3, "VPIC", 3));
	assert_true(expect_fails("VPIC", 3, "VPIT", 3));
	assert_true(expect_fails("VPIC", 3, "VPIC", 4));
	assert_true(expect_fails("VPIC", 4, "VPIC", 3));
}

static void end_rejects_a_wrong_mark(void **state)
{
	uint8_t buffer[16];
	struct stream out = { .data = buffer, .size = sizeof(buffer) };

	(void)state;
	stream_put_u64(&out, 0);
	stream_end(&out, 3);
	assert_true(out.failed);
	out.failed = false;
	stream_end(&out, 12);
	assert_true(out.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(layout_is_little_endian),
		cmocka_unit_test(overrun_is_sticky),
		cmocka_unit_test(short_read_gives_zeros),
		cmocka_unit_test(section_must_match),
		cmocka_unit_test(end_rejects_a_wrong_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
