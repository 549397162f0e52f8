/* SPDX-License-Identifier: MIT */
/* Traces as text: what is taken, what is refused, and what lies between the records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/trace_text.h"

#define RECORDS 16
#define BEGIN "trace: 1 hz 1000000000\n"

static struct trace_record records[RECORDS];
static struct trace trace = { .records = records, .capacity = RECORDS };
static struct trace_fault fault;

/* From memory of just that size, so that the sanitizer sees a step beyond. */
static bool parse(const char *text)
{
	size_t size = strlen(text);
	char *copy = test_malloc(size + !size);
	bool good;

	memcpy(copy, text, size);
	good = trace_parse(&trace, copy, size, &fault);
	test_free(copy);
	return good;
}

static void reads_a_capture(void **state)
{
	char name[64];

	(void)state;
	assert_true(parse("login: trace: what is before a header is not ours\r\n"
			  "\033[32mbulkhead>\033[0m trace\r\n"
			  "\033[K\rtrace: 1 hz 2445000000\r\r\n"
			  "trace: partition 0 lin\033]0;title\aux-a\033[m\r\n"
			  "trace: exit 12 CR \"write\"  \r\n"
			  "[ 1.0] 0 info linux: something else\r\n"
			  "trace: r 1 1a2b3c4d5f 0 1 exit 12\r\n"
			  "trace: r 0 1a2b3c4d5e 3 2 overrun 18446744073709551615\r\n"
			  "trace: end 2 lost 12\r\nbulkhead> "));
	assert_int_equal(fault.line, 0);
	assert_int_equal(trace.hz, 2445000000);
	assert_int_equal(trace.lost, 12);
	assert_int_equal(trace.count, 2);
	assert_int_equal(records[0].tsc, 0x1a2b3c4d5e);
	assert_true(records[0].argument == UINT64_MAX);
	assert_int_equal(records[0].kind, TRACE_OVERRUN);
	assert_int_equal(records[0].line, 8);
	assert_int_equal(records[1].core, 1);
	assert_int_equal(records[1].kind, TRACE_EXIT);
	assert_string_equal(trace_vcpu_name(&trace, 0, 1, name), "linux-a/v1");
	assert_string_equal(trace_vcpu_name(&trace, 3, 2, name), "3/v2");
	assert_string_equal(trace_exit_name(&trace, 12, name), "CR \"write\"");
	assert_string_equal(trace_exit_name(&trace, 13, name), "kind 13");
}

