/* SPDX-License-Identifier: MIT */
#include "kernel/console_screen.h"

#include <stdatomic.h>

#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "boot/bootinfo.h"
#include "drivers/framebuffer.h"
#include "drivers/screen.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"

static struct framebuffer framebuffer;
static struct screen screen;
static struct spinlock lock; /* of `screen`; taken with the console's held, never the other way round */
static struct cpu *painter;
static uint8_t vector;       /* makes the painter call paint() */
static _Atomic bool asked;   /* the painter has been sent an interrupt that it has not begun to serve */

static bool take(struct screen_run *run)
{
	bool any;

	spin_lock(&lock);
	any = screen_take(&screen, run);
	spin_unlock(&lock);
	if (any)
		framebuffer_draw(&framebuffer, run->row, run->column, run->cells, run->count);
	return any;
}

static void ask(void)
{
	if (!atomic_exchange_explicit(&asked, true, memory_order_acq_rel))
		apic_send_ipi(painter->apic_id, vector);
}

/* One row: the guest of this core runs on between two of them. */
static void paint(void *context)
{
	struct screen_run run;

	(void)context;
	atomic_store_explicit(&asked, false, memory_order_release);
	if (framebuffer.pixels && take(&run))
		ask();
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

void console_screen_painter(struct cpu *cpu)
{
	int number;

	if (!framebuffer.pixels)
		return;
	number = irq_ipi(paint, NULL);
	if (number < 0)
		return; /* as before: whoever writes draws */
	vector = (uint8_t)number;
	painter = cpu;
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
	if (painter) {
		ask();
		return;
	}
	while (take(&run))
		;
}

void console_screen_panic(void)
{
	spin_break(&lock);
	painter = NULL;
}
