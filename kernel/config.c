/* SPDX-License-Identifier: MIT */
/* bulkhead.conf: lines and sections. Linked into the loaders, the kernel and the host command. */
#include "kernel/config.h"

#include <string.h>

#include "kernel/config_parse.h"

static const char byte_order_mark[] = "\xef\xbb\xbf";
static const char word_partition[] = "partition", word_channel[] = "channel";

static size_t line_length(const char *text, size_t size)
{
	const char *end = memchr(text, '\n', size);

	return end ? (size_t)(end - text) : size;
}

/* "[" and `word`, and then no more letters. */
static bool header_of(const char *word, const char *line, size_t length)
{
	size_t at = 0, size = strlen(word);

	while (at < length && config_blank(line[at]))
		at++;
	if (at == length || line[at++] != '[')
		return false;
	while (at < length && config_blank(line[at]))
		at++;
	if (length - at < size || memcmp(line + at, word, size) != 0)
		return false;
	at += size;
	return at == length || config_blank(line[at]) || line[at] == ']';
}

static size_t mark_length(const char *text, size_t size)
{
	return size >= 3 && memcmp(text, byte_order_mark, 3) == 0 ? 3 : 0;
}

unsigned config_count(const char *text, size_t size)
{
	size_t at = mark_length(text, size);
	unsigned count = 0;

	while (at < size && count < CONFIG_PARTITIONS) {
		size_t length = line_length(text + at, size - at);

		count += header_of(word_partition, text + at, length);
		at += length + 1;
	}
	return count;
}

static void name_partition(struct config_parser *parser, const char *name)
{
	struct config_partition *partition = parser->partition;
	char number[24];

	if (!config_name_is_good(name)) {
		config_fault(parser, parser->line,
			     *name ? "'%1' is no name for a partition" : "the partition has no name",
			     "write [partition NAME] with 1 to 31 letters, digits, - or _", name, NULL);
		return;
	}
	partition->name = name;
	for (unsigned i = 0; i + 1 < parser->config->count; i++) {
		if (strcmp(parser->config->partitions[i].name, name) != 0)
			continue;
		config_fault(parser, parser->line, "there is a partition %1 in line %2 already",
			     "give this one another name", name,
			     config_decimal(number, parser->config->partitions[i].line));
		return;
	}
}

static void begin_partition(struct config_parser *parser, const char *name)
{
	struct config *config = parser->config;

	if (config->count == parser->capacity) {
		parser->section = SECTION_UNKNOWN;
		if (!parser->crowded)
			config_fault(
				parser, parser->line, "there are more partitions than can be started",
				"remove this one and those after it: 64 is the most",
				NULL, NULL);
		parser->crowded = true;
		return;
	}
	parser->section = SECTION_PARTITION;
	parser->partition = &config->partitions[config->count++];
	memset(parser->partition, 0, sizeof(*parser->partition));
	memset(parser->partition_keys, 0, sizeof(parser->partition_keys));
	*parser->partition = (struct config_partition){
		.name = "?",
		.line = parser->line,
		.cmdline = "",
		.autostart = true,
		.sched = { .weight = 100 },
	};
	name_partition(parser, name);
}

static void unknown_section(struct config_parser *parser, const char *word)
{
	static const char *const words[] = { "bulkhead", "partition", "channel" };
	const char *nearest = config_nearest(word, words, 3);

	parser->section = SECTION_UNKNOWN;
	config_fault(parser, parser->line, "there is no section [%1]",
		     nearest ? "did you mean %2?" : "the sections are [bulkhead], [partition NAME] and [channel NAME]", word, nearest);
}

/* `line` begins with the bracket. */
static void begin_section(struct config_parser *parser, char *line)
{
	bool partition = header_of(word_partition, line, strlen(line));
	bool channel = header_of(word_channel, line, strlen(line));
	char *end = strchr(line, ']'), *word, *rest;

	config_section_end(parser);
	parser->section_line = parser->line;
	rest = end ? config_trim(end + 1) : NULL;
	if (end)
		*end = '\0';
	word = config_trim(line + 1);
	if (partition) {
		begin_partition(parser, config_trim(word + strlen(word_partition)));
	} else if (channel) {
		config_channel_begin(parser, config_trim(word + strlen(word_channel)));
	} else if (strcmp(word, "bulkhead") == 0) {
		parser->section = SECTION_BULKHEAD;
		if (parser->bulkhead_line)
			config_fault(parser, parser->line, "section [bulkhead] stands here for the second time",
				     "move its keys into the first", NULL, NULL);
		else
			parser->bulkhead_line = parser->line;
	} else {
		word[strcspn(word, " \t")] = '\0';
		unknown_section(parser, word);
	}
	if (!end)
		config_fault(parser, parser->line, "the section's ] is missing", "write [bulkhead] or [partition NAME]",
			     NULL, NULL);
	else if (*rest)
		config_fault(parser, parser->line, "'%1' stands behind the section's ]", "move it to a line of its own",
			     rest, NULL);
}

