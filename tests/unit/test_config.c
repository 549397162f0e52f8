/* SPDX-License-Identifier: MIT */
/* The configuration parser: what it takes, and every sentence it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/bootinfo.h"
#include "kernel/admission.h"
#include "kernel/config.h"
#include "kernel/log.h"

#define HEAD "[bulkhead]\nversion = 1\n"
#define GOOD "[partition a]\ncpus = 0\nmemory = 16M\nkernel = k\n"

static struct config config;
static struct config_partition *partitions;
static char *text, messages[1 << 16];
static unsigned reports;

static void report(void *context, unsigned line, const char *problem, const char *fix)
{
	size_t used = strlen(messages);

	assert_ptr_equal(context, &config);
	assert_true(strlen(problem) > 0 && strlen(problem) < 240 && strlen(fix) > 0 && strlen(fix) < 240);
	reports++;
	snprintf(messages + used, sizeof(messages) - used, "%u: %s; %s\n", line, problem, fix);
}

/* The text on the heap, exactly as large as the contract says: the sanitizer watches its end. */
static unsigned parse_bytes(const void *bytes, size_t size)
{
	unsigned count = config_count(bytes, size);

	free(text);
	free(partitions);
	text = malloc(size + 1);
	partitions = malloc((count ? count : 1) * sizeof(*partitions));
	memcpy(text, bytes, size);
	text[size] = 'x';
	messages[0] = '\0';
	reports = 0;
	config_parse(text, size, &config, partitions, count, report, &config);
	admission_check(&config, report, &config);
	assert_true(config.count <= count);
	return config.errors;
}

static unsigned parse(const char *string)
{
	return parse_bytes(string, strlen(string));
}

/* Exactly one error, whose line begins like `expected`. */
static void one_error(const char *string, const char *expected)
{
	if (parse(string) != 1 || strncmp(messages, expected, strlen(expected)) != 0)
		fail_msg("'%s' gave:\n%sinstead of: %s", string, messages, expected);
}

static void test_full(void **state)
{
	(void)state;
	parse("\xef\xbb\xbf# comment\r\n"
	      "  ; another\r\n"
	      "[bulkhead]\r\n"
	      "version=1\r\n"
	      "console = com2 , 9600\r\n"
	      "framebuffer = no\r\n"
	      "panic\t=\treboot\r\n"
	      "log = debug\r\n"
	      "\r\n"
	      "[ partition   linux-1 ]\r\n"
	      "cpus = 0, 2 - 3 ,63\r\n"
	      "memory = 512M\r\n"
	      "kernel = boot/vmlinuz\r\n"
	      "initrd = initrd.img\r\n"
	      "cmdline = console=ttyS0 root=/dev/vda # ; x=1 \r\n"
	      "module = one\r\n"
	      "module = two  first  second \r\n"
	      "restart = on-failure\r\n"
	      "autostart = no\r\n"
	      "debug-exit = 0xf4");
	assert_string_equal(messages, "");
	assert_int_equal(config.errors, 0);
	assert_false(config.fatal);
	assert_int_equal(config.version, 1);
	assert_string_equal(config.console, "com2 , 9600");
	assert_int_equal(config.console_port, 0x2f8);
	assert_int_equal(config.console_baud, 9600);
	assert_false(config.console_off);
	assert_false(config.framebuffer);
	assert_int_equal(config.panic, PANIC_REBOOT);
	assert_int_equal(config.log_level, LOG_DEBUG);
	assert_int_equal(config.count, 1);
	assert_string_equal(partitions[0].name, "linux-1");
	assert_int_equal(partitions[0].line, 10);
	assert_false(partitions[0].bad);
	assert_true(partitions[0].cpus == (1ULL << 63 | 0xd));
	assert_true(partitions[0].memory == 512u << 20);
	assert_string_equal(partitions[0].kernel, "boot/vmlinuz");
	assert_string_equal(partitions[0].initrd, "initrd.img");
	assert_string_equal(partitions[0].cmdline, "console=ttyS0 root=/dev/vda # ; x=1");
	assert_int_equal(partitions[0].module_count, 2);
	assert_string_equal(partitions[0].modules[0].file, "one");
	assert_string_equal(partitions[0].modules[0].cmdline, "");
	assert_string_equal(partitions[0].modules[1].file, "two");
	assert_string_equal(partitions[0].modules[1].cmdline, "first  second");
	assert_int_equal(partitions[0].restart, RESTART_ON_FAILURE);
	assert_false(partitions[0].autostart);
	assert_int_equal(partitions[0].debug_exit, 0xf4);
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD GOOD), 0);
	assert_null(config.console);
	assert_int_equal(config.console_port, 0);
	assert_false(config.console_off);
	assert_true(config.framebuffer);
	assert_int_equal(config.panic, PANIC_HALT);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_null(partitions[0].initrd);
	assert_string_equal(partitions[0].cmdline, "");
	assert_int_equal(partitions[0].restart, RESTART_NEVER);
	assert_true(partitions[0].autostart);
	assert_int_equal(partitions[0].debug_exit, 0);
}

