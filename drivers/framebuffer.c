/* SPDX-License-Identifier: MIT */
/* Stores go along the lines of the display, 8 bytes at a time where pixels have 4, so that they can be combined. */
#include "drivers/framebuffer.h"

#include <string.h>

#include "drivers/font.h"

#define FINE_WIDTH 2560 /* from here on a character of 8 by 16 is too small to be read */
#define SCALE_MAX 2

/* Red, green, blue; ECMA-48's eight colours, then the bright ones. */
static const uint8_t palette[FRAMEBUFFER_COLOURS][3] = {
	{ 0x00, 0x00, 0x00 }, { 0xc0, 0x30, 0x30 }, { 0x30, 0xa0, 0x40 }, { 0xb0, 0x80, 0x20 },
	{ 0x40, 0x70, 0xd0 }, { 0xa0, 0x50, 0xb0 }, { 0x20, 0xa0, 0xa8 }, { 0xc8, 0xc8, 0xc8 },
	{ 0x70, 0x70, 0x70 }, { 0xff, 0x60, 0x60 }, { 0x60, 0xe0, 0x70 }, { 0xff, 0xe0, 0x60 },
	{ 0x80, 0xa8, 0xff }, { 0xe0, 0x80, 0xf0 }, { 0x60, 0xe8, 0xf0 }, { 0xff, 0xff, 0xff },
};

static bool fits(const struct bootframebuffer *boot)
{
	if (boot->bytes_per_pixel != 3 && boot->bytes_per_pixel != 4)
		return false;
	if (boot->red_shift > 24 || boot->green_shift > 24 || boot->blue_shift > 24)
		return false;
	if (boot->width < FONT_WIDTH || boot->height < FONT_HEIGHT)
		return false;
	if ((uint64_t)boot->width * boot->bytes_per_pixel > boot->pitch)
		return false;
	return (uint64_t)boot->pitch * boot->height <= boot->size;
}

bool framebuffer_init(struct framebuffer *framebuffer, const struct bootframebuffer *boot, void *pixels)
{
	unsigned i, scale = boot->width >= FINE_WIDTH && boot->height >= 2 * FONT_HEIGHT ? SCALE_MAX : 1;

	*framebuffer = (struct framebuffer){ 0 };
	if (!boot->base || !pixels || !fits(boot))
		return false;
	*framebuffer = (struct framebuffer){
		.pixels = pixels,
		.pitch = boot->pitch,
		.width = boot->width,
		.height = boot->height,
		.bytes = boot->bytes_per_pixel,
		.scale = scale,
		.columns = boot->width / (FONT_WIDTH * scale),
		.rows = boot->height / (FONT_HEIGHT * scale),
	};
	for (i = 0; i < FRAMEBUFFER_COLOURS; i++)
		framebuffer->colours[i] = (uint32_t)palette[i][0] << boot->red_shift |
		                          (uint32_t)palette[i][1] << boot->green_shift |
		                          (uint32_t)palette[i][2] << boot->blue_shift;
	return true;
}

void framebuffer_clear(const struct framebuffer *framebuffer)
{
	unsigned y;

	for (y = 0; y < framebuffer->height; y++)
		memset(framebuffer->pixels + (uint64_t)y * framebuffer->pitch, 0, framebuffer->width * framebuffer->bytes);
}

/* Two pixels in one store. */
static void store_pair(uint8_t *at, uint32_t left, uint32_t right)
{
	uint64_t both = left | (uint64_t)right << 32;

	memcpy(at, &both, sizeof(both));
}

/* One line of pixels of one character. */
static void line_32(uint8_t *at, uint8_t bits, const uint32_t colours[2])
{
	int i;

	for (i = FONT_WIDTH - 1; i > 0; i -= 2, at += 8)
		store_pair(at, colours[bits >> i & 1], colours[bits >> (i - 1) & 1]);
}

static void line_32_double(uint8_t *at, uint8_t bits, const uint32_t colours[2])
{
	int i;

	for (i = FONT_WIDTH - 1; i >= 0; i--, at += 8)
		store_pair(at, colours[bits >> i & 1], colours[bits >> i & 1]);
}

static void line_24(uint8_t *at, uint8_t bits, const uint32_t colours[2], unsigned scale)
{
	unsigned i;

	for (i = 0; i < FONT_WIDTH * scale; i++, at += 3)
		memcpy(at, &colours[bits >> (FONT_WIDTH - 1 - i / scale) & 1], 3);
}

static void draw_line(const struct framebuffer *framebuffer, uint8_t *at, uint8_t bits, const uint32_t colours[2])
{
	if (framebuffer->bytes == 3)
		line_24(at, bits, colours, framebuffer->scale);
	else if (framebuffer->scale == 1)
		line_32(at, bits, colours);
	else
		line_32_double(at, bits, colours);
}

void framebuffer_draw(const struct framebuffer *framebuffer, unsigned row, unsigned column, const uint16_t *cells,
                      unsigned count)
{
	unsigned y, i, height = FONT_HEIGHT * framebuffer->scale;
	unsigned step = FONT_WIDTH * framebuffer->scale * framebuffer->bytes;
	uint8_t *start;

	if (row >= framebuffer->rows || column >= framebuffer->columns)
		return;
	if (count > framebuffer->columns - column)
		count = framebuffer->columns - column;
	start = framebuffer->pixels + (uint64_t)row * height * framebuffer->pitch + (uint64_t)column * step;
	for (y = 0; y < height; y++, start += framebuffer->pitch)
		for (i = 0; i < count; i++) {
			const uint32_t colours[2] = {
				framebuffer->colours[cells[i] >> 12],
				framebuffer->colours[cells[i] >> 8 & 15],
			};

			draw_line(framebuffer, start + (uint64_t)i * step, font_row((uint8_t)cells[i], y / framebuffer->scale),
			          colours);
		}
}
