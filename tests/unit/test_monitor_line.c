/* SPDX-License-Identifier: MIT */
/* The monitor's line editor: what a person types, and what a broken terminal sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/monitor_line.h"

static struct monitor_line line;

static int set_up(void **state)
{
	(void)state;
	memset(&line, 0, sizeof(line));
	return 0;
}

static enum monitor_key type(const char *keys)
{
	enum monitor_key last = KEY_NOTHING;

	while (*keys)
		last = monitor_line_key(&line, (uint8_t)*keys++);
	return last;
}

static void assert_line(const char *text, unsigned cursor)
{
	assert_string_equal(line.text, text);
	assert_int_equal(line.length, strlen(text));
	assert_int_equal(line.cursor, cursor);
}

static void enter(const char *text)
{
	char out[MONITOR_LINE + 1];

	assert_int_equal(type(text), KEY_CHANGED);
	assert_int_equal(type("\r"), KEY_ENTER);
	assert_true(monitor_line_take(&line, out));
	assert_string_equal(out, text);
	assert_line("", 0);
}

static void edits(void **state)
{
	static const struct {
		const char *keys, *text;
		unsigned cursor;
	} cases[] = {
		{ "list", "list", 4 },
		{ "list\x08", "lis", 3 },
		{ "list\x7f\x7f", "li", 2 },
		{ "\x08\x7f", "", 0 },
		{ "st\x01li", "list", 2 },
		{ "ist\x01l\x05!", "list!", 5 },
		{ "abc\x02\x02x\x06y", "axbyc", 4 },
		{ "abc\x1b[D\x1b[DX\x1b[CY", "aXbYc", 4 },
		{ "\x1b[D\x1b[C\x02\x06", "", 0 },
		{ "abc\x1b[HX\x1b[FY", "XabcY", 5 },
		{ "abc\x1bOHX\x1bOFY", "XabcY", 5 },
		{ "abc\x1b[1~X\x1b[4~Y\x1b[7~Z\x1b[8~", "ZXabcY", 6 },
		{ "abc\x01\x04\x1b[3~", "c", 0 },
		{ "abc\x04\x1b[3~", "abc", 3 },
		{ "one two\x01\x06\x06\x06\x0b", "one", 3 },
		{ "one two\x02\x02\x02\x15", "two", 0 },
		{ "one two  \x17", "one ", 4 },
		{ "one two\x17\x17\x17", "", 0 },
		{ "one two\x02\x02\x17", "one wo", 4 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_up(state);
		type(cases[i].keys);
		assert_line(cases[i].text, cases[i].cursor);
	}
}

static void unknown_keys_do_nothing(void **state)
{
	(void)state;
	type("ab");
	assert_int_equal(type("\x1b[5~"), KEY_NOTHING);        /* Page Up */
	assert_int_equal(type("\x1b[999999999999~"), KEY_NOTHING);
	assert_int_equal(type("\x1b[1;5Q"), KEY_NOTHING);
	assert_int_equal(type("\x1b[15~"), KEY_NOTHING);       /* F5 */
	assert_int_equal(type("\x1bx"), KEY_NOTHING);          /* Alt-x */
	assert_int_equal(type("\x1bOP"), KEY_NOTHING);         /* F1 */
	assert_int_equal(type("\x03\x07\x1c\x1f"), KEY_NOTHING);
	assert_int_equal(type("\xc3\xa4\xff\x80"), KEY_NOTHING);
	assert_line("ab", 2);
	/* A sequence that breaks off does not swallow what follows. */
	assert_int_equal(type("\x1b[1\x08"), KEY_CHANGED);
	assert_line("a", 1);
	assert_int_equal(type("\x1b[\r"), KEY_ENTER);
	type("c");
	assert_line("ac", 2);
	type("\x1bO\x1b");
	monitor_line_clear(&line);
	type("list");
	assert_line("list", 4);
}