static void takes_the_last_complete_one(void **state)
{
	static const char first[] = BEGIN "trace: partition 1 a\ntrace: r 0 1 1 0 run 0\ntrace: end 1 lost 0\n";
	static const char second[] = BEGIN "trace: r 0 1 1 0 run 0\ntrace: r 0 2 1 0 run 0\ntrace: end 2 lost 5\n";
	char text[1000];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", first, second);
	assert_true(parse(text));
	assert_int_equal(fault.line, 0);
	assert_int_equal(trace.count, 2);
	assert_int_equal(trace.lost, 5);
	assert_string_equal(trace.partitions[1], "");
	/* The last one is broken off, and one in the middle by the next. */
	snprintf(text, sizeof(text), "%s" BEGIN "%s" BEGIN "trace: r 0 9 1 0 run 0\ntrace: partition 1 b\n", second,
		 first);
	assert_true(parse(text));
	assert_int_equal(fault.line, 12);
	assert_string_equal(fault.problem, "the text ends within a trace");
	assert_int_equal(trace.count, 1);
	assert_int_equal(records[0].tsc, 1);
	assert_string_equal(trace.partitions[1], "a");
	/* A broken one before a good one is of no interest. */
	snprintf(text, sizeof(text), BEGIN "trace: nonsense\ntrace: r 0 9 1 0 run 0\n%s", first);
	assert_true(parse(text));
	assert_int_equal(fault.line, 0);
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *problem;
	} cases[] = {
		{ "", 0, "there is no trace" },
		{ "trace: end 0 lost 0", 0, "there is no trace" },
		{ "x\ntrace: 2 hz 1000000000\n", 2, "another format" },
		{ "trace: 1 hz 0\n", 1, "ticks per second" },
		{ "trace: 1 hz 99999999999999999999\n", 1, "ticks per second" },
		{ BEGIN BEGIN, 2, "ends within" },
		{ BEGIN "trace: r 256 1 0 0 run 0\n", 2, "record's core" },
		{ BEGIN "trace: r 0 11111111111111111 0 0 run 0\n", 2, "record's core" },
		{ BEGIN "trace: r 0 1 64 0 run 0\n", 2, "record's core" },
		{ BEGIN "trace: r 0 1 0 64 run 0\n", 2, "record's core" },
		{ BEGIN "trace: r 0 1 0 0 runs 0\n", 2, "no such kind" },
		{ BEGIN "trace: r 0 1 0 0 run\n", 2, "argument" },
		{ BEGIN "trace: r 0 1 0 0 run 0 0\n", 2, "argument" },
		{ BEGIN "trace: r 0 1 0 0 leave 0\n", 2, "argument" },
		{ BEGIN "trace: r 0 1 0 0 leave 5\n", 2, "argument" },
		{ BEGIN "trace: r 0 1 0 0 exit 256\n", 2, "argument" },
		{ BEGIN "trace: partition 64 a\n", 2, "partition" },
		{ BEGIN "trace: partition 0 a/b\n", 2, "partition" },
		{ BEGIN "trace: partition 0 \n", 2, "partition" },
		{ BEGIN "trace: partition 0 abcdefghabcdefghabcdefghabcdefgh\n", 2, "partition" },
		{ BEGIN "trace: exit 256 a\n", 2, "kind of exit" },
		{ BEGIN "trace: exit 1 \xc3\xa4\n", 2, "kind of exit" },
		{ BEGIN "trace: exit 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 2, "kind of exit" },
		{ BEGIN "trace: hello\n", 2, "begins so" },
		{ BEGIN "trace: end 1 lost 0\n", 2, "has 0 of its 1 records" },
		{ BEGIN "trace: end 0\n", 2, "good numbers" },
		{ BEGIN "trace: end 0 lost 1x\n", 2, "good numbers" },
		{ BEGIN "trace: \033", 2, "begins so" },
		{ BEGIN "trace: \033[", 2, "begins so" },
		{ BEGIN "trace: \033]0", 2, "begins so" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(parse(cases[i].text));
		assert_int_equal(fault.line, cases[i].line);
		assert_non_null(strstr(fault.problem, cases[i].problem));
		assert_non_null(fault.fix);
	}
}

static void has_bounds(void **state)
{
	char text[2000] = BEGIN;
	size_t size = strlen(text);

	(void)state;
	for (unsigned i = 0; i <= RECORDS; i++)
		size += (size_t)sprintf(text + size, "trace: r 0 %x 0 0 run 0\n", i);
	assert_false(parse(text));
	assert_int_equal(fault.line, RECORDS + 2);
	assert_non_null(strstr(fault.problem, "more records"));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, BEGIN "trace: ", strlen(BEGIN "trace: "));
	assert_false(parse(text));
	assert_non_null(strstr(fault.problem, "that long"));
	trace.hz = 1000;
	assert_true(trace_ns(&trace, UINT64_MAX) == UINT64_MAX);
	trace.hz = 2000000000;
	assert_int_equal(trace_ns(&trace, 3), 1);
}

static char story[2000];

static void tell(void *context, const struct trace_step *step)
{
	static const char *const spans[] = { "", "run", "guest", "handling" };
	char *at = story + strlen(story);

	(void)context;
	at += sprintf(at, "%llu:%u ", (unsigned long long)step->tsc, step->core);
	if (step->step == STEP_BEGIN)
		at += sprintf(at, "%s of %u.%u", spans[step->span], step->partition, step->vcpu);
	else if (step->step == STEP_END)
		at += sprintf(at, "/%s %llu", spans[step->span], (unsigned long long)step->since);
	else
		at += sprintf(at, "%s of %u.%u", trace_kind_name(step->record->kind), step->partition, step->vcpu);
	if (step->span == SPAN_HANDLING)
		at += sprintf(at, " exit %llu", (unsigned long long)step->exit);
	if (step->flow)
		at += sprintf(at, " flow %u", step->flow);
	sprintf(at, "%s\n", step->cut ? " cut" : "");
}

