/* SPDX-License-Identifier: MIT */
#include "kernel/log_ring.h"

#include <string.h>

void log_ring_put(struct log_ring *ring, const char *text, size_t size)
{
	uint64_t number = atomic_fetch_add(&ring->next, 1) + 1;
	struct log_ring_line *line = &ring->lines[number % LOG_RING_LINES];

	if (size > LOG_RING_LINE - 1)
		size = LOG_RING_LINE - 1;
	atomic_store(&line->number, 0);
	memcpy(line->text, text, size);
	line->text[size] = '\0';
	atomic_store(&line->number, number);
}

uint64_t log_ring_last(const struct log_ring *ring)
{
	return atomic_load(&ring->next);
}

bool log_ring_get(const struct log_ring *ring, uint64_t number, char out[LOG_RING_LINE])
{
	const struct log_ring_line *line = &ring->lines[number % LOG_RING_LINES];

	if (!number || atomic_load(&line->number) != number)
		return false;
	memcpy(out, line->text, LOG_RING_LINE);
	out[LOG_RING_LINE - 1] = '\0';
	/* Unchanged before and after: so it was all the while. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load(&line->number) == number;
}
