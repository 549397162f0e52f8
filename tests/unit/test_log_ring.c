/* SPDX-License-Identifier: MIT */
/* The ring of the log's last lines, also while other threads write it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/log_ring.h"

static struct log_ring ring;

static void keeps_the_last(void **state)
{
	char text[LOG_RING_LINE], line[300];

	(void)state;
	memset(&ring, 0, sizeof(ring));
	assert_int_equal(log_ring_last(&ring), 0);
	assert_false(log_ring_get(&ring, 0, text));
	assert_false(log_ring_get(&ring, 1, text));
	for (unsigned i = 1; i <= LOG_RING_LINES + 3; i++)
		log_ring_put(&ring, line, (size_t)sprintf(line, "line %u", i));
	assert_int_equal(log_ring_last(&ring), LOG_RING_LINES + 3);
	assert_false(log_ring_get(&ring, 3, text));
	assert_true(log_ring_get(&ring, 4, text));
	assert_string_equal(text, "line 4");
	assert_true(log_ring_get(&ring, LOG_RING_LINES + 3, text));
	assert_false(log_ring_get(&ring, LOG_RING_LINES + 4, text));
	memset(line, 'x', sizeof(line));
	log_ring_put(&ring, line, sizeof(line));
	assert_true(log_ring_get(&ring, LOG_RING_LINES + 4, text));
	assert_int_equal(strlen(text), LOG_RING_LINE - 1);
}

/* A line of one letter throughout: one that was read while it changed would show. */
static void *write_lines(void *letter)
{
	char line[100];

	memset(line, *(const char *)letter, sizeof(line));
	for (unsigned i = 0; i < 20000; i++)
		log_ring_put(&ring, line, sizeof(line));
	return NULL;
}

static void reads_whole_lines(void **state)
{
	pthread_t writer;
	char text[LOG_RING_LINE];

	(void)state;
	memset(&ring, 0, sizeof(ring));
	pthread_create(&writer, NULL, write_lines, "a");
	for (uint64_t last; (last = log_ring_last(&ring)) < 20000;) {
		if (!log_ring_get(&ring, last, text))
			continue;
		assert_int_equal(strspn(text, "a"), 100);
		assert_int_equal(strlen(text), 100);
	}
	pthread_join(writer, NULL);
	assert_true(log_ring_get(&ring, 20000, text));
	assert_int_equal(strlen(text), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_last),
		cmocka_unit_test(reads_whole_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
