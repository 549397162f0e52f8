/* SPDX-License-Identifier: MIT */
/*
 * Where guest state is written down and read back: snapshot, migration and failover are the same stream. Pure.
 * Little-endian, each section a tag and a length, so that a reader detects what it does not understand.
 */
#ifndef KERNEL_STREAM_H
#define KERNEL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream {
	uint8_t *data;
	size_t size;     /* capacity when writing, valid bytes when reading */
	size_t position;
	bool failed;     /* overrun or malformed; sticky, later calls do nothing and reads give zeros */
};

void stream_put(struct stream *s, const void *data, size_t size);
void stream_get(struct stream *s, void *data, size_t size);
void stream_put_u64(struct stream *s, uint64_t value);
uint64_t stream_get_u64(struct stream *s);
void stream_fail(struct stream *s);

/* A section holds `tag` (four characters) and the byte count of what follows; begin returns the mark that end needs. */
size_t stream_begin(struct stream *s, const char tag[4]);
void stream_end(struct stream *s, size_t mark);
/* Reads a header; fails the stream when the tag or the size differs. */
void stream_expect(struct stream *s, const char tag[4], size_t size);

#endif
