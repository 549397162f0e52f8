/* SPDX-License-Identifier: MIT */
/*
 * The text of a screen: a terminal's output in, rows of changed cells out. What is shown is remembered, so that nothing
 * is ever read back from the display and only what differs is drawn. Pure.
 */
#ifndef DRIVERS_SCREEN_H
#define DRIVERS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ansi.h"

#define SCREEN_COLUMNS 240
#define SCREEN_ROWS 80

/* A cell: the character in bits 0..7, its colour in 8..11, that of the background in 12..15 (ECMA-48's order). */
#define CELL(character, colours) ((uint16_t)((uint8_t)(character) | (colours) << 8))

struct screen {
	struct ansi ansi;
	unsigned columns, rows; /* in use */
	unsigned column, row;   /* column may be one past the last: the next character begins a line */
	unsigned top;           /* where in `cells` row 0 is: scrolling moves this, not the text */
	unsigned colour, background;
	bool bold, reverse;
	unsigned take_from;     /* the row that is looked at next for something to draw */
	bool dirty[SCREEN_ROWS];
	uint16_t cells[SCREEN_ROWS][SCREEN_COLUMNS];
	uint16_t shown[SCREEN_ROWS][SCREEN_COLUMNS];
};

/* Blank, as a display filled with the background is. Columns and rows are cut to what there is room for. */
void screen_init(struct screen *screen, unsigned columns, unsigned rows);
void screen_write(struct screen *screen, const char *data, size_t size);

/* Changed cells next to each other. */
struct screen_run {
	unsigned row, column, count;
	uint16_t cells[SCREEN_COLUMNS];
};

/* The next one to draw, of `most` cells at the most; it counts as drawn. False when there is none. */
bool screen_take(struct screen *screen, unsigned most, struct screen_run *run);

#endif
