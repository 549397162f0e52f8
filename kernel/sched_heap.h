/* SPDX-License-Identifier: MIT */
/* A binary min-heap whose members know where they are, so that each can be moved and removed in O(log n). Pure. */
#ifndef KERNEL_SCHED_HEAP_H
#define KERNEL_SCHED_HEAP_H

#include <stdint.h>

/* Embedded in what is sorted. All zero: in no heap. */
struct sched_node {
	unsigned at; /* index into slots[] of its heap */
};

struct sched_slot {
	uint64_t key;
	struct sched_node *node;
};

struct sched_heap {
	struct sched_slot *slots; /* the caller's: capacity + 1 of them; the first is not used */
	unsigned count;
	uint64_t comparisons;     /* of keys, ever: what its operations cost */
};

/* There must be room, and the node must be in no heap. */
void sched_heap_insert(struct sched_heap *heap, struct sched_node *node, uint64_t key);
/* Both: the node must be in this heap. */
void sched_heap_remove(struct sched_heap *heap, struct sched_node *node);
void sched_heap_update(struct sched_heap *heap, struct sched_node *node, uint64_t key);

/* The node with the smallest key and the one with the next; NULL: there is none. Of equal keys any may be first. */
struct sched_node *sched_heap_first(const struct sched_heap *heap);
struct sched_node *sched_heap_second(struct sched_heap *heap);

/* The smallest key; UINT64_MAX when the heap is empty. */
static inline uint64_t sched_heap_key(const struct sched_heap *heap)
{
	return heap->count > 0 ? heap->slots[1].key : UINT64_MAX;
}

#endif
