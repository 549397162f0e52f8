/* SPDX-License-Identifier: MIT */
/* The lines of a dump. A console's capture has more in it than the dump, and terminals add to its lines: so what is
 * not plain text is left out first, and only then is a line held to its form. */
#include "tools/trace_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "trace: "
#define LINE_MAX 160 /* no line of a dump is nearly as long */
#define HZ_MIN 1000

#define FIX_CAPTURE "let the monitor print the trace again and capture all of it"
#define FIX_VERSION "use the bulkhead command that was built with that hypervisor"

static const char *const kinds[TRACE_KINDS] = {
	[TRACE_RUN] = "run",       [TRACE_LEAVE] = "leave", [TRACE_ENTER] = "enter",     [TRACE_EXIT] = "exit",
	[TRACE_INJECT] = "inject", [TRACE_WAKE] = "wake",   [TRACE_OVERRUN] = "overrun",
};

struct reader {
	const char *at, *end;
	unsigned line;            /* of the text, 1-based */
	char text[LINE_MAX + 1];  /* the line from behind the mark on, cleaned */
	bool long_line;           /* it was cut */
	struct trace *trace;
	struct trace_fault *fault;
};

static bool fail(struct reader *reader, const char *problem, const char *fix)
{
	reader->fault->line = reader->line;
	reader->fault->fix = fix;
	snprintf(reader->fault->problem, sizeof(reader->fault->problem), "%s", problem);
	return false;
}

/* --- lines --- */

/* Behind the escape sequence that begins at `at`: ECMA-48's control sequences and strings, or two bytes. */
static const char *skip_escape(const char *at, const char *end)
{
	char kind = ++at < end ? *at++ : '\0';

	if (kind == '[') {
		while (at < end && !(*at >= 0x40 && *at <= 0x7e))
			at++;
		return at < end ? at + 1 : at;
	}
	if (kind == ']') {
		while (at < end && *at != '\a' && *at != '\033')
			at++;
		if (at < end && *at == '\033')
			at++;
		return at < end ? at + 1 : at;
	}
	return at;
}

static void clean(struct reader *reader, const char *at, const char *end)
{
	size_t length = 0;

	reader->long_line = false;
	while (at < end) {
		unsigned char c = (unsigned char)*at;

		if (c == '\033') {
			at = skip_escape(at, end);
			continue;
		}
		at++;
		if (c < ' ' || c == 0x7f)
			continue;
		if (length < LINE_MAX)
			reader->text[length++] = (char)c;
		else
			reader->long_line = true;
	}
	while (length && reader->text[length - 1] == ' ')
		length--;
	reader->text[length] = '\0';
}

/* The next line with the mark; false: there is none. */
static bool next_line(struct reader *reader)
{
	while (reader->at < reader->end) {
		const char *line = reader->at, *mark;
		const char *end = memchr(line, '\n', (size_t)(reader->end - line));

		if (!end)
			end = reader->end;
		reader->at = end < reader->end ? end + 1 : end;
		reader->line++;
		mark = memmem(line, (size_t)(end - line), MARK, strlen(MARK));
		if (mark) {
			clean(reader, mark + strlen(MARK), end);
			return true;
		}
	}
	return false;
}

/* --- words of a line --- */

/* The word and the blank or end behind it. */
static bool take_word(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0 || ((*at)[length] != ' ' && (*at)[length] != '\0'))
		return false;
	*at += length + ((*at)[length] == ' ');
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Digits and the blank or end behind them. */
static bool take_number(const char **at, unsigned base, uint64_t *number)
{
	const char *c = *at;

	*number = 0;
	for (unsigned digit; (digit = (unsigned)digit_of(*c)) < base; c++)
		if (__builtin_mul_overflow(*number, base, number) || __builtin_add_overflow(*number, digit, number))
			return false;
	if (c == *at || (*c != ' ' && *c != '\0'))
		return false;
	*at = c + (*c == ' ');
	return true;
}

/* A number below a bound. */
static bool take_index(const char **at, unsigned bound, uint64_t *number)
{
	return take_number(at, 10, number) && *number < bound;
}

