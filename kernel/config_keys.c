/* SPDX-License-Identifier: MIT */
/* The configuration's keys: one line of a table and one function each. */
#include "kernel/config_parse.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEBUG_EXIT_LAST 0xfffc /* the device has four ports */

struct key {
	const char *name;
	void (*take)(struct config_parser *parser, char *value);
	bool repeats;
	bool may_be_empty;
	bool free_text;             /* blanks, # and ; belong to the value */
	const char *missing, *mend; /* what to say when a section must have it and has not */
};

/* Index of `value` among `words`, or an error and the index `fallback`. */
static unsigned word_of(struct config_parser *parser, const char *value, const char *const *words, unsigned count,
			const char *choice, unsigned fallback)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	config_fault(parser, parser->line, "'%1' is none of the words that can stand here", choice, value, NULL);
	return fallback;
}

static bool yes_or_no(struct config_parser *parser, const char *value)
{
	static const char *const words[] = { "no", "yes" };

	return word_of(parser, value, words, COUNT(words), "write yes or no", 1);
}

static void take_version(struct config_parser *parser, char *value)
{
	const char *at = value;
	uint64_t version;

	if (config_number(&at, &version) && *at == '\0' && version == CONFIG_VERSION) {
		parser->config->version = CONFIG_VERSION;
		return;
	}
	parser->config->fatal = true;
	config_fault(parser, parser->line, "this Bulkhead does not know version '%1' of the configuration",
		     "write version = 1", value, NULL);
}

static void take_console(struct config_parser *parser, char *value)
{
	struct config *config = parser->config;

	if (strcmp(value, "none") == 0)
		config->console_off = true;
	else if (!config_uart(value, &config->console_port, &config->console_baud)) {
		config_fault(
			parser, parser->line, "'%1' is no console",
			"write com1,115200 or com2 to com4, or an I/O port such as 0x3f8,115200 with a rate that divides "
			"115200, or none",
			value, NULL);
		return;
	}
	config->console = value;
}

static void take_framebuffer(struct config_parser *parser, char *value)
{
	parser->config->framebuffer = yes_or_no(parser, value);
}

static void take_panic(struct config_parser *parser, char *value)
{
	static const char *const words[] = { [PANIC_HALT] = "halt", [PANIC_REBOOT] = "reboot" };

	parser->config->panic = word_of(parser, value, words, COUNT(words), "write halt or reboot", PANIC_HALT);
}

static void take_log(struct config_parser *parser, char *value)
{
	static const char *const words[] = { "error", "warning", "info", "debug" };

	parser->config->log_level = word_of(parser, value, words, COUNT(words), "write error, warning, info or debug",
					    parser->config->log_level);
}

static void take_cpus(struct config_parser *parser, char *value)
{
	const char *why;
	uint64_t cpus;

	if (!config_cpus(value, &cpus, &why)) {
		config_fault(parser, parser->line, "'%1' %2", "write cores such as 0 or 0-1 or 0,2-3, from 0 to 63",
			     value, why);
		return;
	}
	parser->partition->cpus = cpus;
	parser->partition->cpus_line = parser->line;
}

static void take_memory(struct config_parser *parser, char *value)
{
	uint64_t size;

	if (!config_size(value, &size))
		config_fault(parser, parser->line, "'%1' is not a size", "write a number and K, M or G, such as 512M",
			     value, NULL);
	else if (size < CONFIG_MEMORY_MIN)
		config_fault(parser, parser->line, "%1 of memory is too little", "give the partition 1M or more", value,
			     NULL);
	else if (size > CONFIG_MEMORY_MAX)
		config_fault(parser, parser->line, "%1 of memory is too much", "give the partition 256G or less", value,
			     NULL);
	else if (size % 4096)
		config_fault(parser, parser->line, "%1 of memory is not a whole number of pages",
			     "write a multiple of 4K", value, NULL);
	else
		parser->partition->memory = size;
}

