/* SPDX-License-Identifier: MIT */
/* The line that an operator edits: keys in, text and cursor out, with the lines before it as history. Pure. */
#ifndef KERNEL_MONITOR_LINE_H
#define KERNEL_MONITOR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MONITOR_LINE 160    /* characters of a line; what is typed beyond makes it too long to be taken */
#define MONITOR_HISTORY 16  /* lines */
#define MONITOR_WIDTH 64    /* characters that are shown at once */
#define MONITOR_SHOWN 128   /* bytes that monitor_line_render() needs, for a prompt of up to 32 */

enum monitor_key {
	KEY_NOTHING, /* no change that could be seen */
	KEY_CHANGED,
	KEY_ENTER,   /* the line is complete: monitor_line_take() */
	KEY_TAB,
};

struct monitor_line {
	char text[MONITOR_LINE + 1]; /* with a terminator, as all lines here */
	unsigned length, cursor;
	bool too_long;               /* characters were left out */
	char history[MONITOR_HISTORY][MONITOR_LINE + 1]; /* a ring */
	unsigned entered;            /* lines that were put there so far */
	unsigned back;               /* how far back in it the operator is; 0: at the new line */
	char kept[MONITOR_LINE + 1]; /* the new line meanwhile */
	unsigned state, parameter;   /* in an escape sequence (ECMA-48, 5.4) */
	bool returned;               /* the last byte was a carriage return: a line feed belongs to it */
};

/*
 * A byte from the terminal: printable ASCII is inserted. Ctrl-A, -E, -B, -F, Home, End and arrows move; Backspace,
 * Delete, Ctrl-D, -K, -U and -W delete; Ctrl-P, -N and arrows go through the history. Everything else does nothing.
 */
enum monitor_key monitor_line_key(struct monitor_line *line, uint8_t byte);
void monitor_line_insert(struct monitor_line *line, const char *text, size_t size);
/* Copies the line out, remembers it unless it is blank, and begins an empty one. False: it was too long. */
bool monitor_line_take(struct monitor_line *line, char out[MONITOR_LINE + 1]);
/* As if nothing had been typed, not even half a key. The history stays. */
void monitor_line_clear(struct monitor_line *line);
/* Prompt, the part of the text around the cursor, and what moves the terminal's cursor there; returns the size. */
size_t monitor_line_render(const struct monitor_line *line, const char *prompt, char out[MONITOR_SHOWN]);

#endif