/* Lines that stand behind HEAD's "version": the third line of the file. */
static const char *const bulkhead_errors[][2] = {
	{ "vresion = 1", "3: there is no key 'vresion' in this section; did you mean version?" },
	{ "lgo = info", "3: there is no key 'lgo' in this section; did you mean log?" },
	{ "panic = 0123456789012345678901234567890123456789012345678901234567890",
	  "3: '01234567890123456789012345678901234567890123456789012345...' is none of the words" },
	{ "colour = red", "3: there is no key 'colour' in this section; the keys of [bulkhead] are version, console, "
			  "framebuffer, panic and log" },
	{ "cpus = 1", "3: there is no key 'cpus' in this section; the keys of [bulkhead]" },
	{ "version = 1", "3: key version stands in line 2 already; remove one of the two" },
	{ "console = com5", "3: 'com5' is no console; write com1,115200" },
	{ "console = com1,0", "3: 'com1,0' is no console" },
	{ "console = com1,", "3: 'com1,' is no console" },
	{ "console = com1,99999", "3: 'com1,99999' is no console" },
	{ "console = com1x", "3: 'com1x' is no console" },
	{ "console = 0x3f8,115200 8n1", "3: '0x3f8,115200 8n1' is no console" },
	{ "console = 0xffff,115200", "3: '0xffff,115200' is no console" },
	{ "console = 0", "3: '0' is no console" },
	{ "framebuffer = maybe", "3: 'maybe' is none of the words that can stand here; write yes or no" },
	{ "panic = reset", "3: 'reset' is none of the words that can stand here; write halt or reboot" },
	{ "log = all", "3: 'all' is none of the words that can stand here; write error, warning, info or debug" },
	{ "log =", "3: key log has no value; write one behind the =, or remove the line" },
	{ "log = info # or debug", "3: a comment stands behind the value of log; put the comment on a line of its own" },
	{ "= 1", "3: there is no key before the =; write key = value" },
	{ "nonsense", "3: 'nonsense' is neither a [section] nor a key = value; put a # before a comment" },
	{ "log \x01= info", "3: the line has bytes that are not text; type it again in a text editor" },
	{ "[bulkhead]", "3: section [bulkhead] stands here for the second time; move its keys into the first" },
	{ "[partitoin x]\nmemory = 1", "3: there is no section [partitoin]; did you mean partition?" },
	{ "[vm]\ncpus = 0", "3: there is no section [vm]; the sections are [bulkhead], [partition NAME] and [channel NAME]" },
	{ "[]", "3: there is no section []; the sections are" },
};

static void test_bulkhead_errors(void **state)
{
	char buffer[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bulkhead_errors) / sizeof(bulkhead_errors[0]); i++) {
		snprintf(buffer, sizeof(buffer), HEAD "%s\n" GOOD, bulkhead_errors[i][0]);
		one_error(buffer, bulkhead_errors[i][1]);
		assert_false(config.fatal);
		assert_int_equal(config.count, 1);
		assert_false(partitions[0].bad);
	}
}

