/* SPDX-License-Identifier: MIT */
/* The screen's text: escape sequences in, changed cells out; and those as pixels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/font.h"
#include "drivers/framebuffer.h"
#include "drivers/screen.h"

#define COLUMNS 20
#define ROWS    8
#define GREY    0x07

static struct screen screen;
static uint16_t display[SCREEN_ROWS][SCREEN_COLUMNS];

static int clear(void **state)
{
	unsigned row, column;

	(void)state;
	screen_init(&screen, COLUMNS, ROWS);
	for (row = 0; row < SCREEN_ROWS; row++)
		for (column = 0; column < SCREEN_COLUMNS; column++)
			display[row][column] = CELL(' ', GREY);
	return 0;
}

/* What a display shows that draws every run; returns the cells drawn. */
static unsigned draw(void)
{
	struct screen_run run;
	unsigned cells = 0;

	while (screen_take(&screen, SCREEN_COLUMNS, &run)) {
		assert_true(run.count > 0 && run.row < screen.rows && run.column + run.count <= screen.columns);
		memcpy(&display[run.row][run.column], run.cells, run.count * sizeof(run.cells[0]));
		cells += run.count;
	}
	return cells;
}

static void write_text(const char *text)
{
	screen_write(&screen, text, strlen(text));
}

/* The row's text without the blanks at its end. */
static const char *row_text(unsigned row)
{
	static char text[SCREEN_COLUMNS + 1];
	unsigned i, end = 0;

	for (i = 0; i < screen.columns; i++) {
		text[i] = (char)display[row][i];
		if (text[i] != ' ')
			end = i + 1;
	}
	text[end] = '\0';
	return text;
}

static void lines_and_tabs(void **state)
{
	(void)state;
	write_text("one\r\n\ttwo\nthree\b\bEE\rT");
	assert_int_equal(draw(), 3 + 3 + 5);
	assert_string_equal(row_text(0), "one");
	assert_string_equal(row_text(1), "        two");
	assert_string_equal(row_text(2), "ThrEE");
	assert_int_equal(draw(), 0);
}

static void long_lines_wrap_when_more_comes(void **state)
{
	(void)state;
	write_text("12345678901234567890");
	draw();
	assert_string_equal(row_text(0), "12345678901234567890");
	write_text("\r\nnext"); /* the last column was filled, no empty line between */
	draw();
	assert_string_equal(row_text(1), "next");
	write_text("\r12345678901234567890+");
	draw();
	assert_string_equal(row_text(2), "+");
}

static void only_what_differs_is_drawn(void **state)
{
	(void)state;
	write_text("the same text");
	draw();
	write_text("\rthe sane text");
	assert_int_equal(draw(), 1);
	write_text("\r\n\x1b[1A\x1b[Kthe sane text"); /* erased and written again before anybody looked */
	assert_int_equal(draw(), 0);
}

static void taken_in_parts(void **state)
{
	struct screen_run run;
	unsigned takes = 0, cells = 0;

	(void)state;
	write_text("\n12345678901234567890");
	while (screen_take(&screen, 8, &run)) {
		assert_true(run.row == 1 && run.count <= 8 && run.column == cells);
		takes++;
		cells += run.count;
	}
	assert_int_equal(takes, 3);
	assert_int_equal(cells, 20);
}

static void scrolling_keeps_the_newest(void **state)
{
	char text[16];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		text[0] = (char)('a' + i % 26);
		text[1] = '\n';
		text[2] = '\0';
		write_text(text);
		if (i % 7 == 0)
			draw();
	}
	draw();
	/* The cursor is on the last row, which is empty. */
	for (i = 0; i < ROWS - 1; i++) {
		assert_int_equal(strlen(row_text((unsigned)i)), 1);
		assert_int_equal(row_text((unsigned)i)[0], 'a' + (100 - (ROWS - 1) + i) % 26);
	}
	assert_string_equal(row_text(ROWS - 1), "");
}