/* Names go onto a FAT file system, into struct bootfile and into GRUB's module lines. */
static bool file_name(struct config_parser *parser, const char *name)
{
	const char *part = name;

	if (strlen(name) > CONFIG_FILE_MAX) {
		config_fault(parser, parser->line, "the file name %1 is longer than 111 bytes", "rename the file", name,
			     NULL);
		return false;
	}
	if (strpbrk(name, " \t\r\"*:<>?|\\")) {
		config_fault(parser, parser->line, "the file name '%1' has a blank or one of \"*:<>?|\\ in it",
			     strchr(name, ' ') ? "name one file alone; words for the kernel belong to cmdline"
					       : "rename the file; folders are separated by /",
			     name, NULL);
		return false;
	}
	for (;; part++) {
		size_t length = strcspn(part, "/");

		if (length == 0 || (length == 1 && part[0] == '.') ||
		    (length == 2 && part[0] == '.' && part[1] == '.')) {
			config_fault(parser, parser->line,
				     "'%1' does not name a file in or below the configuration's folder",
				     "write a name such as vmlinuz or linux/vmlinuz", name, NULL);
			return false;
		}
		part += length;
		if (*part == '\0')
			return true;
	}
}

static void take_kernel(struct config_parser *parser, char *value)
{
	if (file_name(parser, value))
		parser->partition->kernel = value;
}

static void take_initrd(struct config_parser *parser, char *value)
{
	if (file_name(parser, value))
		parser->partition->initrd = value;
}

static void take_cmdline(struct config_parser *parser, char *value)
{
	parser->partition->cmdline = value;
}

static void take_module(struct config_parser *parser, char *value)
{
	struct config_partition *partition = parser->partition;
	char *end = value + strcspn(value, " \t");
	char *words = *end ? end + 1 : end;

	*end = '\0';
	if (!file_name(parser, value))
		return;
	if (partition->module_count == CONFIG_MODULES) {
		config_fault(parser, parser->line, "module %1 is one more than the eight that a partition can have",
			     "remove a module", value, NULL);
		return;
	}
	partition->modules[partition->module_count++] = (struct config_module){ .file = value,
										.cmdline = config_trim(words) };
}

static void take_restart(struct config_parser *parser, char *value)
{
	static const char *const words[] = {
		[RESTART_NEVER] = "never",
		[RESTART_ON_FAILURE] = "on-failure",
		[RESTART_ALWAYS] = "always",
	};

	parser->partition->restart = word_of(parser, value, words, COUNT(words), "write never, on-failure or always",
					     RESTART_NEVER);
}

static void take_autostart(struct config_parser *parser, char *value)
{
	parser->partition->autostart = yes_or_no(parser, value);
}

static void take_debug_exit(struct config_parser *parser, char *value)
{
	const char *at = value;
	uint64_t port;

	if (config_number(&at, &port) && *at == '\0' && port > 0 && port <= DEBUG_EXIT_LAST)
		parser->partition->debug_exit = (uint16_t)port;
	else
		config_fault(parser, parser->line, "'%1' is not an I/O port for debug-exit",
			     "write one from 1 to 0xfffc, such as 0xf4", value, NULL);
}

static const struct key bulkhead_keys[] = {
	[CONFIG_KEY_VERSION] = { .name = "version", .take = take_version },
	{ .name = "console", .take = take_console },
	{ .name = "framebuffer", .take = take_framebuffer },
	{ .name = "panic", .take = take_panic },
	{ .name = "log", .take = take_log },
};

static const struct key partition_keys[] = {
	{ .name = "cpus",
	  .take = take_cpus,
	  .missing = "partition %1 has no cores",
	  .mend = "add cpus = N with a core that no other partition has" },
	{ .name = "memory", .take = take_memory, .missing = "partition %1 has no memory", .mend = "add memory = 512M" },
	{ .name = "kernel", .take = take_kernel, .missing = "partition %1 has no kernel", .mend = "add kernel = FILE" },
	{ .name = "initrd", .take = take_initrd },
	{ .name = "cmdline", .take = take_cmdline, .may_be_empty = true, .free_text = true },
	{ .name = "module", .take = take_module, .repeats = true, .free_text = true },
	{ .name = "sched", .take = config_sched },
	{ .name = "restart", .take = take_restart },
	{ .name = "autostart", .take = take_autostart },
	{ .name = "debug-exit", .take = take_debug_exit },
};