/* Lines that stand behind GOOD: the seventh line of the file. Below them follows a good partition. */
static const char *const partition_errors[][2] = {
	{ "kernle = x", "7: there is no key 'kernle' in this section; did you mean kernel?" },
	{ "cpu = 1", "7: there is no key 'cpu' in this section; did you mean cpus?" },
	{ "zzzzzzzz = 1", "7: there is no key 'zzzzzzzz' in this section; the keys of a partition are cpus, memory, kernel, "
			  "initrd, cmdline, module, sched, restart, autostart and debug-exit" },
	{ "kernel = other", "7: key kernel stands in line 6 already" },
	{ "initrd = my file", "7: the file name 'my file' has a blank or one of \"*:<>?|\\ in it; name one file alone" },
	{ "initrd = a:b", "7: the file name 'a:b' has a blank or one of \"*:<>?|\\ in it; rename the file" },
	{ "initrd = ../x", "7: '../x' does not name a file in or below the configuration's folder" },
	{ "initrd = /boot/x", "7: '/boot/x' does not name a file" },
	{ "initrd = a//b", "7: 'a//b' does not name a file" },
	{ "initrd = a/", "7: 'a/' does not name a file" },
	{ "initrd = a/./b", "7: 'a/./b' does not name a file" },
	{ "module =", "7: key module has no value" },
	{ "module = ../x y", "7: '../x' does not name a file" },
	{ "restart = sometimes", "7: 'sometimes' is none of the words that can stand here; write never, on-failure or" },
	{ "autostart = true", "7: 'true' is none of the words that can stand here; write yes or no" },
	{ "debug-exit = 0", "7: '0' is not an I/O port for debug-exit; write one from 1 to 0xfffc, such as 0xf4" },
	{ "debug-exit = 0xfffd", "7: '0xfffd' is not an I/O port" },
	{ "debug-exit = f4", "7: 'f4' is not an I/O port" },
	{ "debug-exit = 0xf4 0xf8", "7: '0xf4 0xf8' is not an I/O port" },
	{ "\x7f", "7: the line has bytes that are not text" },
};

static void test_partition_errors(void **state)
{
	char buffer[512];

	(void)state;
	for (size_t i = 0; i < sizeof(partition_errors) / sizeof(partition_errors[0]); i++) {
		snprintf(buffer, sizeof(buffer), HEAD GOOD "%s\n[partition b]\ncpus = 1\nmemory = 1M\nkernel = k\n",
			 partition_errors[i][0]);
		one_error(buffer, partition_errors[i][1]);
		assert_false(config.fatal);
		assert_int_equal(config.count, 2);
		assert_true(partitions[0].bad);
		assert_false(partitions[1].bad);
	}
}

static const char *const memory_errors[][2] = {
	{ "512", "5: '512' is not a size; write a number and K, M or G, such as 512M" },
	{ "M", "5: 'M' is not a size" },
	{ "-1M", "5: '-1M' is not a size" },
	{ "512MB", "5: '512MB' is not a size" },
	{ "1T", "5: '1T' is not a size" },
	{ "1.5G", "5: '1.5G' is not a size" },
	{ "0x", "5: '0x' is not a size" },
	{ "0M", "5: 0M of memory is too little; give the partition 1M or more" },
	{ "1020K", "5: 1020K of memory is too little" },
	{ "1025K", "5: 1025K of memory is not a whole number of pages; write a multiple of 4K" },
	{ "257G", "5: 257G of memory is too much; give the partition 256G or less" },
	{ "18446744073709551617M", "5: 18446744073709551617M of memory is too much" },
	{ "18446744073709551615K", "5: 18446744073709551615K of memory is too much" },
	{ "17592186044417M", "5: 17592186044417M of memory is too much" },
};

