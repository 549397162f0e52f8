/* SPDX-License-Identifier: MIT */
/*
 * The machine's memory: extents of what is free (mem_map.c), and the hypervisor's own chunks of 2 MiB (mem_chunk.c).
 *
 * A chunk is mapped in the HEAP window by one large page when it is taken, and stays the hypervisor's for good: giving
 * it to a guest later would need a TLB shootdown on every core, and what the hypervisor needs at its highest is a few
 * MiB. Guest memory comes from the other end of the extents, so chunks do not break up what large guests need.
 */
#include "kernel/mem.h"

#include <stdbool.h>
#include <string.h>

#include "arch/x86/interrupts.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "boot/bootinfo.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/mem_chunk.h"
#include "kernel/mem_map.h"
#include "kernel/mem_slab.h"
#include "kernel/spinlock.h"

#define LOW_MEMORY 0x100000 /* below is the BIOS's and the start-up code's */
#define EXTENTS 1024

static struct mem_extent extents[EXTENTS];
static struct mem_map map = { .extents = extents, .capacity = EXTENTS };
static struct spinlock lock;

static uint64_t first_chunk;   /* machine addresses; 0: none */
static uint64_t chunks;
static uint64_t heap_offset;   /* 0 while the loader's identity map is in use, then HEAP_BASE */
static void *spare;            /* a zeroed page for the table that mapping the next chunk may need */
static struct mem_slab *slabs[SLAB_CLASSES]; /* those with a free object */

static uint64_t total, top, guests, image;
static uint64_t low_pages;

uint64_t heap_to_phys(const void *heap)
{
	return (uint64_t)heap - heap_offset;
}

void *phys_to_heap(uint64_t phys)
{
	return (void *)(phys + heap_offset);
}

static struct mem_chunk *chunk_at(uint64_t phys)
{
	return phys ? phys_to_heap(phys) : NULL;
}

/* --- the hypervisor's own pages; callers hold the lock --- */

static void *take_from(struct mem_chunk *chunk, unsigned order)
{
	int page = chunk_take(chunk, order);

	return page < 0 ? NULL : (char *)chunk + (size_t)page * PAGE_SIZE;
}

static struct mem_chunk *grow(void)
{
	uint64_t phys = mem_map_take(&map, CHUNK_SIZE, CHUNK_SIZE, MEM_LOW);
	struct mem_chunk *chunk;

	if (phys == UINT64_MAX)
		return NULL;
	if (heap_offset && paging_map_chunk(phys, &spare)) {
		mem_map_give(&map, phys, CHUNK_SIZE);
		return NULL;
	}
	chunk = phys_to_heap(phys);
	chunk_init(chunk);
	chunk->next = first_chunk;
	first_chunk = phys;
	chunks++;
	if (!spare) {
		spare = take_from(chunk, 0);
		memset(spare, 0, PAGE_SIZE);
	}
	return chunk;
}

static void *take_pages(unsigned order)
{
	struct mem_chunk *chunk;

	if (order >= CHUNK_ORDERS)
		return NULL;
	for (chunk = chunk_at(first_chunk); chunk; chunk = chunk_at(chunk->next)) {
		void *pages = take_from(chunk, order);

		if (pages)
			return pages;
	}
	chunk = grow();
	return chunk ? take_from(chunk, order) : NULL;
}

static bool give_pages(void *pages, unsigned order)
{
	struct mem_chunk *chunk = (struct mem_chunk *)((uint64_t)pages & ~(CHUNK_SIZE - 1));

	return chunk_give(chunk, (unsigned)(((uint64_t)pages & (CHUNK_SIZE - 1)) / PAGE_SIZE), order);
}

void *page_alloc(unsigned order)
{
	void *pages;

	spin_lock(&lock);
	pages = take_pages(order);
	spin_unlock(&lock);
	if (pages)
		memset(pages, 0, (size_t)PAGE_SIZE << order);
	return pages;
}

void page_free(void *pages, unsigned order)
{
	bool good;

	if (!pages)
		return;
	spin_lock(&lock);
	good = give_pages(pages, order);
	spin_unlock(&lock);
	if (!good)
		panic("page_free: %p is not a block of order %u (freed twice?)", pages, order);
}

/* --- small objects --- */

static void list_add(struct mem_slab *slab)
{
	slab->previous = NULL;
	slab->next = slabs[slab->class];
	if (slab->next)
		slab->next->previous = slab;
	slabs[slab->class] = slab;
	slab->listed = true;
}

static void list_remove(struct mem_slab *slab)
{
	if (slab->next)
		slab->next->previous = slab->previous;
	if (slab->previous)
		slab->previous->next = slab->next;
	else
		slabs[slab->class] = slab->next;
	slab->listed = false;
}

static void *take_object(unsigned class)
{
	struct mem_slab *slab = slabs[class];
	void *object;

	if (!slab) {
		slab = take_pages(0);
		if (!slab)
			return NULL;
		slab_init(slab, class);
		list_add(slab);
	}
	object = slab_take(slab);
	if (slab_full(slab))
		list_remove(slab);
	return object;
}

