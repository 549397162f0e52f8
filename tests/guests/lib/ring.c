/* SPDX-License-Identifier: MIT */
/* Indices count bytes and wrap at 2^32; what is between them is never more than the capacity. */
#include "ring.h"

#include <stdatomic.h>
#include <string.h>

#define LINE 64 /* bytes of a cache line: each index has its own */
#define LENGTH sizeof(uint32_t)
#define CAPACITY_MIN 64u
#define CAPACITY_MAX (1u << 30)

struct ring_half {
	_Atomic uint32_t head; /* written by the sender */
	uint8_t fill[LINE - sizeof(uint32_t)];
	_Atomic uint32_t tail; /* written by the receiver */
	uint8_t fill_1[LINE - sizeof(uint32_t)];
	uint8_t data[];
};

int ring_open(struct ring *ring, void *memory, size_t size, unsigned side)
{
	size_t half = size / 2 & ~(size_t)(LINE - 1);
	uint32_t capacity = CAPACITY_MAX;
	struct ring_half *first = memory, *second = (struct ring_half *)((uint8_t *)memory + half);

	if ((uintptr_t)memory % LINE || half < sizeof(struct ring_half) + CAPACITY_MIN)
		return RING_NO_ROOM;
	while (capacity > half - sizeof(struct ring_half))
		capacity /= 2;
	*ring = (struct ring){ .out = side ? second : first, .in = side ? first : second, .capacity = capacity };
	ring->sent = atomic_load(&ring->out->head);
	ring->received = atomic_load(&ring->in->tail);
	return 0;
}

static void copy_in(const struct ring *ring, uint32_t at, const void *from, uint32_t size)
{
	uint32_t offset = at & (ring->capacity - 1), first = ring->capacity - offset;

	if (first > size)
		first = size;
	memcpy(ring->out->data + offset, from, first);
	memcpy(ring->out->data, (const uint8_t *)from + first, size - first);
}

static void copy_out(const struct ring *ring, uint32_t at, void *to, uint32_t size)
{
	uint32_t offset = at & (ring->capacity - 1), first = ring->capacity - offset;

	if (first > size)
		first = size;
	memcpy(to, ring->in->data + offset, first);
	memcpy((uint8_t *)to + first, ring->in->data, size - first);
}

/* What a message takes in the ring; `size` is not above the capacity. */
static uint32_t taken(uint32_t size)
{
	return (uint32_t)LENGTH + ((size + 3) & ~3u);
}

int ring_send(struct ring *ring, const void *message, uint32_t size)
{
	uint32_t used = ring->sent - atomic_load_explicit(&ring->out->tail, memory_order_acquire);

	if (size > ring->capacity - LENGTH)
		return RING_TOO_LARGE;
	if (used > ring->capacity)
		return RING_BROKEN;
	if (taken(size) > ring->capacity - used)
		return RING_FULL;
	copy_in(ring, ring->sent, &size, LENGTH);
	copy_in(ring, ring->sent + (uint32_t)LENGTH, message, size);
	ring->sent += taken(size);
	atomic_store_explicit(&ring->out->head, ring->sent, memory_order_release);
	return 0;
}

int ring_receive(struct ring *ring, void *message, uint32_t room)
{
	uint32_t there = atomic_load_explicit(&ring->in->head, memory_order_acquire) - ring->received, size;

	if (there == 0)
		return RING_EMPTY;
	if (there > ring->capacity || there < LENGTH)
		return RING_BROKEN;
	copy_out(ring, ring->received, &size, LENGTH);
	if (size > ring->capacity - LENGTH || taken(size) > there)
		return RING_BROKEN;
	if (size > room)
		return RING_TOO_LARGE;
	copy_out(ring, ring->received + (uint32_t)LENGTH, message, size);
	ring->received += taken(size);
	atomic_store_explicit(&ring->in->tail, ring->received, memory_order_release);
	return (int)size;
}
