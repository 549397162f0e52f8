/* SPDX-License-Identifier: MIT */
/*
 * The large pieces of what a partition starts with, to be copied later and in steps: other partitions may wait for the
 * core meanwhile. Pure.
 */
#ifndef KERNEL_LOAD_COPY_H
#define KERNEL_LOAD_COPY_H

#include "kernel/guest_memory.h"

#define LOAD_COPIES 32
#define LOAD_STEP   (16u << 10) /* bytes: some thousand instructions at the most */

/* All zero: nothing to do. */
struct load_copies {
	unsigned count, done;    /* pieces */
	uint64_t at;             /* bytes of the present piece */
	struct load_copy {
		uint64_t gpa, size;
		const uint8_t *data; /* stays until the copy is done; NULL: zeros */
	} pieces[LOAD_COPIES];
};

/* After what has been added before; at once when there is no room, or no `copies` (NULL). E_RANGE: that is no RAM. */
int load_copy_add(struct load_copies *copies, const struct guest_memory *memory, uint64_t gpa, const void *data,
                  uint64_t size);
/* Copies LOAD_STEP bytes at the most. True: all is done. */
bool load_copy_step(struct load_copies *copies, const struct guest_memory *memory);

#endif
