/* SPDX-License-Identifier: MIT */
#include "kernel/console_screen.h"

#include <stdatomic.h>

#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "boot/bootinfo.h"
#include "drivers/framebuffer.h"
#include "drivers/screen.h"
#include "kernel/chores.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"

static struct framebuffer framebuffer;
static struct screen screen;
static struct spinlock lock; /* of `screen`; taken with the console's held, never the other way round */
static bool deferred;         /* it is drawn by console_screen_chore() */
static _Atomic bool awake;    /* which is called, or will be soon */
static bool rested;           /* there was nothing to draw the last time */

#define STEP_CELLS 2          /* drawn in one step */
#define REST_NS    10000000   /* from the end of drawing to the next look: who writes wakes nobody meanwhile */

static bool take(unsigned most, struct screen_run *run)
{
	bool any;

	spin_lock(&lock);
	any = screen_take(&screen, most, run);
	spin_unlock(&lock);
	if (any)
		framebuffer_draw(&framebuffer, run->row, run->column, run->cells, run->count);
	return any;
}

uint64_t console_screen_chore(void)
{
	struct screen_run run;

	if (!framebuffer.pixels || !atomic_load(&awake))
		return UINT64_MAX;
	if (take(STEP_CELLS, &run)) {
		rested = false;
		return 0;
	}
	if (!rested) {
		rested = true;
		return rdtsc() + ns_to_tsc(REST_NS);
	}
	rested = false;
	atomic_store(&awake, false);
	/* Who wrote before that line has woken nobody. */
	if (!take(STEP_CELLS, &run))
		return UINT64_MAX;
	atomic_store(&awake, true);
	return 0;
}

void console_screen_early(const struct bootinfo *boot)
{
	if (!framebuffer_init(&framebuffer, &boot->framebuffer, (void *)boot->framebuffer.base))
		return;
	screen_init(&screen, framebuffer.columns, framebuffer.rows);
	framebuffer_clear(&framebuffer);
}

void console_screen_map(const struct bootinfo *boot)
{
	if (!framebuffer.pixels)
		return;
	framebuffer.pixels = map_physical(boot->framebuffer.base, boot->framebuffer.size, PTAB_WRITE_COMBINING);
	if (!framebuffer.pixels)
		log_warning(NULL, "no memory to map the framebuffer: the screen stays as it is");
}

void console_screen_off(void)
{
	framebuffer.pixels = NULL;
}

void console_screen_start(void)
{
	deferred = true;
}

void console_screen_write(const char *data, size_t size)
{
	if (!framebuffer.pixels)
		return;
	spin_lock(&lock);
	screen_write(&screen, data, size);
	spin_unlock(&lock);
}

void console_screen_show(void)
{
	struct screen_run run;

	if (!framebuffer.pixels)
		return;
	if (!deferred) {
		while (take(SCREEN_COLUMNS, &run))
			;
	} else if (!atomic_load_explicit(&awake, memory_order_relaxed) && !atomic_exchange(&awake, true)) {
		chores_wake(CHORE_CONSOLE);
	}
}

void console_screen_panic(void)
{
	spin_break(&lock);
	deferred = false;
}
