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

void *memset(void *to, int value, size_t size)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}
