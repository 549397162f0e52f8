/* SPDX-License-Identifier: MIT */
/*
 * The message ring with an end that writes what it likes. Input: the size of the memory, then commands of four bytes:
 * what, offset, value. The memory is as large as the ring was told: the sanitizer watches its end.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guests/lib/ring.h"

#define SIZE_LIMIT 64 /* cache lines */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void receive(struct ring *ring, uint32_t room)
{
	uint8_t *buffer = malloc(room + 1);
	int got;

	require(buffer != NULL);
	got = ring_receive(ring, buffer, room);
	require(got <= (int)room && got >= RING_BROKEN);
	free(buffer);
}

static void send(struct ring *ring, uint32_t size)
{
	uint8_t *buffer = calloc(1, size + 1);
	int done;

	require(buffer != NULL);
	done = ring_send(ring, buffer, size);
	require(done == 0 || done == RING_FULL || done == RING_TOO_LARGE || done == RING_BROKEN);
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bytes;
	uint8_t *memory;
	struct ring ring;

	if (size < 2)
		return 0;
	bytes = ((size_t)(data[0] | data[1] << 8) % SIZE_LIMIT + 1) * 64;
	memory = aligned_alloc(64, bytes);
	require(memory != NULL);
	memset(memory, 0, bytes);
	if (ring_open(&ring, memory, bytes, data[0] & 1) == 0) {
		for (size_t at = 2; at + 4 <= size; at += 4) {
			uint32_t number = data[at + 1] | (uint32_t)data[at + 2] << 8;

			if (data[at] % 3 == 0)
				receive(&ring, number);
			else if (data[at] % 3 == 1)
				send(&ring, number);
			else
				memory[number % bytes] = data[at + 3];
		}
	}
	free(memory);
	return 0;
}