static void test_memory(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "1M", 1 << 20 }, { "1024k", 1 << 20 }, { "16384K", 16 << 20 }, { "1g", 1 << 30 }, { "0x10M", 16 << 20 },
		{ "256G", CONFIG_MEMORY_MAX },
	};
	char buffer[256];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(buffer, sizeof(buffer), HEAD "[partition a]\ncpus = 0\nmemory = %s\nkernel = k", good[i].text);
		assert_int_equal(parse(buffer), 0);
		assert_true(partitions[0].memory == good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(memory_errors) / sizeof(memory_errors[0]); i++) {
		snprintf(buffer, sizeof(buffer), HEAD "[partition a]\ncpus = 0\nmemory = %s\nkernel = k", memory_errors[i][0]);
		one_error(buffer, memory_errors[i][1]);
		assert_true(partitions[0].bad);
	}
}

static const char *const cpus_errors[][2] = {
	{ "x", "4: 'x' is not a list of cores; write cores such as 0 or 0-1 or 0,2-3, from 0 to 63" },
	{ "0,", "4: '0,' is not a list of cores" },
	{ "0 1", "4: '0 1' is not a list of cores" },
	{ "0-", "4: '0-' is not a list of cores" },
	{ "-1", "4: '-1' is not a list of cores" },
	{ "0-1-2", "4: '0-1-2' is not a list of cores" },
	{ "64", "4: '64' names a core above 63" },
	{ "0-64", "4: '0-64' names a core above 63" },
	{ "0-18446744073709551616", "4: '0-18446744073709551616' names a core above 63" },
	{ "3-2", "4: '3-2' has a range that runs backwards" },
	{ "0-3,2", "4: '0-3,2' names a core twice" },
};

static void test_cpus(void **state)
{
	char buffer[256];

	(void)state;
	assert_int_equal(parse(HEAD "[partition a]\ncpus = 0-63\nmemory = 1M\nkernel = k"), 0);
	assert_true(partitions[0].cpus == UINT64_MAX);
	for (size_t i = 0; i < sizeof(cpus_errors) / sizeof(cpus_errors[0]); i++) {
		snprintf(buffer, sizeof(buffer), HEAD "[partition a]\ncpus = %s\nmemory = 1M\nkernel = k", cpus_errors[i][0]);
		one_error(buffer, cpus_errors[i][1]);
		assert_true(partitions[0].bad);
	}
}

static void test_shared_core(void **state)
{
	(void)state;
	one_error(HEAD GOOD "[partition b]\ncpus = 0-1\nmemory = 1M\nkernel = k",
		  "8: partition b on core 0: the core is dedicated to partition a; give it another core");
	assert_false(partitions[0].bad);
	assert_true(partitions[1].bad);
}

#define TWO_ON_CORE_1(a, b) \
	HEAD "[partition a]\ncpus = 1\nmemory = 1M\nkernel = k\nsched = " a \
	"\n[partition b]\ncpus = 0-1\nmemory = 1M\nkernel = k\nsched = " b

static void test_sched(void **state)
{
	const struct config_sched *s;

	(void)state;
	assert_int_equal(parse(TWO_ON_CORE_1("rt period=1ms budget=200us", "fair")), 0);
	s = &partitions[0].sched;
	assert_int_equal(s->policy, SCHED_RT);
	assert_int_equal(s->budget, 200000);
	assert_int_equal(s->period, 1000000);
	s = &partitions[1].sched;
	assert_int_equal(s->policy, SCHED_FAIR);
	assert_int_equal(s->weight, 100);
	assert_int_equal(s->cap, 0);
	assert_int_equal(parse(TWO_ON_CORE_1("fair  cap=50%\tweight=200", "cyclic frame=10ms window=0-2ms window=5ms-7500us")), 0);
	s = &partitions[0].sched;
	assert_int_equal(s->weight, 200);
	assert_int_equal(s->cap, 50);
	s = &partitions[1].sched;
	assert_int_equal(s->frame, 10000000);
	assert_int_equal(s->window_count, 2);
	assert_int_equal(s->windows[0].start, 0);
	assert_int_equal(s->windows[1].start, 5000000);
	assert_int_equal(s->windows[1].length, 2500000);
	assert_int_equal(parse(HEAD GOOD), 0);
	assert_int_equal(partitions[0].sched.policy, SCHED_DEDICATED);
}

