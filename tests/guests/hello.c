/* SPDX-License-Identifier: MIT */
/* The smallest guest: says what it was given, and that its runtime works. */
#include "guest.h"

static volatile unsigned ticks;

static void on_tick(struct frame *frame)
{
	(void)frame;
	ticks++;
	pic_eoi(0);
}

static void undefined(void *argument)
{
	(void)argument;
	__asm__ volatile("ud2");
}

static void write_nowhere(void *argument)
{
	*(volatile uint32_t *)argument = 1;
}

static void describe(void)
{
	const struct multiboot_info *info = multiboot_info();
	uint32_t id[4];
	char vendor[13] = "";

	cpuid(0, 0, id);
	memcpy(vendor, &id[1], 4);
	memcpy(vendor + 4, &id[3], 4);
	memcpy(vendor + 8, &id[2], 4);
	print("processor %s, highest leaf %x\n", vendor, id[0]);
	print("memory %u KiB low, %u KiB high, loader %s, command line \"%s\"\n", info->mem_lower, info->mem_upper,
	      info->flags & 1u << 9 ? (const char *)(uintptr_t)info->boot_loader_name : "?", command_line());
}

static void faults_are_caught(void)
{
	struct fault fault;

	check(faults(undefined, NULL, &fault) && fault.vector == UD && fault.rip, "UD2 raises #UD");
	check(faults(write_nowhere, (void *)0x123456789000, &fault) && fault.vector == PF && fault.error == 2 &&
	      fault.cr2 == 0x123456789000, "a write to an unmapped page raises #PF with its address");
	check(faults(write_nowhere, (void *)0x8000000000000000, &fault) && fault.vector == GP,
	      "a non-canonical address raises #GP");
}

static void timer_ticks(void)
{
	set_handler(0x20, on_tick);
	pit_periodic(1193);
	pic_init(0x20, 0xfffe);
	while (ticks < 5)
		sti_hlt();
	pic_init(0x20, 0xffff);
	check(ticks >= 5, "the PIT interrupts through the 8259");
}

int main(void)
{
	print("hello\n");
	describe();
	check(multiboot_magic == 0x2badb002, "started by Multiboot");
	faults_are_caught();
	timer_ticks();
	return results();
}
