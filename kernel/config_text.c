/* SPDX-License-Identifier: MIT */
/* The configuration's words, and sentences about what is wrong with them. */
#include "kernel/config_parse.h"

#include <string.h>

#define MESSAGE_SIZE 240
#define QUOTED_MAX 56 /* of the file's own words in a message */
#define WORD_MAX 24   /* longer ones are no misspelt key */

/* Copies at most `most` bytes, ASCII only: the rest would play with terminals and fonts. Returns the new length. */
static size_t append(char *message, size_t length, const char *text, size_t most)
{
	size_t n = 0;

	for (; text[n] && n < most && length + 1 < MESSAGE_SIZE; n++)
		message[length++] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
	if (text[n] && n == most)
		for (unsigned dots = 0; dots < 3 && length + 1 < MESSAGE_SIZE; dots++)
			message[length++] = '.';
	return length;
}

static void compose(char message[MESSAGE_SIZE], const char *sentence, const char *one, const char *two)
{
	size_t length = 0;

	for (; *sentence; sentence++) {
		if (sentence[0] == '%' && (sentence[1] == '1' || sentence[1] == '2')) {
			length = append(message, length, sentence[1] == '1' ? one : two, QUOTED_MAX);
			sentence++;
		} else if (length + 1 < MESSAGE_SIZE) {
			message[length++] = *sentence;
		}
	}
	message[length] = '\0';
}

void config_fault(struct config_parser *parser, unsigned line, const char *problem, const char *fix, const char *one,
		  const char *two)
{
	char problem_text[MESSAGE_SIZE], fix_text[MESSAGE_SIZE];

	if (parser->partition)
		parser->partition->bad = true;
	if (parser->channel)
		parser->channel->bad = true;
	if (++parser->config->errors > CONFIG_REPORTS || !parser->report)
		return;
	compose(problem_text, problem, one ? one : "", two ? two : "");
	compose(fix_text, fix, one ? one : "", two ? two : "");
	parser->report(parser->context, line, problem_text, fix_text);
}

const char *config_decimal(char buffer[24], uint64_t value)
{
	char *at = buffer + 23;

	*at = '\0';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return memmove(buffer, at, (size_t)(buffer + 24 - at));
}

bool config_name_is_good(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > CONFIG_NAME_MAX)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == length;
}

/* Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length];
}

const char *config_nearest(const char *word, const char *const *words, unsigned count)
{
	size_t length = strlen(word);
	unsigned least = length < 4 ? 2 : 3; /* "cpu" is one step from "cpus", but two steps from nearly anything */
	const char *nearest = NULL;

	if (length > WORD_MAX)
		return NULL;
	for (unsigned i = 0; i < count; i++) {
		size_t other = strlen(words[i]);
		unsigned steps = other <= WORD_MAX ? distance(word, length, words[i], other) : least;

		if (steps < least) {
			least = steps;
			nearest = words[i];
		}
	}
	return nearest;
}

bool config_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

char *config_trim(char *text)
{
	size_t length;

	while (config_blank(*text))
		text++;
	length = strlen(text);
	while (length > 0 && config_blank(text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}
