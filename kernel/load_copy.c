/* SPDX-License-Identifier: MIT */
#include "kernel/load_copy.h"

#include "kernel/errno.h"

static void copy(const struct guest_memory *memory, uint64_t gpa, const uint8_t *data, uint64_t size)
{
	if (data)
		guest_write(memory, gpa, data, size);
	else
		guest_zero(memory, gpa, size);
}

int load_copy_add(struct load_copies *copies, const struct guest_memory *memory, uint64_t gpa, const void *data,
                  uint64_t size)
{
	if (!guest_map(memory, gpa, size))
		return E_RANGE;
	if (copies && copies->count < LOAD_COPIES) {
		copies->pieces[copies->count++] = (struct load_copy){ .gpa = gpa, .size = size, .data = data };
		return E_OK;
	}
	while (copies && !load_copy_step(copies, memory))
		;
	copy(memory, gpa, data, size);
	return E_OK;
}

bool load_copy_step(struct load_copies *copies, const struct guest_memory *memory)
{
	const struct load_copy *piece = &copies->pieces[copies->done];
	uint64_t size;

	if (copies->done == copies->count)
		return true;
	size = piece->size - copies->at < LOAD_STEP ? piece->size - copies->at : LOAD_STEP;
	copy(memory, piece->gpa + copies->at, piece->data ? piece->data + copies->at : NULL, size);
	copies->at += size;
	if (copies->at == piece->size) {
		copies->at = 0;
		copies->done++;
	}
	return copies->done == copies->count;
}
