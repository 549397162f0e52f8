/* SPDX-License-Identifier: MIT */
/* The last lines of the log, to be read again. Any core writes, without a lock; a reader sees what it missed. Pure. */
#ifndef KERNEL_LOG_RING_H
#define KERNEL_LOG_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_LINES 128 /* a power of two */
#define LOG_RING_LINE 232  /* what is longer is cut */

struct log_ring_line {
	_Atomic uint64_t number; /* of the line that is here, from 1 on; 0: it is being written */
	char text[LOG_RING_LINE];
};

struct log_ring {
	_Atomic uint64_t next;   /* lines written so far */
	struct log_ring_line lines[LOG_RING_LINES];
};

void log_ring_put(struct log_ring *ring, const char *text, size_t size);
/* Numbers go from 1 to this. */
uint64_t log_ring_last(const struct log_ring *ring);
/* Copies a line, with a terminator. False: it is not there any more, or not yet. */
bool log_ring_get(const struct log_ring *ring, uint64_t number, char out[LOG_RING_LINE]);

#endif