static const struct key channel_keys[] = {
	{ .name = "partitions",
	  .take = config_channel_partitions,
	  .missing = "channel %1 has no partitions",
	  .mend = "add partitions = A, B with the names of two or more" },
	{ .name = "size", .take = config_channel_size, .missing = "channel %1 has no size", .mend = "add size = 64K" },
};

_Static_assert(COUNT(bulkhead_keys) <= CONFIG_KEYS && COUNT(partition_keys) <= CONFIG_KEYS &&
	       COUNT(channel_keys) <= CONFIG_KEYS, "CONFIG_KEYS");

struct key_set {
	const struct key *keys;
	unsigned count;
	const char *all; /* in words */
};

static const struct key_set key_sets[] = {
	[SECTION_BULKHEAD] = { bulkhead_keys, COUNT(bulkhead_keys),
			       "the keys of [bulkhead] are version, console, framebuffer, panic and log" },
	[SECTION_PARTITION] = { partition_keys, COUNT(partition_keys),
				"the keys of a partition are cpus, memory, kernel, initrd, cmdline, module, sched, "
				"restart, autostart and debug-exit" },
	[SECTION_CHANNEL] = { channel_keys, COUNT(channel_keys), "the keys of a channel are partitions and size" },
};

/* Where each of the section's keys stands. */
static unsigned *lines_of(struct config_parser *parser)
{
	return parser->section == SECTION_BULKHEAD    ? parser->bulkhead_keys
	       : parser->section == SECTION_PARTITION ? parser->partition_keys
						      : parser->channel_keys;
}

static void unknown_key(struct config_parser *parser, const char *key, const struct key_set *set)
{
	const char *names[CONFIG_KEYS], *nearest;

	for (unsigned i = 0; i < set->count; i++)
		names[i] = set->keys[i].name;
	nearest = config_nearest(key, names, set->count);
	config_fault(parser, parser->line, "there is no key '%1' in this section", nearest ? "did you mean %2?" : set->all,
		     key, nearest);
}

/* "cpus = 0 # the first": a value cut short at the comment is a guess; the person decides. */
static bool holds_comment(const char *value)
{
	for (const char *at = strpbrk(value, "#;"); at; at = strpbrk(at + 1, "#;"))
		if (at > value && config_blank(at[-1]))
			return true;
	return false;
}

void config_key(struct config_parser *parser, const char *key, char *value)
{
	const struct key_set *set = &key_sets[parser->section];
	const struct key *keys = set->keys;
	unsigned *lines = lines_of(parser), count = set->count, i;
	char number[24];

	for (i = 0; i < count && strcmp(key, keys[i].name) != 0; i++)
		;
	if (i == count) {
		unknown_key(parser, key, set);
		return;
	}
	if (lines[i] && !keys[i].repeats) {
		config_fault(parser, parser->line, "key %1 stands in line %2 already", "remove one of the two", key,
			     config_decimal(number, lines[i]));
		return;
	}
	lines[i] = parser->line;
	if (*value == '\0' && !keys[i].may_be_empty)
		config_fault(parser, parser->line, "key %1 has no value", "write one behind the =, or remove the line",
			     key, NULL);
	else if (!keys[i].free_text && holds_comment(value))
		config_fault(parser, parser->line, "a comment stands behind the value of %1",
			     "put the comment on a line of its own", key, NULL);
	else
		keys[i].take(parser, value);
}

void config_section_end(struct config_parser *parser)
{
	const char *name = parser->partition ? parser->partition->name : parser->channel ? parser->channel->name : NULL;
	const struct key_set *set = &key_sets[parser->section];

	for (unsigned i = 0; name && i < set->count; i++)
		if (set->keys[i].missing && lines_of(parser)[i] == 0)
			config_fault(parser, parser->section_line, set->keys[i].missing, set->keys[i].mend, name, NULL);
	parser->partition = NULL;
	parser->channel = NULL;
}
