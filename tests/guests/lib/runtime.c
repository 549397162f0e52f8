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

unsigned command_number(unsigned otherwise)
{
	const char *word = command_line();
	unsigned number = 0;

	for (const char *at = word; *at; at++)
		if (*at == ' ')
			word = at + 1;
	for (; *word >= '0' && *word <= '9'; word++)
		number = number * 10 + (unsigned)(*word - '0');
	return number ? number : otherwise;
}
