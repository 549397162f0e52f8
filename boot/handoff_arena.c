/* SPDX-License-Identifier: MIT */
/* The block of memory that the loader leaves to the kernel: bootinfo, lists, page tables, stack. Pure. */
#include "boot/handoff.h"

#include <string.h>

static size_t whole_pages(size_t size)
{
	return (size + HANDOFF_PAGE - 1) & ~(HANDOFF_PAGE - 1);
}

void *handoff_take(struct handoff_arena *arena, size_t size)
{
	uint8_t *taken = arena->base + arena->used;

	if (size > arena->size || whole_pages(size) > arena->size - arena->used)
		return NULL;
	arena->used += whole_pages(size);
	return memset(taken, 0, whole_pages(size));
}

size_t handoff_arena_size(unsigned files, unsigned map_entries, unsigned table_pages)
{
	size_t map = map_entries * sizeof(struct bootmem);

	return whole_pages(sizeof(struct bootinfo)) + whole_pages(files * sizeof(struct bootfile)) +
	       whole_pages(map) + whole_pages(2 * map) + table_pages * HANDOFF_PAGE + HANDOFF_STACK;
}
