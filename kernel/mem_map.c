/* SPDX-License-Identifier: MIT */
#include "kernel/mem_map.h"

#include <stdbool.h>
#include <string.h>

#include "kernel/errno.h"

static void insert(struct mem_map *map, unsigned at, uint64_t base, uint64_t size)
{
	memmove(&map->extents[at + 1], &map->extents[at], (map->count - at) * sizeof(*map->extents));
	map->extents[at] = (struct mem_extent){ .base = base, .size = size };
	map->count++;
}

static void delete(struct mem_map *map, unsigned at)
{
	map->count--;
	memmove(&map->extents[at], &map->extents[at + 1], (map->count - at) * sizeof(*map->extents));
}

int mem_map_give(struct mem_map *map, uint64_t base, uint64_t size)
{
	struct mem_extent *before, *after;
	unsigned at = 0;

	if (!size || base + size < base)
		return E_INVALID;
	while (at < map->count && map->extents[at].base < base)
		at++;
	before = at > 0 ? &map->extents[at - 1] : NULL;
	after = at < map->count ? &map->extents[at] : NULL;
	if ((before && before->base + before->size > base) || (after && base + size > after->base))
		return E_INVALID;
	if (before && before->base + before->size == base) {
		before->size += size;
		if (after && before->base + before->size == after->base) {
			before->size += after->size;
			delete(map, at);
		}
	} else if (after && base + size == after->base) {
		after->base = base;
		after->size += size;
	} else {
		if (map->count == map->capacity)
			return E_FULL;
		insert(map, at, base, size);
	}
	return E_OK;
}

/* Where in this extent the block would be. */
static bool place(const struct mem_extent *extent, uint64_t size, uint64_t align, enum mem_end end, uint64_t *base)
{
	uint64_t low = (extent->base + align - 1) & ~(align - 1);
	uint64_t stop = extent->base + extent->size;

	if (low < extent->base || low >= stop || stop - low < size)
		return false;
	*base = end == MEM_LOW ? low : (stop - size) & ~(align - 1);
	return true;
}

uint64_t mem_map_take(struct mem_map *map, uint64_t size, uint64_t align, enum mem_end end)
{
	uint64_t best_base = UINT64_MAX, best_size = UINT64_MAX, head, tail;
	unsigned best = 0;

	if (!size || !align || align & (align - 1))
		return UINT64_MAX;
	for (unsigned i = 0; i < map->count; i++) {
		uint64_t base;

		if (map->extents[i].size >= best_size || !place(&map->extents[i], size, align, end, &base))
			continue;
		head = base - map->extents[i].base;
		if (head && head + size < map->extents[i].size && map->count == map->capacity)
			continue; /* no room to note both rests */
		best = i;
		best_base = base;
		best_size = map->extents[i].size;
	}
	if (best_base == UINT64_MAX)
		return UINT64_MAX;
	head = best_base - map->extents[best].base;
	tail = best_size - head - size;
	if (head)
		map->extents[best].size = head;
	else if (tail)
		map->extents[best] = (struct mem_extent){ .base = best_base + size, .size = tail };
	else
		delete(map, best);
	if (head && tail)
		insert(map, best + 1, best_base + size, tail);
	return best_base;
}

uint64_t mem_map_total(const struct mem_map *map)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < map->count; i++)
		total += map->extents[i].size;
	return total;
}

uint64_t mem_map_largest(const struct mem_map *map)
{
	uint64_t largest = 0;

	for (unsigned i = 0; i < map->count; i++)
		if (map->extents[i].size > largest)
			largest = map->extents[i].size;
	return largest;
}
