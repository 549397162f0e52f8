/* SPDX-License-Identifier: MIT */
/*
 * The console on the framebuffer. Writing only changes text in memory; one core, the painter, is sent an interrupt and
 * draws row by row, so that what a guest's byte costs does not depend on the display. Before the painter is chosen, and
 * in a panic, whoever writes draws.
 */
#ifndef KERNEL_CONSOLE_SCREEN_H
#define KERNEL_CONSOLE_SCREEN_H

#include <stddef.h>

struct bootinfo;
struct cpu;

/* Through the loader's identity map, until paging_init(). */
void console_screen_early(const struct bootinfo *boot);
/* After paging_init(). */
void console_screen_map(const struct bootinfo *boot);
void console_screen_off(void);
/* From now on `cpu` draws. */
void console_screen_painter(struct cpu *cpu);
/* With the console's lock held: text, and after it a request to show it. */
void console_screen_write(const char *data, size_t size);
void console_screen_show(void);
void console_screen_panic(void);

#endif