static void cursor_and_erasing(void **state)
{
	(void)state;
	write_text("abcdef\nghijkl\nmnopqr");
	write_text("\x1b[2;3H\x1b[K");      /* row 2, column 3: to the end of the line */
	write_text("\x1b[3;3H\x1b[1K");     /* from the start of the line, the cursor included */
	write_text("\x1b[1;2HX\x1b[2CY\x1b[3DZ");
	draw();
	assert_string_equal(row_text(0), "aXZdYf");
	assert_string_equal(row_text(1), "gh");
	assert_string_equal(row_text(2), "   pqr");
	write_text("\x1b[2;1H\x1b[J");
	draw();
	assert_string_equal(row_text(0), "aXZdYf");
	assert_string_equal(row_text(1), "");
	assert_string_equal(row_text(2), "");
	write_text("\x1b[2J");
	draw();
	assert_string_equal(row_text(0), "");
}

static void cursor_stays_on_the_screen(void **state)
{
	(void)state;
	write_text("\x1b[9999;9999Hx\x1b[9999A\x1b[9999Dy\x1b[9999B\x1b[9999C!");
	draw();
	assert_string_equal(row_text(0), "y");
	assert_int_equal((char)display[ROWS - 1][COLUMNS - 1], '!');
}

static void colours(void **state)
{
	(void)state;
	write_text("a\x1b[31mb\x1b[1mc\x1b[0;44md\x1b[7me\x1b[27;92mf\x1b[38;5;200mg\x1b[mh");
	draw();
	assert_int_equal(display[0][0], CELL('a', 0x07));
	assert_int_equal(display[0][1], CELL('b', 0x01));
	assert_int_equal(display[0][2], CELL('c', 0x09));
	assert_int_equal(display[0][3], CELL('d', 0x47));
	assert_int_equal(display[0][4], CELL('e', 0x74));
	assert_int_equal(display[0][5], CELL('f', 0x4a));
	assert_int_equal(display[0][6], CELL('g', 0x4a)); /* one of 256 colours: not for us */
	assert_int_equal(display[0][7], CELL('h', 0x07));
}

static void sequences_that_mean_nothing_here(void **state)
{
	(void)state;
	write_text("a\x1b[?25lb\x1b]0;a title\ac\x1b(Bd\x1b[5ne\x1b=f");
	write_text("\x1b[1;2;3;4;5;6;7;8;9;10;11;12mg\x1b[99999999999999mh\xc3\xa9i\x7fj");
	draw();
	assert_string_equal(row_text(0), "abcdefgh?ij");
}

static void broken_sequences_do_not_eat_lines(void **state)
{
	(void)state;
	write_text("a\x1b[12\nb\x1b]title without an end\nc\x1b\x1b[31md");
	draw();
	assert_string_equal(row_text(0), "a");
	assert_string_equal(row_text(1), "b");
	assert_string_equal(row_text(2), "cd");
}

static void too_large_a_display_is_used_in_part(void **state)
{
	(void)state;
	screen_init(&screen, 10000, 10000);
	assert_int_equal(screen.columns, SCREEN_COLUMNS);
	assert_int_equal(screen.rows, SCREEN_ROWS);
}

/* --- pixels --- */

static struct bootframebuffer geometry(unsigned width, unsigned height, unsigned bytes)
{
	return (struct bootframebuffer){
		.base = 0x80000000, .width = width, .height = height, .pitch = width * bytes + 12,
		.size = (uint64_t)(width * bytes + 12) * height, .bytes_per_pixel = (uint8_t)bytes,
		.red_shift = 16, .green_shift = 8, .blue_shift = 0,
	};
}

/* Draws two cells and compares every pixel of the display, and the bytes between its lines. */
static void check_drawing(unsigned width, unsigned height, unsigned bytes, unsigned scale)
{
	const uint16_t cells[] = { CELL('A', 0x1f), CELL('%', 0x20) };
	struct bootframebuffer boot = geometry(width, height, bytes);
	uint8_t *pixels = malloc(boot.size);
	struct framebuffer framebuffer;
	unsigned x, y, column, row = 1, at = 2;

	assert_non_null(pixels);
	memset(pixels, 0x55, boot.size);
	assert_true(framebuffer_init(&framebuffer, &boot, pixels));
	assert_int_equal(framebuffer.scale, scale);
	framebuffer_clear(&framebuffer);
	framebuffer_draw(&framebuffer, row, at, cells, 2);
	for (y = 0; y < height; y++) {
		unsigned line = y / scale % FONT_HEIGHT;

		for (x = 0; x < width; x++) {
			uint32_t pixel = 0, want = 0;

			memcpy(&pixel, pixels + (size_t)y * boot.pitch + (size_t)x * bytes, bytes);
			column = x / scale / FONT_WIDTH;
			if (y / scale / FONT_HEIGHT == row && column >= at && column < at + 2) {
				uint16_t cell = cells[column - at];
				bool lit = font_row((uint8_t)cell, line) << (x / scale % FONT_WIDTH) & 0x80;

				want = framebuffer.colours[lit ? cell >> 8 & 15 : cell >> 12];
			}
			assert_int_equal(pixel, want);
		}
		for (x = width * bytes; x < boot.pitch; x++)
			assert_int_equal(pixels[(size_t)y * boot.pitch + x], 0x55);
	}
	free(pixels);
}

