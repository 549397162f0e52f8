/* SPDX-License-Identifier: MIT */
/* What happens before main() and after it. */
#include "runtime.h"

#define DEBUG_EXIT 0xf4

void runtime_start(void)
{
	serial_start();
	interrupts_start();
	pic_init(0x20, 0xffff);
	guest_exit((unsigned)main());
}

void guest_exit(unsigned status)
{
	cli();
	out32(DEBUG_EXIT, status);
	if (!acpi_power_off())
		print("nothing ends this machine: status %u\n", status);
	for (;;)
		__asm__ volatile("cli; hlt");
}

const char *command_line(void)
{
	const struct multiboot_info *info = multiboot_info();

	return info->flags & 1u << 2 && info->cmdline ? (const char *)(uintptr_t)info->cmdline : "";
}