/* --- kinds of lines --- */

static bool is_header(const char *text)
{
	uint64_t version;

	return take_number(&text, 10, &version) && take_word(&text, "hz");
}

static bool read_header(struct reader *reader)
{
	struct trace *trace = reader->trace;
	const char *at = reader->text;
	uint64_t version;

	trace->count = 0;
	trace->lost = 0;
	memset(trace->partitions, 0, sizeof(trace->partitions));
	memset(trace->exits, 0, sizeof(trace->exits));
	take_number(&at, 10, &version);
	take_word(&at, "hz");
	if (version != 1)
		return fail(reader, "the trace has another format than 1", FIX_VERSION);
	if (!take_number(&at, 10, &trace->hz) || *at || trace->hz < HZ_MIN)
		return fail(reader, "the header has no good number of ticks per second", FIX_CAPTURE);
	return true;
}

static bool good_partition_name(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t length = strspn(name, good);

	return length && length < TRACE_PARTITION_NAME && name[length] == '\0';
}

/* Names are shown on a terminal: no bytes that it could take for something else. */
static bool good_exit_name(const char *name)
{
	size_t length = 0;

	while (name[length] >= ' ' && name[length] <= '~')
		length++;
	return length && length < TRACE_EXIT_NAME && name[length] == '\0';
}

static bool read_partition(struct reader *reader, const char *at)
{
	uint64_t id;

	if (!take_index(&at, TRACE_PARTITIONS, &id) || !good_partition_name(at))
		return fail(reader, "this is not a partition's number and name", FIX_CAPTURE);
	memcpy(reader->trace->partitions[id], at, strlen(at) + 1);
	return true;
}

static bool read_exit(struct reader *reader, const char *at)
{
	uint64_t id;

	if (!take_index(&at, TRACE_EXITS, &id) || !good_exit_name(at))
		return fail(reader, "this is not the number and name of a kind of exit", FIX_CAPTURE);
	memcpy(reader->trace->exits[id], at, strlen(at) + 1);
	return true;
}

static bool take_kind(const char **at, uint8_t *kind)
{
	for (*kind = 0; *kind < TRACE_KINDS; ++*kind)
		if (take_word(at, kinds[*kind]))
			return true;
	return false;
}

static bool good_argument(unsigned kind, uint64_t argument)
{
	if (kind == TRACE_LEAVE)
		return argument > 0 && argument < TRACE_LEAVES;
	return kind != TRACE_EXIT || argument < TRACE_EXITS;
}

static bool read_record(struct reader *reader, const char *at)
{
	struct trace *trace = reader->trace;
	struct trace_record record = { .line = reader->line };
	uint64_t core, partition, vcpu;

	if (!take_index(&at, TRACE_CORES, &core) || !take_number(&at, 16, &record.tsc) ||
	    !take_index(&at, TRACE_PARTITIONS, &partition) || !take_index(&at, TRACE_VCPUS, &vcpu))
		return fail(reader, "this is not a record's core, time, partition and vCPU", FIX_CAPTURE);
	if (!take_kind(&at, &record.kind))
		return fail(reader, "there is no such kind of record", FIX_CAPTURE);
	if (!take_number(&at, 10, &record.argument) || *at || !good_argument(record.kind, record.argument))
		return fail(reader, "the record's argument is not one of its kind", FIX_CAPTURE);
	if (trace->count == trace->capacity)
		return fail(reader, "the trace has more records than can be shown", "print a trace of fewer records");
	record.core = (uint16_t)core;
	record.partition = (uint8_t)partition;
	record.vcpu = (uint8_t)vcpu;
	trace->records[trace->count++] = record;
	return true;
}

static bool read_end(struct reader *reader, const char *at)
{
	char problem[128];
	uint64_t count;

	if (!take_number(&at, 10, &count) || !take_word(&at, "lost") ||
	    !take_number(&at, 10, &reader->trace->lost) || *at)
		return fail(reader, "the end has no good numbers of records", FIX_CAPTURE);
	if (count == reader->trace->count)
		return true;
	snprintf(problem, sizeof(problem), "the trace has %zu of its %llu records", reader->trace->count,
		 (unsigned long long)count);
	return fail(reader, problem, FIX_CAPTURE);
}