static bool give_object(void *object)
{
	struct mem_slab *slab = (struct mem_slab *)((uint64_t)object & ~(uint64_t)(PAGE_SIZE - 1));

	if (!slab_give(slab, object))
		return false;
	if (!slab->listed)
		list_add(slab);
	if (slab->used)
		return true;
	list_remove(slab);
	slab->magic = 0;
	return give_pages(slab, 0);
}

void *mem_alloc(size_t size)
{
	unsigned order = 0, class = slab_class(size);
	void *object;

	if (size > SLAB_LARGEST) {
		while (order < CHUNK_ORDERS && (size_t)PAGE_SIZE << order < size)
			order++;
		return page_alloc(order);
	}
	spin_lock(&lock);
	object = take_object(class);
	spin_unlock(&lock);
	if (object)
		memset(object, 0, slab_object_size(class));
	return object;
}

/* A page-aligned pointer is a block of pages, whose chunk knows its order; another one is in a slab. */
void mem_free(void *memory)
{
	uint64_t address = (uint64_t)memory;
	bool good;

	if (!memory)
		return;
	spin_lock(&lock);
	if (address & (PAGE_SIZE - 1)) {
		good = give_object(memory);
	} else {
		const struct mem_chunk *chunk = (const struct mem_chunk *)(address & ~(CHUNK_SIZE - 1));

		good = give_pages(memory, chunk->order[(address & (CHUNK_SIZE - 1)) / PAGE_SIZE]);
	}
	spin_unlock(&lock);
	if (!good)
		panic("mem_free: %p was not allocated (freed twice?)", memory);
}

/* --- guests --- */

uint64_t guest_alloc(uint64_t size, uint64_t align)
{
	uint64_t base = UINT64_MAX;

	if (!size || size & (PAGE_SIZE - 1))
		return UINT64_MAX;
	spin_lock(&lock);
	base = mem_map_take(&map, size, align < PAGE_SIZE ? PAGE_SIZE : align, MEM_HIGH);
	if (base != UINT64_MAX)
		guests += size;
	spin_unlock(&lock);
	return base;
}

void guest_free(uint64_t phys, uint64_t size)
{
	int error;

	spin_lock(&lock);
	error = mem_map_give(&map, phys, size);
	if (!error)
		guests -= size;
	spin_unlock(&lock);
	if (error == E_INVALID)
		panic("guest_free: %#llx is not a guest's (freed twice?)", (unsigned long long)phys);
	if (error)
		log_error(NULL, "memory too fragmented: %llu KiB are lost until the next start", (unsigned long long)(size >> 10));
}

void mem_info(struct mem_info *info)
{
	spin_lock(&lock);
	*info = (struct mem_info){
		.total = total,
		.free = mem_map_total(&map),
		.largest = mem_map_largest(&map),
		.hypervisor = image + chunks * CHUNK_SIZE,
		.guests = guests,
	};
	spin_unlock(&lock);
}

/* --- start --- */

static bool is_ram(uint32_t type)
{
	return type == BOOTMEM_FREE || type == BOOTMEM_ACPI || type == BOOTMEM_NVS || type == BOOTMEM_RUNTIME ||
	       type == BOOTMEM_BOOT;
}

/* Pages for the start of the other cores: anywhere below 640 KiB but in the BIOS's data area. */
static void take_low_pages(uint64_t base, uint64_t end)
{
	if (base < PAGE_SIZE)
		base = PAGE_SIZE;
	if (end > 0xa0000)
		end = 0xa0000;
	if (end >= base + MEM_LOW_PAGES * PAGE_SIZE)
		low_pages = end - MEM_LOW_PAGES * PAGE_SIZE;
}

static void add_range(const struct bootmem *range)
{
	uint64_t base = (range->base + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	uint64_t end = (range->base + range->size) & ~(uint64_t)(PAGE_SIZE - 1);
	int error;

	if (is_ram(range->type))
		total += range->size;
	if (range->type != BOOTMEM_FREE)
		return;
	if (end < range->base || end > HEAP_SIZE)
		end = range->base < HEAP_SIZE ? HEAP_SIZE : 0;
	if (base < LOW_MEMORY) {
		take_low_pages(base, end);
		base = LOW_MEMORY;
	}
	if (end <= base)
		return;
	error = mem_map_give(&map, base, end - base);
	if (error)
		log_warning(NULL, "firmware's memory map: %#llx-%#llx left unused (%s)", (unsigned long long)base,
		            (unsigned long long)end - 1, error == E_FULL ? "too many pieces" : "overlaps another range");
	else if (end > top)
		top = end;
}

void mem_init(const struct bootinfo *boot)
{
	const struct bootmem *ranges = (const struct bootmem *)boot->memory;

	image = boot->kernel_size;
	for (uint32_t i = 0; i < boot->memory_count; i++)
		add_range(&ranges[i]);
	if (!grow())
		panic("memory: no 2 MiB in one piece for the hypervisor among %llu KiB free",
		      (unsigned long long)(mem_map_total(&map) >> 10));
}

uint64_t mem_top(void)
{
	return top;
}

uint64_t mem_low_pages(void)
{
	return low_pages;
}

uint64_t mem_next_chunk(uint64_t phys)
{
	return phys ? chunk_at(phys)->next : first_chunk;
}

void mem_heap_mapped(void)
{
	spare = (char *)spare + HEAP_BASE;
	heap_offset = HEAP_BASE;
}
