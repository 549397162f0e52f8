/* SPDX-License-Identifier: MIT */
/*
 * Messages both ways through a piece of shared memory, between two ends that do not trust each other: every index and
 * length that the other can write is copied, then checked, then used. No kernel, no allocation, no locks; one thread at
 * each end. Memory that is all zeros is two empty rings. How the other learns of a message is the caller's affair.
 */
#ifndef RING_H
#define RING_H

#include <stddef.h>
#include <stdint.h>

struct ring_half; /* what is shared, in one direction */

struct ring {
	struct ring_half *out, *in;
	uint32_t capacity; /* bytes in each direction, a power of two; a message takes 4 more, in all a multiple of 4 */
	uint32_t sent, received; /* our own indices: the shared ones are for the other end */
};

enum ring_error {
	RING_EMPTY = -1,
	RING_FULL = -2,      /* not enough room now */
	RING_TOO_LARGE = -3, /* sending: it will never fit; receiving: it does not fit the buffer, and stays */
	RING_BROKEN = -4,    /* the other end wrote what cannot be; nothing was touched */
	RING_NO_ROOM = -5,   /* the memory is too small or not aligned to 64 bytes */
};

/* `side` is 0 at one end and 1 at the other; both give the same size. Goes on where an earlier life of this end was. */
int ring_open(struct ring *ring, void *memory, size_t size, unsigned side);
/* 0, or an error. */
int ring_send(struct ring *ring, const void *message, uint32_t size);
/* The size of the message, or an error. */
int ring_receive(struct ring *ring, void *message, uint32_t room);

#endif
