/* SPDX-License-Identifier: MIT */
/* Functions named after ECMA-48's, section 8.3. */
#include "drivers/screen.h"

#define GREY 7
#define BLACK 0
#define BRIGHT 8
#define TAB 8
#define JUMP 8 /* scrolls by an eighth of the screen: a line more would else redraw all of it */

static uint16_t *line(struct screen *screen, unsigned row)
{
	return screen->cells[(screen->top + row) % screen->rows];
}

static uint16_t cell(const struct screen *screen, uint8_t character)
{
	unsigned colour = screen->colour, background = screen->background;

	if (screen->bold && colour < BRIGHT)
		colour += BRIGHT;
	if (screen->reverse)
		return CELL(character, colour << 4 | background);
	return CELL(character, background << 4 | colour);
}

/* Cells [from, to) of a row. */
static void erase(struct screen *screen, unsigned row, unsigned from, unsigned to)
{
	uint16_t *cells = line(screen, row), blank = CELL(' ', screen->background << 4 | GREY);
	unsigned i;

	for (i = from; i < to; i++)
		cells[i] = blank;
	screen->dirty[row] = true;
}

static void erase_rows(struct screen *screen, unsigned from, unsigned to)
{
	unsigned row;

	for (row = from; row < to; row++)
		erase(screen, row, 0, screen->columns);
}

void screen_init(struct screen *screen, unsigned columns, unsigned rows)
{
	unsigned i, j;

	screen->ansi = (struct ansi){ 0 };
	screen->columns = columns < SCREEN_COLUMNS ? columns : SCREEN_COLUMNS;
	screen->rows = rows < SCREEN_ROWS ? rows : SCREEN_ROWS;
	screen->column = screen->row = screen->top = screen->take_from = 0;
	screen->colour = GREY;
	screen->background = BLACK;
	screen->bold = screen->reverse = false;
	for (i = 0; i < SCREEN_ROWS; i++) {
		screen->dirty[i] = false;
		for (j = 0; j < SCREEN_COLUMNS; j++)
			screen->cells[i][j] = screen->shown[i][j] = CELL(' ', BLACK << 4 | GREY);
	}
}

static void scroll(struct screen *screen)
{
	unsigned i, by = screen->rows / JUMP ? screen->rows / JUMP : 1;

	screen->top = (screen->top + by) % screen->rows;
	screen->row = screen->rows - by;
	erase_rows(screen, screen->row, screen->rows);
	for (i = 0; i < screen->rows; i++)
		screen->dirty[i] = true;
}

static void line_feed(struct screen *screen)
{
	if (screen->row + 1 < screen->rows)
		screen->row++;
	else
		scroll(screen);
}

static void print(struct screen *screen, uint8_t character)
{
	if (screen->column >= screen->columns) {
		screen->column = 0;
		line_feed(screen);
	}
	line(screen, screen->row)[screen->column++] = cell(screen, character);
	screen->dirty[screen->row] = true;
}

static void control(struct screen *screen, uint8_t byte)
{
	switch (byte) {
	case '\b':
		if (screen->column)
			screen->column--;
		break;
	case '\t':
		screen->column = (screen->column / TAB + 1) * TAB;
		if (screen->column >= screen->columns)
			screen->column = screen->columns - 1;
		break;
	case '\n': /* guests that write no carriage return mean one */
		screen->column = 0;
		line_feed(screen);
		break;
	case '\r':
		screen->column = 0;
		break;
	default:
		break;
	}
}

static unsigned at_most(unsigned value, unsigned limit)
{
	return value < limit ? value : limit;
}

static void cursor_position(struct screen *screen)
{
	screen->row = at_most(ansi_parameter(&screen->ansi, 0, 1), screen->rows) - 1;
	screen->column = at_most(ansi_parameter(&screen->ansi, 1, 1), screen->columns) - 1;
}

static void cursor_move(struct screen *screen, uint8_t direction)
{
	unsigned n = ansi_parameter(&screen->ansi, 0, 1);

	if (direction == 'A')
		screen->row -= at_most(n, screen->row);
	else if (direction == 'B')
		screen->row = at_most(screen->row + n, screen->rows - 1);
	else if (direction == 'C')
		screen->column = at_most(screen->column + n, screen->columns - 1);
	else
		screen->column -= at_most(n, screen->column);
}