static void test_sched_errors(void **state)
{
	static const char *const bad[][2] = {
		{ TWO_ON_CORE_1("fair", "round robin"), "12: there is no policy 'round'; write dedicated, cyclic, rt or fair" },
		{ TWO_ON_CORE_1("fair", "fair budget=1ms"), "12: 'budget' is nothing that sched = fair knows; write " },
		{ TWO_ON_CORE_1("fair", "fair weight"), "12: '' cannot be what stands behind weight=; write a number such as" },
		{ TWO_ON_CORE_1("fair", "fair weight=0"), "12: partition b on core 0: its weight is 0; make it 1 to 10000" },
		{ TWO_ON_CORE_1("fair", "fair weight=99999999999"), "12: '99999999999' cannot be what stands behind weight=" },
		{ TWO_ON_CORE_1("fair", "fair cap=50"), "12: '50' cannot be what stands behind cap=; write a share" },
		{ TWO_ON_CORE_1("fair", "fair cap=%"), "12: '%' cannot be what stands behind cap=; write a share" },
		{ TWO_ON_CORE_1("fair", "fair cap=100%"), "12: partition b on core 0: its cap is 100 per cent; make it" },
		{ TWO_ON_CORE_1("fair", "rt budget=2 period=1ms"), "12: '2' cannot be what stands behind budget=; write a time" },
		{ TWO_ON_CORE_1("fair", "rt budget=2ms period=1ms"), "12: partition b on core 0: its budget is longer than" },
		{ TWO_ON_CORE_1("fair", "rt budget=2ms period=99999999999999s"), "12: '99999999999999s' cannot be what" },
		{ TWO_ON_CORE_1("fair", "rt budget=2ms period=3h"), "12: '3h' cannot be what stands behind period=" },
		{ TWO_ON_CORE_1("fair", "cyclic frame=10ms"), "12: partition b on core 0: it is cyclic but has no window" },
		{ TWO_ON_CORE_1("fair", "cyclic frame=10ms window=2ms-2ms"), "12: '2ms-2ms' cannot be what stands behind window=" },
		{ TWO_ON_CORE_1("fair", "cyclic frame=10ms window=9ms-11ms"), "12: partition b on core 0: window 0 does not end" },
		{ TWO_ON_CORE_1("fair", "dedicated"), "12: partition b on core 1: it is dedicated, but partition a is on" },
		{ TWO_ON_CORE_1("dedicated", "fair"), "12: partition b on core 1: the core is dedicated to partition a" },
		{ TWO_ON_CORE_1("rt budget=6ms period=10ms", "rt budget=600us period=1ms"),
		  "12: partition b on core 1: its budget makes the rt sum 120.00 per cent, more than the 100.00 that there are" },
		{ TWO_ON_CORE_1("cyclic frame=10ms window=0-5ms", "cyclic frame=10ms window=4ms-6ms"),
		  "12: partition b on core 1: window 1 overlaps the one before, of partition a; move or shorten" },
		{ TWO_ON_CORE_1("cyclic frame=10ms window=0-5ms", "cyclic frame=20ms window=5ms-6ms"),
		  "12: its frame is not that of the other cyclic partitions on its cores; give all of them the same frame" },
		{ TWO_ON_CORE_1("cyclic frame=10ms window=0-5ms", "rt budget=600us period=1ms"),
		  "12: partition b on core 1: its budget makes the rt sum 60.00 per cent, more than the " },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		one_error(bad[i][0], bad[i][1]);
		assert_false(partitions[0].bad);
		assert_true(partitions[1].bad);
	}
}

