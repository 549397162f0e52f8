/* SPDX-License-Identifier: MIT */
/* libFuzzer: any bytes as a guest's output to the screen, which is drawn from time to time. */
#include <stdlib.h>
#include <string.h>

#include "drivers/framebuffer.h"
#include "drivers/screen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes are the size of the display in characters, the third how many bytes come between drawings. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct screen screen;
	struct bootframebuffer boot = { .base = 1, .bytes_per_pixel = 4, .red_shift = 16, .green_shift = 8 };
	struct framebuffer framebuffer;
	struct screen_run run;
	size_t i, step;
	void *pixels;

	if (size < 3)
		return 0;
	boot.width = 8u + data[0] % 40 * 8;
	boot.height = 16u + data[1] % 8 * 16;
	boot.pitch = boot.width * 4;
	boot.size = (uint64_t)boot.pitch * boot.height;
	step = data[2] + 1u;
	pixels = malloc(boot.size);
	if (!pixels || !framebuffer_init(&framebuffer, &boot, pixels))
		abort();
	screen_init(&screen, framebuffer.columns, framebuffer.rows);
	for (i = 3; i < size; i += step) {
		screen_write(&screen, (const char *)data + i, size - i < step ? size - i : step);
		while (screen_take(&screen, data[2] + 1u, &run)) {
			if (!run.count || run.row >= screen.rows || run.column + run.count > screen.columns)
				abort();
			framebuffer_draw(&framebuffer, run.row, run.column, run.cells, run.count);
		}
	}
	free(pixels);
	return 0;
}