static void drawing(void **state)
{
	(void)state;
	check_drawing(80, 48, 4, 1);
	check_drawing(80, 48, 3, 1);
	check_drawing(2560, 64, 4, 2);
	check_drawing(2560, 64, 3, 2);
	check_drawing(83, 50, 4, 1); /* what is left over at the edges stays empty */
}

static void drawing_outside_is_left_out(void **state)
{
	uint16_t cells[COLUMNS];
	struct bootframebuffer boot = geometry(80, 48, 4);
	uint8_t *pixels = malloc(boot.size); /* the sanitizer watches its ends */
	struct framebuffer framebuffer;
	unsigned i;

	(void)state;
	for (i = 0; i < COLUMNS; i++)
		cells[i] = CELL('#', 0xff);
	assert_true(framebuffer_init(&framebuffer, &boot, pixels));
	framebuffer_draw(&framebuffer, 2, 5, cells, COLUMNS);
	framebuffer_draw(&framebuffer, 3, 0, cells, COLUMNS);
	framebuffer_draw(&framebuffer, 0, 10, cells, COLUMNS);
	free(pixels);
}

static void displays_that_cannot_be_drawn_on(void **state)
{
	struct bootframebuffer good = geometry(80, 48, 4), bad;
	struct framebuffer framebuffer;
	uint8_t pixel;

	(void)state;
	assert_true(framebuffer_init(&framebuffer, &good, &pixel));
	assert_false(framebuffer_init(&framebuffer, &good, NULL));
	bad = good, bad.base = 0;
	assert_false(framebuffer_init(&framebuffer, &bad, &pixel));
	bad = good, bad.bytes_per_pixel = 2;
	assert_false(framebuffer_init(&framebuffer, &bad, &pixel));
	bad = good, bad.pitch = 80 * 4 - 1;
	assert_false(framebuffer_init(&framebuffer, &bad, &pixel));
	bad = good, bad.size--;
	assert_false(framebuffer_init(&framebuffer, &bad, &pixel));
	bad = good, bad.width = 7;
	assert_false(framebuffer_init(&framebuffer, &bad, &pixel));
	bad = good, bad.red_shift = 25;
	assert_false(framebuffer_init(&framebuffer, &bad, &pixel));
	assert_null(framebuffer.pixels);
}

static void every_character_has_its_own_picture(void **state)
{
	unsigned a, b, line;

	(void)state;
	for (a = ' '; a < 0x7f; a++)
		for (b = a + 1; b < 0x7f; b++) {
			for (line = 0; line < FONT_HEIGHT && font_row((uint8_t)a, line) == font_row((uint8_t)b, line); line++)
				;
			assert_true(line < FONT_HEIGHT);
		}
	assert_int_equal(font_row('A', FONT_HEIGHT), 0);
	assert_int_equal(font_row(0xff, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_and_tabs, clear),
		cmocka_unit_test_setup(long_lines_wrap_when_more_comes, clear),
		cmocka_unit_test_setup(only_what_differs_is_drawn, clear),
		cmocka_unit_test_setup(taken_in_parts, clear),
		cmocka_unit_test_setup(scrolling_keeps_the_newest, clear),
		cmocka_unit_test_setup(cursor_and_erasing, clear),
		cmocka_unit_test_setup(cursor_stays_on_the_screen, clear),
		cmocka_unit_test_setup(colours, clear),
		cmocka_unit_test_setup(sequences_that_mean_nothing_here, clear),
		cmocka_unit_test_setup(broken_sequences_do_not_eat_lines, clear),
		cmocka_unit_test_setup(too_large_a_display_is_used_in_part, clear),
		cmocka_unit_test(drawing),
		cmocka_unit_test(drawing_outside_is_left_out),
		cmocka_unit_test(displays_that_cannot_be_drawn_on),
		cmocka_unit_test(every_character_has_its_own_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