static void erase_in_line(struct screen *screen, unsigned how)
{
	unsigned here = at_most(screen->column, screen->columns - 1);

	erase(screen, screen->row, how == 0 ? here : 0, how == 1 ? here + 1 : screen->columns);
}

static void erase_in_page(struct screen *screen, unsigned how)
{
	if (how >= 2) {
		erase_rows(screen, 0, screen->rows);
		return;
	}
	erase_in_line(screen, how);
	if (how == 0)
		erase_rows(screen, screen->row + 1, screen->rows);
	else
		erase_rows(screen, 0, screen->row);
}

static void select_one(struct screen *screen, unsigned n)
{
	if (n == 0) {
		screen->colour = GREY;
		screen->background = BLACK;
		screen->bold = screen->reverse = false;
	} else if (n == 1 || n == 22) {
		screen->bold = n == 1;
	} else if (n == 7 || n == 27) {
		screen->reverse = n == 7;
	} else if (n >= 30 && n <= 37) {
		screen->colour = n - 30;
	} else if (n == 39) {
		screen->colour = GREY;
	} else if (n >= 40 && n <= 47) {
		screen->background = n - 40;
	} else if (n == 49) {
		screen->background = BLACK;
	} else if (n >= 90 && n <= 97) {
		screen->colour = n - 90 + BRIGHT;
	} else if (n >= 100 && n <= 107) {
		screen->background = n - 100 + BRIGHT;
	}
}

static void select_graphic_rendition(struct screen *screen)
{
	unsigned i, n;

	for (i = 0; i == 0 || (i < screen->ansi.count && i < ANSI_PARAMETERS); i++) {
		n = ansi_parameter(&screen->ansi, i, 0);
		if (n == 38 || n == 48)
			return; /* 256 colours and more: what follows is not for us */
		select_one(screen, n);
	}
}

static void control_sequence(struct screen *screen, uint8_t final)
{
	if (screen->ansi.marked)
		return;
	if (final == 'H' || final == 'f')
		cursor_position(screen);
	else if (final >= 'A' && final <= 'D')
		cursor_move(screen, final);
	else if (final == 'J')
		erase_in_page(screen, ansi_parameter(&screen->ansi, 0, 0));
	else if (final == 'K')
		erase_in_line(screen, ansi_parameter(&screen->ansi, 0, 0));
	else if (final == 'm')
		select_graphic_rendition(screen);
}

static void put(struct screen *screen, uint8_t byte)
{
	switch (ansi_put(&screen->ansi, byte)) {
	case ANSI_PRINT:
		print(screen, screen->ansi.byte);
		break;
	case ANSI_CONTROL:
		control(screen, screen->ansi.byte);
		break;
	case ANSI_SEQUENCE:
		control_sequence(screen, screen->ansi.byte);
		break;
	default:
		break;
	}
}

void screen_write(struct screen *screen, const char *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		put(screen, (uint8_t)data[i]);
}

/* From the first cell that differs to the last, or as many as there may be. */
static bool take_row(struct screen *screen, unsigned row, unsigned most, struct screen_run *run)
{
	const uint16_t *cells = line(screen, row);
	uint16_t *shown = screen->shown[row];
	unsigned from = 0, to = screen->columns, i;

	while (from < to && cells[from] == shown[from])
		from++;
	while (to > from && cells[to - 1] == shown[to - 1])
		to--;
	screen->dirty[row] = to - from > most;
	if (to - from > most)
		to = from + most;
	run->row = row;
	run->column = from;
	run->count = to - from;
	for (i = from; i < to; i++)
		run->cells[i - from] = shown[i] = cells[i];
	return run->count;
}

bool screen_take(struct screen *screen, unsigned most, struct screen_run *run)
{
	unsigned i, row;

	for (i = 0; i < screen->rows; i++) {
		row = (screen->take_from + i) % screen->rows;
		if (screen->dirty[row] && take_row(screen, row, most, run)) {
			screen->take_from = screen->dirty[row] ? row : row + 1;
			return true;
		}
	}
	return false;
}
