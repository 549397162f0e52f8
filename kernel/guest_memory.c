/* SPDX-License-Identifier: MIT */
/* Checked access to a partition's RAM. */
#include "kernel/guest_memory.h"

#include <string.h>

#include "kernel/errno.h"

void *guest_map(const struct guest_memory *memory, uint64_t gpa, size_t size)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_range *range = &memory->ranges[i];

		/* Written so that no sum can wrap, whatever the guest asks for. */
		if (gpa >= range->gpa && size <= range->size && gpa - range->gpa <= range->size - size)
			return memory->window + gpa;
	}
	return NULL;
}

int guest_read(const struct guest_memory *memory, uint64_t gpa, void *to, size_t size)
{
	const void *from = guest_map(memory, gpa, size);

	if (!from)
		return E_RANGE;
	memcpy(to, from, size);
	return E_OK;
}

int guest_write(const struct guest_memory *memory, uint64_t gpa, const void *from, size_t size)
{
	void *to = guest_map(memory, gpa, size);

	if (!to)
		return E_RANGE;
	memcpy(to, from, size);
	return E_OK;
}

int guest_zero(const struct guest_memory *memory, uint64_t gpa, size_t size)
{
	void *to = guest_map(memory, gpa, size);

	if (!to)
		return E_RANGE;
	memset(to, 0, size);
	return E_OK;
}
