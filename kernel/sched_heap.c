/* SPDX-License-Identifier: MIT */
/* The min-heap of the scheduler: slots[n] is not larger than its children slots[2n] and slots[2n + 1]. */
#include "kernel/sched_heap.h"

#include <stdbool.h>
#include <stddef.h>

static bool less(struct sched_heap *heap, uint64_t a, uint64_t b)
{
	heap->comparisons++;
	return a < b;
}

static void put(struct sched_heap *heap, unsigned at, struct sched_slot slot)
{
	heap->slots[at] = slot;
	slot.node->at = at;
}

/* Puts `slot` where it belongs, beginning at the gap `at`; the others are in order. */
static void settle(struct sched_heap *heap, unsigned at, struct sched_slot slot)
{
	unsigned child;

	for (; at > 1 && less(heap, slot.key, heap->slots[at / 2].key); at /= 2)
		put(heap, at, heap->slots[at / 2]);
	for (child = 2 * at; child <= heap->count; child = 2 * at) {
		if (child < heap->count && less(heap, heap->slots[child + 1].key, heap->slots[child].key))
			child++;
		if (!less(heap, heap->slots[child].key, slot.key))
			break;
		put(heap, at, heap->slots[child]);
		at = child;
	}
	put(heap, at, slot);
}

void sched_heap_insert(struct sched_heap *heap, struct sched_node *node, uint64_t key)
{
	heap->count++;
	settle(heap, heap->count, (struct sched_slot){ .key = key, .node = node });
}

void sched_heap_remove(struct sched_heap *heap, struct sched_node *node)
{
	unsigned at = node->at;
	struct sched_slot last = heap->slots[heap->count--];

	if (last.node != node)
		settle(heap, at, last);
	node->at = 0;
}

void sched_heap_update(struct sched_heap *heap, struct sched_node *node, uint64_t key)
{
	settle(heap, node->at, (struct sched_slot){ .key = key, .node = node });
}

struct sched_node *sched_heap_first(const struct sched_heap *heap)
{
	return heap->count > 0 ? heap->slots[1].node : NULL;
}

struct sched_node *sched_heap_second(struct sched_heap *heap)
{
	if (heap->count < 2)
		return NULL;
	if (heap->count > 2 && less(heap, heap->slots[3].key, heap->slots[2].key))
		return heap->slots[3].node;
	return heap->slots[2].node;
}
