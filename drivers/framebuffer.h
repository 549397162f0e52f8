/* SPDX-License-Identifier: MIT */
/* Characters into the pixels of a linear framebuffer, which is only ever written. Pure: `pixels` may be any memory. */
#ifndef DRIVERS_FRAMEBUFFER_H
#define DRIVERS_FRAMEBUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/bootinfo.h"

#define FRAMEBUFFER_COLOURS 16

struct framebuffer {
	uint8_t *pixels;        /* where it is mapped; NULL: none */
	uint32_t pitch;         /* bytes from one line to the next */
	unsigned width, height; /* pixels */
	unsigned bytes;         /* per pixel: 3 or 4 */
	unsigned scale;         /* pixels of the display for one of the font's, each way: 2 on fine displays */
	unsigned columns, rows; /* of text */
	uint32_t colours[FRAMEBUFFER_COLOURS];
};

/* False when we cannot draw on such a display; then `pixels` stays NULL. */
bool framebuffer_init(struct framebuffer *framebuffer, const struct bootframebuffer *boot, void *pixels);
void framebuffer_clear(const struct framebuffer *framebuffer);
/* `count` cells of drivers/screen.h; what is outside of the display is left out. */
void framebuffer_draw(const struct framebuffer *framebuffer, unsigned row, unsigned column, const uint16_t *cells,
                      unsigned count);

#endif
