/* SPDX-License-Identifier: MIT */
/* Guest state written to and read from a flat buffer. */
#include "kernel/stream.h"

#include <string.h>

#define TAG_SIZE 4
#define LENGTH_SIZE 4

static bool room(struct stream *s, size_t size)
{
	if (s->failed || s->position > s->size || size > s->size - s->position) {
		s->failed = true;
		return false;
	}
	return true;
}

static void put_u32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = value >> (8 * i);
}

static uint32_t get_u32(const uint8_t *from)
{
	return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

void stream_put(struct stream *s, const void *data, size_t size)
{
	if (!room(s, size) || size == 0)
		return;
	memcpy(s->data + s->position, data, size);
	s->position += size;
}

void stream_get(struct stream *s, void *data, size_t size)
{
	if (size == 0)
		return;
	if (!room(s, size)) {
		memset(data, 0, size);
		return;
	}
	memcpy(data, s->data + s->position, size);
	s->position += size;
}

void stream_put_u64(struct stream *s, uint64_t value)
{
	uint8_t bytes[8];

	put_u32(bytes, (uint32_t)value);
	put_u32(bytes + 4, value >> 32);
	stream_put(s, bytes, sizeof(bytes));
}

uint64_t stream_get_u64(struct stream *s)
{
	uint8_t bytes[8];

	stream_get(s, bytes, sizeof(bytes));
	return get_u32(bytes) | (uint64_t)get_u32(bytes + 4) << 32;
}

void stream_fail(struct stream *s)
{
	s->failed = true;
}

size_t stream_begin(struct stream *s, const char tag[4])
{
	static const uint8_t unknown[LENGTH_SIZE];

	stream_put(s, tag, TAG_SIZE);
	stream_put(s, unknown, LENGTH_SIZE);
	return s->position;
}

void stream_end(struct stream *s, size_t mark)
{
	if (s->failed)
		return;
	if (mark < TAG_SIZE + LENGTH_SIZE || mark > s->position || s->position - mark > UINT32_MAX) {
		s->failed = true;
		return;
	}
	put_u32(s->data + mark - LENGTH_SIZE, (uint32_t)(s->position - mark));
}

void stream_expect(struct stream *s, const char tag[4], size_t size)
{
	uint8_t header[TAG_SIZE + LENGTH_SIZE];

	stream_get(s, header, sizeof(header));
	if (memcmp(header, tag, TAG_SIZE) != 0 || get_u32(header + TAG_SIZE) != size)
		s->failed = true;
}
