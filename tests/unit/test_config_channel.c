/* SPDX-License-Identifier: MIT */
/* kernel/config_channel.c: sections [channel NAME], and every sentence about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/config.h"

#define HEAD "[bulkhead]\nversion = 1\n"
#define PARTITION(name, core) "[partition " name "]\ncpus = " core "\nmemory = 16M\nkernel = k\n"
/* 14 lines: the first channel is in line 15. */
#define THREE HEAD PARTITION("linux", "0") PARTITION("rtos", "1") PARTITION("log", "2")
#define CHANNEL(name) "[channel " name "]\npartitions = linux, rtos\nsize = 64K\n"

static struct config config;
static struct config_partition partitions[CONFIG_PARTITIONS];
static char text[1 << 14], messages[1 << 14];

static void report(void *context, unsigned line, const char *problem, const char *fix)
{
	size_t used = strlen(messages);

	(void)context;
	snprintf(messages + used, sizeof(messages) - used, "%u: %s; %s\n", line, problem, fix);
}

static unsigned parse(const char *string)
{
	messages[0] = '\0';
	assert_true(strlen(string) < sizeof(text));
	strcpy(text, string);
	return config_parse(text, strlen(text), &config, partitions, CONFIG_PARTITIONS, report, NULL);
}

static void test_good(void **state)
{
	(void)state;
	/* In front of its partitions, with blanks, twice the same partitions. */
	assert_int_equal(parse("[ channel  one ]\nsize=256M\npartitions = log ,rtos,\tlinux\n" THREE CHANNEL("two")), 0);
	assert_string_equal(messages, "");
	assert_int_equal(config.channel_count, 2);
	assert_string_equal(config.channels[0].name, "one");
	assert_int_equal(config.channels[0].size, 256 << 20);
	assert_int_equal(config.channels[0].count, 3);
	assert_int_equal(config.channels[0].peers[0], 2);
	assert_int_equal(config.channels[0].peers[1], 1);
	assert_int_equal(config.channels[0].peers[2], 0);
	assert_int_equal(config.channels[1].size, 64 << 10);
	assert_int_equal(config.channels[1].line, 18);
	assert_int_equal(config.count, 3);
	assert_int_equal(parse(THREE), 0);
	assert_int_equal(config.channel_count, 0);
}

