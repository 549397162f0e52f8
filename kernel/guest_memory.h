/* SPDX-License-Identifier: MIT */
/*
 * A partition's RAM as the hypervisor reaches it: only through these checked accessors, and only while this core's
 * address space is the partition's. The guest may change its memory at any moment: copy, then check, then use. Pure
 * (on the host, `window` is an ordinary buffer).
 */
#ifndef KERNEL_GUEST_MEMORY_H
#define KERNEL_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_RANGES 4

struct guest_range {
	uint64_t gpa;  /* guest-physical base, 4 KiB aligned */
	uint64_t size;
	uint64_t hpa;  /* machine address of the backing, physically contiguous */
};

struct guest_memory {
	uint8_t *window; /* window + gpa is where guest-physical gpa is mapped */
	unsigned count;
	struct guest_range ranges[GUEST_RANGES]; /* RAM, sorted by gpa */
	uint64_t size;   /* bytes of RAM in all */
};

/* E_RANGE unless all of [gpa, gpa + size) is RAM of one range; nothing is copied then. */
int guest_read(const struct guest_memory *memory, uint64_t gpa, void *to, size_t size);
int guest_write(const struct guest_memory *memory, uint64_t gpa, const void *from, size_t size);
int guest_zero(const struct guest_memory *memory, uint64_t gpa, size_t size);
/* A pointer to live guest memory, or NULL. What is behind it changes under your feet. */
void *guest_map(const struct guest_memory *memory, uint64_t gpa, size_t size);

#endif
