/* SPDX-License-Identifier: MIT */
/* Says which modules it was given, and ends with the status that the last word of its command line names. */
#include "guest.h"

/* Multiboot Specification 0.6.96, 3.3: what mods_addr points to. */
struct module {
	uint32_t start, end, string, reserved;
};

static void show(unsigned number, const struct module *module)
{
	const uint8_t *at = (const uint8_t *)(uintptr_t)module->start, *end = (const uint8_t *)(uintptr_t)module->end;
	const char *words = module->string ? (const char *)(uintptr_t)module->string : "";
	uint32_t sum = 1, sums = 0; /* Adler-32 (RFC 1950) */

	check(module->start % 4096 == 0, "module %u begins at a page", number);
	check(at >= guest_end, "module %u is behind the image", number);
	for (; at < end; at++) {
		sum = (sum + *at) % 65521;
		sums = (sums + sum) % 65521;
	}
	print("module %u \"%s\" %u bytes %08x\n", number, words, module->end - module->start, sums << 16 | sum);
}

static unsigned last_number(void)
{
	unsigned number = 0;

	for (const char *at = command_line(); *at; at++)
		number = *at == ' ' ? 0 : number * 10 + (unsigned)(*at - '0');
	return number;
}

int main(void)
{
	const struct multiboot_info *info = multiboot_info();
	const struct module *modules = (const struct module *)(uintptr_t)info->mods_addr;
	unsigned count = info->flags & 1u << 3 ? info->mods_count : 0;

	print("command line \"%s\"\n%u modules\n", command_line(), count);
	for (unsigned i = 0; i < count; i++)
		show(i, &modules[i]);
	return results() ? 127 : (int)last_number();
}
