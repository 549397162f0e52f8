/* SPDX-License-Identifier: MIT */
#include "kernel/mem_slab.h"

#include <string.h>

#define SLAB_MAGIC 0x62616c73u /* "slab" */
#define HEADER 64
#define PAGE 4096

_Static_assert(sizeof(struct mem_slab) <= HEADER, "objects start at a cache line");

/* From 64 bytes on multiples of a cache line, chosen so that little of 4032 bytes is left over. */
static const uint16_t sizes[SLAB_CLASSES] = { 16, 32, 64, 128, 192, 256, 448, 576, 1344, SLAB_LARGEST };

unsigned slab_class(size_t size)
{
	unsigned class = 0;

	while (class < SLAB_CLASSES - 1 && sizes[class] < size)
		class++;
	return class;
}

unsigned slab_object_size(unsigned class)
{
	return sizes[class];
}

void slab_init(struct mem_slab *page, unsigned class)
{
	unsigned count = (PAGE - HEADER) / sizes[class];

	memset(page, 0, sizeof(*page));
	page->magic = SLAB_MAGIC;
	page->class = (uint8_t)class;
	for (unsigned i = 0; i < count; i++)
		page->free[i / 64] |= 1ULL << (i % 64);
}

bool slab_full(const struct mem_slab *slab)
{
	return !(slab->free[0] | slab->free[1] | slab->free[2] | slab->free[3]);
}

void *slab_take(struct mem_slab *slab)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned bit;

		if (!slab->free[i])
			continue;
		bit = (unsigned)__builtin_ctzll(slab->free[i]);
		slab->free[i] &= ~(1ULL << bit);
		slab->used++;
		return (char *)slab + HEADER + (size_t)(i * 64 + bit) * sizes[slab->class];
	}
	return NULL;
}

bool slab_give(struct mem_slab *slab, void *object)
{
	size_t offset = (size_t)((char *)object - (char *)slab), index;

	if (slab->magic != SLAB_MAGIC || slab->class >= SLAB_CLASSES || offset < HEADER || offset >= PAGE)
		return false;
	index = (offset - HEADER) / sizes[slab->class];
	if ((offset - HEADER) % sizes[slab->class] || index >= (PAGE - HEADER) / sizes[slab->class] ||
	    slab->free[index / 64] >> (index % 64) & 1)
		return false;
	slab->free[index / 64] |= 1ULL << (index % 64);
	slab->used--;
	return true;
}
