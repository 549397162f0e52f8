/* SPDX-License-Identifier: MIT */
/*
 * A chunk: 2 MiB of the hypervisor's own memory, handed out in blocks of 2^order pages by a buddy system whose state
 * is in the chunk's first page. Pure.
 */
#ifndef KERNEL_MEM_CHUNK_H
#define KERNEL_MEM_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_SIZE   (2ULL << 20)
#define CHUNK_PAGES  512
#define CHUNK_ORDERS 9    /* 0..8: a block of order 9 would be all of it, header included */
#define CHUNK_NONE   0xff

struct mem_chunk {
	uint64_t magic;
	uint64_t next;                             /* machine address of the next chunk, 0: last */
	uint32_t free_pages;
	uint64_t free[CHUNK_ORDERS][CHUNK_PAGES / 64]; /* bit n: the n-th block of that order is free */
	uint8_t order[CHUNK_PAGES];                /* of the block that starts at this page; CHUNK_NONE: none does */
};

void chunk_init(struct mem_chunk *chunk);
/* Page number of 2^order pages, aligned to their size; -1 when there are none. */
int chunk_take(struct mem_chunk *chunk, unsigned order);
/* False when no block of this order starts at `page`: freed twice, or never handed out. */
bool chunk_give(struct mem_chunk *chunk, unsigned page, unsigned order);

#endif
