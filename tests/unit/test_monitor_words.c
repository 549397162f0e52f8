/* SPDX-License-Identifier: MIT */
/* Words of a command line, and how they are completed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/monitor_words.h"

static void splits(void **state)
{
	char text[] = "  mem linux  0x1000 16 ", blank[] = "   ", empty[] = "", *words[3];

	(void)state;
	assert_int_equal(monitor_words_split(text, words, 3), 4);
	assert_string_equal(words[0], "mem");
	assert_string_equal(words[1], "linux");
	assert_string_equal(words[2], "0x1000");
	assert_int_equal(monitor_words_split(blank, words, 3), 0);
	assert_int_equal(monitor_words_split(empty, words, 3), 0);
}

static void numbers(void **state)
{
	uint64_t value;

	(void)state;
	assert_true(monitor_words_number("4096", &value));
	assert_int_equal(value, 4096);
	assert_true(monitor_words_number("0xfee00000", &value));
	assert_int_equal(value, 0xfee00000);
	assert_true(monitor_words_number("0xffffffffffffffffff", &value));
	assert_true(value == UINT64_MAX);
	assert_false(monitor_words_number("", &value));
	assert_false(monitor_words_number("0x", &value));
	assert_false(monitor_words_number("-1", &value));
	assert_false(monitor_words_number("12k", &value));
	assert_false(monitor_words_number("linux", &value));
}

static void completes(void **state)
{
	static const char *const names[] = { "list", "linux-a", "linux-b", "rtos" };
	static const struct {
		const char *start, *common;
		unsigned matches;
	} cases[] = {
		{ "", "", 4 }, { "l", "li", 3 }, { "lin", "linux-", 2 }, { "r", "rtos", 1 }, { "rtos", "rtos", 1 },
		{ "rtosx", "", 0 }, { "x", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct monitor_completion c = { .start = cases[i].start, .size = strlen(cases[i].start) };

		for (unsigned j = 0; j < 4; j++)
			monitor_words_offer(&c, names[j]);
		assert_int_equal(c.matches, cases[i].matches);
		assert_int_equal(c.common, strlen(cases[i].common));
		if (c.matches)
			assert_memory_equal(c.first, cases[i].common, c.common);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),
		cmocka_unit_test(numbers),
		cmocka_unit_test(completes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
