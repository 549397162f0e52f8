/* SPDX-License-Identifier: MIT */
#include "kernel/monitor_line.h"

#include <string.h>

#define CONTROL(letter) ((letter) & 0x1f)
#define ESC 0x1b
#define DEL 0x7f
#define PARAMETER_MAX 99

enum { PLAIN, ESCAPE, SEQUENCE }; /* ESC; ESC [ or ESC O */

static void set_text(struct monitor_line *line, const char *text)
{
	size_t length = strlen(text);

	memcpy(line->text, text, length + 1);
	line->length = line->cursor = (unsigned)length;
	line->too_long = false;
}

void monitor_line_clear(struct monitor_line *line)
{
	set_text(line, "");
	line->back = 0;
	line->state = PLAIN;
}

void monitor_line_insert(struct monitor_line *line, const char *text, size_t size)
{
	if (size > MONITOR_LINE - line->length) {
		size = MONITOR_LINE - line->length;
		line->too_long = true;
	}
	memmove(line->text + line->cursor + size, line->text + line->cursor, line->length - line->cursor + 1);
	memcpy(line->text + line->cursor, text, size);
	line->length += (unsigned)size;
	line->cursor += (unsigned)size;
}

/* --- what keys do --- */

static void delete(struct monitor_line *line, unsigned from, unsigned to)
{
	memmove(line->text + from, line->text + to, line->length - to + 1);
	line->length -= to - from;
	line->cursor = from;
}

static void left(struct monitor_line *line)
{
	line->cursor -= line->cursor > 0;
}

static void right(struct monitor_line *line)
{
	line->cursor += line->cursor < line->length;
}

static void home(struct monitor_line *line)
{
	line->cursor = 0;
}

static void end(struct monitor_line *line)
{
	line->cursor = line->length;
}

static void backspace(struct monitor_line *line)
{
	if (line->cursor)
		delete(line, line->cursor - 1, line->cursor);
}

static void delete_here(struct monitor_line *line)
{
	if (line->cursor < line->length)
		delete(line, line->cursor, line->cursor + 1);
}

static void kill_to_end(struct monitor_line *line)
{
	delete(line, line->cursor, line->length);
}

static void kill_to_start(struct monitor_line *line)
{
	if (line->cursor == line->length)
		line->too_long = false;
	delete(line, 0, line->cursor);
}

static void kill_word(struct monitor_line *line)
{
	unsigned from = line->cursor;

	while (from > 0 && line->text[from - 1] == ' ')
		from--;
	while (from > 0 && line->text[from - 1] != ' ')
		from--;
	delete(line, from, line->cursor);
}

static void show_history(struct monitor_line *line)
{
	set_text(line, line->back ? line->history[(line->entered - line->back) % MONITOR_HISTORY] : line->kept);
}

static void earlier(struct monitor_line *line)
{
	if (line->back == line->entered || line->back == MONITOR_HISTORY)
		return;
	if (!line->back)
		memcpy(line->kept, line->text, line->length + 1);
	line->back++;
	show_history(line);
}

static void later(struct monitor_line *line)
{
	if (!line->back)
		return;
	line->back--;
	show_history(line);
}

typedef void action(struct monitor_line *line);

static action *const controls[0x20] = {
	[CONTROL('A')] = home,
	[CONTROL('B')] = left,
	[CONTROL('D')] = delete_here,
	[CONTROL('E')] = end,
	[CONTROL('F')] = right,
	[CONTROL('H')] = backspace,
	[CONTROL('K')] = kill_to_end,
	[CONTROL('N')] = later,
	[CONTROL('P')] = earlier,
	[CONTROL('U')] = kill_to_start,
	[CONTROL('W')] = kill_word,
};

/* Final bytes of ESC [ and ESC O. */
static action *const finals[] = {
	['A' - '@'] = earlier,
	['B' - '@'] = later,
	['C' - '@'] = right,
	['D' - '@'] = left,
	['F' - '@'] = end,
	['H' - '@'] = home,
};

