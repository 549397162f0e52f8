/* SPDX-License-Identifier: MIT */
/* The layout of a partition's RAM. */
#include "kernel/guest_layout.h"

unsigned guest_layout_ranges(uint64_t size, struct guest_range *ranges)
{
	uint64_t low = size < LAYOUT_LOW_END ? size : LAYOUT_LOW_END;

	ranges[0] = (struct guest_range){ .gpa = 0, .size = low };
	if (size == low)
		return 1;
	ranges[1] = (struct guest_range){ .gpa = LAYOUT_ABOVE_4G, .size = size - low };
	return 2;
}

uint64_t guest_low_end(const struct guest_memory *memory)
{
	return memory->count && memory->ranges[0].gpa == 0 ? memory->ranges[0].size : 0;
}

unsigned guest_e820(const struct guest_memory *memory, struct e820_entry map[E820_ENTRIES])
{
	uint64_t low = guest_low_end(memory);
	unsigned count = 0;

	map[count++] = (struct e820_entry){ 0, LAYOUT_EBDA, E820_RAM };
	map[count++] = (struct e820_entry){ LAYOUT_EBDA, LAYOUT_HOLE - LAYOUT_EBDA, E820_RESERVED };
	map[count++] = (struct e820_entry){ LAYOUT_ROM, LAYOUT_ROM_SIZE, E820_RESERVED };
	if (low > LAYOUT_HIGH)
		map[count++] = (struct e820_entry){ LAYOUT_HIGH, low - LAYOUT_HIGH, E820_RAM };
	if (memory->count > 1)
		map[count++] = (struct e820_entry){ memory->ranges[1].gpa, memory->ranges[1].size, E820_RAM };
	return count;
}
