/* SPDX-License-Identifier: MIT */
/* The memory map, from what the firmware says to sorted entries without overlaps. Pure. */
#include "boot/handoff.h"

#define PAGE_MASK (HANDOFF_PAGE - 1)

/* Where two entries cover a page, the greater claim wins. */
static const uint8_t claims[] = {
	[BOOTMEM_FREE] = 1,
	[BOOTMEM_BOOT] = 2,
	[BOOTMEM_ACPI] = 3,
	[BOOTMEM_NVS] = 4,
	[BOOTMEM_RUNTIME] = 5,
	[BOOTMEM_RESERVED] = 6,
	[BOOTMEM_MMIO] = 7,
	[BOOTMEM_BAD] = 8,
};

void bootmem_add(struct bootmem_list *list, uint64_t base, uint64_t size, enum bootmem_type type)
{
	uint64_t end = base + size;

	if (end < base)
		end = UINT64_MAX;
	if (type == BOOTMEM_FREE) {
		if (base > UINT64_MAX - PAGE_MASK)
			return;
		base = (base + PAGE_MASK) & ~PAGE_MASK;
		end &= ~PAGE_MASK;
	} else {
		base &= ~PAGE_MASK;
		end = end > UINT64_MAX - PAGE_MASK ? ~PAGE_MASK : (end + PAGE_MASK) & ~PAGE_MASK;
	}
	if (size == 0 || end <= base || list->count == list->capacity)
		return;
	list->entries[list->count++] = (struct bootmem){ .base = base, .size = end - base, .type = type };
}

/* What holds at `at` (0: nothing), and in `*next` the next address at which that may change (UINT64_MAX: never). */
static uint32_t type_at(const struct bootmem_list *list, uint64_t at, uint64_t *next)
{
	uint32_t type = 0;

	*next = UINT64_MAX;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct bootmem *entry = &list->entries[i];
		uint64_t end = entry->base + entry->size;

		if (entry->base > at) {
			if (entry->base < *next)
				*next = entry->base;
		} else if (end > at) {
			if (end < *next)
				*next = end;
			if (type == 0 || claims[entry->type] > claims[type])
				type = entry->type;
		}
	}
	return type;
}

uint32_t bootmem_resolve(const struct bootmem_list *list, struct bootmem *out, uint32_t capacity)
{
	uint32_t count = 0;
	uint64_t at = 0, next;

	for (;; at = next) {
		uint32_t type = type_at(list, at, &next);
		struct bootmem *last = count ? &out[count - 1] : NULL;

		if (next == UINT64_MAX)
			return count;
		if (type == 0)
			continue;
		if (last && last->type == type && last->base + last->size == at) {
			last->size += next - at;
			continue;
		}
		if (count == capacity)
			return count;
		out[count++] = (struct bootmem){ .base = at, .size = next - at, .type = type };
	}
}

uint64_t bootmem_find(const struct bootmem *map, uint32_t count, uint64_t size, uint64_t align, uint64_t low,
		      uint64_t high)
{
	for (uint32_t i = count; i-- > 0;) {
		uint64_t base = map[i].base, end = map[i].base + map[i].size, start;

		if (map[i].type != BOOTMEM_FREE)
			continue;
		if (base < low)
			base = low;
		if (end > high)
			end = high;
		if (end <= base || end - base < size)
			continue;
		start = (end - size) & ~(align - 1);
		if (start >= base)
			return start;
	}
	return UINT64_MAX;
}