static void test_errors(void **state)
{
	static const char *const bad[][2] = {
		{ "[channel c]\npartitions = linux, rots\nsize = 4K", "16: the channel leads to 'rots', which is no partition of "
		  "this file; did you mean rtos?" },
		{ "[channel c]\npartitions = linux, nobody\nsize = 4K", "16: the channel leads to 'nobody', which is no "
		  "partition of this file; name partitions, between commas" },
		{ "[channel c]\npartitions = linux, rtos,\nsize = 4K", "16: the channel leads to '', which" },
		{ "[channel c]\npartitions = linux, rtos, linux\nsize = 4K", "16: the channel names partition linux twice; "
		  "remove one of the two" },
		{ "[channel c]\npartitions = linux\nsize = 4K", "16: channel c has one partition alone; name two or more" },
		{ "[channel c]\npartitions =\nsize = 4K", "16: key partitions has no value" },
		{ "[channel c]\nsize = 4K", "15: channel c has no partitions; add partitions = A, B" },
		{ "[channel c]\npartitions = linux, rtos", "15: channel c has no size; add size = 64K" },
		{ "[channel c]\npartitions = linux, rtos\nsize = big", "17: 'big' is not a size; write a number and K or M" },
		{ "[channel c]\npartitions = linux, rtos\nsize = 2K", "17: 2K is no size for a channel; write a power of two "
		  "from 4K to 256M" },
		{ "[channel c]\npartitions = linux, rtos\nsize = 12K", "17: 12K is no size for a channel" },
		{ "[channel c]\npartitions = linux, rtos\nsize = 512M", "17: 512M is no size for a channel" },
		{ "[channel c]\npartitions = linux, rtos\nsize = 99999999999999999999G", "17: 99999999999999999999G is no size" },
		{ "[channel c]\npartitions = linux, rtos\nsize = 4K\nsize = 4K", "18: key size stands in line 17 already" },
		{ "[channel c]\npartitions = linux, rtos\nsize = 4K\ncpus = 1", "18: there is no key 'cpus' in this section; the "
		  "keys of a channel are partitions and size" },
		{ "[channel c]\npartition = linux, rtos\nsize = 4K", "16: there is no key 'partition' in this section; did you "
		  "mean partitions?" },
		{ CHANNEL("c") CHANNEL("c"), "18: there is a channel c in line 15 already; give this one another name" },
		{ CHANNEL(""), "15: the channel has no name; write [channel NAME] with 1 to 31" },
		{ CHANNEL("a b"), "15: 'a b' is no name for a channel; write [channel NAME]" },
		{ "[chanel c]", "15: there is no section [chanel]; did you mean channel?" },
		{ "[channels c]", "15: there is no section [channels]; did you mean channel?" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char whole[2048];

		snprintf(whole, sizeof(whole), "%s%s", THREE, bad[i][0]);
		if (parse(whole) < 1 || strncmp(messages, bad[i][1], strlen(bad[i][1])) != 0)
			fail_msg("'%s' gave:\n%sinstead of: %s", bad[i][0], messages, bad[i][1]);
		/* The partitions have no part in it. */
		for (unsigned j = 0; j < 3; j++)
			assert_false(partitions[j].bad);
		assert_false(config.fatal);
		if (config.channel_count)
			assert_true(config.channels[config.channel_count - 1].bad);
	}
}

static void test_too_many(void **state)
{
	char whole[8192] = THREE;

	(void)state;
	for (unsigned i = 0; i < CONFIG_CHANNELS; i++)
		snprintf(whole + strlen(whole), sizeof(whole) - strlen(whole), CHANNEL("c%u"), i);
	assert_int_equal(parse(whole), 0);
	strcat(whole, CHANNEL("last"));
	assert_int_equal(parse(whole), 1);
	assert_string_equal(messages, "63: channel last is one more than the sixteen that there can be; remove a channel\n");
	assert_int_equal(config.channel_count, CONFIG_CHANNELS);
}

static void test_sum(void **state)
{
	static const char big[] = THREE "[channel a]\npartitions = linux, rtos\nsize = 256M\n"
				  "[channel b]\npartitions = log, rtos\nsize = 256M\n"
				  "[channel c]\npartitions = linux, log\nsize = 256M\n";
	char whole[2048];

	(void)state;
	assert_int_equal(parse(big), 0);
	snprintf(whole, sizeof(whole), "%s%s", big, "[channel d]\npartitions = linux, rtos\nsize = 4K\n");
	assert_int_equal(parse(whole), 1);
	assert_string_equal(messages, "24: with channel d partition linux has more than 512M of shared memory; make its "
			    "channels smaller\n");
	assert_true(config.channels[3].bad);
	assert_false(config.channels[2].bad);
}

static void test_seventeen_partitions(void **state)
{
	char whole[8192] = HEAD;

	(void)state;
	for (unsigned i = 0; i < CONFIG_PEERS + 1; i++)
		snprintf(whole + strlen(whole), sizeof(whole) - strlen(whole), PARTITION("p%u", "%u"), i, i);
	strcat(whole, "[channel c]\nsize = 4K\npartitions = p0");
	for (unsigned i = 1; i < CONFIG_PEERS; i++)
		snprintf(whole + strlen(whole), sizeof(whole) - strlen(whole), ",p%u", i);
	assert_int_equal(parse(whole), 0);
	assert_int_equal(config.channels[0].count, CONFIG_PEERS);
	strcat(whole, ",p16");
	assert_int_equal(parse(whole), 1);
	assert_string_equal(messages, "73: partition p16 is one more than the sixteen that a channel can join; remove a "
			    "partition from the list\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),     cmocka_unit_test(test_errors),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_sum),
		cmocka_unit_test(test_seventeen_partitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
