/* SPDX-License-Identifier: MIT */
/*
 * A slab: one page of equal small objects; its first 64 bytes say which are free. So an object is never at the start of
 * a page, and a page-aligned pointer is a block of pages. Pure.
 */
#ifndef KERNEL_MEM_SLAB_H
#define KERNEL_MEM_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_CLASSES 10
#define SLAB_LARGEST 1984

struct mem_slab {
	struct mem_slab *next, *previous; /* list of the owner: slabs of this class with a free object */
	uint64_t free[4];                 /* bit n: object n is free */
	uint32_t magic;
	uint16_t used;
	uint8_t class;
	uint8_t listed;
};

/* The class of objects of at least `size` bytes, 0..SLAB_LARGEST. */
unsigned slab_class(size_t size);
unsigned slab_object_size(unsigned class);
void slab_init(struct mem_slab *page, unsigned class);
bool slab_full(const struct mem_slab *slab);
/* NULL when full. Not zeroed. */
void *slab_take(struct mem_slab *slab);
/* False when `object` is none of this slab's, or is free already. */
bool slab_give(struct mem_slab *slab, void *object);

#endif