static void test_names(void **state)
{
	static const char rest[] = "cpus = 1\nmemory = 1M\nkernel = k\n";
	static const char *const bad[][2] = {
		{ "[partition a]", "7: there is a partition a in line 3 already; give this one another name" },
		{ "[partition]", "7: the partition has no name; write [partition NAME] with 1 to 31 letters" },
		{ "[partition b c]", "7: 'b c' is no name for a partition" },
		{ "[partition b!]", "7: 'b!' is no name for a partition" },
		{ "[partition abcdefghijklmnopqrstuvwxyz012345]", "7: 'abcdefghijklmnopqrstuvwxyz012345' is no name" },
		{ "[partition b", "7: the section's ] is missing; write [bulkhead] or [partition NAME]" },
		{ "[partition b] cpus = 1", "7: 'cpus = 1' stands behind the section's ]; move it to a line of its own" },
	};
	char buffer[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(buffer, sizeof(buffer), HEAD GOOD "%s\n%s", bad[i][0], rest);
		one_error(buffer, bad[i][1]);
		assert_int_equal(config.count, 2);
		assert_false(partitions[0].bad);
		assert_true(partitions[1].bad);
		assert_true(strlen(partitions[1].name) <= CONFIG_NAME_MAX);
	}
	snprintf(buffer, sizeof(buffer), HEAD GOOD "[partition abcdefghijklmnopqrstuvwxyz01234]\n%s", rest);
	assert_int_equal(parse(buffer), 0);
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "[partition a]\n" "[partition b]\ncpus = 0\nmemory = 1M\nkernel = k\n"), 3);
	assert_string_equal(messages,
		"3: partition a has no cores; add cpus = N with a core that no other partition has\n"
		"3: partition a has no memory; add memory = 512M\n"
		"3: partition a has no kernel; add kernel = FILE\n");
	assert_true(partitions[0].bad);
	assert_false(partitions[1].bad);
	assert_false(config.fatal);
}