/* --- dumps --- */

/* Any line but a header; *end: it was the last one. */
static bool read_line(struct reader *reader, bool *end)
{
	const char *at = reader->text;

	*end = false;
	if (reader->long_line)
		return fail(reader, "no line of a trace is that long", FIX_CAPTURE);
	if (take_word(&at, "r"))
		return read_record(reader, at);
	if (take_word(&at, "partition"))
		return read_partition(reader, at);
	if (take_word(&at, "exit"))
		return read_exit(reader, at);
	*end = take_word(&at, "end");
	return *end ? read_end(reader, at) : fail(reader, "no line of a trace begins so", FIX_CAPTURE);
}

/* Reads on from a header. What follows a fault is left to the caller: it may be the next dump's header. */
static bool read_dump(struct reader *reader)
{
	bool end = false;

	if (!read_header(reader))
		return false;
	while (!end) {
		struct reader before = *reader;

		if (!next_line(reader))
			return fail(reader, "the text ends within a trace", FIX_CAPTURE);
		if (is_header(reader->text)) {
			fail(reader, "a trace begins here before the one above it has ended", FIX_CAPTURE);
			*reader = before;
			return false;
		}
		if (!read_line(reader, &end))
			return false;
	}
	return true;
}

static int by_time(const void *one, const void *two)
{
	const struct trace_record *a = one, *b = two;

	if (a->tsc != b->tsc)
		return a->tsc < b->tsc ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* Outside of dumps, other lines are someone else's, or the end of a dump that began before the capture. */
bool trace_parse(struct trace *trace, const char *text, size_t size, struct trace_fault *fault)
{
	struct reader reader = { .at = text, .end = text + size, .trace = trace, .fault = fault }, good;
	bool found = false, last = false;

	*fault = (struct trace_fault){
		.problem = "there is no trace in it",
		.fix = "capture the console while the monitor prints the trace",
	};
	trace->count = 0;
	while (next_line(&reader)) {
		struct reader header = reader;

		if (!is_header(reader.text))
			continue;
		last = read_dump(&reader);
		if (last) {
			found = true;
			good = header;
			fault->line = 0;
		}
	}
	if (!found)
		return false;
	/* A broken one has overwritten it. */
	if (!last) {
		struct trace_fault none;

		good.fault = &none;
		read_dump(&good);
	}
	if (trace->count)
		qsort(trace->records, trace->count, sizeof(*trace->records), by_time);
	return true;
}

/* --- what readers of a trace need --- */

uint64_t trace_ns(const struct trace *trace, uint64_t ticks)
{
	unsigned __int128 ns = (unsigned __int128)ticks * 1000000000 / trace->hz;

	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

const char *trace_vcpu_name(const struct trace *trace, unsigned partition, unsigned vcpu, char buffer[64])
{
	if (*trace->partitions[partition])
		snprintf(buffer, 64, "%s/v%u", trace->partitions[partition], vcpu);
	else
		snprintf(buffer, 64, "%u/v%u", partition, vcpu);
	return buffer;
}

const char *trace_exit_name(const struct trace *trace, uint64_t exit, char buffer[64])
{
	if (*trace->exits[exit])
		snprintf(buffer, 64, "%s", trace->exits[exit]);
	else
		snprintf(buffer, 64, "kind %llu", (unsigned long long)exit);
	return buffer;
}

const char *trace_kind_name(unsigned kind)
{
	return kinds[kind];
}

const char *trace_leave_name(uint64_t leave)
{
	static const char *const names[TRACE_LEAVES] = {
		[TRACE_PREEMPTED] = "preempted",
		[TRACE_WAITS] = "waits",
		[TRACE_PARKED] = "parked",
		[TRACE_PAUSED] = "paused",
	};

	return names[leave];
}