static void told(const char *lines, const char *expected)
{
	char text[1000];
	unsigned count = 0;

	for (const char *at = lines; (at = strchr(at, '\n')); at++)
		count++;
	snprintf(text, sizeof(text), BEGIN "%strace: end %u lost 0\n", lines, count);
	assert_true(parse(text));
	*story = '\0';
	trace_walk(&trace, tell, NULL);
	assert_string_equal(story, expected);
}

static void spans_nest(void **state)
{
	(void)state;
	told("trace: r 0 1 0 1 run 0\n"
	     "trace: r 0 2 0 1 enter 0\n"
	     "trace: r 0 3 0 1 exit 7\n"
	     "trace: r 0 4 0 1 inject 32\n"
	     "trace: r 0 5 0 1 enter 0\n"
	     "trace: r 0 6 0 1 exit 8\n"
	     "trace: r 0 7 0 1 leave 2\n",
	     "1:0 run of 0.1\n"
	     "2:0 guest of 0.1\n"
	     "3:0 /guest 2\n"
	     "3:0 handling of 0.1 exit 7\n"
	     "4:0 inject of 0.1\n"
	     "5:0 /handling 3 exit 7\n"
	     "5:0 guest of 0.1\n"
	     "6:0 /guest 5\n"
	     "6:0 handling of 0.1 exit 8\n"
	     "7:0 /handling 6 exit 8\n"
	     "7:0 /run 1\n");
}

/* What is missing at the beginning, in the middle, and at the end. */
static void spans_are_cut(void **state)
{
	(void)state;
	told("trace: r 0 1 0 0 exit 7\n"
	     "trace: r 0 2 0 0 exit 8\n"
	     "trace: r 0 3 1 0 enter 0\n"
	     "trace: r 1 4 1 1 leave 1\n",
	     "1:0 run of 0.0 cut\n"
	     "1:0 handling of 0.0 exit 7\n"
	     "2:0 /handling 1 exit 7 cut\n"
	     "2:0 handling of 0.0 exit 8\n"
	     "3:0 /handling 2 exit 8 cut\n"
	     "3:0 /run 1 cut\n"
	     "3:0 run of 1.0 cut\n"
	     "3:0 guest of 1.0\n"
	     "4:1 run of 1.1 cut\n"
	     "4:1 /run 4 cut\n"
	     "4:0 /guest 3 cut\n"
	     "4:0 /run 3 cut\n");
}

/* The first wake leads to the run; one while the vCPU ran does so only if it went to wait after it. */
static void wakes_lead_to_runs(void **state)
{
	(void)state;
	told("trace: r 1 1 0 0 wake 0\n"
	     "trace: r 1 2 0 0 wake 0\n"
	     "trace: r 0 3 0 0 run 0\n"
	     "trace: r 1 4 0 0 wake 0\n"
	     "trace: r 0 5 0 0 leave 2\n"
	     "trace: r 0 6 0 0 run 0\n"
	     "trace: r 1 7 0 0 wake 0\n"
	     "trace: r 0 8 0 0 leave 1\n"
	     "trace: r 0 9 0 0 run 0\n",
	     "1:1 wake of 0.0 flow 1\n"
	     "2:1 wake of 0.0\n"
	     "3:0 run of 0.0 flow 1\n"
	     "4:1 wake of 0.0 flow 2\n"
	     "5:0 /run 3\n"
	     "6:0 run of 0.0 flow 2\n"
	     "7:1 wake of 0.0 flow 3\n"
	     "8:0 /run 6\n"
	     "9:0 run of 0.0\n"
	     "9:0 /run 9 cut\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_capture),
		cmocka_unit_test(takes_the_last_complete_one),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(has_bounds),
		cmocka_unit_test(spans_nest),
		cmocka_unit_test(spans_are_cut),
		cmocka_unit_test(wakes_lead_to_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
