/* SPDX-License-Identifier: MIT */
/*
 * Physical memory, by the firmware's map. The hypervisor's own pages come from chunks of 2 MiB that appear in the HEAP
 * window when they are taken and stay the hypervisor's; guest memory never appears there. Not for hot exits: takes a
 * lock.
 */
#ifndef KERNEL_MEM_H
#define KERNEL_MEM_H

#include <stddef.h>
#include <stdint.h>

struct bootinfo;

/* Takes over the machine's free memory; bootinfo is copied by the caller before its pages are reused. */
void mem_init(const struct bootinfo *boot);

/* 2^order contiguous zeroed pages of the hypervisor's own, mapped, aligned to their size; NULL when none. */
void *page_alloc(unsigned order);
void page_free(void *pages, unsigned order);

/* Zeroed memory for structs up to 128 KiB, 16-byte aligned (cache-line aligned from 64 bytes on); NULL when none. */
void *mem_alloc(size_t size);
void mem_free(void *memory);

/* Machine address of a page_alloc/mem_alloc pointer, and back. */
uint64_t heap_to_phys(const void *heap);
void *phys_to_heap(uint64_t phys);

/*
 * Contiguous RAM for a guest: not mapped, not zeroed. `align` is a power of two. Returns UINT64_MAX when there is none.
 * Sizes and addresses in bytes, multiples of 4 KiB.
 */
uint64_t guest_alloc(uint64_t size, uint64_t align);
void guest_free(uint64_t phys, uint64_t size);

/* Bytes: all RAM in the map, free now, largest free block, used by the hypervisor (image, heap, tables), by guests. */
struct mem_info {
	uint64_t total, free, largest, hypervisor, guests;
};
void mem_info(struct mem_info *info);

/*
 * For arch/x86 only. Between mem_init() and mem_heap_mapped() heap pointers are machine addresses (the loader's
 * identity map); pointers got before are not valid after, so only paging_init() allocates in between.
 */
#define MEM_LOW_PAGES 4
uint64_t mem_low_pages(void);              /* machine address of so many pages below 640 KiB, 0: there are none */
uint64_t mem_top(void);                    /* end of the highest free RAM */
uint64_t mem_next_chunk(uint64_t phys);    /* machine address of the chunk after this one; after 0: the first; 0: none */
void mem_heap_mapped(void);                /* every chunk is in the HEAP window now */

#endif