static void key_line(struct config_parser *parser, char *line)
{
	char *equals = strchr(line, '=');
	char *value = equals ? config_trim(equals + 1) : NULL;

	if (equals)
		*equals = '\0';
	line = config_trim(line);
	if (!equals)
		config_fault(parser, parser->line, "'%1' is neither a [section] nor a key = value",
			     "put a # before a comment, or a = behind a key", line, NULL);
	else if (*line == '\0')
		config_fault(parser, parser->line, "there is no key before the =", "write key = value", NULL, NULL);
	else if (parser->section == SECTION_NONE)
		config_fault(parser, parser->line, "key %1 stands outside every section",
			     "move it below [bulkhead] or [partition NAME]", line, NULL);
	else if (parser->section != SECTION_UNKNOWN)
		config_key(parser, line, value);
}

static bool is_text(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t' && (line[i] != '\r' || i + 1 < length)) ||
		    line[i] == 0x7f)
			return false;
	return true;
}

/* A header is lost with its line: its keys must not be taken for those of the section before it. */
static void broken_line(struct config_parser *parser, const char *line, const char *problem, const char *fix)
{
	if (*line == '[') {
		config_section_end(parser);
		parser->section = SECTION_UNKNOWN;
	}
	config_fault(parser, parser->line, problem, fix, NULL, NULL);
}

/* One line, terminator in place of its end. */
static void parse_line(struct config_parser *parser, char *line, size_t length)
{
	while (length > 0 && config_blank(*line)) {
		line++;
		length--;
	}
	if (length == 0 || *line == '#' || *line == ';')
		return;
	if (length > CONFIG_LINE_MAX)
		broken_line(parser, line, "the line is longer than 4096 bytes", "shorten it");
	else if (!is_text(line, length))
		broken_line(parser, line, "the line has bytes that are not text", "type it again in a text editor");
	else if (*line == '[')
		begin_section(parser, line);
	else
		key_line(parser, line);
}

/* What the file as a whole must have. */
static void check_whole(struct config_parser *parser)
{
	struct config *config = parser->config;

	if (parser->bulkhead_line == 0)
		config_fault(parser, 1, "there is no section [bulkhead]",
			     "begin the file with [bulkhead] and version = 1", NULL, NULL);
	else if (parser->bulkhead_keys[CONFIG_KEY_VERSION] == 0)
		config_fault(parser, parser->bulkhead_line, "section [bulkhead] does not say its version",
			     "add version = 1", NULL, NULL);
	if (config->version == 0)
		config->fatal = true;
	if (config->count > 0)
		return;
	config->fatal = true;
	config_fault(parser, parser->line ? parser->line : 1, "there is no partition",
		     "add [partition NAME] with cpus, memory and kernel", NULL, NULL);
}

static bool is_utf16(const char *text, size_t size)
{
	return size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

unsigned config_parse(char *text, size_t size, struct config *config, struct config_partition *partitions,
		      unsigned capacity, config_report *report, void *context)
{
	struct config_parser parser = { .config = config, .capacity = capacity, .report = report, .context = context };
	size_t at = mark_length(text, size);

	*config = (struct config){
		.partitions = partitions,
		.console_baud = 115200,
		.framebuffer = true,
		.log_level = 2,
	};
	text[size] = '\0';
	if (is_utf16(text, size)) {
		config->fatal = true;
		config_fault(&parser, 1, "the file is UTF-16 text", "save it as UTF-8 or ASCII", NULL, NULL);
		return config->errors;
	}
	while (at < size) {
		size_t length = line_length(text + at, size - at);

		parser.line++;
		text[at + length] = '\0';
		parse_line(&parser, text + at, length);
		at += length + 1;
	}
	config_section_end(&parser);
	config_channels_join(&parser);
	check_whole(&parser);
	return config->errors;
}