static void line_ends(void **state)
{
	char out[MONITOR_LINE + 1];

	(void)state;
	assert_int_equal(monitor_line_key(&line, '\r'), KEY_ENTER);
	assert_int_equal(monitor_line_key(&line, '\n'), KEY_NOTHING);
	assert_int_equal(monitor_line_key(&line, '\n'), KEY_ENTER);
	assert_int_equal(monitor_line_key(&line, '\t'), KEY_TAB);
	assert_true(monitor_line_take(&line, out));
	assert_string_equal(out, "");
}

static void history(void **state)
{
	(void)state;
	type("\x1b[A\x1b[B");
	assert_line("", 0);
	enter("one");
	enter("two");
	enter("two");
	type("new\x1b[A");
	assert_line("two", 3);
	type("\x10");
	assert_line("one", 3);
	type("\x10\x1b[A");
	assert_line("one", 3);
	type("\x0e\x1b[B\x1b[B");
	assert_line("new", 3);
	/* What is changed there is a new line. */
	type("\x1b[A\x1b[A!");
	assert_line("one!", 4);
	type("\r");
	monitor_line_take(&line, line.kept);
	type("\x1b[A");
	assert_line("one!", 4);
	type("\x1b[A\x1b[A");
	assert_line("one", 3);
}

static void history_is_a_ring(void **state)
{
	char text[2] = "a";

	(void)state;
	for (unsigned i = 0; i < MONITOR_HISTORY + 5; i++) {
		text[0] = (char)('a' + i);
		enter(text);
	}
	for (unsigned i = 0; i < 3 * MONITOR_HISTORY; i++)
		type("\x1b[A");
	assert_line("f", 1);
	/* A blank line is not kept. */
	type("\x15");
	enter("  ");
	type("\x1b[A");
	assert_line("u", 1);
}

static void too_long(void **state)
{
	char out[MONITOR_LINE + 1];

	(void)state;
	for (unsigned i = 0; i < MONITOR_LINE; i++)
		type("x");
	assert_false(line.too_long);
	type("y");
	assert_true(line.too_long);
	assert_int_equal(line.length, MONITOR_LINE);
	type("\r");
	assert_false(monitor_line_take(&line, out));
	type("\x1b[A");
	assert_line("", 0); /* it is not in the history */
	enter("list");
}

static void shows(void **state)
{
	char out[MONITOR_SHOWN + 1];

	(void)state;
	type("list");
	out[monitor_line_render(&line, "> ", out)] = '\0';
	assert_string_equal(out, "> list");
	type("\x02\x02\x02");
	out[monitor_line_render(&line, "> ", out)] = '\0';
	assert_string_equal(out, "> list\x1b[3D");
	type("\x05");
	for (unsigned i = 0; i < MONITOR_LINE; i++)
		type("x");
	out[monitor_line_render(&line, "> ", out)] = '\0';
	assert_int_equal(strlen(out), 2 + MONITOR_WIDTH - 1);
	type("\x01");
	out[monitor_line_render(&line, "> ", out)] = '\0';
	assert_memory_equal(out, "> listxxx", 9);
	assert_string_equal(out + 2 + MONITOR_WIDTH, "\x1b[64D");
}

/* Whatever comes: nothing is written beside the line, the cursor stays in it, what is shown fits. */
static void garbage(void **state)
{
	char out[MONITOR_SHOWN], text[MONITOR_LINE + 1];

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t byte = (uint8_t)(rand() >> 7);

		if (rand() % 8 == 0)
			byte = "\x1b[OABCDHF~139 x"[byte % 16];
		if (monitor_line_key(&line, byte) == KEY_ENTER)
			monitor_line_take(&line, text);
		assert_true(line.length <= MONITOR_LINE && line.cursor <= line.length);
		assert_int_equal(strlen(line.text), line.length);
		assert_true(monitor_line_render(&line, "bulkhead> ", out) <= MONITOR_SHOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(edits, set_up),
		cmocka_unit_test_setup(unknown_keys_do_nothing, set_up),
		cmocka_unit_test_setup(line_ends, set_up),
		cmocka_unit_test_setup(history, set_up),
		cmocka_unit_test_setup(history_is_a_ring, set_up),
		cmocka_unit_test_setup(too_long, set_up),
		cmocka_unit_test_setup(shows, set_up),
		cmocka_unit_test_setup(garbage, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
