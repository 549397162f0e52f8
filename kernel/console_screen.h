/* SPDX-License-Identifier: MIT */
/*
 * The console on the framebuffer. Writing only changes text in memory; a chore draws some cells at a time, so that what a
 * guest's byte costs does not depend on the display. Before there are chores, and in a panic, whoever writes draws.
 */
#ifndef KERNEL_CONSOLE_SCREEN_H
#define KERNEL_CONSOLE_SCREEN_H

#include <stddef.h>
#include <stdint.h>

struct bootinfo;

/* Through the loader's identity map, until paging_init(). */
void console_screen_early(const struct bootinfo *boot);
/* After paging_init(). */
void console_screen_map(const struct bootinfo *boot);
void console_screen_off(void);
/* From now on a chore draws. */
void console_screen_start(void);
/* See chores_step(). */
uint64_t console_screen_chore(void);
/* With the console's lock held: text, and after it a request to show it. */
void console_screen_write(const char *data, size_t size);
void console_screen_show(void);
void console_screen_panic(void);

#endif