/* Parameters before a final ~, as terminals send them. */
static action *const numbered[] = {
	[1] = home,
	[3] = delete_here,
	[4] = end,
	[7] = home,
	[8] = end,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- keys --- */

static enum monitor_key act(struct monitor_line *line, action *what)
{
	if (!what)
		return KEY_NOTHING;
	what(line);
	return KEY_CHANGED;
}

static enum monitor_key sequence(struct monitor_line *line, uint8_t byte)
{
	action *what = NULL;

	if (byte >= '0' && byte <= '9') {
		line->parameter = line->parameter * 10 + byte - '0';
		if (line->parameter > PARAMETER_MAX)
			line->parameter = PARAMETER_MAX;
		return KEY_NOTHING;
	}
	if (byte < '@') /* other parameters and intermediate bytes */
		return KEY_NOTHING;
	line->state = PLAIN;
	if (byte == '~' && line->parameter < COUNT(numbered))
		what = numbered[line->parameter];
	else if (byte < '@' + COUNT(finals))
		what = finals[byte - '@'];
	return act(line, what);
}

static enum monitor_key plain(struct monitor_line *line, uint8_t byte)
{
	const char c = (char)byte;

	if (byte == '\t')
		return KEY_TAB;
	if (byte == DEL)
		return act(line, backspace);
	if (byte < ' ')
		return act(line, controls[byte]);
	if (byte > DEL)
		return KEY_NOTHING;
	monitor_line_insert(line, &c, 1);
	return KEY_CHANGED;
}

enum monitor_key monitor_line_key(struct monitor_line *line, uint8_t byte)
{
	bool returned = line->returned;

	line->returned = byte == '\r';
	if (byte == '\n' && returned)
		return KEY_NOTHING;
	if (byte == '\r' || byte == '\n') {
		line->state = PLAIN;
		return KEY_ENTER;
	}
	if (byte == ESC) {
		line->state = ESCAPE;
		return KEY_NOTHING;
	}
	if (line->state == ESCAPE) {
		line->parameter = 0;
		line->state = byte == '[' || byte == 'O' ? SEQUENCE : PLAIN;
		return KEY_NOTHING;
	}
	if (line->state == SEQUENCE && byte >= ' ')
		return sequence(line, byte);
	line->state = PLAIN; /* a control character breaks a sequence off */
	return plain(line, byte);
}

/* --- whole lines --- */

static bool is_blank(const char *text)
{
	return text[strspn(text, " ")] == '\0';
}

bool monitor_line_take(struct monitor_line *line, char out[MONITOR_LINE + 1])
{
	bool whole = !line->too_long;
	const char *last = line->history[(line->entered - 1) % MONITOR_HISTORY];

	memcpy(out, line->text, line->length + 1);
	if (whole && !is_blank(out) && (!line->entered || strcmp(out, last)))
		memcpy(line->history[line->entered++ % MONITOR_HISTORY], out, line->length + 1);
	monitor_line_clear(line);
	return whole;
}

static size_t put_left(char *out, unsigned count)
{
	size_t n = 0;

	if (!count)
		return 0;
	out[n++] = ESC;
	out[n++] = '[';
	if (count >= 10)
		out[n++] = (char)('0' + count / 10);
	out[n++] = (char)('0' + count % 10);
	out[n++] = 'D';
	return n;
}

size_t monitor_line_render(const struct monitor_line *line, const char *prompt, char out[MONITOR_SHOWN])
{
	unsigned from = line->cursor < MONITOR_WIDTH ? 0 : line->cursor - MONITOR_WIDTH + 1;
	unsigned count = line->length - from < MONITOR_WIDTH ? line->length - from : MONITOR_WIDTH;
	size_t n = strlen(prompt);

	memcpy(out, prompt, n);
	memcpy(out + n, line->text + from, count);
	n += count;
	return n + put_left(out + n, count - (line->cursor - from));
}