static void test_fatal(void **state)
{
	static const char *const bad[][2] = {
		{ GOOD, "1: there is no section [bulkhead]; begin the file with [bulkhead] and version = 1" },
		{ "[bulkhead]\n" GOOD, "1: section [bulkhead] does not say its version; add version = 1" },
		{ "[bulkhead]\nversion = 2\n" GOOD, "2: this Bulkhead does not know version '2' of the configuration" },
		{ "[bulkhead]\nversion =\n" GOOD, "2: key version has no value" },
		{ "[bulkhead]\nversion = one\n" GOOD, "2: this Bulkhead does not know version 'one'" },
		{ HEAD, "2: there is no partition; add [partition NAME] with cpus, memory and kernel" },
		{ "\xff\xfe[", "1: the file is UTF-16 text; save it as UTF-8 or ASCII" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		one_error(bad[i][0], bad[i][1]);
		assert_true(config.fatal);
	}
	assert_int_equal(parse(""), 2);
	assert_true(config.fatal);
	one_error("cpus = 1\n" HEAD GOOD, "1: key cpus stands outside every section; move it below [bulkhead] or");
	assert_false(config.fatal);
}

static void test_every_error_at_once(void **state)
{
	(void)state;
	parse("[bulkhead]\nversion = 1\npanic = x\n[partition a]\ncpus = 99\nmemory = 3K\nkernel = \nfoo = 1\n");
	assert_string_equal(messages,
		"3: 'x' is none of the words that can stand here; write halt or reboot\n"
		"5: '99' names a core above 63; write cores such as 0 or 0-1 or 0,2-3, from 0 to 63\n"
		"6: 3K of memory is too little; give the partition 1M or more\n"
		"7: key kernel has no value; write one behind the =, or remove the line\n"
		"8: there is no key 'foo' in this section; the keys of a partition are cpus, memory, kernel, initrd, "
		"cmdline, module, sched, restart, autostart and debug-exit\n");
}

/* One character more than fits, each in its place. */
static void test_limits(void **state)
{
	static char buffer[3 * CONFIG_LINE_MAX];
	int n;

	(void)state;
	n = snprintf(buffer, sizeof(buffer), HEAD GOOD "cmdline = ");
	memset(buffer + n, 'c', CONFIG_LINE_MAX - 10);
	buffer[n + CONFIG_LINE_MAX - 10] = '\0';
	assert_int_equal(parse(buffer), 0);
	assert_int_equal(strlen(partitions[0].cmdline), CONFIG_LINE_MAX - 10);
	strcat(buffer, "c");
	one_error(buffer, "7: the line is longer than 4096 bytes; shorten it");
	assert_true(partitions[0].bad);

	n = snprintf(buffer, sizeof(buffer), HEAD GOOD "initrd = ");
	memset(buffer + n, 'f', CONFIG_FILE_MAX);
	buffer[n + CONFIG_FILE_MAX] = '\0';
	assert_int_equal(parse(buffer), 0);
	strcat(buffer, "f");
	one_error(buffer, "7: the file name ffff");
	assert_int_equal(CONFIG_FILE_MAX + 1, sizeof(((struct bootfile *)NULL)->name));

	n = snprintf(buffer, sizeof(buffer), HEAD GOOD);
	for (unsigned i = 0; i < CONFIG_MODULES; i++)
		n += snprintf(buffer + n, sizeof(buffer) - (size_t)n, "module = m%u\n", i);
	assert_int_equal(parse(buffer), 0);
	assert_int_equal(partitions[0].module_count, CONFIG_MODULES);
	strcat(buffer, "module = last");
	one_error(buffer, "15: module last is one more than the eight that a partition can have; remove a module");
}

/* A header in a broken line takes its section with it; the one before stays good. */
static void test_broken_header(void **state)
{
	static char buffer[2 * CONFIG_LINE_MAX];

	(void)state;
	one_error(HEAD GOOD "[\x01\ncpus = 0\nxyz = 1\n", "7: the line has bytes that are not text");
	assert_int_equal(config.count, 1);
	assert_false(partitions[0].bad);
	memset(buffer, '[', sizeof(buffer) - 1);
	memcpy(buffer, HEAD GOOD, sizeof(HEAD GOOD) - 1);
	one_error(buffer, "7: the line is longer than 4096 bytes");
	assert_false(partitions[0].bad);
}

static void test_many_partitions(void **state)
{
	static char buffer[16384];
	int n = snprintf(buffer, sizeof(buffer), HEAD);

	(void)state;
	for (unsigned i = 0; i < CONFIG_PARTITIONS; i++)
		n += snprintf(buffer + n, sizeof(buffer) - (size_t)n, "[partition p%u]\ncpus=%u\nmemory=1M\nkernel=k\n", i, i);
	assert_int_equal(parse(buffer), 0);
	assert_int_equal(config.count, CONFIG_PARTITIONS);
	snprintf(buffer + n, sizeof(buffer) - (size_t)n, "[partition x]\ncpus = 0\n[partition y]\n");
	one_error(buffer, "259: there are more partitions than can be started; remove this one and those after it");
	assert_int_equal(config.count, CONFIG_PARTITIONS);
	assert_int_equal(config_count(buffer, strlen(buffer)), CONFIG_PARTITIONS);
	/* An array smaller than was asked for. */
	parse(HEAD GOOD);
	strcpy(text, HEAD);
	assert_int_equal(config_parse(text, strlen(text), &config, NULL, 0, NULL, NULL), 1);
}

static void test_hostile_bytes(void **state)
{
	static char zeros[4096];
	static char lines[60000];

	(void)state;
	assert_int_not_equal(parse_bytes(zeros, sizeof(zeros)), 0);
	assert_true(config.fatal);
	memset(lines, 'x', sizeof(lines));
	for (size_t i = 1; i < sizeof(lines); i += 2)
		lines[i] = '\n';
	assert_int_equal(parse_bytes(lines, sizeof(lines)), sizeof(lines) / 2 + 2);
	assert_int_equal(reports, CONFIG_REPORTS);
	/* Escape sequences do not reach the terminal. */
	one_error(HEAD GOOD "a\xc3\xa4\t= 1\n", "7: there is no key 'a\?\?' in this section");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_bulkhead_errors),
		cmocka_unit_test(test_partition_errors),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_shared_core),
		cmocka_unit_test(test_sched),
		cmocka_unit_test(test_sched_errors),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_every_error_at_once),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_broken_header),
		cmocka_unit_test(test_many_partitions),
		cmocka_unit_test(test_hostile_bytes),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(text);
	free(partitions);
	return failed;
}
