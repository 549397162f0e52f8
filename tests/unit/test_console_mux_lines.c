/* SPDX-License-Identifier: MIT */
/* Lines of several sources on one terminal: none is written over, wherever they meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/console_mux.h"

static char terminal[1024];
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

static void write_text(struct console_mux *mux, struct console_port *port, const char *text)
{
	while (*text)
		console_mux_write(mux, port, (uint8_t)*text++);
}

static void lines(void **state)
{
	struct console_mux mux = { .emit = emit };
	struct console_port a = { .name = "a" }, b = { .name = "b" };

	(void)state;
	console_mux_attach(&mux, &a);
	console_mux_attach(&mux, &b);
	/* Between carriage return and line feed. */
	write_text(&mux, &a, "one\r");
	console_mux_line(&mux, "log", 3);
	write_text(&mux, &a, "\ntwo\r\n");
	write_text(&mux, &b, "x\r\n");
	/* In the middle of a line. */
	write_text(&mux, &a, "par");
	console_mux_line(&mux, "log", 3);
	write_text(&mux, &a, "tial\r\n\r\n");
	/* A line that is written over by its own partition, until another's comes. */
	write_text(&mux, &a, "10%\r20%\r");
	write_text(&mux, &b, "y\n");
	write_text(&mux, &a, "30%\r\n");
	assert_string_equal(terminal, "[a] one\r\nlog\r\n[a] two\r\n[b] x\r\n[a] par\r\nlog\r\n[a] partial\r\n\r\n"
	                              "[a] 10%\r[a] 20%\r\n[b] y\r\n[a] 30%\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
