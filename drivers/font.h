/* SPDX-License-Identifier: MIT */
/* Bitmap font of printable ASCII. */
#ifndef DRIVERS_FONT_H
#define DRIVERS_FONT_H

#include <stdint.h>

#define FONT_WIDTH  8
#define FONT_HEIGHT 16

/* One line of pixels of a character, bit 7 leftmost; 0 for what has no picture. */
uint8_t font_row(uint8_t character, unsigned line);

#endif
