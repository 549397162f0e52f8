/* SPDX-License-Identifier: MIT */
/* The table that tools/make/symbols.awk makes of the linked kernel; empty in the first of the two links. */
#include "arch/x86/symbols.h"

#include <stddef.h>

#include "arch/x86/layout.h"
#include "arch/x86/sections.h"

struct symbol {
	uint32_t offset; /* from KERNEL_BASE; sorted */
	uint32_t name;   /* from the end of the array */
};

struct symbol_table {
	uint32_t count;
	uint32_t reserved;
	struct symbol symbols[];
};

extern const struct symbol_table __symbols_start;
extern const char __symbols_end[];

const char *symbol_lookup(uint64_t address, uint64_t *offset)
{
	const struct symbol_table *table = &__symbols_start;
	uint32_t low = 0, high;

	if ((const char *)table == __symbols_end)
		return NULL;
	if (address < (uint64_t)__text_start || address >= (uint64_t)__text_end)
		return NULL;
	high = table->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (KERNEL_BASE + table->symbols[middle].offset <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	*offset = address - KERNEL_BASE - table->symbols[low - 1].offset;
	return (const char *)&table->symbols[table->count] + table->symbols[low - 1].name;
}
