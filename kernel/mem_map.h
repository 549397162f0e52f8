/* SPDX-License-Identifier: MIT */
/*
 * Free physical memory as extents: sorted, not overlapping, not touching. Its cost depends on the number of holes, not
 * on the amount of RAM. Pure.
 */
#ifndef KERNEL_MEM_MAP_H
#define KERNEL_MEM_MAP_H

#include <stdint.h>

struct mem_extent {
	uint64_t base, size;
};

struct mem_map {
	struct mem_extent *extents; /* storage of the owner */
	unsigned count, capacity;
};

/* Which end of the chosen extent is taken: the hypervisor takes low ends and guests high ones, to stay apart. */
enum mem_end { MEM_LOW, MEM_HIGH };

/* E_INVALID when the range is empty, wraps, or overlaps what is free already; E_FULL when the array is. */
int mem_map_give(struct mem_map *map, uint64_t base, uint64_t size);

/*
 * Takes `size` bytes at a multiple of `align` (a power of two) from the smallest extent that has them, or UINT64_MAX.
 */
uint64_t mem_map_take(struct mem_map *map, uint64_t size, uint64_t align, enum mem_end end);

uint64_t mem_map_total(const struct mem_map *map);
uint64_t mem_map_largest(const struct mem_map *map);

#endif
