/* SPDX-License-Identifier: MIT */
/* The monitor among the partitions on one terminal: its line is put away for others' output, and drawn again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/console_mux.h"

#define ERASE "\r\x1b[K"

static char terminal[4096];
static size_t used;

static bool emit(struct console_mux *mux, const char *data, size_t size)
{
	(void)mux;
	assert_true(used + size < sizeof(terminal));
	memcpy(terminal + used, data, size);
	used += size;
	terminal[used] = 0;
	return true;
}

static int set_up(void **state)
{
	(void)state;
	used = 0;
	terminal[0] = 0;
	return 0;
}

static void assert_terminal(const char *text)
{
	assert_string_equal(terminal, text);
	set_up(NULL);
}

static void write_text(struct console_mux *mux, struct console_port *port, const char *text)
{
	while (*text)
		console_mux_write(mux, port, (uint8_t)*text++);
}

static void show(struct console_mux *mux, const char *text)
{
	console_mux_monitor_show(mux, text, strlen(text));
}

static struct console_port *press(struct console_mux *mux, unsigned times)
{
	struct console_port *to;
	uint8_t out[CONSOLE_SWITCH_COUNT];

	while (times--)
		assert_int_equal(console_mux_input(mux, CONSOLE_SWITCH, out, &to), 0);
	return mux->focus;
}

static void is_the_last_stop(void **state)
{
	struct console_mux mux = { .emit = emit };
	struct console_port a = { .name = "a" }, b = { .name = "b" }, monitor = { .name = "monitor" };

	(void)state;
	console_mux_attach(&mux, &a);
	console_mux_attach(&mux, &b);
	console_mux_attach_monitor(&mux, &monitor);
	show(&mux, "> ");
	assert_ptr_equal(mux.focus, &a);
	assert_terminal("");
	assert_ptr_equal(press(&mux, 3), &b);
	assert_terminal("--- input goes to b (Ctrl-A three times: next) ---\r\n");
	assert_ptr_equal(press(&mux, 3), &monitor);
	assert_terminal("--- input goes to monitor (Ctrl-A three times: next) ---\r\n> ");
	assert_ptr_equal(press(&mux, 3), &a);
	assert_terminal(ERASE "--- input goes to a (Ctrl-A three times: next) ---\r\n");
	console_mux_focus(&mux, &monitor);
	assert_ptr_equal(mux.focus, &monitor);
}

/* With one partition, its output is unchanged, and Ctrl-A three times goes to the monitor and back. */
static void with_one_partition(void **state)
{
	struct console_mux mux = { .emit = emit };
	struct console_port a = { .name = "a" }, monitor = { .name = "monitor" }, *to;
	uint8_t out[CONSOLE_SWITCH_COUNT];

	(void)state;
	console_mux_attach(&mux, &a);
	console_mux_attach_monitor(&mux, &monitor);
	show(&mux, "> ");
	write_text(&mux, &a, "one\r\ntwo");
	assert_terminal("one\r\ntwo");
	press(&mux, 2);
	assert_int_equal(console_mux_input(&mux, 'x', out, &to), 3);
	assert_ptr_equal(to, &a);
	assert_memory_equal(out, "\x01\x01x", 3);
	assert_ptr_equal(press(&mux, 3), &monitor);
	assert_terminal("\r\n--- input goes to monitor (Ctrl-A three times: next) ---\r\n> ");
	write_text(&mux, &a, "!\r\n");
	assert_terminal(ERASE "two!\r\n> ");
	assert_ptr_equal(press(&mux, 3), &a);
}

static void without_partitions(void **state)
{
	struct console_mux mux = { .emit = emit };
	struct console_port monitor = { .name = "monitor" }, *to;
	uint8_t out[CONSOLE_SWITCH_COUNT];

	(void)state;
	console_mux_attach_monitor(&mux, &monitor);
	show(&mux, "> ");
	assert_terminal("> ");
	assert_int_equal(console_mux_input(&mux, CONSOLE_SWITCH, out, &to), 1);
	assert_ptr_equal(to, &monitor);
}

static void its_line_stays_whole(void **state)
{
	struct console_mux mux = { .emit = emit };
	struct console_port a = { .name = "a" }, b = { .name = "b" }, monitor = { .name = "monitor" };

	(void)state;
	console_mux_attach(&mux, &a);
	console_mux_attach(&mux, &b);
	console_mux_attach_monitor(&mux, &monitor);
	show(&mux, "> ");
	console_mux_focus(&mux, &monitor);
	set_up(NULL);
	show(&mux, "> li");
	show(&mux, "> list");
	assert_terminal("list");
	write_text(&mux, &a, "beat\r\n");
	assert_terminal(ERASE "[a] beat\r\n> list");
	console_mux_line(&mux, "log", 3);
	assert_terminal(ERASE "log\r\n> list");
	show(&mux, "> lis");
	assert_terminal(ERASE "> lis");
	console_mux_monitor_enter(&mux);
	console_mux_monitor_line(&mux, "answer", 6);
	write_text(&mux, &b, "x\n");
	show(&mux, "> ");
	assert_terminal("\r\nanswer\r\n[b] x\r\n> ");
	/* When the input goes elsewhere, what it still has to say is named. */
	console_mux_focus(&mux, &a);
	set_up(NULL);
	write_text(&mux, &a, "par");
	console_mux_monitor_line(&mux, "late", 4);
	show(&mux, "> ");
	console_mux_monitor_enter(&mux);
	assert_terminal("[a] par\r\n[monitor] late\r\n[a] par");
}

/* A partition ends within a line: the next life's output begins a new one, with or without the focus. */
static void unfinished_lines(void **state)
{
	struct console_mux mux = { .emit = emit };
	struct console_port a = { .name = "a" }, b = { .name = "b" };

	(void)state;
	console_mux_attach(&mux, &a);
	console_mux_attach(&mux, &b);
	write_text(&mux, &a, "# ");
	write_text(&mux, &b, "> ");
	console_mux_end_line(&mux, &a);
	console_mux_end_line(&mux, &b);
	console_mux_end_line(&mux, &a);
	console_mux_line(&mux, "log", 3);
	write_text(&mux, &a, "x\r\n");
	assert_terminal("[a] # \r\n[b] > \r\nlog\r\n[a] x\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_the_last_stop, set_up),
		cmocka_unit_test_setup(with_one_partition, set_up),
		cmocka_unit_test_setup(without_partitions, set_up),
		cmocka_unit_test_setup(its_line_stays_whole, set_up),
		cmocka_unit_test_setup(unfinished_lines, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
