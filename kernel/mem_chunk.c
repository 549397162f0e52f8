/* SPDX-License-Identifier: MIT */
#include "kernel/mem_chunk.h"

#include <string.h>

#define CHUNK_MAGIC 0x6b6e756863ULL /* "chunk" */

static bool test(const struct mem_chunk *chunk, unsigned order, unsigned block)
{
	return chunk->free[order][block / 64] >> (block % 64) & 1;
}

static void set(struct mem_chunk *chunk, unsigned order, unsigned block)
{
	chunk->free[order][block / 64] |= 1ULL << (block % 64);
}

static void clear(struct mem_chunk *chunk, unsigned order, unsigned block)
{
	chunk->free[order][block / 64] &= ~(1ULL << (block % 64));
}

void chunk_init(struct mem_chunk *chunk)
{
	memset(chunk, 0, sizeof(*chunk));
	memset(chunk->order, CHUNK_NONE, sizeof(chunk->order));
	chunk->magic = CHUNK_MAGIC;
	chunk->free_pages = CHUNK_PAGES - 1;
	/* Page 0 is the header, so its buddies are free: block 1 of every order. */
	for (unsigned order = 0; order < CHUNK_ORDERS; order++)
		set(chunk, order, 1);
}

static int first_free(const struct mem_chunk *chunk, unsigned order)
{
	for (unsigned i = 0; i < CHUNK_PAGES / 64; i++)
		if (chunk->free[order][i])
			return (int)(i * 64 + (unsigned)__builtin_ctzll(chunk->free[order][i]));
	return -1;
}

int chunk_take(struct mem_chunk *chunk, unsigned order)
{
	unsigned have = order, page;
	int block = -1;

	while (have < CHUNK_ORDERS && (block = first_free(chunk, have)) < 0)
		have++;
	if (block < 0)
		return -1;
	page = (unsigned)block << have;
	clear(chunk, have, (unsigned)block);
	while (have > order) {
		have--;
		set(chunk, have, (page >> have) + 1);
	}
	chunk->order[page] = (uint8_t)order;
	chunk->free_pages -= 1u << order;
	return (int)page;
}

bool chunk_give(struct mem_chunk *chunk, unsigned page, unsigned order)
{
	if (chunk->magic != CHUNK_MAGIC || page >= CHUNK_PAGES || order >= CHUNK_ORDERS || chunk->order[page] != order)
		return false;
	chunk->order[page] = CHUNK_NONE;
	chunk->free_pages += 1u << order;
	while (order < CHUNK_ORDERS - 1 && test(chunk, order, (page >> order) ^ 1)) {
		clear(chunk, order, (page >> order) ^ 1);
		order++;
		page &= ~((1u << order) - 1);
	}
	set(chunk, order, page >> order);
	return true;
}
